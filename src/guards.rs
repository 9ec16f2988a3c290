//! [`Guards`]: what a change of policy must not do.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt::{self, Display};
use core::net::IpAddr;

use crate::error::{OutOfMemory, room};
use crate::matcher::{Change, Fingerprint, Matcher};
use crate::set::{CidrSet, Count};
use crate::text::Canonical;

/// What a change of policy must not do, judged before it takes effect. Every guard that was given must hold; without
/// any, every change is fine.
///
/// Guards are about the answers, address by address, never about the text: they cannot be got round by another way to
/// write the same thing. What the author of a policy expects of it (`expect` lines) was judged when it was read.
///
/// ```
/// use cidrgate::{CidrSet, Guards, Policy, Refusal};
/// let admins: CidrSet = "192.0.2.0/28".parse()?;
/// let guards = Guards::new().keep_allowed(admins).max_newly_allowed(256);
///
/// let old = "allow 192.0.2.0/24".parse::<Policy>()?.compile()?;
/// let new = "allow 192.0.2.8-192.0.2.255".parse::<Policy>()?.compile()?;
/// let refused = guards.judge(&old, &new).unwrap_err();
/// assert_eq!(refused.reason(), Refusal::Denies);
/// assert_eq!(refused.witness(), Some("192.0.2.0".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Guards {
    keep_allowed: Vec<CidrSet>,
    keep_denied: Vec<CidrSet>,
    max_newly_allowed: Option<Count>,
    max_newly_denied: Option<Count>,
}

impl Guards {
    /// No guards: every change is fine.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Refuses a change after which not every address of `set` is allowed, whether or not it was before: those who must
    /// never be locked out.
    #[must_use]
    pub fn keep_allowed(mut self, set: CidrSet) -> Self {
        self.keep_allowed.push(set);
        self
    }

    /// Refuses a change after which not every address of `set` is denied, whether or not it was before: those who must
    /// never get in.
    #[must_use]
    pub fn keep_denied(mut self, set: CidrSet) -> Self {
        self.keep_denied.push(set);
        self
    }

    /// Refuses a change that allows more than so many addresses that are denied now, of both families together. The
    /// count is exact. Given twice, the lower number holds.
    #[must_use]
    pub fn max_newly_allowed(mut self, addresses: impl Into<Count>) -> Self {
        lower(&mut self.max_newly_allowed, addresses.into());
        self
    }

    /// Refuses a change that denies more than so many addresses that are allowed now, of both families together. The
    /// count is exact. Given twice, the lower number holds.
    #[must_use]
    pub fn max_newly_denied(mut self, addresses: impl Into<Count>) -> Self {
        lower(&mut self.max_newly_denied, addresses.into());
        self
    }

    /// The guards that hold whatever was before.
    #[cfg(feature = "watch")]
    pub(crate) fn without_limits(self) -> Self {
        Self { max_newly_allowed: None, max_newly_denied: None, ..self }
    }

    /// Judges the change from `old` to `new`, and tells it. One pass over both for each guard and each side of the
    /// change. Nothing is changed by it: to try what a gate would say.
    ///
    /// # Errors
    /// If a guard does not hold, the first in the order keep allowed, keep denied, newly allowed, newly denied; or if
    /// there is not enough memory to know.
    pub fn judge(&self, old: &Matcher, new: &Matcher) -> Result<Change, Refused> {
        self.judge_from((old, None), new)
    }

    /// The same, where the fingerprint of the old one is known already.
    pub(crate) fn judge_from(&self, old: (&Matcher, Option<Fingerprint>), new: &Matcher) -> Result<Change, Refused> {
        let change = Change::between(old, new)?;
        match self.broken(&change, &new.allowed())? {
            None => Ok(change),
            Some((reason, witness, limit)) => {
                // What is small is not asked for fallibly.
                room(size_of::<Change>())?;
                Err(Refused { reason, witness: Some(witness), change: Some(Box::new((change, limit))) })
            }
        }
    }

    /// The first guard that does not hold, with the lowest address that tells.
    fn broken(
        &self,
        change: &Change,
        allowed: &CidrSet,
    ) -> Result<Option<(Refusal, IpAddr, Option<Count>)>, OutOfMemory> {
        for set in &self.keep_allowed {
            if let Some(witness) = lowest(&set.difference(allowed)?) {
                return Ok(Some((Refusal::Denies, witness, None)));
            }
        }
        for set in &self.keep_denied {
            if let Some(witness) = lowest(&set.intersection(allowed)?) {
                return Ok(Some((Refusal::Allows, witness, None)));
            }
        }
        let limits = [
            (Refusal::TooManyAllowed, change.newly_allowed(), self.max_newly_allowed),
            (Refusal::TooManyDenied, change.newly_denied(), self.max_newly_denied),
        ];
        for (reason, set, limit) in limits {
            if limit.is_some_and(|limit| set.count() > limit) {
                return Ok(lowest(set).map(|witness| (reason, witness, limit)));
            }
        }
        Ok(None)
    }
}

fn lower(limit: &mut Option<Count>, to: Count) {
    *limit = Some(limit.map_or(to, |limit| limit.min(to)));
}

/// The lowest address of a set, IPv4 first. No range begins in the IPv4-mapped block, so it is never one of that.
fn lowest(set: &CidrSet) -> Option<IpAddr> {
    set.ranges().next().map(|range| range.first())
}

/// Why a change was refused. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    reason: Refusal,
    witness: Option<IpAddr>,
    /// The change, and the limit that it goes beyond.
    change: Option<Box<(Change, Option<Count>)>>,
}

/// Which guard refused a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// It denies an address that must stay allowed ([`Guards::keep_allowed`]).
    Denies,
    /// It allows an address that must stay denied ([`Guards::keep_denied`]).
    Allows,
    /// It allows more addresses anew than it may ([`Guards::max_newly_allowed`]).
    TooManyAllowed,
    /// It denies more addresses anew than it may ([`Guards::max_newly_denied`]).
    TooManyDenied,
    /// There is not enough memory to know what it would change.
    OutOfMemory,
}

impl Refusal {
    /// The name in logs, such as `would-deny`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Denies => "would-deny",
            Self::Allows => "would-allow",
            Self::TooManyAllowed => "too-many-newly-allowed",
            Self::TooManyDenied => "too-many-newly-denied",
            Self::OutOfMemory => "out-of-memory",
        }
    }
}

impl Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Refused {
    /// Which guard it was.
    #[must_use]
    pub fn reason(&self) -> Refusal {
        self.reason
    }

    /// The lowest address that the guard is about and that would get the wrong answer; of a limit, the lowest of those
    /// that would get another answer. Never an IPv4-mapped one. `None` where memory was wanting.
    #[must_use]
    pub fn witness(&self) -> Option<IpAddr> {
        self.witness
    }

    /// What the change would have been. `None` where memory was wanting.
    #[must_use]
    pub fn change(&self) -> Option<&Change> {
        self.change.as_deref().map(|(change, _)| change)
    }
}

impl Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Some(witness), Some((change, limit))) = (self.witness.map(Canonical::from), self.change.as_deref()) else {
            return Display::fmt(&OutOfMemory, f);
        };
        let (count, verb) = match self.reason {
            Refusal::Denies => return write!(f, "would deny {witness}, which must stay allowed"),
            Refusal::Allows => return write!(f, "would allow {witness}, which must stay denied"),
            Refusal::TooManyDenied => (change.newly_denied().count(), "deny"),
            _ => (change.newly_allowed().count(), "allow"),
        };
        write!(f, "would newly {verb} {count} addresses, the first {witness}; ")?;
        limit.map_or(Ok(()), |limit| write!(f, "at most {limit} may be"))
    }
}

impl core::error::Error for Refused {}

impl From<OutOfMemory> for Refused {
    fn from(OutOfMemory: OutOfMemory) -> Self {
        Self { reason: Refusal::OutOfMemory, witness: None, change: None }
    }
}
