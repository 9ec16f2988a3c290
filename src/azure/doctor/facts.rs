//! What the documents of an examination say.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::net::IpAddr;

use super::{Doctor, DoctorError, Document, Step};
use crate::azure::firewall::{Firewall, FirewallReader};
use crate::azure::json::{NamedSets, Node, Wrong};
use crate::azure::network::{FIREWALL_SUBNET, Subnet, VirtualNetwork};
use crate::azure::ranges::{AuthorizedRanges, Era, LIMIT, LIMIT_VNET_INTEGRATION, RangesError, RangesReader};
use crate::azure::routes::{RouteTable, RouteTableReader};
use crate::error::OutOfMemory;
use crate::fault::Quoted;
use crate::range::IpRange;

/// The feature of 2019, as a subscription lists it.
pub(super) const FEATURE: &str = "Microsoft.ContainerService/APIServerSecurityPreview";

/// The subnet of the network that the service makes by itself.
const OWN_SUBNET: &str = "aks-subnet";

/// Subnets that have no nodes, by the names that Azure keeps for them.
const NO_NODES: [&str; 5] =
    [FIREWALL_SUBNET, "AzureFirewallManagementSubnet", "GatewaySubnet", "AzureBastionSubnet", "RouteServerSubnet"];

/// What the documents say.
pub(super) struct Facts {
    pub(super) cluster: Cluster,
    pub(super) network: Option<VirtualNetwork>,
    pub(super) tables: Option<Vec<RouteTable>>,
    /// Whether the routes are the effective ones of a node.
    pub(super) effective: bool,
    pub(super) firewall: Option<Appliance>,
    pub(super) public: Option<Vec<Public>>,
    pub(super) servers: Option<Vec<(IpAddr, u16)>>,
    /// The state of the feature, if it is among the features.
    pub(super) feature: Option<Option<String>>,
    /// Of the command line, and of the extension if it is there.
    pub(super) versions: Option<(Version, Option<Version>)>,
    pub(super) desired: Option<Result<AuthorizedRanges, RangesError>>,
}

pub(super) struct Cluster {
    pub(super) name: String,
    pub(super) state: Option<String>,
    pub(super) ranges: AuthorizedRanges,
    pub(super) limit: usize,
    pub(super) private: bool,
    pub(super) pools: Vec<Pool>,
    pub(super) outbound_type: Option<String>,
    /// Resource ids of public addresses.
    pub(super) outbound: Vec<String>,
}

/// A pool of nodes.
pub(super) struct Pool {
    pub(super) name: String,
    pub(super) subnet: Option<String>,
    pub(super) public: bool,
    /// The resource id of the prefix of its nodes' public addresses.
    pub(super) prefix: Option<String>,
}

/// A firewall.
pub(super) struct Appliance {
    pub(super) name: String,
    pub(super) places: Vec<Place>,
    /// None if they are in a policy that was not handed over.
    pub(super) rules: Option<Firewall>,
    pub(super) policy: Option<String>,
}

/// An IP configuration of a firewall.
pub(super) struct Place {
    pub(super) private: Option<IpAddr>,
    pub(super) public: Option<String>,
    pub(super) subnet: Option<String>,
}

/// A public address or prefix.
pub(super) struct Public {
    pub(super) id: String,
    pub(super) range: Option<IpRange>,
}

impl Facts {
    pub(super) fn read(doctor: &Doctor) -> Result<Self, DoctorError> {
        let reader = doctor.ranges(Era::Preview2019);
        let cluster = doctor.read(Document::Cluster, |node| Cluster::read(node, &reader))?;
        let Some(cluster) = cluster else { return Err(OutOfMemory.into()) };
        let network = doctor.read(Document::Vnet, VirtualNetwork::read_node)?;
        let routes = doctor.read(Document::Routes, |node| routes(node, network.as_ref(), &doctor.sets))?;
        let mut rules = FirewallReader::new();
        for (name, set) in &doctor.sets.0 {
            rules = rules.set(name.as_str(), set.clone());
        }
        let mut firewall = doctor.read(Document::Firewall, |node| Appliance::read(node, &rules))?;
        let policy = doctor.read(Document::FirewallPolicy, |node| rules.read_node(node))?;
        if let (Some(firewall), Some(policy)) = (&mut firewall, policy) {
            firewall.rules.get_or_insert(policy);
        }
        let (tables, effective) = routes.map_or((None, false), |(tables, effective)| (Some(tables), effective));
        Ok(Self {
            cluster,
            network,
            tables,
            effective,
            firewall,
            public: doctor.read(Document::PublicIp, public)?,
            servers: doctor.read(Document::Endpoints, servers)?,
            feature: doctor.read(Document::Features, feature)?,
            versions: doctor.read(Document::Versions, versions)?,
            desired: doctor.desired.as_ref().map(|text| doctor.ranges(doctor.era).read(text)),
        })
    }

    pub(super) fn servers(&self, step: &mut Step) -> &[(IpAddr, u16)] {
        match &self.servers {
            Some(servers) => servers,
            None => {
                step.missing(Document::Endpoints);
                &[]
            }
        }
    }

    /// The subnets of the nodes: those that the pools name; where none is named, the network is the service's own.
    pub(super) fn nodes(&self, step: &mut Step) -> Vec<&Subnet> {
        let Some(network) = &self.network else {
            step.missing(Document::Vnet);
            return Vec::new();
        };
        let mut nodes: Vec<&Subnet> = Vec::new();
        for pool in &self.cluster.pools {
            let Some(id) = &pool.subnet else { continue };
            let is = |subnet: &&Subnet| subnet.id().is_some_and(|known| known.eq_ignore_ascii_case(id));
            match network.subnets().iter().find(is) {
                Some(subnet) if nodes.iter().any(|known| core::ptr::eq(*known, subnet)) => {}
                Some(subnet) => nodes.push(subnet),
                None => step.fail(format!("pool {} is in a subnet that the network does not have: {id}", pool.name)),
            }
        }
        if self.cluster.pools.iter().all(|pool| pool.subnet.is_none()) {
            let has_nodes = |subnet: &&Subnet| !NO_NODES.iter().any(|name| name.eq_ignore_ascii_case(subnet.name()));
            nodes = match network.subnets().iter().find(|subnet| subnet.name() == OWN_SUBNET) {
                Some(own) => Vec::from([own]),
                None => network.subnets().iter().filter(has_nodes).collect(),
            };
            if nodes.is_empty() {
                step.fail("the network has no subnet for nodes");
            }
        }
        nodes
    }
}

impl Cluster {
    fn read(node: &Node<'_>, reader: &RangesReader) -> Result<Self, Wrong> {
        let ranges = reader.cluster(node).map_err(RangesError::into_wrong)?;
        let profile = node.member("apiServerAccessProfile")?;
        let flag = |name: &str| match &profile {
            Some(profile) => profile.flag(name),
            None => Ok(false),
        };
        let mut pools = Vec::new();
        for pool in node.list("agentPoolProfiles")? {
            pools.push(Pool {
                name: pool.text("name")?.unwrap_or("without a name").to_owned(),
                subnet: pool.text("vnetSubnetID")?.map(ToOwned::to_owned),
                public: pool.flag("enableNodePublicIP")?,
                prefix: pool.text("nodePublicIPPrefixID")?.map(ToOwned::to_owned),
            });
        }
        let mut outbound = Vec::new();
        for profile in ["loadBalancerProfile", "natGatewayProfile"] {
            let Some(profile) = node.along(&["networkProfile", profile])? else { continue };
            for ip in profile.list("effectiveOutboundIPs")? {
                outbound.push(ip.required("id")?.string()?.to_owned());
            }
        }
        let outbound_type = node.along(&["networkProfile", "outboundType"])?;
        Ok(Self {
            name: node.text("name")?.unwrap_or("the cluster").to_owned(),
            state: node.text("provisioningState")?.map(ToOwned::to_owned),
            ranges,
            limit: if flag("enableVnetIntegration")? { LIMIT_VNET_INTEGRATION } else { LIMIT },
            private: flag("enablePrivateCluster")?,
            pools,
            outbound_type: outbound_type.map(|kind| kind.string().map(ToOwned::to_owned)).transpose()?,
            outbound,
        })
    }
}

impl Appliance {
    fn read(node: &Node<'_>, reader: &FirewallReader) -> Result<Self, Wrong> {
        let id = |node: &Node<'_>, name: &str| match node.member(name)? {
            Some(member) => Ok(member.text("id")?.map(ToOwned::to_owned)),
            None => Ok(None),
        };
        let mut places = Vec::new();
        for place in node.list("ipConfigurations")? {
            places.push(Place {
                private: place.member("privateIPAddress")?.map(|addr| addr.addr()).transpose()?,
                public: id(&place, "publicIPAddress")?,
                subnet: id(&place, "subnet")?,
            });
        }
        let policy = node.member("firewallPolicy")?;
        Ok(Self {
            name: node.text("name")?.unwrap_or("the firewall").to_owned(),
            places,
            rules: if policy.is_none() { Some(reader.read_node(node)?) } else { None },
            policy: policy.map(|policy| policy.text("id")).transpose()?.flatten().map(ToOwned::to_owned),
        })
    }
}

/// What is one document, a list of them, or such a list as Resource Manager pages it.
fn several<'a>(node: &Node<'a>) -> Result<Vec<Node<'a>>, Wrong> {
    if node.is_list() {
        return node.items();
    }
    match node.member("value")? {
        Some(list) => list.items(),
        None => Ok(Vec::from([node.clone()])),
    }
}

/// Route tables, or the effective routes of a node.
fn routes(
    node: &Node<'_>,
    network: Option<&VirtualNetwork>,
    sets: &NamedSets,
) -> Result<(Vec<RouteTable>, bool), Wrong> {
    let mut reader = RouteTableReader::new();
    for (name, set) in &sets.0 {
        reader = reader.set(name.as_str(), set.clone());
    }
    if let Some(network) = network {
        reader = reader.network(network.clone());
    }
    let is_table = |node: &Node<'_>| Ok(node.member("routes")?.is_some());
    if !node.is_list() && node.member("value")?.is_some() {
        let items = several(node)?;
        if items.is_empty() || !items.iter().map(is_table).collect::<Result<Vec<_>, _>>()?.contains(&true) {
            return Ok((Vec::from([reader.read_node(node)?]), true));
        }
    }
    let tables = several(node)?.iter().map(|table| reader.read_node(table)).collect::<Result<_, _>>()?;
    Ok((tables, false))
}

fn public(node: &Node<'_>) -> Result<Vec<Public>, Wrong> {
    let mut all = Vec::new();
    for item in several(node)? {
        let addr = item.member("ipAddress")?.filter(|node| !matches!(node.string(), Ok("")));
        let range = match (addr, item.member("ipPrefix")?) {
            (Some(addr), _) => Some(IpRange::from(addr.addr()?)),
            (None, Some(prefix)) => Some(IpRange::from(prefix.network()?)),
            (None, None) => None,
        };
        all.push(Public { id: item.required("id")?.string()?.to_owned(), range });
    }
    Ok(all)
}

/// The addresses and ports of the API server: of the endpoints `kubernetes`, in the namespace `default` if they say.
fn servers(node: &Node<'_>) -> Result<Vec<(IpAddr, u16)>, Wrong> {
    let items = match node.member("items")? {
        Some(items) => items.items()?,
        None => Vec::from([node.clone()]),
    };
    let mut servers = Vec::new();
    for item in &items {
        let Some(metadata) = item.member("metadata")? else { continue };
        if metadata.text("name")? != Some("kubernetes") || metadata.text("namespace")?.unwrap_or("default") != "default"
        {
            continue;
        }
        for subset in item.list("subsets")? {
            for addr in subset.list("addresses")? {
                let addr = addr.required("ip")?.addr()?;
                for port in subset.list("ports")? {
                    let port = port.required("port")?;
                    let number = u16::try_from(port.number()?).map_err(|_| port.wrong("expected a port"))?;
                    servers.push((addr, number));
                }
            }
        }
    }
    if servers.is_empty() {
        return Err(node.wrong("there are no endpoints `kubernetes` with an address and a port"));
    }
    servers.sort_unstable();
    servers.dedup();
    Ok(servers)
}

fn feature(node: &Node<'_>) -> Result<Option<String>, Wrong> {
    for item in several(node)? {
        if item.text("name")?.is_some_and(|name| name.eq_ignore_ascii_case(FEATURE)) {
            return Ok(Some(item.required("state")?.string()?.to_owned()));
        }
    }
    Ok(None)
}

fn versions(node: &Node<'_>) -> Result<(Version, Option<Version>), Wrong> {
    let cli = Version::read(&node.required("azure-cli")?)?;
    let extension = node.along(&["extensions", "aks-preview"])?;
    Ok((cli, extension.map(|node| Version::read(&node)).transpose()?))
}

/// Numbers with dots between, and perhaps what makes it a preliminary one, as in `0.5.0b1`.
#[derive(Clone, Debug)]
pub(super) struct Version {
    pub(super) text: String,
    pub(super) numbers: Vec<u64>,
    pub(super) preliminary: bool,
}

impl Version {
    pub(super) fn new(text: &str) -> Option<Self> {
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (numbers, rest) = text.split_at(end);
        let numbers: Vec<u64> =
            numbers.trim_end_matches('.').split('.').map(str::parse).collect::<Result<_, _>>().ok()?;
        let word = |rest: &str| rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".+-".contains(&byte));
        // What follows a `+` or `post` comes after the version, all else before.
        let preliminary = !(rest.is_empty() || rest.starts_with('+') || rest.starts_with("post"));
        (word(rest) && text.len() <= 64).then(|| Self { text: text.to_owned(), numbers, preliminary })
    }

    fn read(node: &Node<'_>) -> Result<Self, Wrong> {
        let text = node.string()?;
        Self::new(text).ok_or_else(|| node.wrong(format!("{} is no version", Quoted(text.as_bytes()))))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.partial_cmp(other) == Some(Ordering::Equal)
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        let number = |of: &Self, at: usize| of.numbers.get(at).copied().unwrap_or(0);
        let places = 0..self.numbers.len().max(other.numbers.len());
        let numbers = places.map(|at| number(self, at).cmp(&number(other, at))).find(|order| order.is_ne());
        Some(numbers.unwrap_or(other.preliminary.cmp(&self.preliminary)))
    }
}
