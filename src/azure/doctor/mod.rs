//! [`Doctor`]: would anyone be locked out?

mod facts;

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::{self, Display};
use core::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

use self::facts::{Appliance, Cluster, FEATURE, Facts, Public, Version};
use super::firewall::{Answer, Firewall, FirewallRule, Flow, Protocol, Sources};
use super::json::{NamedSets, Node, Wrong, parse};
use super::network::{FIREWALL_SUBNET, Subnet, SubnetFault, VirtualNetwork};
use super::plan::{Addresses, Entries, Planner};
use super::ranges::{AuthorizedRanges, Era, RangesReader};
use super::routes::{NextHopType, RouteTable};
use crate::error::OutOfMemory;
use crate::fault::Quoted;
use crate::policy::Target;
use crate::range::IpRange;
use crate::set::CidrSet;

/// What the command line and its extension must be at least.
const CLI: &str = "2.0.61";
const PREVIEW: &str = "0.4.1";

/// A document that a [`Doctor`] reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Document {
    /// The cluster: `az aks show`.
    Cluster,
    /// The network of its nodes: `az network vnet show`.
    Vnet,
    /// The route table of the nodes' subnet, or several of them: `az network route-table show` or `list`. Or the
    /// effective routes of a node: `az network nic show-effective-route-table`.
    Routes,
    /// The firewall: `az network firewall show`.
    Firewall,
    /// The rule collection groups of the firewall's policy, if it has one:
    /// `az network firewall policy rule-collection-group list`.
    FirewallPolicy,
    /// Public addresses, one or several: `az network public-ip show` or `list`. Prefixes may be among them
    /// (`az network public-ip prefix show`).
    PublicIp,
    /// Where the API server is: `kubectl get endpoints -o json`.
    Endpoints,
    /// The features of the subscription: `az feature list` or `show`.
    Features,
    /// `az version`.
    Versions,
}

impl Document {
    /// `cluster`, `vnet`, `routes`, `firewall`, `firewall-policy`, `public-ip`, `endpoints`, `features` or `versions`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cluster => "cluster",
            Self::Vnet => "vnet",
            Self::Routes => "routes",
            Self::Firewall => "firewall",
            Self::FirewallPolicy => "firewall-policy",
            Self::PublicIp => "public-ip",
            Self::Endpoints => "endpoints",
            Self::Features => "features",
            Self::Versions => "versions",
        }
    }

    /// What prints it.
    fn command(self) -> &'static str {
        match self {
            Self::Cluster => "az aks show",
            Self::Vnet => "az network vnet show",
            Self::Routes => "az network route-table show",
            Self::Firewall => "az network firewall show",
            Self::FirewallPolicy => "az network firewall policy rule-collection-group list",
            Self::PublicIp => "az network public-ip list",
            Self::Endpoints => "kubectl get endpoints -o json",
            Self::Features => "az feature list",
            Self::Versions => "az version",
        }
    }
}

impl Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why a [`Doctor`] cannot go on: a document that it was given cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{document}: {wrong}")]
pub struct DoctorError {
    document: Document,
    wrong: Wrong,
}

impl DoctorError {
    /// Which document.
    #[must_use]
    pub fn document(&self) -> Document {
        self.document
    }

    /// Where in the document, such as `agentPoolProfiles[0].vnetSubnetID`; empty if it is wrong as a whole.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.wrong.path
    }

    /// What is wrong there.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.wrong.reason
    }
}

/// Lack of memory is told as of the cluster, which is always there.
impl From<OutOfMemory> for DoctorError {
    fn from(OutOfMemory: OutOfMemory) -> Self {
        Self { document: Document::Cluster, wrong: Wrong::new("", OutOfMemory) }
    }
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Nobody is locked out by it.
    Pass,
    /// Something that decides it was not handed over.
    NotChecked,
    /// Somebody is locked out by it, or may be: what the documents leave open fails.
    Fail,
}

impl Status {
    /// `pass`, `fail` or `not-checked`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::NotChecked => "not-checked",
            Self::Fail => "fail",
        }
    }
}

impl Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A step of the examination, and what it found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    number: u8,
    name: &'static str,
    /// The gravest first; of equal ones in the order in which they were found.
    evidence: Vec<(Status, String)>,
}

impl Step {
    fn new(number: u8, name: &'static str) -> Self {
        Self { number, name, evidence: Vec::new() }
    }

    fn say(&mut self, status: Status, what: impl Into<String>) {
        let at = self.evidence.partition_point(|(known, _)| *known >= status);
        self.evidence.insert(at, (status, printable(what.into())));
    }

    fn pass(&mut self, what: impl Into<String>) {
        self.say(Status::Pass, what);
    }

    fn fail(&mut self, what: impl Into<String>) {
        self.say(Status::Fail, what);
    }

    fn open(&mut self, what: impl Into<String>) {
        self.say(Status::NotChecked, what);
    }

    fn missing(&mut self, document: Document) {
        self.open(format!("no {document} document ({})", document.command()));
    }

    /// From 1 to 7.
    #[must_use]
    pub fn number(&self) -> u8 {
        self.number
    }

    /// What it is about, in a few words.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// How it ended.
    #[must_use]
    pub fn status(&self) -> Status {
        self.evidence.first().map_or(Status::NotChecked, |(status, _)| *status)
    }

    /// What it found, failures first, each with the facts of the documents and what to do.
    pub fn evidence(&self) -> impl Iterator<Item = &str> {
        self.evidence.iter().map(|(_, what)| what.as_str())
    }
}

/// Walks the way from the nodes of a cluster to its API server, and from you, and tells who is locked out:
///
/// 1. the command line, its extension and the feature are there;
/// 2. the cluster exists and is not being created;
/// 3. the nodes' subnet sends what goes to the API server to the firewall, by its own route table;
/// 4. the firewall lets every address of the nodes' subnets through;
/// 5. every public address that the traffic may leave from is in the list, and so are you;
/// 6. the desired list is well formed and within the limit, and what it changes;
/// 7. nothing about the cluster keeps it from using the feature.
///
/// Documents that are not handed over leave steps unchecked; one that cannot be read ends the examination. Steps 1 and 2
/// are the way of 2019, when a firewall had to be the nodes' way out; 5 to 7 are on [the vendor's page][docs] of today:
/// every outbound address must be listed, nodes with public addresses need a prefix that is, private clusters are left
/// out. [`RouteTable`], [`Firewall`] and [`VirtualNetwork`] name the pages for 3 and 4.
///
/// [docs]: https://learn.microsoft.com/azure/aks/api-server-authorized-ip-ranges
///
/// ```
/// use cidrgate::azure::{Doctor, Document, Status};
/// let steps = Doctor::new(r#"{
///     "provisioningState": "Succeeded",
///     "networkProfile": {"loadBalancerProfile": {"effectiveOutboundIPs": [{"id": "/x/egress"}]}}
/// }"#)
/// .document(Document::PublicIp, r#"{"id": "/x/egress", "ipAddress": "20.42.25.196"}"#)
/// .desired("20.42.25.197,168.10.0.0/18")
/// .examine()?;
/// assert_eq!(steps[1].status(), Status::Pass);
/// assert_eq!(steps[3].status(), Status::NotChecked);
/// assert_eq!(steps[4].status(), Status::Fail);
/// assert!(steps[4].evidence().next().unwrap().starts_with("20.42.25.196 (egress) is not in the desired list"));
/// # Ok::<(), cidrgate::azure::DoctorError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Doctor {
    documents: BTreeMap<Document, Vec<u8>>,
    era: Era,
    own: CidrSet,
    desired: Option<String>,
    me: Vec<IpAddr>,
    sets: NamedSets,
}

impl Doctor {
    /// For the cluster of this document, by the rules of 2019.
    #[must_use]
    pub fn new(cluster: impl Into<Vec<u8>>) -> Self {
        Self {
            documents: BTreeMap::from([(Document::Cluster, cluster.into())]),
            era: Era::default(),
            own: CidrSet::new(),
            desired: None,
            me: Vec::new(),
            sets: NamedSets::default(),
        }
    }

    /// Hands over a document, in place of one of the same kind.
    #[must_use]
    pub fn document(mut self, document: Document, text: impl Into<Vec<u8>>) -> Self {
        self.documents.insert(document, text.into());
        self
    }

    /// Whose rules count: today there is no extension and no feature to have, and lists are judged by today's CLI.
    #[must_use]
    pub fn era(mut self, era: Era) -> Self {
        self.era = era;
        self
    }

    /// What the service admits by itself: see [`AuthorizedRanges::evaluated`].
    #[must_use]
    pub fn own(mut self, own: CidrSet) -> Self {
        self.own = own;
        self
    }

    /// The list that is to be set, as [`RangesReader::read`] reads it. Without it the list that the cluster has decides
    /// who is locked out.
    #[must_use]
    pub fn desired(mut self, list: impl Into<String>) -> Self {
        self.desired = Some(list.into());
        self
    }

    /// An address that must be in as well, such as yours.
    #[must_use]
    pub fn me(mut self, addr: impl Into<IpAddr>) -> Self {
        self.me.push(addr.into().to_canonical());
        self
    }

    /// Hands over the addresses of a service tag by its name, or of an IP group by the last part of its resource id.
    #[must_use]
    pub fn set(mut self, name: impl Into<String>, set: CidrSet) -> Self {
        self.sets.0.push((name.into(), set));
        self
    }

    /// Examines: the seven steps, in order.
    ///
    /// # Errors
    /// If a document cannot be read, or memory cannot be had.
    pub fn examine(&self) -> Result<[Step; 7], DoctorError> {
        let facts = Facts::read(self)?;
        Ok([
            self.versions(&facts),
            cluster(&facts),
            route(&facts),
            self.rules(&facts)?,
            self.addresses(&facts)?,
            self.list(&facts)?,
            self.limits(&facts)?,
        ])
    }

    /// What `read` makes of the document, if it is there.
    fn read<T>(
        &self,
        document: Document,
        read: impl FnOnce(&Node<'_>) -> Result<T, Wrong>,
    ) -> Result<Option<T>, DoctorError> {
        let Some(text) = self.documents.get(&document) else { return Ok(None) };
        let value = parse(text).and_then(|value| read(&Node::root(&value)));
        value.map(Some).map_err(|wrong| DoctorError { document, wrong })
    }

    fn ranges(&self, era: Era) -> RangesReader {
        let reader = RangesReader::new().era(era);
        self.sets.0.iter().fold(reader, |reader, (name, set)| reader.set(name.as_str(), set.clone()))
    }

    /// Step 1.
    fn versions(&self, facts: &Facts) -> Step {
        let mut step = Step::new(1, "versions and feature");
        let preview = self.era == Era::Preview2019;
        match &facts.versions {
            None => step.missing(Document::Versions),
            Some((cli, extension)) => {
                check_version(&mut step, "azure-cli", cli, CLI, "az upgrade");
                match extension {
                    _ if !preview => {}
                    Some(found) => {
                        check_version(
                            &mut step,
                            "aks-preview",
                            found,
                            PREVIEW,
                            "az extension update --name aks-preview",
                        );
                    }
                    None => {
                        step.fail("the extension aks-preview is not installed: az extension add --name aks-preview");
                    }
                }
            }
        }
        let register = "az feature register --name APIServerSecurityPreview --namespace Microsoft.ContainerService";
        match &facts.feature {
            _ if !preview => step.pass("the preview's extension and feature are no longer needed"),
            None => step.missing(Document::Features),
            Some(None) => step.fail(format!("{FEATURE} is not among the features: {register}")),
            Some(Some(state)) if state.eq_ignore_ascii_case("Registered") => step.pass(format!("{FEATURE} is {state}")),
            Some(Some(state)) if ["Registering", "Pending"].iter().any(|wait| wait.eq_ignore_ascii_case(state)) => {
                step.fail(format!(
                    "{FEATURE} is {state}: wait some minutes until it is Registered, \
                     then az provider register --namespace Microsoft.ContainerService"
                ));
            }
            Some(Some(state)) => step.fail(format!("{FEATURE} is {}: {register}", Quoted(state.as_bytes()))),
        }
        step
    }

    /// Step 4.
    fn rules(&self, facts: &Facts) -> Result<Step, DoctorError> {
        let mut step = Step::new(4, "firewall rules");
        let firewall = match &facts.firewall {
            None => {
                step.missing(Document::Firewall);
                None
            }
            Some(Appliance { rules: Some(rules), .. }) => Some(rules),
            Some(Appliance { policy, .. }) => {
                let policy = policy.as_deref().map_or("its policy", last_part);
                step.open(format!("the rules are in {policy}: hand over its rule collection groups"));
                step.missing(Document::FirewallPolicy);
                None
            }
        };
        let nodes = facts.nodes(&mut step);
        let servers = facts.servers(&mut step);
        let Some(firewall) = firewall else { return Ok(step) };
        for (addr, port) in servers {
            // The source is any of the family: all of them are asked for.
            let Ok(flow) = Flow::new(Protocol::Tcp, *addr, *addr, Some(*port)) else { continue };
            let sources = firewall.sources(&flow)?;
            for subnet in &nodes {
                subnet_passes(&mut step, firewall, &sources, subnet, (*addr, *port))?;
            }
        }
        Ok(step)
    }

    /// Step 5.
    fn addresses(&self, facts: &Facts) -> Result<Step, DoctorError> {
        let mut step = Step::new(5, "addresses in the list");
        let list = match &facts.desired {
            Some(Ok(list)) => List { what: "the desired list", ranges: list, own: &self.own },
            None => {
                step.pass("no desired list was given: judged by the list that the cluster has");
                List { what: "the list that the cluster has", ranges: &facts.cluster.ranges, own: &self.own }
            }
            Some(Err(_)) => {
                step.open("the desired list is not well formed: see step 6");
                return Ok(step);
            }
        };
        let cluster = &facts.cluster;
        let ids: Vec<&str> = match &facts.firewall {
            Some(firewall) => firewall.places.iter().filter_map(|place| place.public.as_deref()).collect(),
            None => cluster.outbound.iter().map(String::as_str).collect(),
        };
        match &facts.firewall {
            Some(firewall) if ids.is_empty() => {
                step.fail(format!("{} has no public address: nothing can leave by it", firewall.name));
            }
            None if ids.is_empty() => {
                step.missing(Document::Firewall);
                step.open("the cluster names no outbound addresses");
            }
            None => step.pass(format!(
                "no firewall document: judged by the outbound addresses of the cluster{}",
                cluster.outbound_type.as_deref().map_or(String::new(), |kind| format!(" ({kind})"))
            )),
            Some(_) => {}
        }
        let hint = match (&facts.firewall, self.era) {
            (None, Era::Current) => "; if the service adds it by itself, say so (own)",
            _ => "",
        };
        match &facts.public {
            None if ids.is_empty() => {}
            None => step.missing(Document::PublicIp),
            Some(public) => {
                for id in ids {
                    let consequence = format!("the nodes are locked out whenever they leave by it{hint}");
                    list.check_id(&mut step, public, id, &consequence)?;
                }
            }
        }
        for me in &self.me {
            list.check(&mut step, IpRange::from(*me), "you", "you are locked out")?;
        }
        Ok(step)
    }

    /// Step 6.
    fn list(&self, facts: &Facts) -> Result<Step, DoctorError> {
        let mut step = Step::new(6, "desired list");
        let current = &facts.cluster.ranges;
        let desired = match &facts.desired {
            None => {
                step.open(match current.entries().len() {
                    _ if current.is_off() => {
                        "no desired list; the cluster has none either: everyone may connect".into()
                    }
                    _ if current.is_own_only() => "no desired list; the cluster's is 0.0.0.0/32: only its own".into(),
                    count => format!("no desired list; the cluster's has {}", Entries(count)),
                });
                return Ok(step);
            }
            Some(Err(error)) => {
                error.faults().iter().for_each(|fault| step.fail(fault.to_string()));
                if error.count() > error.faults().len() {
                    step.fail(format!("and {} more", error.count() - error.faults().len()));
                }
                return Ok(step);
            }
            Some(Ok(desired)) => desired,
        };
        let limit = facts.cluster.limit;
        let plan = Planner::new().own(self.own.clone()).limit(limit).plan(current, desired)?;
        match desired.check_limit(limit) {
            Ok(()) => {
                let count = desired.entries().len() + usize::from(desired.is_own_only());
                step.pass(format!("{} of at most {limit}", Entries(count)));
            }
            Err(error) => step.fail(format!(
                "{} entries: {error} A plan finds the list that fits: {} entries, {} beyond the desired ones",
                error.entries(),
                plan.ranges().len(),
                Addresses(plan.beyond().count()),
            )),
        }
        step.pass(format!("opens {}", Excerpt(plan.opens())));
        step.pass(format!("closes {}", Excerpt(plan.closes())));
        for one in plan.respelled() {
            step.pass(format!("{} is spelled {} from now on", one.from(), one.to()));
        }
        for warning in plan.warnings() {
            step.pass(warning.to_string());
        }
        Ok(step)
    }

    /// Step 7.
    fn limits(&self, facts: &Facts) -> Result<Step, DoctorError> {
        let mut step = Step::new(7, "limits of the feature");
        let cluster = &facts.cluster;
        if cluster.private {
            step.fail("the cluster is private: it has no public API server, and cannot use authorized ranges");
        } else {
            step.pass("the cluster is not private");
        }
        let list = match &facts.desired {
            Some(Ok(list)) => Some(List { what: "the desired list", ranges: list, own: &self.own }),
            None => Some(List { what: "the list that the cluster has", ranges: &cluster.ranges, own: &self.own }),
            Some(Err(_)) => None,
        };
        for pool in cluster.pools.iter().filter(|pool| pool.public) {
            let intro = format!("pool {}: every node has a public address of its own", pool.name);
            match (&pool.prefix, &facts.public, &list) {
                (None, ..) => step.fail(format!("{intro}, of no prefix that could be listed: give the pool one")),
                (Some(_), _, None) => step.open(format!("{intro}; the desired list is not well formed: see step 6")),
                (Some(prefix), None, _) => step.fail(format!(
                    "{intro}; hand over the prefix {} (az network public-ip prefix show) as a public-ip document",
                    last_part(prefix)
                )),
                (Some(prefix), Some(public), Some(list)) => {
                    list.check_id(&mut step, public, prefix, "its nodes are locked out")?;
                }
            }
        }
        if self.era == Era::Preview2019 {
            step.pass("not checked for lack of dates: only clusters made after the feature was registered can use it");
        }
        step.pass("who is admitted still needs rights: RBAC decides what a caller may do");
        step.pass("Azure Dev Spaces cannot be used with authorized ranges");
        Ok(step)
    }
}

/// Step 2.
fn cluster(facts: &Facts) -> Step {
    let mut step = Step::new(2, "cluster");
    let Cluster { name, state, .. } = &facts.cluster;
    let is = |known: &str| state.as_deref().is_some_and(|state| state.eq_ignore_ascii_case(known));
    match state {
        None => step.open(format!("{name}: the document does not say its provisioningState")),
        Some(state) if is("Creating") => step.fail(format!(
            "{name} is {state}: its outbound address is not known yet, and ranges would lock its nodes out; \
             wait until it is Succeeded"
        )),
        Some(state) if is("Deleting") => step.fail(format!("{name} is {state}")),
        Some(state) => step.pass(format!("{name} is {}", state)),
    }
    step
}

/// Step 3.
fn route(facts: &Facts) -> Step {
    let mut step = Step::new(3, "route to the firewall");
    let servers = facts.servers(&mut step);
    if facts.firewall.is_none() {
        step.missing(Document::Firewall);
    }
    let Some(tables) = &facts.tables else {
        step.missing(Document::Routes);
        if let (Some(firewall), Some(network)) = (&facts.firewall, &facts.network) {
            firewall_place(&mut step, firewall, network);
        }
        return step;
    };
    let mut ways: Vec<(String, &RouteTable)> = Vec::new();
    match &tables[..] {
        [table] if facts.effective => ways.push(("effective routes".into(), table)),
        _ => {
            for subnet in facts.nodes(&mut step) {
                let name = subnet.name();
                let Some(id) = subnet.route_table() else {
                    step.fail(format!(
                        "subnet {name} has no route table: what its nodes send does not go to the firewall"
                    ));
                    continue;
                };
                let own = |table: &&RouteTable| table.id().is_some_and(|known| known.eq_ignore_ascii_case(id));
                match (tables.iter().find(own), &tables[..]) {
                    (Some(table), _) => ways.push((format!("subnet {name}, table {}", last_part(id)), table)),
                    (None, [table]) if table.id().is_none() => {
                        step.pass(format!("the routes have no id: taken for those of {}", last_part(id)));
                        ways.push((format!("subnet {name}"), table));
                    }
                    (None, others) => {
                        let others: Vec<_> = others.iter().filter_map(RouteTable::id).collect();
                        step.fail(format!(
                            "subnet {name} uses the route table {id}; the routes are of {}, which says nothing about it",
                            if others.is_empty() { "no table".into() } else { others.join(", ") }
                        ));
                    }
                }
            }
        }
    }
    for (from, table) in &ways {
        for (addr, _) in servers {
            next_hop(&mut step, from, table, *addr, facts.firewall.as_ref());
        }
    }
    if let (Some(firewall), Some(network)) = (&facts.firewall, &facts.network) {
        firewall_place(&mut step, firewall, network);
    }
    step
}

/// Whether the next hop of the API server's address is the firewall.
fn next_hop(step: &mut Step, from: &str, table: &RouteTable, addr: IpAddr, firewall: Option<&Appliance>) {
    let hops: Vec<IpAddr> =
        firewall.map_or(Vec::new(), |firewall| firewall.places.iter().filter_map(|place| place.private).collect());
    let want = firewall.map_or(String::new(), |firewall| {
        let hop = hops.first().map_or(String::new(), |hop| format!(" {hop}"));
        format!("not to {}{hop}: add a route for {}, next hop VirtualAppliance{hop}", firewall.name, IpNet::from(addr))
    });
    let Some(found) = table.find(addr) else {
        return step.fail(format!("{from}: no route covers {addr}; {want}"));
    };
    let (route, prefix) = (found.route(), found.prefix());
    let by = match route.name() {
        Some(name) => format!("route {name}, {prefix}"),
        None => format!("the {} route {prefix}", route.origin()),
    };
    let to: Vec<_> = route.next_hops().iter().map(ToString::to_string).collect();
    let to = if to.is_empty() { String::new() } else { format!(" {}", to.join(", ")) };
    let way = format!("{from}: {addr} goes to {}{to} by {by}", route.next_hop_type());
    let there = *route.next_hop_type() == NextHopType::VirtualAppliance
        && !route.next_hops().is_empty()
        && route.next_hops().iter().all(|hop| hops.contains(hop));
    match firewall {
        None => step.pass(way),
        Some(_) if there => step.pass(way),
        Some(_) => step.fail(format!("{way}, {want}")),
    }
}

/// Whether the firewall stands where it may in this network, if it does at all.
fn firewall_place(step: &mut Step, firewall: &Appliance, network: &VirtualNetwork) {
    let of_id = |id: &str| {
        let is = |subnet: &&Subnet| subnet.id().is_some_and(|known| known.eq_ignore_ascii_case(id));
        network.subnets().iter().find(is)
    };
    let ids: Vec<&str> = firewall.places.iter().filter_map(|place| place.subnet.as_deref()).collect();
    if let [first, ..] = ids[..] {
        if ids.iter().all(|id| of_id(id).is_none()) && network.subnets().iter().all(|subnet| subnet.id().is_some()) {
            return step.pass(format!("{} stands in another network: {first}", firewall.name));
        }
    }
    for subnet in ids.iter().filter_map(|id| of_id(id)).filter(|subnet| subnet.name() != FIREWALL_SUBNET) {
        step.fail(format!("{} stands in subnet {}: it must be called {FIREWALL_SUBNET}", firewall.name, subnet.name()));
    }
    let faults = network.firewall_subnet_faults();
    for fault in &faults {
        step.fail(fault.to_string());
    }
    let space: Vec<_> = network.address_space().iter().map(ToString::to_string).collect();
    let space = space.join(", ");
    if faults.contains(&SubnetFault::Missing) {
        let article = IpNet::from(Ipv4Net::new_assert([10, 200, 0, 0].into(), 16));
        match network.try_firewall_subnet(&[article]).first() {
            None => step.pass(format!("{article} would fit the network's address space, {space}")),
            Some(fault) => step.pass(format!("the usual {article} would not fit: {fault}, {space}")),
        }
    }
    let Some(subnet) = network.firewall_subnet().filter(|_| faults.is_empty()) else { return };
    let prefixes: Vec<_> = subnet.prefixes().iter().map(ToString::to_string).collect();
    step.pass(format!("{FIREWALL_SUBNET} {} fits the network's address space, {space}", prefixes.join(", ")));
    for private in firewall.places.iter().filter_map(|place| place.private).filter(|addr| !subnet.contains(*addr)) {
        step.fail(format!("{private} of {} is not in {FIREWALL_SUBNET}", firewall.name));
    }
}

/// Whether the firewall lets every address of the subnet through to the API server.
fn subnet_passes(
    step: &mut Step,
    firewall: &Firewall,
    sources: &Sources,
    subnet: &Subnet,
    (addr, port): (IpAddr, u16),
) -> Result<(), OutOfMemory> {
    let family = |net: &&IpNet| net.addr().is_ipv4() == addr.is_ipv4();
    let nodes = CidrSet::try_from_ranges(subnet.prefixes().iter().filter(family).map(|net| IpRange::from(*net)))?;
    let to = match addr {
        IpAddr::V4(addr) => format!("{addr}:{port}"),
        IpAddr::V6(addr) => format!("[{addr}]:{port}"),
    };
    let name = subnet.name();
    if nodes.is_empty() {
        step.fail(format!("subnet {name} has no network from which {to} can be reached"));
    }
    for answer in [Answer::Deny, Answer::NoMatch, Answer::Undecided, Answer::Allow] {
        let part = nodes.intersection(sources.of(answer))?;
        let Some(first) = part.ranges().next() else { continue };
        let Ok(flow) = Flow::new(Protocol::Tcp, first.first(), addr, Some(port)) else { continue };
        let verdict = firewall.decide(&flow);
        let rule = |rule: &FirewallRule| format!("{}/{}", rule.collection(), rule.name());
        let by = verdict.rule().map_or(String::new(), rule);
        let from = format!("subnet {name}, {} to {to}: TCP", Excerpt(&part));
        match answer {
            Answer::Allow => step.pass(format!("{from} is allowed by {by}")),
            Answer::Deny => step.fail(format!("{from} is denied by {by}")),
            Answer::Undecided => step.fail(format!("{from} is undecided: {by} is about domain names, not addresses")),
            Answer::NoMatch if verdict.asks_application_rules() => step.fail(format!(
                "{from} matches no network rule: application rules decide, which addresses cannot tell; \
                 add a network rule that allows it"
            )),
            Answer::NoMatch => step.fail(format!("{from} matches no rule and is dropped; add a rule that allows it")),
        }
    }
    Ok(())
}

/// The list by which addresses are judged.
struct List<'a> {
    what: &'static str,
    ranges: &'a AuthorizedRanges,
    own: &'a CidrSet,
}

impl List<'_> {
    /// Whether all of the addresses are in, and by which entry; if not, what follows.
    fn check(&self, step: &mut Step, range: IpRange, name: &str, consequence: &str) -> Result<(), OutOfMemory> {
        let wanted = CidrSet::from(range);
        let out = wanted.difference(&self.ranges.evaluated(self.own)?)?;
        let addr = range.network().map_or_else(|| range.to_string(), short);
        if !out.is_empty() {
            let add = range.network().map_or_else(|| range.to_string(), |net| net.to_string());
            step.fail(format!("{addr} ({name}) is not in {}: add {add}, or {consequence}", self.what));
            return Ok(());
        }
        let holds = |target: &Target| match target {
            Target::Network(net) => wanted.is_subset(&CidrSet::from(IpRange::from(*net))),
            _ => false,
        };
        let entry = self.ranges.entries().iter().find(|entry| holds(entry.target()));
        let by = match entry {
            _ if self.ranges.is_off() => "since the feature is off".into(),
            Some(entry) => format!("by {}", entry.text()),
            None if wanted.is_subset(self.own) => "since the service adds it by itself".into(),
            None => "by several entries or the service tag".into(),
        };
        step.pass(format!("{addr} ({name}) is in {}, {by}", self.what));
        Ok(())
    }

    /// The same for a public address or prefix by its resource id.
    fn check_id(&self, step: &mut Step, public: &[Public], id: &str, consequence: &str) -> Result<(), OutOfMemory> {
        let name = last_part(id);
        match public.iter().find(|known| known.id.eq_ignore_ascii_case(id)) {
            Some(Public { range: Some(range), .. }) => self.check(step, *range, name, consequence)?,
            Some(_) => step.fail(format!("{} has no address yet: {id}", name)),
            None => step.fail(format!("the address of {} is not known: hand over {id} too", name)),
        }
        Ok(())
    }
}

fn check_version(step: &mut Step, what: &str, found: &Version, least: &str, remedy: &str) {
    if Version::new(least).is_some_and(|least| *found >= least) {
        step.pass(format!("{what} {} is {least} or later", found.text));
    } else {
        step.fail(format!("{what} {} is too old: {least} or later is needed; {remedy}", found.text));
    }
}

/// The name in a resource id.
fn last_part(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

/// An address alone without its length.
fn short(net: IpNet) -> String {
    if net.prefix_len() == net.max_prefix_len() { net.addr().to_string() } else { net.to_string() }
}

/// What comes from documents may hold what a terminal takes for a command.
fn printable(text: String) -> String {
    if !text.contains(char::is_control) {
        return text;
    }
    let mut shown = String::new();
    for char in text.chars() {
        match char.is_control() {
            true => shown.extend(char.escape_default()),
            false => shown.push(char),
        }
    }
    shown
}

/// The first networks of a set, and how many addresses it has; or whom it leaves out, if those are few.
struct Excerpt<'a>(&'a CidrSet);

impl Excerpt<'_> {
    const MOST: usize = 5;

    fn networks(f: &mut fmt::Formatter<'_>, set: &CidrSet) -> fmt::Result {
        for (at, net) in set.networks().take(Self::MOST).enumerate() {
            write!(f, "{}{}", if at == 0 { "" } else { ", " }, short(net))?;
        }
        match set.networks().skip(Self::MOST).count() {
            0 => Ok(()),
            1 => f.write_str(" and 1 more network"),
            more => write!(f, " and {more} more networks"),
        }
    }
}

impl Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("nobody");
        }
        let many = self.0.networks().nth(Self::MOST).is_some();
        let others = self.0.complement().ok().filter(|others| others.is_empty() || many);
        match others {
            Some(others) if others.is_empty() => f.write_str("everyone"),
            Some(others) if others.networks().nth(Self::MOST).is_none() => {
                f.write_str("everyone but ")?;
                Self::networks(f, &others)
            }
            _ => {
                Self::networks(f, self.0)?;
                write!(f, " ({})", Addresses(self.0.count()))
            }
        }
    }
}
