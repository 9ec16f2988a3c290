//! [`Firewall`]: which flows a firewall lets pass, by its network and DNAT rules.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt::{self, Display};
use core::net::IpAddr;
use core::str::FromStr;

use super::json::{NamedSets, Node, Wrong, document_error, is_tag, parse};
use crate::error::OutOfMemory;
use crate::fault::Quoted;
use crate::painting::{DEFAULT, Order, Piece, Segments, segment};
use crate::policy::Action;
use crate::range::{Family, IpRange};
use crate::set::{CidrSet, Collector};
use crate::text;

/// The priorities that a collection or a group may have.
const PRIORITIES: core::ops::RangeInclusive<u64> = 100..=65000;

document_error! {
    /// Why a document gives no [`Firewall`].
    FirewallError
}

/// The protocol of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// ICMP, which has no ports.
    Icmp,
}

impl Protocol {
    const ALL: [Self; 3] = [Self::Tcp, Self::Udp, Self::Icmp];

    /// `TCP`, `UDP` or `ICMP`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Icmp => "ICMP",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str().eq_ignore_ascii_case(name))
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A flow: protocol, source, destination, and the destination's port (none for ICMP).
///
/// Its text is `TCP,10.240.0.4,40.0.0.1:443`, `ICMP,10.240.0.4,40.0.0.1`, or `UDP,2001:db8::1,[2001:db8::2]:53`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Flow {
    protocol: Protocol,
    source: IpAddr,
    destination: IpAddr,
    port: Option<u16>,
}

/// Why something is no [`Flow`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FlowError {
    /// An IPv4 and an IPv6 address.
    #[error("source and destination are of different families")]
    Mixed,
    /// TCP or UDP without a port.
    #[error("TCP and UDP have a port")]
    PortMissing,
    /// ICMP with a port.
    #[error("ICMP has no port")]
    IcmpPort,
    /// The text has another form.
    #[error("a flow is PROTOCOL,SOURCE,DESTINATION:PORT, with an IPv6 destination in brackets and no port for ICMP")]
    Syntax,
}

impl Flow {
    /// A flow. An IPv4-mapped address is the IPv4 address.
    ///
    /// # Errors
    /// If the addresses are of different families, or the port is missing or out of place.
    pub fn new(
        protocol: Protocol,
        source: impl Into<IpAddr>,
        destination: impl Into<IpAddr>,
        port: Option<u16>,
    ) -> Result<Self, FlowError> {
        let (source, destination) = (source.into().to_canonical(), destination.into().to_canonical());
        match (protocol, port) {
            _ if source.is_ipv4() != destination.is_ipv4() => Err(FlowError::Mixed),
            (Protocol::Icmp, Some(_)) => Err(FlowError::IcmpPort),
            (Protocol::Tcp | Protocol::Udp, None) => Err(FlowError::PortMissing),
            _ => Ok(Self { protocol, source, destination, port }),
        }
    }
}

impl FromStr for Flow {
    type Err = FlowError;

    fn from_str(text: &str) -> Result<Self, FlowError> {
        let mut parts = text.split(',');
        let (Some(protocol), Some(source), Some(to), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(FlowError::Syntax);
        };
        let (destination, port) = match to.strip_prefix('[').and_then(|to| to.split_once(']')) {
            Some((destination, "")) => (destination, None),
            Some((destination, port)) => (destination, Some(port.strip_prefix(':').ok_or(FlowError::Syntax)?)),
            None => to.split_once(':').map_or((to, None), |(destination, port)| (destination, Some(port))),
        };
        let protocol = Protocol::named(protocol).ok_or(FlowError::Syntax)?;
        let addr = |text: &str| text::addr(text).map_err(|_| FlowError::Syntax);
        let port = port.map(|port| number(port).ok_or(FlowError::Syntax)).transpose()?;
        Self::new(protocol, addr(source)?, addr(destination)?, port)
    }
}

/// What a firewall does with a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// A rule allows it.
    Allow,
    /// A rule denies it.
    Deny,
    /// No network rule matches. See [`Verdict::asks_application_rules`].
    NoMatch,
    /// Addresses cannot tell: a rule by domain names comes first.
    Undecided,
}

impl Answer {
    /// `allow`, `deny`, `no-match` or `undecided`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::NoMatch => "no-match",
            Self::Undecided => "undecided",
        }
    }
}

impl Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The ports of a rule. `*` is apart from all ports in figures: only it matches ICMP.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Ports {
    any: bool,
    ranges: Vec<(u16, u16)>,
}

impl Ports {
    fn has(&self, port: Option<u16>) -> bool {
        let among = |port: u16| self.ranges.iter().any(|(first, last)| (*first..=*last).contains(&port));
        self.any || port.is_some_and(among)
    }
}

/// Where a DNAT rule sends a flow; nowhere known if by a domain name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Translation(Option<(IpAddr, Option<u16>)>);

/// A network or DNAT rule, as answers name it.
#[derive(Clone, Debug)]
pub struct FirewallRule {
    collection: Arc<str>,
    name: String,
    action: Action,
    translation: Option<Translation>,
    protocols: u8,
    ports: Ports,
    sources: CidrSet,
    destinations: CidrSet,
    domains: bool,
}

impl FirewallRule {
    /// The name of its collection.
    #[must_use]
    pub fn collection(&self) -> &str {
        &self.collection
    }

    /// Its own name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it does; a DNAT rule allows.
    #[must_use]
    pub fn action(&self) -> Action {
        self.action
    }

    /// Whether it is a DNAT rule.
    #[must_use]
    pub fn is_dnat(&self) -> bool {
        self.translation.is_some()
    }

    /// Whether it matches the flow, or may.
    fn may_match(&self, flow: &Flow) -> bool {
        self.protocols & flow.protocol.bit() != 0
            && self.ports.has(flow.port)
            && self.sources.contains(flow.source)
            && (self.domains || self.destinations.contains(flow.destination))
    }
}

/// What a firewall does with a flow, and which rule says so.
#[derive(Clone, Copy, Debug)]
pub struct Verdict<'a> {
    answer: Answer,
    rule: Option<&'a FirewallRule>,
    asks_application_rules: bool,
}

impl<'a> Verdict<'a> {
    fn said(answer: Answer, rule: Option<&'a FirewallRule>) -> Self {
        Self { answer, rule, asks_application_rules: false }
    }

    /// What it does.
    #[must_use]
    pub fn answer(&self) -> Answer {
        self.answer
    }

    /// The rule that says so: none for [`Answer::NoMatch`].
    #[must_use]
    pub fn rule(&self) -> Option<&'a FirewallRule> {
        self.rule
    }

    /// Whether, without a match, application rules decide next; if not, the firewall drops the flow.
    #[must_use]
    pub fn asks_application_rules(&self) -> bool {
        self.asks_application_rules
    }
}

/// Which sources get which answer, from [`Firewall::sources`]. Every source of the family is in one of the sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sources {
    /// By answer, in the order in which they are declared.
    sets: [CidrSet; 4],
}

impl Sources {
    /// The sources that get this answer.
    #[must_use]
    pub fn of(&self, answer: Answer) -> &CidrSet {
        &self.sets[answer as usize]
    }
}

/// The network and DNAT rules of a firewall, after [Azure Firewall rule processing logic][docs].
///
/// Collections by priority, the lowest number first; in a policy the parent's groups, then groups by priority. The first
/// match ends it. DNAT rules come before all: the flow goes on to the translated address and is allowed, unless a
/// network rule denies it there. Threat intelligence comes before all rules and is no part of this.
///
/// Rules of equal protocols, ports and destinations form a class, in which a look-up is one binary search for the source.
///
/// ```
/// use cidrgate::azure::{Answer, Firewall};
/// let firewall = Firewall::read(r#"{"networkRuleCollections": [{
///     "name": "out", "priority": 200, "action": {"type": "Allow"},
///     "rules": [{"name": "AllowTCPOutbound", "protocols": ["TCP"], "sourceAddresses": ["*"],
///                "destinationAddresses": ["*"], "destinationPorts": ["*"]}]
/// }]}"#)?;
/// assert_eq!(firewall.decide(&"TCP,10.240.0.4,40.0.0.1:443".parse()?).answer(), Answer::Allow);
/// assert_eq!(firewall.decide(&"UDP,10.240.0.4,40.0.0.1:53".parse()?).answer(), Answer::NoMatch);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [docs]: https://learn.microsoft.com/azure/firewall/rule-processing
#[derive(Clone, Debug)]
pub struct Firewall {
    dnat: Table,
    network: Table,
    has_application_rules: bool,
}

impl Firewall {
    /// Reads a firewall that names no service tags and IP groups.
    ///
    /// # Errors
    /// As [`FirewallReader::read`].
    pub fn read(text: impl AsRef<[u8]>) -> Result<Self, FirewallError> {
        FirewallReader::new().read(text)
    }

    /// What the firewall does with the flow. A compare for each class that could come first, a binary search for each
    /// that matches.
    #[must_use]
    pub fn decide(&self, flow: &Flow) -> Verdict<'_> {
        let (flow, dnat) = self.translated(flow);
        let Some(flow) = flow else { return Verdict::said(Answer::Undecided, dnat) };
        self.judge(&flow, self.network.find(&flow), dnat)
    }

    /// What network rules and DNAT make of a flow that is translated by now.
    fn judge<'a>(
        &self,
        flow: &Flow,
        network: Option<(&'a FirewallRule, bool)>,
        dnat: Option<&'a FirewallRule>,
    ) -> Verdict<'a> {
        match (network, dnat) {
            (Some((rule, true)), _) => Verdict::said(Answer::Undecided, Some(rule)),
            (Some((rule, false)), _) if !rule.action.is_allow() => Verdict::said(Answer::Deny, Some(rule)),
            (_, Some(dnat)) => Verdict::said(Answer::Allow, Some(dnat)),
            (Some((rule, false)), None) => Verdict::said(Answer::Allow, Some(rule)),
            (None, None) => Verdict {
                asks_application_rules: self.has_application_rules && flow.protocol == Protocol::Tcp,
                ..Verdict::said(Answer::NoMatch, None)
            },
        }
    }

    /// What the firewall does with the flow from every source, not only its own: which sources get which answer, all of
    /// the destination's family. One painting of the classes that have the flow, and one more for each DNAT rule that
    /// has it from some source.
    ///
    /// ```
    /// use cidrgate::CidrSet;
    /// use cidrgate::azure::{Answer, Firewall};
    /// let firewall = Firewall::read(r#"{"networkRuleCollections": [{
    ///     "name": "out", "priority": 200, "action": {"type": "Allow"},
    ///     "rules": [{"name": "api", "protocols": ["TCP"], "sourceAddresses": ["10.240.0.0/17"],
    ///                "destinationAddresses": ["40.0.0.1"], "destinationPorts": ["443"]}]
    /// }]}"#)?;
    /// let sources = firewall.sources(&"TCP,10.240.0.4,40.0.0.1:443".parse()?)?;
    /// let nodes: CidrSet = "10.240.0.0/16".parse()?;
    /// assert_eq!((nodes - sources.of(Answer::Allow)).to_string(), "10.240.128.0/17\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If memory cannot be had.
    pub fn sources(&self, flow: &Flow) -> Result<Sources, OutOfMemory> {
        let mut ranges: [Vec<IpRange>; 4] = Default::default();
        let mut push = |answer: Answer, range| {
            let ranges = &mut ranges[answer as usize];
            ranges.try_reserve(1)?;
            ranges.push(range);
            Ok::<_, OutOfMemory>(())
        };
        let mut by_dnat: BTreeMap<u32, Vec<IpRange>> = BTreeMap::new();
        self.dnat.paint(flow, |owner, range| {
            let ranges = by_dnat.entry(owner).or_default();
            ranges.try_reserve(1)?;
            ranges.push(range);
            Ok(())
        })?;
        for (owner, sources) in by_dnat {
            let dnat = self.dnat.rule(owner).map(|(rule, _)| rule);
            let (translated, _) = Self::translate(flow, dnat);
            let Some(to) = translated else {
                sources.into_iter().try_for_each(|range| push(Answer::Undecided, range))?;
                continue;
            };
            // The source decides the family: it stays as it is.
            let mut sources = sources.into_iter().peekable();
            self.network.paint(&to, |owner, range| {
                let answer = self.judge(&to, self.network.rule(owner), dnat).answer;
                while let Some(part) = sources.peek() {
                    if let Ok(common) = IpRange::new(part.first().max(range.first()), part.last().min(range.last())) {
                        push(answer, common)?;
                    }
                    if part.last() > range.last() {
                        break;
                    }
                    sources.next();
                }
                Ok(())
            })?;
        }
        let [allow, deny, no_match, undecided] = ranges.map(CidrSet::try_from_ranges);
        Ok(Sources { sets: [allow?, deny?, no_match?, undecided?] })
    }

    /// The rules that match the flow, or may by a domain name, beside the one that decides; in order. One pass over all
    /// rules.
    #[must_use]
    pub fn beaten(&self, flow: &Flow) -> Vec<&FirewallRule> {
        let winner = self.decide(flow).rule;
        let (translated, _) = self.translated(flow);
        let dnat = self.dnat.rules.iter().filter(|rule| rule.may_match(flow));
        let network = self.network.rules.iter().filter(|rule| translated.is_some_and(|flow| rule.may_match(&flow)));
        dnat.chain(network).filter(|rule| !winner.is_some_and(|winner| core::ptr::eq(winner, *rule))).collect()
    }

    /// The flow after DNAT, none if it goes to a domain name; and the rule that translated it.
    fn translated(&self, flow: &Flow) -> (Option<Flow>, Option<&FirewallRule>) {
        Self::translate(flow, self.dnat.find(flow).map(|(rule, _)| rule))
    }

    fn translate<'a>(flow: &Flow, found: Option<&'a FirewallRule>) -> (Option<Flow>, Option<&'a FirewallRule>) {
        let Some(Translation(to)) = found.and_then(|rule| rule.translation) else { return (Some(*flow), None) };
        let flow = to.map(|(destination, port)| Flow { destination, port: flow.port.and(port), ..*flow });
        (flow, found)
    }
}

/// Rules in order, and their classes.
#[derive(Clone, Debug)]
struct Table {
    rules: Vec<FirewallRule>,
    /// By their first rule.
    classes: Vec<Class>,
}

/// What the rules of a class share, and who owns which sources. An owner is twice the index of a rule, and one more
/// where the rule matches by a domain name only.
#[derive(Clone, Debug)]
struct Class {
    first: u32,
    protocols: u8,
    ports: Ports,
    destinations: CidrSet,
    v4: Segments<u32>,
    v6: Segments<u128>,
}

impl Class {
    /// Whether the flow is one of the class, from some source.
    fn has(&self, flow: &Flow) -> bool {
        self.protocols & flow.protocol.bit() != 0
            && self.ports.has(flow.port)
            && self.destinations.contains(flow.destination)
    }
}

impl Table {
    fn new(rules: Vec<FirewallRule>) -> Result<Self, OutOfMemory> {
        let mut keys: BTreeMap<(u8, &Ports, CidrSet), Vec<u32>> = BTreeMap::new();
        for (index, rule) in rules.iter().enumerate() {
            if 2 * index + 1 >= Order::MOST {
                return Err(OutOfMemory);
            }
            let owner = 2 * index as u32;
            let mut add = |destinations, owner| {
                keys.entry((rule.protocols, &rule.ports, destinations)).or_default().push(owner);
            };
            if !rule.destinations.is_empty() {
                add(rule.destinations.clone(), owner);
            }
            if rule.domains {
                add(CidrSet::all(), owner + 1);
            }
        }
        let mut classes = Vec::new();
        for ((protocols, ports, destinations), owners) in keys {
            let (mut v4, mut v6) = (Vec::new(), Vec::new());
            for &owner in &owners {
                let Some(rule) = rules.get(owner as usize / 2) else { continue };
                let order = Order::new(0, false, owner);
                v4.extend(rule.sources.v4().runs().map(|(first, last)| Piece { first, last, order }));
                v6.extend(rule.sources.v6().runs().map(|(first, last)| Piece { first, last, order }));
            }
            classes.push(Class {
                first: owners.first().copied().unwrap_or(DEFAULT),
                protocols,
                ports: ports.clone(),
                destinations,
                v4: Segments::paint(v4, |_, _| {})?,
                v6: Segments::paint(v6, |_, _| {})?,
            });
        }
        classes.sort_by_key(|class| class.first);
        Ok(Self { rules, classes })
    }

    /// The first rule that matches the flow, and whether only a domain name can tell.
    fn find(&self, flow: &Flow) -> Option<(&FirewallRule, bool)> {
        let mut best = DEFAULT;
        for class in &self.classes {
            if class.first >= best {
                break;
            }
            if !class.has(flow) {
                continue;
            }
            let owner = match flow.source {
                IpAddr::V4(addr) => class.v4.owners.get(class.v4.rank(addr.to_bits())),
                IpAddr::V6(addr) => class.v6.owners.get(class.v6.rank(addr.to_bits())),
            };
            best = best.min(owner.copied().unwrap_or(DEFAULT));
        }
        self.rule(best)
    }

    /// The rule of an owner, and whether only a domain name can tell.
    fn rule(&self, owner: u32) -> Option<(&FirewallRule, bool)> {
        let rule = self.rules.get(owner as usize / 2)?;
        Some((rule, owner % 2 == 1))
    }

    /// Calls `emit` for every segment of the flow's sources, rising, with its owner.
    fn paint(&self, flow: &Flow, emit: impl FnMut(u32, IpRange) -> Result<(), OutOfMemory>) -> Result<(), OutOfMemory> {
        match flow.source {
            IpAddr::V4(_) => self.paint_family(flow, |class| &class.v4, emit),
            IpAddr::V6(_) => self.paint_family(flow, |class| &class.v6, emit),
        }
    }

    fn paint_family<W: Family>(
        &self,
        flow: &Flow,
        of: impl Fn(&Class) -> &Segments<W>,
        mut emit: impl FnMut(u32, IpRange) -> Result<(), OutOfMemory>,
    ) -> Result<(), OutOfMemory> {
        let mut pieces = Vec::new();
        for class in self.classes.iter().filter(|class| class.has(flow)) {
            let segments = of(class);
            pieces.try_reserve(segments.owners.len())?;
            for (rank, owner) in segments.owners.iter().enumerate().filter(|(_, owner)| **owner != DEFAULT) {
                let (first, last) = segment(&segments.edges, rank);
                pieces.push(Piece { first, last, order: Order::new(0, false, *owner) });
            }
        }
        let all = Segments::paint(pieces, |_, _| {})?;
        for (rank, owner) in all.owners.iter().enumerate() {
            let (first, last) = segment(&all.edges, rank);
            emit(*owner, W::range(first, last))?;
        }
        Ok(())
    }
}

/// Reads firewalls with options: the addresses of service tags and IP groups, the parent of a policy.
#[derive(Clone, Debug, Default)]
pub struct FirewallReader {
    sets: NamedSets,
    parent: Option<Vec<u8>>,
}

impl FirewallReader {
    /// A reader without sets and parent.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Hands over the addresses of a service tag by its name, or of an IP group by the last part of its resource id.
    #[must_use]
    pub fn set(mut self, name: impl Into<String>, set: CidrSet) -> Self {
        self.sets.0.push((name.into(), set));
        self
    }

    /// Hands over the document of the policy's parent, whose groups come first. A path in an error may be in it.
    #[must_use]
    pub fn parent(mut self, text: impl Into<Vec<u8>>) -> Self {
        self.parent = Some(text.into());
        self
    }

    /// Reads what `az network firewall show -o json` or Resource Manager prints, or the rule collection groups of a
    /// policy: a list of them, one, or a policy with them in it.
    ///
    /// # Errors
    /// If it is no such document, a service tag or IP group is not known, or memory cannot be had; or if the rules are
    /// elsewhere: in a policy that the firewall names, or in a parent that was not handed over.
    pub fn read(&self, text: impl AsRef<[u8]>) -> Result<Firewall, FirewallError> {
        self.read_node(&Node::root(&parse(text.as_ref())?)).map_err(FirewallError::from)
    }

    pub(super) fn read_node(&self, node: &Node<'_>) -> Result<Firewall, Wrong> {
        let mut draft = Draft { sets: &self.sets, dnat: Vec::new(), network: Vec::new(), application: false, level: 0 };
        if let Some(parent) = &self.parent {
            draft.document(&Node::root(&parse(parent)?), false)?;
            draft.level += 1;
        }
        draft.document(node, self.parent.is_some())?;
        let table = |mut rules: Vec<(Rank, FirewallRule)>| {
            rules.sort_by_key(|(rank, _)| *rank);
            Table::new(rules.into_iter().map(|(_, rule)| rule).collect()).map_err(|error| Wrong::new("", error))
        };
        let (dnat, network) = (table(draft.dnat)?, table(draft.network)?);
        Ok(Firewall { dnat, network, has_application_rules: draft.application })
    }
}

/// Level of the policy, priority of the group, priority of the collection.
type Rank = (u32, u64, u64);

struct Draft<'a> {
    sets: &'a NamedSets,
    dnat: Vec<(Rank, FirewallRule)>,
    network: Vec<(Rank, FirewallRule)>,
    application: bool,
    level: u32,
}

impl Draft<'_> {
    fn document(&mut self, node: &Node<'_>, has_parent: bool) -> Result<(), Wrong> {
        if node.is_list() {
            return node.items()?.iter().try_for_each(|group| self.group(group));
        }
        if let Some(base) = node.member("basePolicy")? {
            if base.member("ruleCollectionGroups")?.is_some() {
                self.document(&base, false)?;
                self.level += 1;
            } else if !has_parent {
                return Err(base.wrong("the parent's rules come first: hand over its rule collection groups"));
            }
        }
        if let Some(policy) = node.member("firewallPolicy")? {
            return Err(policy.wrong("the rules are in this policy: read its rule collection groups"));
        }
        for group in node.list("ruleCollectionGroups")? {
            self.group(&group)?;
        }
        if node.member("ruleCollections")?.is_some() {
            self.group(node)?;
        }
        for collection in node.list("networkRuleCollections")? {
            self.collection(&collection, 0, |_| Ok("NetworkRule"))?;
        }
        for collection in node.list("natRuleCollections")? {
            self.collection(&collection, 0, |_| Ok("NatRule"))?;
        }
        self.application |= !node.list("applicationRuleCollections")?.is_empty();
        Ok(())
    }

    fn group(&mut self, node: &Node<'_>) -> Result<(), Wrong> {
        let priority = priority(node)?;
        for collection in node.required("ruleCollections")?.items()? {
            self.collection(&collection, priority, |rule| rule.required("ruleType")?.string())?;
        }
        Ok(())
    }

    fn collection(
        &mut self,
        node: &Node<'_>,
        group: u64,
        kind: impl for<'n> Fn(&Node<'n>) -> Result<&'n str, Wrong>,
    ) -> Result<(), Wrong> {
        let rank = (self.level, group, priority(node)?);
        let name: Arc<str> = node.required("name")?.string()?.into();
        for rule in node.list("rules")? {
            match kind(&rule)? {
                "NetworkRule" => {
                    let action = action(node)?;
                    let read = self.rule(&rule, &name, action, None)?;
                    self.network.push((rank, read));
                }
                "NatRule" => {
                    let to = translation(&rule)?;
                    let read = self.rule(&rule, &name, Action::Allow, Some(to))?;
                    self.dnat.push((rank, read));
                }
                "ApplicationRule" => self.application = true,
                other => return Err(rule.wrong(format!("{} is no type of rule", Quoted(other.as_bytes())))),
            }
        }
        Ok(())
    }

    fn rule(
        &self,
        node: &Node<'_>,
        collection: &Arc<str>,
        action: Action,
        translation: Option<Translation>,
    ) -> Result<FirewallRule, Wrong> {
        let sources = self.addresses(node, "sourceAddresses", "sourceIpGroups")?;
        let destinations = self.addresses(node, "destinationAddresses", "destinationIpGroups")?;
        let domains = !node.list("destinationFqdns")?.is_empty();
        // Azure takes no such rule, so here a part of the document must be missing.
        let sources = sources.ok_or_else(|| node.wrong("the rule has no sources"))?;
        if destinations.is_none() && !domains {
            return Err(node.wrong("the rule has no destinations"));
        }
        Ok(FirewallRule {
            collection: Arc::clone(collection),
            name: node.required("name")?.string()?.to_string(),
            action,
            translation,
            protocols: protocols(node)?,
            ports: ports(node)?,
            sources,
            destinations: destinations.unwrap_or_default(),
            domains,
        })
    }

    /// The addresses of both members together; none if both are empty.
    fn addresses(&self, node: &Node<'_>, addresses: &str, groups: &str) -> Result<Option<CidrSet>, Wrong> {
        let mut collector = Collector::default();
        let mut sets = Vec::new();
        let (addresses, groups) = (node.list(addresses)?, node.list(groups)?);
        for item in &addresses {
            let text = item.string()?;
            if text == "*" {
                sets.push(CidrSet::all());
            } else if is_tag(text) {
                sets.push(self.sets.of(text).map_err(|reason| item.wrong(reason))?.clone());
            } else {
                let range =
                    text.parse().map_err(|error| item.wrong(format!("{}: {error}", Quoted(text.as_bytes()))))?;
                collector.push(range).map_err(|error| item.wrong(error))?;
            }
        }
        for item in &groups {
            let name = item.string()?.rsplit('/').next().unwrap_or_default();
            sets.push(self.sets.of(name).map_err(|reason| item.wrong(reason))?.clone());
        }
        if addresses.is_empty() && groups.is_empty() {
            return Ok(None);
        }
        let all = collector.finish().and_then(|own| CidrSet::union_of(sets.iter().chain([&own])));
        all.map(Some).map_err(|error| node.wrong(error))
    }
}

fn priority(node: &Node<'_>) -> Result<u64, Wrong> {
    let node = node.required("priority")?;
    let priority = node.number()?;
    if PRIORITIES.contains(&priority) { Ok(priority) } else { Err(node.wrong("a priority is 100 to 65000")) }
}

fn action(node: &Node<'_>) -> Result<Action, Wrong> {
    let node = node.required("action")?.required("type")?;
    match node.string()? {
        name if name.eq_ignore_ascii_case("allow") => Ok(Action::Allow),
        name if name.eq_ignore_ascii_case("deny") => Ok(Action::Deny),
        _ => Err(node.wrong("expected `Allow` or `Deny`")),
    }
}

fn protocols(node: &Node<'_>) -> Result<u8, Wrong> {
    let mut all = 0;
    for name in ["protocols", "ipProtocols"] {
        for item in node.list(name)? {
            all |= match item.string()? {
                any if any.eq_ignore_ascii_case("any") => Protocol::ALL.iter().fold(0, |all, one| all | one.bit()),
                name => Protocol::named(name)
                    .map(Protocol::bit)
                    .ok_or_else(|| item.wrong("expected `TCP`, `UDP`, `ICMP` or `Any`"))?,
            };
        }
    }
    if all == 0 { Err(node.wrong("the rule has no protocols")) } else { Ok(all) }
}

fn ports(node: &Node<'_>) -> Result<Ports, Wrong> {
    let mut ports = Ports::default();
    for item in node.list("destinationPorts")? {
        let text = item.string()?;
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        match (number(first), number(last)) {
            _ if text == "*" => ports.any = true,
            (Some(first), Some(last)) if first <= last => ports.ranges.push((first, last)),
            _ => return Err(item.wrong("expected a port, two with a dash between, or `*`")),
        }
    }
    // In one order, so that equal ports are equal.
    ports.ranges.sort_unstable();
    ports.ranges.dedup();
    if ports.any || !ports.ranges.is_empty() { Ok(ports) } else { Err(node.wrong("the rule has no ports")) }
}

fn translation(node: &Node<'_>) -> Result<Translation, Wrong> {
    let port = node.required("translatedPort")?;
    let value = port.string().ok().and_then(number).or_else(|| u16::try_from(port.number().ok()?).ok());
    let value = value.ok_or_else(|| port.wrong("expected a port"))?;
    match node.member("translatedAddress")?.filter(|node| !matches!(node.string(), Ok(""))) {
        Some(to) => Ok(Translation(Some((to.addr()?, Some(value))))),
        None => node.required("translatedFqdn")?.string().map(|_| Translation(None)),
    }
}

/// A number in plain digits.
fn number(text: &str) -> Option<u16> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_rules_of_equal_parts_are_one_class() {
        let rule = |at: u32| {
            let source = core::net::Ipv4Addr::from_bits(at << 8);
            format!(
                r#"{{"name":"{at}","protocols":["TCP"],"sourceAddresses":["{source}/24"],"destinationAddresses":["*"],
                "destinationPorts":["443","80"]}}"#
            )
        };
        let rules: Vec<_> = (0..1000).map(rule).collect();
        let text = format!(
            r#"{{"networkRuleCollections":[{{"name":"c","priority":200,"action":{{"type":"Allow"}},"rules":[{}]}}]}}"#,
            rules.join(",").replacen(r#""443","80""#, r#""80","443","80""#, 500)
        );
        let firewall = Firewall::read(text).unwrap();
        assert_eq!(firewall.network.classes.len(), 1);
        let flow = "TCP,0.3.231.9,40.0.0.1:443".parse().unwrap();
        assert_eq!(firewall.decide(&flow).rule().map(FirewallRule::name), Some("999"));
    }
}
