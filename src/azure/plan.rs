//! [`Plan`]: what a change of the authorized ranges does, and the command that makes it.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::{self, Display};
use core::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

use super::ranges::{AuthorizedRanges, KEYWORD, LIMIT, LIMIT_VNET_INTEGRATION, RangeWarning, not_global};
use crate::error::OutOfMemory;
use crate::fit::FitError;
use crate::policy::Target;
use crate::range::IpRange;
use crate::set::{CidrSet, Count};

/// Why a change must not be made. It names something that anyone can check: [`Refusal::witness`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// An entry that today's CLI refuses, and that no other spelling can save.
    #[error("{entry} cannot be said to today's CLI: {network} is not global: {reason}")]
    NotGlobal {
        /// The entry as it is written.
        entry: String,
        /// As it is read.
        network: IpNet,
        /// What the network is instead.
        reason: &'static str,
    },
    /// The cheapest list that fits has a network that today's CLI refuses. With it in `never` another list is found.
    #[error("the list that fits has {network}, which today's CLI refuses: {reason}; shut it out with never")]
    FitNotGlobal {
        /// The network.
        network: IpNet,
        /// What it is instead.
        reason: &'static str,
    },
    /// No list that fits the limit keeps out of what is never to be admitted.
    #[error(
        "no list of {} holds the desired addresses{}; the shortest has {fewest}",
        Entries(*.limit),
        if *.never { " and keeps out of what is never to be in" } else { "" }
    )]
    NoFit {
        /// How many entries are allowed.
        limit: usize,
        /// How many the shortest list has.
        fewest: usize,
        /// Whether it is for what is never to be in.
        never: bool,
        /// An address that the cheapest list would have to admit; where no list fits at all, one that is desired.
        witness: Option<IpAddr>,
    },
    /// An address that is to be kept would be out.
    #[error("{witness} is to be kept and would be locked out{}", More(*.count))]
    LockedOut {
        /// The lowest such address.
        witness: IpAddr,
        /// How many there are.
        count: Count,
    },
    /// The list would be empty, which does not shut everyone out but switches the feature off.
    #[error("the list would be empty, which would let everyone in")]
    Empty,
}

/// `, and 5 more`
struct More(Count);

impl Display for More {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.to_u128() {
            Some(0 | 1) => Ok(()),
            Some(count) => write!(f, ", and {} more", count - 1),
            None => f.write_str(", and many more"),
        }
    }
}

/// `1 entry`, `5 entries`
pub(super) struct Entries(pub(super) usize);

impl Display for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, if self.0 == 1 { "entry" } else { "entries" })
    }
}

/// `1 address`, `5 addresses`
pub(super) struct Addresses(pub(super) Count);

impl Display for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, if self.0 == 1 { "address" } else { "addresses" })
    }
}

impl Refusal {
    /// The entry, network or address for which the change is refused.
    #[must_use]
    pub fn witness(&self) -> Option<String> {
        match self {
            Self::NotGlobal { entry, .. } => Some(entry.clone()),
            Self::FitNotGlobal { network, .. } => Some(network.to_string()),
            Self::NoFit { witness, .. } => witness.map(|addr| addr.to_string()),
            Self::LockedOut { witness, .. } => Some(witness.to_string()),
            Self::Empty => None,
        }
    }
}

/// What is worth knowing before the change is made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlanWarning {
    /// About an entry of the desired list.
    Desired(RangeWarning),
    /// The list is replaced, and the old one may answer for a while.
    Replaces,
    /// The feature will be off.
    Off,
    /// Every IPv4 address will be listed.
    AllOfIpv4,
    /// Nobody but the cluster itself will be admitted.
    OwnOnly,
    /// What is desired is admitted, although it is never to be.
    InDespiteNever {
        /// The lowest such address.
        first: IpAddr,
        /// How many there are.
        count: Count,
    },
    /// The list admits more than was desired, to keep to the limit.
    Beyond {
        /// How many addresses.
        count: Count,
    },
    /// What the service tag stands for changes without an update of the list.
    Tag {
        /// Its name.
        name: String,
        /// How many IPv4 addresses were handed over for it.
        count: Count,
    },
    /// The limit is higher than the one that every cluster has.
    Limit {
        /// The limit that was given.
        limit: usize,
    },
    /// The list is already as it would be.
    Same,
}

impl Display for PlanWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Desired(warning) => warning.fmt(f),
            Self::Replaces => {
                f.write_str("the update replaces the whole list; for up to two minutes the old one may still answer")
            }
            Self::Off => f.write_str("an empty list switches the feature off: everyone may connect"),
            Self::AllOfIpv4 => f.write_str("the list has every IPv4 address: everyone may connect"),
            Self::OwnOnly => f.write_str("0.0.0.0/32 admits nobody but the cluster's own addresses"),
            Self::InDespiteNever { first, count } => {
                write!(f, "desired, so in although it is never to be: {first}{}", More(*count))
            }
            Self::Beyond { count } => write!(f, "the list admits {} beyond the desired ones", Addresses(*count)),
            Self::Tag { name, count } => write!(
                f,
                "{name} is counted as the IPv4 addresses that were handed over, {count}; the service may know others, and \
                 az by itself takes addresses and networks only"
            ),
            Self::Limit { limit } => write!(
                f,
                "{limit} entries: a cluster takes {LIMIT}, or {LIMIT_VNET_INTEGRATION} with API server VNet integration"
            ),
            Self::Same => f.write_str("the list is already like this: no update is needed"),
        }
    }
}

/// An entry of the list that holds now, and the one that says the same afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Respelled {
    from: String,
    to: String,
}

impl Respelled {
    /// The entry as it is written now.
    #[must_use]
    pub fn from(&self) -> &str {
        &self.from
    }

    /// The entry that has its addresses afterwards, and opens nothing.
    #[must_use]
    pub fn to(&self) -> &str {
        &self.to
    }
}

/// What a change of the authorized ranges does: who gets in, who is locked out, and the command that makes it. That an
/// update replaces the list, how long the old one may answer, and the limits are from [the vendor's page][docs]; what
/// the command line takes is from its [source][cli].
///
/// ```
/// use cidrgate::azure::{AuthorizedRanges, Planner};
/// let current: AuthorizedRanges = "20.42.25.196/32,168.10.0.10/18".parse()?;
/// let desired: AuthorizedRanges = "168.10.0.0/18,172.0.0.0/16".parse()?;
/// // The firewall's address, by which the nodes come, has been forgotten.
/// let planner = Planner::new().keep("20.42.25.196".parse()?).cluster("myResourceGroup", "myAKSCluster");
/// let plan = planner.plan(&current, &desired)?;
/// assert_eq!(plan.refused().unwrap().to_string(), "20.42.25.196 is to be kept and would be locked out");
/// assert_eq!(plan.command(), None);
///
/// let desired: AuthorizedRanges = "20.42.25.196,168.10.0.0/18,172.0.0.0/16".parse()?;
/// let plan = planner.plan(&current, &desired)?;
/// assert_eq!(plan.opens().to_string(), "172.0.0.0/16\n");
/// assert!(plan.closes().is_empty());
/// assert_eq!(
///     plan.command(),
///     Some(
///         "az aks update --resource-group myResourceGroup --name myAKSCluster \
///          --api-server-authorized-ip-ranges 20.42.25.196/32,168.10.0.0/18,172.0.0.0/16"
///     )
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [docs]: https://learn.microsoft.com/azure/aks/api-server-authorized-ip-ranges
/// [cli]: https://github.com/Azure/azure-cli/blob/dev/src/azure-cli/azure/cli/command_modules/acs/_validators.py
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    opens: CidrSet,
    closes: CidrSet,
    respelled: Vec<Respelled>,
    ranges: Vec<String>,
    beyond: CidrSet,
    refused: Option<Refusal>,
    command: Option<String>,
    warnings: Vec<PlanWarning>,
}

impl Plan {
    /// Who may connect afterwards and may not now, own addresses included. If no list can be made, as desired.
    #[must_use]
    pub fn opens(&self) -> &CidrSet {
        &self.opens
    }

    /// Who may connect now and may not afterwards.
    #[must_use]
    pub fn closes(&self) -> &CidrSet {
        &self.closes
    }

    /// The entries of the current list whose addresses stay, but by another spelling, and nothing with them.
    #[must_use]
    pub fn respelled(&self) -> &[Respelled] {
        &self.respelled
    }

    /// The list: the smallest that is equal to the desired one if that fits the limit, else the cheapest that fits.
    /// Networks first, rising, then the service tag as it is written. Empty only if the feature is to be off: where no
    /// list can be made it is the smallest equal one all the same.
    #[must_use]
    pub fn ranges(&self) -> &[String] {
        &self.ranges
    }

    /// What the list admits beyond the desired one, to keep to the limit. It is part of [`Plan::opens`] unless it was
    /// admitted before, or is the cluster's own.
    #[must_use]
    pub fn beyond(&self) -> &CidrSet {
        &self.beyond
    }

    /// Why the change must not be made.
    #[must_use]
    pub fn refused(&self) -> Option<&Refusal> {
        self.refused.as_ref()
    }

    /// The line for a POSIX shell that makes the change; none if it is refused. It has `""` for a list only if the
    /// desired one is exactly that.
    #[must_use]
    pub fn command(&self) -> Option<&str> {
        self.command.as_deref()
    }

    /// What is worth knowing before.
    #[must_use]
    pub fn warnings(&self) -> &[PlanWarning] {
        &self.warnings
    }
}

/// Makes [`Plan`]s: who must be kept, who must stay out, and what the limit is.
#[derive(Clone, Debug)]
pub struct Planner {
    own: CidrSet,
    keep: CidrSet,
    never: CidrSet,
    limit: usize,
    cluster: Option<(String, String)>,
}

impl Default for Planner {
    fn default() -> Self {
        Self { own: CidrSet::new(), keep: CidrSet::new(), never: CidrSet::new(), limit: LIMIT, cluster: None }
    }
}

impl Planner {
    /// A planner for [`LIMIT`] entries, without anything to keep.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What the service admits by itself, before and after: see [`AuthorizedRanges::evaluated`].
    #[must_use]
    pub fn own(mut self, own: CidrSet) -> Self {
        self.own = own;
        self
    }

    /// Addresses that must be in afterwards, whether they are now or not: the cluster's way out, and yours.
    #[must_use]
    pub fn keep(mut self, keep: CidrSet) -> Self {
        self.keep = keep;
        self
    }

    /// Addresses that must not be admitted for the sake of the limit. What is desired is admitted all the same, with a
    /// warning.
    #[must_use]
    pub fn never(mut self, never: CidrSet) -> Self {
        self.never = never;
        self
    }

    /// How many entries the list may have: [`LIMIT`], if nothing is said, or [`LIMIT_VNET_INTEGRATION`].
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// The cluster in the command. Without it the command leaves out both options.
    #[must_use]
    pub fn cluster(mut self, resource_group: impl Into<String>, name: impl Into<String>) -> Self {
        self.cluster = Some((resource_group.into(), name.into()));
        self
    }

    /// Judges the change from one list to the other.
    ///
    /// A service tag counts as one entry and stays as it is written, since its addresses change without notice; the
    /// other entries are fitted to the rest of the limit as if it were not there, and what it holds today is not
    /// `beyond`. The list is IPv4 only, and so is what may be widened: the cheapest list admits the fewest IPv4
    /// addresses that no entry has, as [`CidrSet::fit`] counts them.
    ///
    /// Costs as [`CidrSet::fit`], and n log n for both lists.
    ///
    /// # Errors
    /// If memory cannot be had.
    pub fn plan(&self, current: &AuthorizedRanges, desired: &AuthorizedRanges) -> Result<Plan, OutOfMemory> {
        let list = self.list(desired)?;
        let before = current.evaluated(&self.own)?;
        let after = match &list.set {
            Some(set) => set.union(&self.own)?,
            None => desired.evaluated(&self.own)?,
        };
        let out = self.keep.difference(&after)?;
        let locked_out =
            out.ranges().next().map(|range| Refusal::LockedOut { witness: range.first(), count: out.count() });
        let refused = list.refused.or(locked_out);
        let mut ranges: Vec<String> = Vec::new();
        ranges.try_reserve_exact(list.networks.len() + 1)?;
        ranges.extend(list.networks.iter().map(ToString::to_string));
        ranges.extend(desired.is_own_only().then(|| KEYWORD.into()));
        ranges.extend(desired.tag().map(|(name, _)| name.to_string()));
        let refused = refused.or((ranges.is_empty() && !desired.is_off()).then_some(Refusal::Empty));
        let beyond = match desired.tag() {
            Some((_, tag)) => list.extra.difference(tag)?,
            None => list.extra,
        };
        Ok(Plan {
            opens: after.difference(&before)?,
            closes: before.difference(&after)?,
            respelled: respelled(current, &list.networks)?,
            command: refused.is_none().then(|| self.command(&ranges)),
            warnings: self.warnings(current, desired, &ranges, &beyond)?,
            ranges,
            beyond,
            refused,
        })
    }

    fn list(&self, desired: &AuthorizedRanges) -> Result<NewList, OutOfMemory> {
        let networks = desired.networks()?;
        let equal = sayable(&networks)?;
        let list = |refused| NewList { networks: equal.clone(), set: None, extra: CidrSet::new(), refused };
        if let Some(refusal) = desired.entries().iter().find_map(unsayable) {
            return Ok(list(Some(refusal)));
        }
        let others = usize::from(desired.tag().is_some() || desired.is_own_only());
        let places = self.limit.checked_sub(others);
        if places.is_some_and(|places| equal.len() <= places) {
            return Ok(list(None));
        }
        let fit = match places.map_or(Err(FitError::NoFit { fewest: 0 }), |places| networks.fit(places, &self.never)) {
            Ok(fit) => fit,
            Err(FitError::OutOfMemory) => return Err(OutOfMemory),
            Err(FitError::NoFit { fewest }) => {
                return Ok(list(Some(self.no_fit(&networks, places.unwrap_or(0), fewest + others)?)));
            }
        };
        let refused = fit.networks().iter().find_map(|net| {
            let reason = not_global(v4(*net)?)?;
            Some(Refusal::FitNotGlobal { network: *net, reason })
        });
        let set = match desired.tag() {
            Some((_, tag)) => fit.set().union(tag)?,
            None => fit.set().clone(),
        };
        let mut networks = Vec::new();
        networks.try_reserve_exact(fit.networks().len())?;
        networks.extend_from_slice(fit.networks());
        Ok(NewList { networks, set: Some(set), extra: fit.extra().clone(), refused })
    }

    /// What the cheapest list would admit of `never` tells best why there is none.
    fn no_fit(&self, networks: &CidrSet, places: usize, fewest: usize) -> Result<Refusal, OutOfMemory> {
        let free = match networks.fit(places, &CidrSet::new()) {
            Ok(free) => free.extra().intersection(&self.never)?,
            Err(FitError::OutOfMemory) => return Err(OutOfMemory),
            Err(FitError::NoFit { .. }) => CidrSet::new(),
        };
        let never = !free.is_empty();
        let witness = free.ranges().next().or_else(|| networks.ranges().next()).map(|range| range.first());
        Ok(Refusal::NoFit { limit: self.limit, fewest, never, witness })
    }

    fn command(&self, ranges: &[String]) -> String {
        let cluster = self
            .cluster
            .as_ref()
            .map_or(String::new(), |(group, name)| format!(" --resource-group {} --name {}", Word(group), Word(name)));
        let ranges = if ranges.is_empty() { "\"\"".into() } else { ranges.join(",") };
        format!("az aks update{cluster} --api-server-authorized-ip-ranges {ranges}")
    }

    fn warnings(
        &self,
        current: &AuthorizedRanges,
        desired: &AuthorizedRanges,
        ranges: &[String],
        beyond: &CidrSet,
    ) -> Result<Vec<PlanWarning>, OutOfMemory> {
        let mut warnings: Vec<_> = desired.warnings().iter().cloned().map(PlanWarning::Desired).collect();
        if desired.is_off() {
            warnings.push(PlanWarning::Off);
        } else if CidrSet::all().only_v4().is_subset(desired.listed()) {
            warnings.push(PlanWarning::AllOfIpv4);
        }
        if desired.is_own_only() {
            warnings.push(PlanWarning::OwnOnly);
        }
        let despite = desired.listed().intersection(&self.never)?;
        if let Some(range) = despite.ranges().next() {
            warnings.push(PlanWarning::InDespiteNever { first: range.first(), count: despite.count() });
        }
        if !beyond.is_empty() {
            warnings.push(PlanWarning::Beyond { count: beyond.count() });
        }
        if let Some((name, set)) = desired.tag() {
            warnings.push(PlanWarning::Tag { name: name.to_string(), count: set.count() });
        }
        if self.limit > LIMIT {
            warnings.push(PlanWarning::Limit { limit: self.limit });
        }
        let now = current.entries().iter().map(|entry| entry.text()).chain(current.is_own_only().then_some(KEYWORD));
        let same = now.collect::<BTreeSet<_>>() == ranges.iter().map(String::as_str).collect();
        warnings.push(if same { PlanWarning::Same } else { PlanWarning::Replaces });
        Ok(warnings)
    }
}

/// What the list becomes.
struct NewList {
    networks: Vec<IpNet>,
    /// What it admits; nothing if that is what was desired.
    set: Option<CidrSet>,
    /// What it admits beyond the desired entries.
    extra: CidrSet,
    refused: Option<Refusal>,
}

/// The smallest list that today's CLI takes. Two entries that are global may join to a network that is not:
/// 192.0.0.8/31 and 192.0.0.10/31 pass for one of their ends each, 192.0.0.8/30 does not.
fn sayable(set: &CidrSet) -> Result<Vec<IpNet>, OutOfMemory> {
    fn push(net: Ipv4Net, into: &mut Vec<IpNet>) -> Result<(), OutOfMemory> {
        // Halves, unless none of them is any better.
        let halves = net.subnets(net.prefix_len() + 1).ok().filter(|_| not_global(net).is_some());
        match halves {
            Some(mut halves) if halves.clone().all(|half| not_global(half).is_none()) => {
                halves.try_for_each(|half| push(half, into))
            }
            _ => {
                into.try_reserve(1)?;
                into.push(net.into());
                Ok(())
            }
        }
    }
    let mut list = Vec::new();
    set.networks().filter_map(v4).try_for_each(|net| push(net, &mut list))?;
    Ok(list)
}

fn v4(net: IpNet) -> Option<Ipv4Net> {
    match net {
        IpNet::V4(net) => Some(net),
        IpNet::V6(_) => None,
    }
}

/// Why the entry can be said to today's CLI in no spelling.
fn unsayable(entry: &super::ranges::RangeEntry) -> Option<Refusal> {
    match entry.target() {
        Target::Network(IpNet::V4(net)) => not_global(*net).map(|reason| Refusal::NotGlobal {
            entry: entry.text().into(),
            network: IpNet::V4(*net),
            reason,
        }),
        _ => None,
    }
}

/// The entries of the current list that another one of the new list stands for: one that holds all of it, and nothing
/// that was not listed before.
fn respelled(current: &AuthorizedRanges, list: &[IpNet]) -> Result<Vec<Respelled>, OutOfMemory> {
    let mut runs = Vec::new();
    runs.try_reserve_exact(current.listed().ranges().count())?;
    runs.extend(current.listed().ranges());
    let mut seen = BTreeSet::new();
    let mut respelled = Vec::new();
    for entry in current.entries() {
        let Target::Network(net) = entry.target() else { continue };
        let at = list.partition_point(|new| new.network() <= net.network());
        let Some(new) = at.checked_sub(1).and_then(|at| list.get(at)) else { continue };
        let range = IpRange::from(*new);
        let run = runs.partition_point(|run| run.first() <= range.first());
        let run = run.checked_sub(1).and_then(|at| runs.get(at));
        if range.contains(net.broadcast()) && run.is_some_and(|run| run.contains(range.last())) {
            let to = new.to_string();
            if to != entry.text() && seen.insert(entry.text()) {
                respelled.push(Respelled { from: entry.text().into(), to });
            }
        }
    }
    Ok(respelled)
}

/// A word for a POSIX shell.
struct Word<'a>(&'a str);

impl Display for Word<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
        if !self.0.is_empty() && self.0.bytes().all(plain) {
            f.write_str(self.0)
        } else {
            write!(f, "'{}'", self.0.replace('\'', r"'\''"))
        }
    }
}
