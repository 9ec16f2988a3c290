//! [`Gate`]: the matcher of a running service, which can be replaced while it is asked.

mod live;
mod sync;

use alloc::sync::Arc;
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::ops::Deref;
use std::time::{Duration, Instant};

use self::live::{Fate, Live, Reader, Shared, Term};
use self::sync::Clock;
use crate::error::room;
use crate::guards::{Guards, Refused};
use crate::matcher::{Change, Decision, Fingerprint, Matcher};

/// The live matcher of a running service: asked by any number of threads, replaced by any of them. A clone is the same
/// gate.
///
/// - A look-up never waits, and is answered by one policy as a whole, never by a mixture.
/// - [`replace`](Self::replace) judges the change by its [`Guards`] and exchanges the policy under one lock: what it
///   refuses leaves everything as it was. When it has returned, every look-up that begins is answered by the new one.
/// - [`replace_for`](Self::replace_for) puts a policy on trial: unless it is confirmed in time, the one before comes back.
///
/// Each policy that answers has a generation, counted from 1.
///
/// # What it costs
/// [`Gate::allows`] costs some ten nanoseconds more than the matcher alone, a [`GateReader`] hardly anything: keep one
/// for each thread, or for each connection handler. While a policy is on trial each look-up also reads the clock.
/// Replacing costs what [`Guards::judge`] does, and only other threads that replace wait for it.
///
/// # What a gate holds
/// A [`Matcher`]; or, made by [`Gate::holding`], whatever else carries one, such as a policy beside its matcher.
///
/// # When memory is given back
/// Whoever lets go of a policy last frees it: the thread that replaces it, a [`Snapshot`] that is dropped, or a
/// [`GateReader`] that is asked again. **A reader keeps the policy that it has seen last alive until it is asked again**
/// or dropped, so do not keep readers that are never used. The gate starts no thread.
///
/// ```
/// use std::net::Ipv4Addr;
/// use cidrgate::{CidrSet, Gate, Guards, Policy};
///
/// let gate = Gate::new("allow 192.0.2.0/24".parse::<Policy>()?.compile()?);
/// let mut reader = gate.reader();
/// assert!(reader.allows(Ipv4Addr::new(192, 0, 2, 1)));
///
/// let admins: CidrSet = "192.0.2.1".parse()?;
/// let guards = Guards::new().keep_allowed(admins);
/// let next = "allow 198.51.100.0/24".parse::<Policy>()?.compile()?;
/// let refused = gate.replace(next, &guards).unwrap_err();
/// assert_eq!(refused.to_string(), "would deny 192.0.2.1, which must stay allowed");
///
/// let next = "allow 192.0.2.1, 198.51.100.0/24".parse::<Policy>()?.compile()?;
/// let change = gate.replace(next, &guards)?;
/// assert_eq!((change.generation(), change.newly_denied().count().to_u128()), (2, Some(255)));
/// assert!(!reader.allows(Ipv4Addr::new(192, 0, 2, 2)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Gate<P = Matcher> {
    shared: Arc<Shared<Held<P>>>,
}

/// What takes turns in a gate.
struct Held<P> {
    policy: Arc<P>,
    fingerprint: Fingerprint,
}

impl<P> Clone for Held<P> {
    fn clone(&self) -> Self {
        Self { policy: Arc::clone(&self.policy), fingerprint: self.fingerprint }
    }
}

impl Gate {
    /// A gate that asks this matcher, generation 1.
    #[must_use]
    pub fn new(matcher: impl Into<Arc<Matcher>>) -> Self {
        Self::holding(matcher)
    }
}

impl<P: AsRef<Matcher>> Gate<P> {
    /// A gate that holds something which carries a matcher, and asks that; generation 1. `as_ref` must always give the
    /// same matcher.
    ///
    /// ```
    /// use cidrgate::{Gate, Matcher, Policy};
    /// struct Loaded { policy: Policy, matcher: Matcher }
    /// impl AsRef<Matcher> for Loaded {
    ///     fn as_ref(&self) -> &Matcher { &self.matcher }
    /// }
    /// let policy: Policy = "allow 192.0.2.0/24 # the office".parse()?;
    /// let gate = Gate::holding(Loaded { matcher: policy.compile()?, policy });
    /// let now = gate.snapshot();
    /// let addr = std::net::Ipv4Addr::new(192, 0, 2, 1);
    /// assert!(now.as_ref().allows(addr));
    /// assert!(now.policy.explain(addr).to_string().contains("the office"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn holding(policy: impl Into<Arc<P>>) -> Self {
        let policy = policy.into();
        let fingerprint = (*policy).as_ref().fingerprint();
        Self { shared: Arc::new(Shared::new(Held { policy, fingerprint }, Clock)) }
    }

    /// A handle for one thread, which asks faster than the gate.
    #[must_use]
    pub fn reader(&self) -> GateReader<P> {
        GateReader { reader: Reader::new(Arc::clone(&self.shared)) }
    }

    /// Whether the address may come in. An IPv4-mapped IPv6 address is the IPv4 address. Never waits.
    #[must_use]
    #[inline]
    pub fn allows(&self, addr: impl Into<IpAddr>) -> bool {
        let addr = addr.into();
        self.shared.with(|held| (*held.policy).as_ref().allows(addr))
    }

    /// Whether the IPv4 address may come in. Never waits.
    #[must_use]
    #[inline]
    pub fn allows_v4(&self, addr: Ipv4Addr) -> bool {
        self.shared.with(|held| (*held.policy).as_ref().allows_v4(addr))
    }

    /// Whether the IPv6 address may come in. An IPv4-mapped one is the IPv4 address. Never waits.
    #[must_use]
    #[inline]
    pub fn allows_v6(&self, addr: Ipv6Addr) -> bool {
        self.shared.with(|held| (*held.policy).as_ref().allows_v6(addr))
    }

    /// The answer with its reason. Never waits. To ask more about the rule, take a [`snapshot`](Self::snapshot): the
    /// next call may ask another policy.
    #[must_use]
    pub fn decide(&self, addr: impl Into<IpAddr>) -> Decision {
        let addr = addr.into();
        self.shared.with(|held| (*held.policy).as_ref().decide(addr))
    }

    /// What answers at this moment, for several questions about one policy. It keeps the policy alive, and stays as it
    /// is when the gate goes on. Never waits.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot<P> {
        Snapshot(self.shared.load())
    }

    /// The generation that answers at this moment: 1, and one more for each policy that took another's place, those that
    /// came back included. Never waits.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.shared.load().generation()
    }

    /// Replaces the policy, unless a guard refuses. A policy on trial is superseded: it does not come back, and neither
    /// does what was before it. The answers may be the same; the generation is a new one nevertheless.
    ///
    /// # Errors
    /// If a guard refuses, or there is not enough memory to judge. Then nothing has changed, and a trial goes on.
    pub fn replace(&self, next: impl Into<Arc<P>>, guards: &Guards) -> Result<Change, Refused> {
        self.exchange(next.into(), guards, None).map(|(change, _)| change)
    }

    /// Replaces the policy on trial: it answers from now on, and unless it is confirmed `within` that time, the policy
    /// before it comes back by itself. For a change that may lock out those who would have to undo it.
    ///
    /// What comes back is the last policy that was not on trial itself, as a new generation. It is not judged by any
    /// guard. The answers change at the deadline, exactly, neither before nor after, also if the handle is dropped: each
    /// look-up looks at the clock. The clock may stand still while the machine sleeps.
    ///
    /// ```
    /// use std::time::Duration;
    /// use cidrgate::{Gate, Guards, Policy, TrialState};
    /// let gate = Gate::new("allow all".parse::<Policy>()?.compile()?);
    /// let next = "default deny".parse::<Policy>()?.compile()?;
    ///
    /// let trial = gate.replace_for(next, &Guards::new(), Duration::from_millis(20))?;
    /// assert_eq!(trial.state(), TrialState::Open);
    /// std::thread::sleep(Duration::from_millis(30));
    /// assert_eq!(trial.state(), TrialState::RolledBack);
    /// assert!(gate.allows(std::net::Ipv4Addr::LOCALHOST));
    /// assert_eq!(gate.generation(), 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`replace`](Self::replace).
    pub fn replace_for(&self, next: impl Into<Arc<P>>, guards: &Guards, within: Duration) -> Result<Trial<P>, Refused> {
        let (change, term) = self.exchange(next.into(), guards, Some(within))?;
        // There is a term if there is a time.
        let term = term.ok_or(crate::OutOfMemory)?;
        Ok(Trial { gate: self.clone(), change, term })
    }

    /// Confirms the policy on trial: it stays. Returns its generation. Where there may be several trials, one after the
    /// other, [`Trial::confirm`] confirms none but its own.
    ///
    /// # Errors
    /// If none is on trial, or not any more: the time is over, or something newer has taken its place.
    pub fn confirm(&self) -> Result<u64, NotOnTrial> {
        self.shared.confirm(None).ok_or(NotOnTrial)
    }

    fn exchange(
        &self,
        next: Arc<P>,
        guards: &Guards,
        within: Option<Duration>,
    ) -> Result<(Change, Option<Arc<Term>>), Refused> {
        // What is small is not asked for fallibly.
        room(size_of::<Live<Held<P>>>() * 2)?;
        let judge = |live: &Live<Held<P>>| {
            let old = live.value();
            let change = guards.judge_from(((*old.policy).as_ref(), Some(old.fingerprint)), (*next).as_ref())?;
            Ok::<_, Refused>((Held { policy: Arc::clone(&next), fingerprint: change.new_fingerprint() }, change))
        };
        let (generation, term, change) = self.shared.replace(within, judge)?;
        Ok((change.making(generation), term))
    }
}

impl<P> Clone for Gate<P> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

/// A gate that denies every address.
impl Default for Gate {
    fn default() -> Self {
        Self::new(Matcher::default())
    }
}

impl<P> fmt::Debug for Gate<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&Snapshot(self.shared.load()), f)
    }
}

/// What answered at one moment, from [`Gate::snapshot`]. It derefs to the policy that answered.
pub struct Snapshot<P = Matcher>(Arc<Live<Held<P>>>);

impl<P> Snapshot<P> {
    /// The policy, to be shared.
    #[must_use]
    pub fn policy(&self) -> &Arc<P> {
        &self.0.value().policy
    }

    /// Its generation, from 1.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.0.generation()
    }

    /// The fingerprint of its answers. Costs nothing.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.0.value().fingerprint
    }

    /// Since when it has answered, or did.
    #[must_use]
    pub fn since(&self) -> Instant {
        self.0.since()
    }
}

impl<P> Deref for Snapshot<P> {
    type Target = P;

    fn deref(&self) -> &P {
        self.policy()
    }
}

impl<P> Clone for Snapshot<P> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<P> fmt::Debug for Snapshot<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Snapshot");
        shown.field("generation", &self.generation()).field("fingerprint", &self.fingerprint()).finish_non_exhaustive()
    }
}

/// The handle of one thread to a [`Gate`]: it keeps what it saw last, and looks at one number to know that this is still
/// what answers.
///
/// It keeps that policy alive until it is asked again, or dropped.
pub struct GateReader<P = Matcher> {
    reader: Reader<Held<P>>,
}

impl<P: AsRef<Matcher>> GateReader<P> {
    #[inline]
    fn matcher(&mut self) -> &Matcher {
        (*self.reader.current().value().policy).as_ref()
    }

    /// Whether the address may come in. An IPv4-mapped IPv6 address is the IPv4 address. Never waits.
    #[must_use]
    #[inline]
    pub fn allows(&mut self, addr: impl Into<IpAddr>) -> bool {
        self.matcher().allows(addr)
    }

    /// Whether the IPv4 address may come in. Never waits.
    #[must_use]
    #[inline]
    pub fn allows_v4(&mut self, addr: Ipv4Addr) -> bool {
        self.matcher().allows_v4(addr)
    }

    /// Whether the IPv6 address may come in. An IPv4-mapped one is the IPv4 address. Never waits.
    #[must_use]
    #[inline]
    pub fn allows_v6(&mut self, addr: Ipv6Addr) -> bool {
        self.matcher().allows_v6(addr)
    }

    /// The answer with its reason. Never waits.
    #[must_use]
    pub fn decide(&mut self, addr: impl Into<IpAddr>) -> Decision {
        self.matcher().decide(addr)
    }

    /// What answers at this moment, for several questions about one policy. Never waits.
    #[must_use]
    pub fn snapshot(&mut self) -> Snapshot<P> {
        Snapshot(Arc::clone(self.reader.current()))
    }

    /// The gate.
    #[must_use]
    pub fn gate(&self) -> Gate<P> {
        Gate { shared: Arc::clone(self.reader.shared()) }
    }
}

/// Another reader of the same gate, for another thread.
impl<P: AsRef<Matcher>> Clone for GateReader<P> {
    fn clone(&self) -> Self {
        Self { reader: Reader::new(Arc::clone(self.reader.shared())) }
    }
}

impl<P> fmt::Debug for GateReader<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GateReader").finish_non_exhaustive()
    }
}

/// A policy on trial, from [`Gate::replace_for`]. To drop it changes nothing: unless it was confirmed, the policy before
/// comes back at the deadline.
#[must_use = "the policy is rolled back unless it is confirmed"]
pub struct Trial<P = Matcher> {
    gate: Gate<P>,
    change: Change,
    term: Arc<Term>,
}

/// What became of a [`Trial`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TrialState {
    /// It waits to be confirmed.
    Open,
    /// It was confirmed in time.
    Confirmed,
    /// It was not, and what was before it has come back.
    RolledBack,
    /// Something newer has taken its place, and will stay or has a trial of its own.
    Superseded,
}

impl<P: AsRef<Matcher>> Trial<P> {
    /// What changed when it began.
    #[must_use]
    pub fn change(&self) -> &Change {
        &self.change
    }

    /// Its generation.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.change.generation()
    }

    /// When it ends; `None` if that is farther away than the clock can tell.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.term.deadline()
    }

    /// What has become of it by now. Never waits.
    #[must_use]
    pub fn state(&self) -> TrialState {
        match self.term.fate(self.gate.shared.clock()) {
            Fate::Open => TrialState::Open,
            Fate::Confirmed => TrialState::Confirmed,
            Fate::Superseded => TrialState::Superseded,
            Fate::Ended => TrialState::RolledBack,
        }
    }

    /// Confirms the policy: it stays. Confirming twice is fine.
    ///
    /// # Errors
    /// If the time is over, or something newer has taken its place.
    pub fn confirm(&self) -> Result<(), NotOnTrial> {
        match self.gate.shared.confirm(Some(self.generation())) {
            Some(_) => Ok(()),
            None if self.state() == TrialState::Confirmed => Ok(()),
            None => Err(NotOnTrial),
        }
    }
}

impl<P> fmt::Debug for Trial<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Trial");
        shown.field("change", &self.change).field("deadline", &self.term.deadline()).finish_non_exhaustive()
    }
}

/// There is nothing to confirm: no policy is on trial, or not any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no policy is on trial: the time to confirm it is over, or another has taken its place")]
pub struct NotOnTrial;
