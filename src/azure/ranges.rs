//! [`AuthorizedRanges`]: who may connect to the API server of a cluster.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::{self, Display};
use core::net::Ipv4Addr;
use core::str::FromStr;

use ipnet::{IpNet, Ipv4Net};

use super::json::{NamedSets, Node, Wrong, is_tag, parse};
use crate::error::OutOfMemory;
use crate::fault::{BuildError, Quoted};
use crate::name::SetName;
use crate::policy::{Action, Policy, Rule, Target};
use crate::range::IpRange;
use crate::set::CidrSet;
use crate::text;

/// How many entries the service takes.
pub const LIMIT: usize = 200;

/// How many entries the service takes for a cluster with API server VNet integration.
pub const LIMIT_VNET_INTEGRATION: usize = 2000;

/// Alone in a list: nobody but the cluster itself. It is a word, not the network it looks like.
pub(super) const KEYWORD: &str = "0.0.0.0/32";

/// By these a document is known as a cluster, whatever else is left out of it. A `provisioningState` has every resource.
const CLUSTER_MEMBERS: [&str; 5] =
    ["apiServerAccessProfile", "fqdn", "nodeResourceGroup", "agentPoolProfiles", "networkProfile"];

/// How many faults of one list are told; the others are counted.
const TOLD: usize = 100;

/// What is not globally reachable, after the [IANA IPv4 Special-Purpose Address Registry][iana] as Python's `ipaddress`
/// has it since March 2024 ([gh-113171][gh]; in releases from 3.12.4, 3.11.10, 3.10.15, 3.9.20 and 3.8.20 on). Older
/// Pythons know only 192.0.0.0/29 and 192.0.0.170/31 of 192.0.0.0/24. That module keeps 100.64.0.0/10 apart, but its
/// `is_global` refuses it too. `tests/azure_ranges.rs` compares with the Python that is there.
///
/// [iana]: https://www.iana.org/assignments/iana-ipv4-special-registry/iana-ipv4-special-registry.xhtml
/// [gh]: https://github.com/python/cpython/issues/113171
const NOT_GLOBAL: [(Ipv4Addr, u8, &str); 13] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8, "\"this network\", RFC 791"),
    (Ipv4Addr::new(10, 0, 0, 0), 8, "private, RFC 1918"),
    (Ipv4Addr::new(100, 64, 0, 0), 10, "shared address space, RFC 6598"),
    (Ipv4Addr::new(127, 0, 0, 0), 8, "loopback, RFC 1122"),
    (Ipv4Addr::new(169, 254, 0, 0), 16, "link-local, RFC 3927"),
    (Ipv4Addr::new(172, 16, 0, 0), 12, "private, RFC 1918"),
    (Ipv4Addr::new(192, 0, 0, 0), 24, "IETF protocol assignments, RFC 6890"),
    (Ipv4Addr::new(192, 0, 2, 0), 24, "documentation, RFC 5737"),
    (Ipv4Addr::new(192, 168, 0, 0), 16, "private, RFC 1918"),
    (Ipv4Addr::new(198, 18, 0, 0), 15, "benchmarking, RFC 2544"),
    (Ipv4Addr::new(198, 51, 100, 0), 24, "documentation, RFC 5737"),
    (Ipv4Addr::new(203, 0, 113, 0), 24, "documentation, RFC 5737"),
    (Ipv4Addr::new(240, 0, 0, 0), 4, "reserved, RFC 1112"),
];

/// The two anycast addresses of 192.0.0.0/24 that are global: port control (RFC 7723) and TURN (RFC 8155).
const GLOBAL_AFTER_ALL: [Ipv4Addr; 2] = [Ipv4Addr::new(192, 0, 0, 9), Ipv4Addr::new(192, 0, 0, 10)];

/// Why the network is not global. As in Python, a network is not global if both its ends lie in one block of the table
/// and neither is one of the exceptions; a network that reaches beyond its block passes.
pub(super) fn not_global(net: Ipv4Net) -> Option<&'static str> {
    let ends = [net.network(), net.broadcast()];
    if ends.iter().any(|end| GLOBAL_AFTER_ALL.contains(end)) {
        return None;
    }
    let holds = |first: Ipv4Addr, len: u8| ends.iter().all(|end| (end.to_bits() ^ first.to_bits()) >> (32 - len) == 0);
    NOT_GLOBAL.iter().find(|(first, len, _)| holds(*first, *len)).map(|(_, _, why)| *why)
}

/// Whose rules a list is read by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Era {
    /// The preview of 2019: host bits are cleared with a warning, and so is told what the CLI refuses today.
    #[default]
    Preview2019,
    /// Today's CLI: strict networks that are global.
    Current,
}

impl Era {
    /// `2019` or `current`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Preview2019 => "2019",
            Self::Current => "current",
        }
    }
}

impl Display for Era {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Era {
    type Err = EraError;

    fn from_str(text: &str) -> Result<Self, EraError> {
        [Self::Preview2019, Self::Current].into_iter().find(|era| era.as_str() == text).ok_or(EraError)
    }
}

/// Why a text is no [`Era`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an era is `2019` or `current`")]
pub struct EraError;

/// One entry of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeEntry {
    text: String,
    target: Target,
}

impl RangeEntry {
    /// As it is written, without the blanks around it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The network, host bits cleared, or the set of a service tag.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }
}

/// What was taken, but is worth saying.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RangeWarning {
    /// Host bits were cleared: start with the first address of the range.
    HostBits {
        /// The entry, counted from 0.
        index: usize,
        /// As it was written.
        text: String,
        /// As it is read.
        network: IpNet,
    },
    /// Today's CLI refuses the entry.
    RefusedToday {
        /// The entry, counted from 0.
        index: usize,
        /// As it was written.
        text: String,
        /// Why.
        reason: String,
    },
}

impl Display for RangeWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HostBits { text, network, .. } => {
                write!(f, "{text} is read as {network}: start with the first address of the range")
            }
            Self::RefusedToday { text, reason, .. } => write!(f, "today's CLI refuses {text}: {reason}"),
        }
    }
}

/// One fault of a list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{}{reason}", self.path, if self.path.is_empty() { "" } else { ": " })]
pub struct RangesFault {
    path: String,
    reason: String,
}

impl RangesFault {
    /// Where: `entry 2` of a text, counted from 0, or the path of a document; empty if it is wrong as a whole.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What is wrong there.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

/// Why there are no authorized ranges: every fault of the list, of which the first hundred are told.
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("{}", Told(self))]
pub struct RangesError {
    faults: Vec<RangesFault>,
    count: usize,
}

impl RangesError {
    /// The first hundred faults, in order; at least one.
    #[must_use]
    pub fn faults(&self) -> &[RangesFault] {
        &self.faults
    }

    /// How many there are in all.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// The first fault alone.
    pub(super) fn into_wrong(self) -> Wrong {
        let first = self.faults.into_iter().next();
        first.map_or_else(|| Wrong::new("", "unreadable"), |fault| Wrong::new(fault.path, fault.reason))
    }

    fn push(&mut self, path: &str, reason: impl Display) {
        self.count += 1;
        if self.faults.len() < TOLD {
            self.faults.push(RangesFault { path: path.into(), reason: reason.to_string() });
        }
    }
}

impl From<Wrong> for RangesError {
    fn from(wrong: Wrong) -> Self {
        Self { faults: Vec::from([RangesFault { path: wrong.path, reason: wrong.reason }]), count: 1 }
    }
}

/// One fault a line.
struct Told<'a>(&'a RangesError);

impl Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, fault) in self.0.faults.iter().enumerate() {
            write!(f, "{}{fault}", if at == 0 { "" } else { "\n" })?;
        }
        match self.0.count - self.0.faults.len() {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

/// A list that is longer than the service takes, in the service's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("The number of APIServer Authorized IP Ranges is greater than the allowed value {limit}.")]
pub struct LimitError {
    limit: usize,
    entries: usize,
}

impl LimitError {
    /// How many entries are allowed.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// How many there are.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.entries
    }
}

/// The list of networks that may connect to the API server, after [Secure access to the API server using authorized IP
/// address ranges][docs].
///
/// An update replaces the whole list, and for up to two minutes the old one may still answer.
///
/// ```
/// use cidrgate::azure::AuthorizedRanges;
/// let ranges: AuthorizedRanges = "20.42.25.196/32, 172.0.0.10/16".parse()?;
/// assert_eq!(ranges.warnings()[0].to_string(),
///            "172.0.0.10/16 is read as 172.0.0.0/16: start with the first address of the range");
/// assert!(ranges.listed().contains(std::net::Ipv4Addr::new(172, 0, 9, 9)));
/// # Ok::<(), cidrgate::azure::RangesError>(())
/// ```
///
/// [docs]: https://learn.microsoft.com/azure/aks/api-server-authorized-ip-ranges
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizedRanges {
    /// Empty if the feature is off; the keyword is an entry without addresses.
    entries: Vec<RangeEntry>,
    tag: Option<(SetName, CidrSet)>,
    keyword: bool,
    listed: CidrSet,
    warnings: Vec<RangeWarning>,
}

impl AuthorizedRanges {
    /// Whether the feature is off (`""`, or no list): everyone may connect.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.entries.is_empty() && !self.keyword
    }

    /// Whether the list is `0.0.0.0/32` alone: nobody may connect but the cluster itself.
    #[must_use]
    pub fn is_own_only(&self) -> bool {
        self.keyword
    }

    /// The service tag, if one is listed: its name, and its IPv4 addresses.
    pub(super) fn tag(&self) -> Option<(&SetName, &CidrSet)> {
        self.tag.as_ref().map(|(name, set)| (name, set))
    }

    /// The entries in order; none if the feature is off or the list is the keyword.
    #[must_use]
    pub fn entries(&self) -> &[RangeEntry] {
        &self.entries
    }

    /// Cleared host bits, and, in the era of 2019, what today's CLI refuses.
    #[must_use]
    pub fn warnings(&self) -> &[RangeWarning] {
        &self.warnings
    }

    /// The addresses of the entries; every address if the feature is off.
    #[must_use]
    pub fn listed(&self) -> &CidrSet {
        &self.listed
    }

    /// The addresses of the entries that are networks, without the service tag's.
    pub(super) fn networks(&self) -> Result<CidrSet, OutOfMemory> {
        let networks = self.entries.iter().filter_map(|entry| match &entry.target {
            Target::Network(net) => Some(IpRange::from(*net)),
            _ => None,
        });
        CidrSet::try_from_ranges(networks)
    }

    /// Who may connect: what is listed, and `own`, the addresses that the service adds by itself (the API server's, the
    /// load balancer's outbound ones). It added none in 2019 to a cluster behind a firewall.
    ///
    /// # Errors
    /// If memory cannot be had.
    pub fn evaluated(&self, own: &CidrSet) -> Result<CidrSet, OutOfMemory> {
        self.listed.union(own)
    }

    /// The same as a policy that denies by default: a rule for each entry, with the same index and the entry's text as
    /// its note, then one for each network of `own`. If the feature is off: no rule, and everyone is allowed.
    ///
    /// # Errors
    /// If memory cannot be had.
    pub fn policy(&self, own: &CidrSet) -> Result<Policy, BuildError> {
        let mut builder = Policy::builder();
        if self.is_off() {
            return builder.default_action(Action::Allow).build();
        }
        if let Some((name, set)) = &self.tag {
            builder = builder.set(name.as_str(), set.clone());
        }
        for entry in &self.entries {
            builder = builder.rule(Rule::allow(entry.target.clone()).with_note(&entry.text));
        }
        for net in own {
            builder = builder.rule(Rule::allow(net).with_note("the cluster's own"));
        }
        builder.build()
    }

    /// Sees that the list has no more entries than `limit`, [`LIMIT`] or [`LIMIT_VNET_INTEGRATION`]. The service does
    /// this, not the CLI. Entries count as written, repeated ones too; a service tag is one.
    ///
    /// # Errors
    /// If it has more.
    pub fn check_limit(&self, limit: usize) -> Result<(), LimitError> {
        // The keyword is no address, but one entry.
        let entries = self.entries.len() + usize::from(self.keyword);
        if entries > limit { Err(LimitError { limit, entries }) } else { Ok(()) }
    }
}

/// Reading by the rules of 2019, without service tags.
impl FromStr for AuthorizedRanges {
    type Err = RangesError;

    fn from_str(text: &str) -> Result<Self, RangesError> {
        RangesReader::new().read(text)
    }
}

/// Reads authorized ranges with options: the era, the addresses of a service tag.
#[derive(Clone, Debug, Default)]
pub struct RangesReader {
    era: Era,
    sets: NamedSets,
}

impl RangesReader {
    /// A reader for the era of 2019, without sets.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whose rules count.
    #[must_use]
    pub fn era(mut self, era: Era) -> Self {
        self.era = era;
        self
    }

    /// Hands over the addresses of a service tag, such as `AzureCloud.westeurope`.
    #[must_use]
    pub fn set(mut self, name: impl Into<String>, set: CidrSet) -> Self {
        self.sets.0.push((name.into(), set));
        self
    }

    /// Reads the text that `--api-server-authorized-ip-ranges` takes: entries with commas between. Exactly `""` switches
    /// the feature off; blanks alone do not, since that opens the cluster to everyone.
    ///
    /// # Errors
    /// If any entry is at fault: all of them are told.
    pub fn read(&self, text: &str) -> Result<AuthorizedRanges, RangesError> {
        let parts: Vec<_> = if text.is_empty() { Vec::new() } else { text.split(',').collect() };
        let parts = parts.iter().enumerate().map(|(at, part)| (format!("entry {at}"), *part));
        self.judge(parts)
    }

    /// Reads the list of a cluster from what `az aks show -o json` or Resource Manager prints:
    /// `apiServerAccessProfile.authorizedIPRanges`, or `apiServerAuthorizedIPRanges` as in 2019. No list is the feature
    /// switched off, as is an empty one.
    ///
    /// # Errors
    /// If the document cannot be read or has none of a cluster's members, or any entry is at fault.
    pub fn read_cluster(&self, text: impl AsRef<[u8]>) -> Result<AuthorizedRanges, RangesError> {
        self.cluster(&Node::root(&parse(text.as_ref())?))
    }

    pub(super) fn cluster(&self, cluster: &Node<'_>) -> Result<AuthorizedRanges, RangesError> {
        let now = cluster.along(&["apiServerAccessProfile", "authorizedIPRanges"])?;
        let then = cluster.member("apiServerAuthorizedIPRanges")?;
        let list = match Node::same(now, then)? {
            Some(list) => list.items()?,
            // Without a list everyone may connect; of a document that is no cluster that must not be said.
            None => {
                for name in CLUSTER_MEMBERS {
                    if cluster.member(name)?.is_some() {
                        return self.judge(core::iter::empty());
                    }
                }
                return Err(Wrong::new("", "this is no cluster: it has none of the members of one").into());
            }
        };
        let mut parts = Vec::new();
        for node in &list {
            parts.push((node.path().to_string(), node.string()?));
        }
        self.judge(parts.into_iter())
    }

    fn judge<'t>(
        &self,
        parts: impl ExactSizeIterator<Item = (String, &'t str)>,
    ) -> Result<AuthorizedRanges, RangesError> {
        let alone = parts.len() == 1;
        let off = parts.len() == 0;
        let mut error = RangesError::default();
        let mut ranges = AuthorizedRanges {
            entries: Vec::new(),
            tag: None,
            keyword: false,
            listed: CidrSet::new(),
            warnings: Vec::new(),
        };
        for (index, (path, part)) in parts.enumerate() {
            let text = part.trim_matches([' ', '\t']);
            if text == KEYWORD && alone {
                ranges.keyword = true;
                continue;
            }
            match self.entry(index, text, &mut ranges) {
                Ok(target) => ranges.entries.push(RangeEntry { text: text.into(), target }),
                Err(reason) => error.push(&path, reason),
            }
        }
        if error.count > 0 {
            return Err(error);
        }
        ranges.listed = if off { Ok(CidrSet::all()) } else { listed(&ranges) }.map_err(|OutOfMemory| {
            let mut error = RangesError::default();
            error.push("", OutOfMemory);
            error
        })?;
        Ok(ranges)
    }

    fn entry(&self, index: usize, text: &str, ranges: &mut AuthorizedRanges) -> Result<Target, String> {
        if text.is_empty() {
            return Err("an empty entry; exactly \"\" alone switches the feature off".into());
        }
        if is_tag(text) {
            return self.tag(text, ranges);
        }
        if text == KEYWORD {
            return Err("0.0.0.0/32 shuts everyone out, and means that only as the one entry".into());
        }
        if text == "0.0.0.0" {
            return Err("0.0.0.0 would become 0.0.0.0/32, which shuts everyone out; write what you mean".into());
        }
        let quoted = Quoted(text.as_bytes());
        let (net, host_bits) = match text::net_lenient(text) {
            // A mapped network is written as IPv6, and the service reads no IPv6.
            Ok((IpNet::V4(net), host_bits)) if !text.contains(':') => (net, host_bits),
            Ok(_) => return Err(format!("{quoted}: only IPv4 ranges are supported")),
            Err(error) => return Err(format!("{quoted}: {error}")),
        };
        let not_global = not_global(net).map(|why| format!("{net} is not global: {why}"));
        if self.era == Era::Current {
            let refused = host_bits.map(|kind| kind.to_string()).or(not_global);
            return refused.map_or(Ok(IpNet::V4(net).into()), |reason| Err(format!("{quoted}: {reason}")));
        }
        if host_bits.is_some() {
            ranges.warnings.push(RangeWarning::HostBits { index, text: text.into(), network: net.into() });
        }
        if let Some(reason) = host_bits.map(|kind| kind.to_string()).or(not_global) {
            ranges.warnings.push(RangeWarning::RefusedToday { index, text: text.into(), reason });
        }
        Ok(IpNet::V4(net).into())
    }

    fn tag(&self, text: &str, ranges: &mut AuthorizedRanges) -> Result<Target, String> {
        let name = SetName::new(text).map_err(|error| format!("{}: {error}", Quoted(text.as_bytes())))?;
        if let Some((known, _)) = &ranges.tag {
            return Err(format!("a second service tag beside {known}: one at most"));
        }
        // The service reads no IPv6, so those addresses of the tag may not connect.
        let set = self.sets.of(text)?.only_v4();
        ranges.tag = Some((name.clone(), set));
        Ok(Target::Set(name))
    }
}

fn listed(ranges: &AuthorizedRanges) -> Result<CidrSet, OutOfMemory> {
    let networks = ranges.networks()?;
    match &ranges.tag {
        Some((_, set)) => networks.union(set),
        None => Ok(networks),
    }
}
