//! [`RouteTable`]: where a packet goes next.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::{self, Display};
use core::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};

use super::json::{NamedSets, Node, Wrong, document_error, is_tag, parse, within};
use super::network::VirtualNetwork;
use crate::error::OutOfMemory;
use crate::painting::{Order, Piece, Segments};
use crate::range::{IpRange, Span};
use crate::set::CidrSet;

document_error! {
    /// Why a document gives no [`RouteTable`].
    RouteTableError
}

/// Private and shared addresses, whose packets are dropped unless the network or another route has them.
const DROPPED: [(Ipv4Addr, u8); 4] = [
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
];

/// Where a route comes from. Of equal prefixes the lowest wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// A route table of the user.
    User,
    /// Learnt by a gateway.
    Bgp,
    /// Made by Azure.
    System,
}

impl Origin {
    /// `user`, `bgp` or `system`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Bgp => "bgp",
            Self::System => "system",
        }
    }
}

impl Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What takes the packet next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NextHopType {
    /// A machine that forwards, by its address.
    VirtualAppliance,
    /// A gateway to other networks.
    VirtualNetworkGateway,
    /// The network itself.
    VnetLocal,
    /// The Internet.
    Internet,
    /// Nobody: the packet is dropped.
    None,
    /// A peered network.
    VNetPeering,
    /// A service that the subnet has an endpoint for.
    VirtualNetworkServiceEndpoint,
    /// A type this crate does not know, as it is written.
    Other(String),
}

impl NextHopType {
    const KNOWN: [Self; 7] = [
        Self::VirtualAppliance,
        Self::VirtualNetworkGateway,
        Self::VnetLocal,
        Self::Internet,
        Self::None,
        Self::VNetPeering,
        Self::VirtualNetworkServiceEndpoint,
    ];

    /// As Azure writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::VirtualAppliance => "VirtualAppliance",
            Self::VirtualNetworkGateway => "VirtualNetworkGateway",
            Self::VnetLocal => "VnetLocal",
            Self::Internet => "Internet",
            Self::None => "None",
            Self::VNetPeering => "VNetPeering",
            Self::VirtualNetworkServiceEndpoint => "VirtualNetworkServiceEndpoint",
            Self::Other(name) => name,
        }
    }

    fn named(name: &str) -> Self {
        let known = Self::KNOWN.into_iter().find(|known| known.as_str().eq_ignore_ascii_case(name));
        known.unwrap_or_else(|| Self::Other(name.to_owned()))
    }

    /// Whether a system route of this type is preferred even to more specific routes that a gateway learnt.
    fn is_preferred(&self) -> bool {
        matches!(self, Self::VnetLocal | Self::VNetPeering | Self::VirtualNetworkServiceEndpoint)
    }
}

impl Display for NextHopType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    name: Option<String>,
    origin: Origin,
    next_hop_type: NextHopType,
    next_hops: Vec<IpAddr>,
}

impl Route {
    /// Its name; system routes have none.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Where it comes from.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// What takes the packet next.
    #[must_use]
    pub fn next_hop_type(&self) -> &NextHopType {
        &self.next_hop_type
    }

    /// The address of the next hop, where it has one; effective routes may have several.
    #[must_use]
    pub fn next_hops(&self) -> &[IpAddr] {
        &self.next_hops
    }

    fn system(next_hop_type: NextHopType) -> Self {
        Self { name: None, origin: Origin::System, next_hop_type, next_hops: Vec::new() }
    }
}

/// The route that an address takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteMatch<'a> {
    route: &'a Route,
    prefix: IpNet,
}

impl<'a> RouteMatch<'a> {
    /// The route.
    #[must_use]
    pub fn route(&self) -> &'a Route {
        self.route
    }

    /// The prefix of the route that holds the address.
    #[must_use]
    pub fn prefix(&self) -> IpNet {
        self.prefix
    }
}

/// What is odd about the way of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RouteFinding {
    /// No route has the address.
    #[error("no route covers the address")]
    NoRoute,
    /// The packet is dropped.
    #[error("a blackhole: the next hop is None")]
    Blackhole,
    /// A virtual appliance without an address.
    #[error("the virtual appliance has no address")]
    NoNextHop,
    /// The next hop is in no subnet of the network.
    #[error("the next hop {0} is in no subnet")]
    NextHopOutside(IpAddr),
}

/// A prefix of a route. It is what a segment of the painting is owned by.
#[derive(Clone, Copy, Debug)]
struct Prefix {
    net: IpNet,
    route: usize,
    /// Whether it comes from a service tag.
    tag: bool,
}

#[derive(Clone, Debug, Default)]
struct Painted {
    v4: Segments<u32>,
    v6: Segments<u128>,
}

/// The routes of a subnet, after [Virtual network traffic routing][docs].
///
/// The longest prefix wins; of equal prefixes a user's route, then one that a gateway learnt, then Azure's own; then an
/// explicit prefix before one of a service tag; then the first. But where Azure's own route for the network itself, a
/// peering or a service endpoint has the address, no route that a gateway learnt takes part, however long its prefix.
///
/// ```
/// use cidrgate::azure::{NextHopType, RouteTable};
/// let table = RouteTable::read(r#"{"routes": [{
///     "name": "api-server", "addressPrefix": "40.0.0.1/32",
///     "nextHopType": "VirtualAppliance", "nextHopIpAddress": "10.200.0.4"
/// }]}"#)?;
/// let way = table.find(std::net::Ipv4Addr::new(40, 0, 0, 1)).unwrap();
/// assert_eq!(way.route().name(), Some("api-server"));
/// let elsewhere = table.find(std::net::Ipv4Addr::new(40, 0, 0, 2)).unwrap();
/// assert_eq!(elsewhere.route().next_hop_type(), &NextHopType::Internet);
/// # Ok::<(), cidrgate::azure::RouteTableError>(())
/// ```
///
/// [docs]: https://learn.microsoft.com/azure/virtual-network/virtual-networks-udr-overview
#[derive(Clone, Debug)]
pub struct RouteTable {
    id: Option<String>,
    routes: Vec<Route>,
    prefixes: Vec<Prefix>,
    all: Painted,
    /// The same routes without those of gateways, for the addresses of `preferred`.
    fixed: Painted,
    preferred: CidrSet,
    network: Option<VirtualNetwork>,
}

impl RouteTable {
    /// Reads a table with the default system routes, without those of a network.
    ///
    /// # Errors
    /// As [`RouteTableReader::read`].
    pub fn read(text: impl AsRef<[u8]>) -> Result<Self, RouteTableError> {
        RouteTableReader::new().read(text)
    }

    /// Its resource id, by which a subnet names it; effective routes have none.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The routes: those of the document that count, in order, then the system routes that were added.
    #[must_use]
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// The route that the address takes; none if no route has it. log n.
    #[must_use]
    pub fn find(&self, addr: impl Into<IpAddr>) -> Option<RouteMatch<'_>> {
        let addr = addr.into().to_canonical();
        let painted = if self.preferred.contains(addr) { &self.fixed } else { &self.all };
        let owner = match addr {
            IpAddr::V4(addr) => painted.v4.owners.get(painted.v4.rank(addr.to_bits())),
            IpAddr::V6(addr) => painted.v6.owners.get(painted.v6.rank(addr.to_bits())),
        };
        // The owner of what no route has is no index.
        let prefix = self.prefixes.get(*owner? as usize)?;
        Some(RouteMatch { route: self.routes.get(prefix.route)?, prefix: prefix.net })
    }

    /// What is odd about the way of the address. Whether a next hop is in a subnet is only judged if the reader was
    /// given the network.
    #[must_use]
    pub fn findings(&self, addr: impl Into<IpAddr>) -> Vec<RouteFinding> {
        let Some(found) = self.find(addr) else { return Vec::from([RouteFinding::NoRoute]) };
        let route = found.route;
        match route.next_hop_type {
            NextHopType::None => return Vec::from([RouteFinding::Blackhole]),
            NextHopType::VirtualAppliance if route.next_hops.is_empty() => return Vec::from([RouteFinding::NoNextHop]),
            NextHopType::VirtualAppliance => {}
            _ => return Vec::new(),
        }
        let outside = |hop: &&IpAddr| self.network.as_ref().is_some_and(|net| net.subnet_of(**hop).is_none());
        route.next_hops.iter().filter(outside).map(|hop| RouteFinding::NextHopOutside(*hop)).collect()
    }
}

/// Reads route tables with options: the network they are used in, the addresses of service tags.
#[derive(Clone, Debug, Default)]
pub struct RouteTableReader {
    sets: NamedSets,
    network: Option<VirtualNetwork>,
}

impl RouteTableReader {
    /// A reader without network and sets.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The network whose subnet uses the table: its ranges are system routes.
    #[must_use]
    pub fn network(mut self, network: VirtualNetwork) -> Self {
        self.network = Some(network);
        self
    }

    /// Hands over the addresses of a service tag, such as `AzureCloud.westeurope`. They count as the networks of the
    /// set's smallest list.
    #[must_use]
    pub fn set(mut self, name: impl Into<String>, set: CidrSet) -> Self {
        self.sets.0.push((name.into(), set));
        self
    }

    /// Reads what `az network route-table show -o json` or Resource Manager prints, and adds the system routes; or what
    /// `az network nic show-effective-route-table -o json` prints, which has its own, and of which the active ones
    /// count.
    ///
    /// # Errors
    /// If it is no such document, a service tag is not known, or memory cannot be had.
    pub fn read(&self, text: impl AsRef<[u8]>) -> Result<RouteTable, RouteTableError> {
        Ok(self.read_node(&Node::root(&parse(text.as_ref())?))?)
    }

    pub(super) fn read_node(&self, node: &Node<'_>) -> Result<RouteTable, Wrong> {
        let mut draft = Draft { sets: &self.sets, routes: Vec::new(), prefixes: Vec::new() };
        if let Some(effective) = node.member("value")? {
            for node in effective.items()? {
                draft.effective(&node)?;
            }
        } else {
            // An effective table without a list must not pass for an empty one.
            for node in node.required("routes")?.items()? {
                draft.user(&node)?;
            }
            draft.system(self.network.as_ref());
        }
        let id = node.text("id")?.map(ToString::to_string);
        draft.paint(id, self.network.clone()).map_err(|OutOfMemory| node.wrong(OutOfMemory))
    }
}

struct Draft<'a> {
    sets: &'a NamedSets,
    routes: Vec<Route>,
    prefixes: Vec<Prefix>,
}

impl Draft<'_> {
    fn user(&mut self, node: &Node<'_>) -> Result<(), Wrong> {
        self.prefix(&node.required("addressPrefix")?)?;
        self.push(node, Origin::User)
    }

    fn effective(&mut self, node: &Node<'_>) -> Result<(), Wrong> {
        if !node.required("state")?.string()?.eq_ignore_ascii_case("Active") {
            return Ok(());
        }
        let source = node.required("source")?;
        let origins = [("User", Origin::User), ("VirtualNetworkGateway", Origin::Bgp), ("Default", Origin::System)];
        let named = source.string()?;
        let origin = origins.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(named));
        let (_, origin) =
            origin.ok_or_else(|| source.wrong("expected `User`, `VirtualNetworkGateway` or `Default`"))?;
        for prefix in node.one_or_more("addressPrefix")? {
            self.prefix(&prefix)?;
        }
        self.push(node, origin)
    }

    /// The prefixes of the route that is pushed next.
    fn prefix(&mut self, node: &Node<'_>) -> Result<(), Wrong> {
        let route = self.routes.len();
        let text = node.string()?;
        if is_tag(text) {
            let set = self.sets.of(text).map_err(|reason| node.wrong(reason))?;
            self.prefixes.extend(set.networks().map(|net| Prefix { net, route, tag: true }));
        } else {
            self.prefixes.push(Prefix { net: node.network()?, route, tag: false });
        }
        Ok(())
    }

    fn push(&mut self, node: &Node<'_>, origin: Origin) -> Result<(), Wrong> {
        let next_hops = node.one_or_more("nextHopIpAddress")?;
        // An address that is not there is an empty string in some documents.
        let next_hops = next_hops.iter().filter(|hop| !matches!(hop.string(), Ok("")));
        self.routes.push(Route {
            name: node.text("name")?.map(ToString::to_string),
            origin,
            next_hop_type: NextHopType::named(node.required("nextHopType")?.string()?),
            next_hops: next_hops.map(Node::addr).collect::<Result<_, _>>()?,
        });
        Ok(())
    }

    fn add(&mut self, net: IpNet, next_hop_type: NextHopType) {
        self.prefixes.push(Prefix { net, route: self.routes.len(), tag: false });
        self.routes.push(Route::system(next_hop_type));
    }

    /// The network's ranges, the Internet, and what is dropped unless a range of the network equals or contains it.
    fn system(&mut self, network: Option<&VirtualNetwork>) {
        let space = network.map_or(&[][..], VirtualNetwork::address_space);
        for range in space {
            self.add(*range, NextHopType::VnetLocal);
        }
        self.add(Ipv4Net::default().into(), NextHopType::Internet);
        for (first, len) in DROPPED {
            let Ok(dropped) = Ipv4Net::new(first, len) else { continue };
            if !space.iter().any(|range| within(dropped.into(), *range)) {
                self.add(dropped.into(), NextHopType::None);
            }
        }
    }

    fn paint(self, id: Option<String>, network: Option<VirtualNetwork>) -> Result<RouteTable, OutOfMemory> {
        let Self { routes, prefixes, .. } = self;
        let route_of = |prefix: &Prefix| routes.get(prefix.route);
        let preferred = prefixes.iter().filter(|prefix| {
            route_of(prefix).is_some_and(|route| route.origin == Origin::System && route.next_hop_type.is_preferred())
        });
        let preferred = CidrSet::try_from_ranges(preferred.map(|prefix| IpRange::from(prefix.net)))?;
        let origin = |prefix: &Prefix| route_of(prefix).map_or(Origin::System, |route| route.origin);
        let all = paint(&prefixes, origin, |_| true)?;
        let fixed = paint(&prefixes, origin, |origin| origin != Origin::Bgp)?;
        Ok(RouteTable { id, routes, prefixes, all, fixed, preferred, network })
    }
}

fn paint(
    prefixes: &[Prefix],
    origin: impl Fn(&Prefix) -> Origin,
    keep: impl Fn(Origin) -> bool,
) -> Result<Painted, OutOfMemory> {
    if prefixes.len() > Order::MOST {
        return Err(OutOfMemory);
    }
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    for (index, prefix) in prefixes.iter().enumerate() {
        let origin = origin(prefix);
        let Ok(index) = u32::try_from(index) else { return Err(OutOfMemory) };
        if !keep(origin) {
            continue;
        }
        // The longest first, then by origin; both families have 128 lengths at most.
        let order = Order::new(u32::from(128 - prefix.net.prefix_len()) * 4 + origin as u32, prefix.tag, index);
        match IpRange::from(prefix.net).0 {
            Span::V4(first, last) => v4.push(Piece { first, last, order }),
            Span::V6(first, last) => v6.push(Piece { first, last, order }),
        }
    }
    Ok(Painted { v4: Segments::paint(v4, |_, _| {})?, v6: Segments::paint(v6, |_, _| {})? })
}
