//! [`Matcher`]: a compiled policy, the part that answers.

use alloc::alloc::handle_alloc_error;
use core::alloc::Layout;
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use sha2::{Digest, Sha256};

use crate::edges::Edges;
use crate::error::OutOfMemory;
use crate::label::{Label, Labels};
use crate::painting::{DEFAULT, Painting, Segments, network_between, network_in, segment};
use crate::policy::{Action, CompileError, Policy, paint};
use crate::range::{Family, mapped};
use crate::set::CidrSet;
use crate::trie::{Found, Lane, Owned, Parity};
use crate::word::Word;

/// A compiled policy: immutable, `Send + Sync`, made by [`Policy::compile`].
///
/// [`allows`](Self::allows) costs one look-up in an index of the allowed set, [`decide`](Self::decide) one in an index
/// of the owners; neither allocates. The default matcher denies every address.
#[derive(Clone, Debug, Default)]
pub struct Matcher {
    v4: Side<u32>,
    v6: Side<u128>,
    allowed: CidrSet,
    /// Of each rule; nothing where only verdicts were compiled.
    labels: Labels,
    default: Action,
}

/// One family.
#[derive(Clone, Debug)]
struct Side<W: Lane> {
    /// Of the edges of the allowed set: an odd number at or below an address is an allow.
    verdict: W::Index,
    owners: Option<Owned<W>>,
}

impl<W: Lane> Default for Side<W> {
    fn default() -> Self {
        // Without a line even of an empty index there is no memory for anything.
        let verdict = W::Index::build(&[]).unwrap_or_else(|OutOfMemory| handle_alloc_error(Layout::new::<Self>()));
        Self { verdict, owners: None }
    }
}

/// A rule and its action, so that a decision need not look at the label; or the default.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owner(pub(crate) u32);

impl Owner {
    /// In the place of a rule.
    const DEFAULT: u32 = u32::MAX / 2;

    fn new(rule: u32, action: Action) -> Self {
        Self(rule << 1 | u32::from(action.is_allow()))
    }

    /// `None` if there are too many rules.
    fn of_rule(rule: u32, action: Action) -> Option<Self> {
        (rule < Self::DEFAULT).then(|| Self::new(rule, action))
    }

    #[inline(always)]
    pub(crate) fn rule(self) -> Option<u32> {
        let rule = self.0 >> 1;
        (rule != Self::DEFAULT).then_some(rule)
    }

    #[inline(always)]
    fn action(self) -> Action {
        if self.0 & 1 == 0 { Action::Deny } else { Action::Allow }
    }
}

/// The answer for one address, with its reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Decision {
    action: Action,
    rule: Option<u32>,
    network: IpNet,
}

impl Decision {
    #[inline(always)]
    fn of<W: Family>(at: W, found: Found<W>) -> Self {
        let owner = Owner(found.owner);
        let len = found.ends.map_or(0, |(before, last)| network_between(at, before, last));
        Self { action: owner.action(), rule: owner.rule(), network: (at & W::mask(len)).net(len) }
    }

    /// Whether the address may come in.
    #[must_use]
    pub fn action(&self) -> Action {
        self.action
    }

    /// The index of the rule that decided, from 0; `None` if it was the default, or if only verdicts were compiled.
    #[must_use]
    pub fn rule(&self) -> Option<usize> {
        self.rule.map(|rule| rule as usize)
    }

    /// The largest network that contains the address and in which the same rule, or the default, decides for every
    /// address. Where only verdicts were compiled: in which every address gets the same answer.
    #[must_use]
    pub fn network(&self) -> IpNet {
        self.network
    }
}

/// What changes from one matcher to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    newly_allowed: CidrSet,
    newly_denied: CidrSet,
    old: Fingerprint,
    new: Fingerprint,
    generation: u64,
}

impl Change {
    /// From what `old` allows to what `new` allows, of which the fingerprint may be known already.
    pub(crate) fn between(
        (old, fingerprint): (&Matcher, Option<Fingerprint>),
        new: &Matcher,
    ) -> Result<Self, OutOfMemory> {
        Ok(Self {
            newly_allowed: new.allowed.difference(&old.allowed)?,
            newly_denied: old.allowed.difference(&new.allowed)?,
            old: fingerprint.unwrap_or_else(|| old.fingerprint()),
            new: new.fingerprint(),
            generation: 0,
        })
    }

    /// The change, once it has made a generation.
    #[cfg(feature = "std")]
    pub(crate) fn making(self, generation: u64) -> Self {
        Self { generation, ..self }
    }

    /// Allowed by the new one, denied by the old one.
    #[must_use]
    pub fn newly_allowed(&self) -> &CidrSet {
        &self.newly_allowed
    }

    /// Denied by the new one, allowed by the old one.
    #[must_use]
    pub fn newly_denied(&self) -> &CidrSet {
        &self.newly_denied
    }

    /// The fingerprint of the old one.
    #[must_use]
    pub fn old_fingerprint(&self) -> Fingerprint {
        self.old
    }

    /// The fingerprint of the new one.
    #[must_use]
    pub fn new_fingerprint(&self) -> Fingerprint {
        self.new
    }

    /// The generation that began with this change, from 2; 0 if no gate made it: one that was refused, or one that
    /// [`Matcher::diff`] tells.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether every address gets the same answer as before.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.newly_allowed.is_empty() && self.newly_denied.is_empty()
    }
}

/// SHA-256 of what a matcher allows: equal for equal answers, in every language and version. Shown as 64 lower-case
/// hexadecimal digits.
///
/// Hashed are the bytes `cidrgate.verdict.1` and a NUL; then, of IPv4 and IPv6 in turn, the number of edges of the
/// allowed set (8 bytes) and the edges, ascending (4 or 16 bytes each), all little-endian. An edge is an address at
/// which the answer flips, starting from deny at address 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    pub(crate) fn of(allowed: &CidrSet) -> Self {
        fn add<W: Word, const N: usize>(hash: &mut Sha256, edges: &Edges<W>, bytes: fn(W) -> [u8; N]) {
            let edges = edges.as_slice();
            hash.update((edges.len() as u64).to_le_bytes());
            for edge in edges {
                hash.update(bytes(*edge));
            }
        }
        let mut hash = Sha256::new();
        hash.update(b"cidrgate.verdict.1\0");
        add(&mut hash, allowed.v4(), u32::to_le_bytes);
        add(&mut hash, allowed.v6(), u128::to_le_bytes);
        Self(hash.finalize().into())
    }

    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

impl Policy {
    /// Compiles the policy: n log n in the pieces of its rules, whatever the precedence.
    ///
    /// # Errors
    /// If there are more than 2^31 pieces, or memory cannot be had.
    pub fn compile(&self) -> Result<Matcher, CompileError> {
        self.matcher(true)
    }

    /// Compiles the answers alone, for those who count bytes: [`Matcher::decide`] then gives no rules and the largest
    /// network of equal answers, in time that grows with the logarithm of the policy, and there are no labels.
    ///
    /// # Errors
    /// As [`compile`](Self::compile).
    pub fn compile_verdicts_only(&self) -> Result<Matcher, CompileError> {
        self.matcher(false)
    }

    fn matcher(&self, with_owners: bool) -> Result<Matcher, CompileError> {
        if !with_owners {
            if let Some(allowed) = self.allowed_by_union()? {
                return Ok(Matcher::of_verdicts(allowed)?);
            }
        }
        let painting = paint(self, |_, _| {})?;
        let allowed = painting.allowed(|owner| self.action_of(owner).is_allow())?;
        if !with_owners {
            return Ok(Matcher::of_verdicts(allowed)?);
        }
        let labels = self.rules().iter().map(|rule| Label::new(rule.action(), rule.line(), rule.note()));
        Matcher::of_painting(painting, allowed, Labels::collect(labels)?, self.default_action())
    }
}

impl<W: Lane + Family> Side<W> {
    fn new(allowed: &Edges<W>, owners: Option<Owned<W>>) -> Result<Self, OutOfMemory> {
        Ok(Self { verdict: W::Index::build(allowed.as_slice())?, owners })
    }

    #[inline(always)]
    fn decide(&self, at: W, allowed: &Edges<W>) -> Decision {
        match self.owners.as_ref().and_then(|owners| owners.find_by_slots(at)) {
            Some(found) => Decision::of(at, found),
            None => self.decide_otherwise(at, allowed),
        }
    }

    /// What is rare, by itself, so that nothing of it is in the way of the rest.
    #[cold]
    #[inline(never)]
    fn decide_otherwise(&self, at: W, allowed: &Edges<W>) -> Decision {
        if let Some(owners) = &self.owners {
            return Decision::of(at, owners.find(at));
        }
        let rank = allowed.rank(at);
        let len = network_in(at, segment(allowed.as_slice(), rank));
        let action = if rank % 2 == 1 { Action::Allow } else { Action::Deny };
        Decision { action, rule: None, network: (at & W::mask(len)).net(len) }
    }
}

/// The matcher that allows the addresses of a set and no others: of verdicts only, without rules.
///
/// ```
/// use cidrgate::{CidrSet, Matcher};
/// let office: CidrSet = "203.0.113.0/24\n2001:db8::/48".parse()?;
/// let matcher = Matcher::try_from(office)?;
/// assert!(matcher.allows([203, 0, 113, 77]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl TryFrom<CidrSet> for Matcher {
    /// Memory cannot be had.
    type Error = OutOfMemory;

    fn try_from(allowed: CidrSet) -> Result<Self, OutOfMemory> {
        Self::of_verdicts(allowed)
    }
}

/// So that what is made to hold whatever carries a matcher can hold a matcher.
impl AsRef<Matcher> for Matcher {
    fn as_ref(&self) -> &Matcher {
        self
    }
}

/// The index of a painting.
fn owned<W: Lane>(mut segments: Segments<W>, labels: &Labels, default: Action) -> Result<Owned<W>, CompileError> {
    for owner in &mut segments.owners {
        let of_rule = |rule| Owner::of_rule(rule, labels.action(rule as usize).unwrap_or_default());
        let known = if *owner == DEFAULT { Some(Owner::new(Owner::DEFAULT, default)) } else { of_rule(*owner) };
        *owner = known.ok_or(CompileError::TooLarge)?.0;
    }
    Ok(Owned::build(segments.edges, segments.owners)?)
}

impl Matcher {
    /// Of a painting, what it allows, and what is known of the rules, each of which its owners name by index.
    pub(crate) fn of_painting(
        painting: Painting,
        allowed: CidrSet,
        labels: Labels,
        default: Action,
    ) -> Result<Self, CompileError> {
        let v4 = Side::new(allowed.v4(), Some(owned(painting.v4, &labels, default)?))?;
        let v6 = Side::new(allowed.v6(), Some(owned(painting.v6, &labels, default)?))?;
        Ok(Self { v4, v6, allowed, labels, default })
    }

    /// Of the answers alone.
    pub(crate) fn of_verdicts(allowed: CidrSet) -> Result<Self, OutOfMemory> {
        let (v4, v6) = (Side::new(allowed.v4(), None)?, Side::new(allowed.v6(), None)?);
        Ok(Self { v4, v6, allowed, labels: Labels::default(), default: Action::Deny })
    }

    /// The painting, of which each owner is an [`Owner`], with its labels and the default, unless only the answers are
    /// known.
    pub(crate) fn painting(&self) -> Option<(&Owned<u32>, &Owned<u128>, &Labels, Action)> {
        Some((self.v4.owners.as_ref()?, self.v6.owners.as_ref()?, &self.labels, self.default))
    }

    /// Whether the address may come in. An IPv4-mapped IPv6 address is the IPv4 address.
    #[must_use]
    #[inline(always)]
    pub fn allows(&self, addr: impl Into<IpAddr>) -> bool {
        match addr.into() {
            IpAddr::V4(addr) => self.allows_v4(addr),
            IpAddr::V6(addr) => self.allows_v6(addr),
        }
    }

    /// Whether the IPv4 address may come in.
    #[must_use]
    #[inline(always)]
    pub fn allows_v4(&self, addr: Ipv4Addr) -> bool {
        self.v4.verdict.is_odd(addr.to_bits())
    }

    /// Whether the IPv6 address may come in. An IPv4-mapped one is the IPv4 address.
    #[must_use]
    #[inline(always)]
    pub fn allows_v6(&self, addr: Ipv6Addr) -> bool {
        match mapped(addr) {
            Some(addr) => self.allows_v4(addr),
            None => self.v6.verdict.is_odd(addr.to_bits()),
        }
    }

    /// Answers for many addresses: `allowed[i]` is whether `addrs[i]` may come in.
    ///
    /// If the slices differ in length, the addresses without a place are left out and the places without an address
    /// are false.
    ///
    /// ```
    /// let matcher = "allow 192.0.2.0/24".parse::<cidrgate::Policy>()?.compile()?;
    /// let mut allowed = [true; 3];
    /// matcher.allows_batch(&["192.0.2.1".parse()?, "2001:db8::1".parse()?], &mut allowed);
    /// assert_eq!(allowed, [true, false, false]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn allows_batch(&self, addrs: &[IpAddr], allowed: &mut [bool]) {
        for (place, addr) in places(allowed, addrs.len()).iter_mut().zip(addrs) {
            *place = self.allows(*addr);
        }
    }

    /// As [`allows_batch`](Self::allows_batch), of IPv4 addresses as octets in network order.
    pub fn allows_batch_v4(&self, addrs: &[[u8; 4]], allowed: &mut [bool]) {
        let places = places(allowed, addrs.len());
        self.v4.verdict.batch(addrs.iter().map(|octets| u32::from_be_bytes(*octets)), places);
    }

    /// As [`allows_batch`](Self::allows_batch), of IPv6 addresses as octets in network order; IPv4-mapped ones are
    /// IPv4 addresses.
    pub fn allows_batch_v6(&self, addrs: &[[u8; 16]], allowed: &mut [bool]) {
        let places = places(allowed, addrs.len());
        self.v6.verdict.batch(addrs.iter().map(|octets| u128::from_be_bytes(*octets)), places);
        for (place, octets) in places.iter_mut().zip(addrs) {
            if let Some(addr) = Ipv6Addr::from(*octets).to_ipv4_mapped() {
                *place = self.allows_v4(addr);
            }
        }
    }

    /// The answer with its reason. An IPv4-mapped address is the IPv4 address. Allocates nothing.
    #[must_use]
    #[inline(always)]
    pub fn decide(&self, addr: impl Into<IpAddr>) -> Decision {
        match addr.into() {
            IpAddr::V4(addr) => self.decide_v4(addr),
            IpAddr::V6(addr) => self.decide_v6(addr),
        }
    }

    #[inline]
    fn decide_v4(&self, addr: Ipv4Addr) -> Decision {
        self.v4.decide(addr.to_bits(), self.allowed.v4())
    }

    #[inline]
    fn decide_v6(&self, addr: Ipv6Addr) -> Decision {
        match mapped(addr) {
            Some(addr) => self.decide_v4(addr),
            None => self.v6.decide(addr.to_bits(), self.allowed.v6()),
        }
    }

    /// What is known of a rule; `None` if there is no such rule, or if only verdicts were compiled.
    #[must_use]
    pub fn label(&self, rule: usize) -> Option<Label<'_>> {
        self.labels.get(rule)
    }

    /// What is known of each rule, in order. Nothing where only verdicts were compiled.
    pub fn labels(&self) -> impl ExactSizeIterator<Item = Label<'_>> {
        // There is one of each.
        (0..self.labels.len()).map(|rule| self.labels.get(rule).unwrap_or(Label::new(Action::Deny, 0, None)))
    }

    /// Whether only the answers are known, not who gave them: compiled by [`Policy::compile_verdicts_only`], or loaded
    /// from the image of such a matcher.
    #[must_use]
    pub fn is_verdicts_only(&self) -> bool {
        self.painting().is_none()
    }

    /// Every address that may come in. A cheap clone.
    #[must_use]
    pub fn allowed(&self) -> CidrSet {
        self.allowed.clone()
    }

    /// What `new` answers otherwise than this matcher. One pass for each side, and one for each fingerprint.
    #[must_use]
    pub fn diff(&self, new: &Self) -> Change {
        // As the operators on sets do.
        Change::between((self, None), new).unwrap_or_else(|OutOfMemory| handle_alloc_error(Layout::new::<CidrSet>()))
    }

    /// The memory of the index that [`allows`](Self::allows) reads, in bytes.
    #[must_use]
    pub fn index_bytes(&self) -> usize {
        self.v4.verdict.heap_bytes() + self.v6.verdict.heap_bytes()
    }

    /// The fingerprint of the answers. One pass over the edges of the allowed set.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.allowed)
    }
}

/// The places that have one of so many addresses; the others are false.
fn places(allowed: &mut [bool], addrs: usize) -> &mut [bool] {
    allowed.fill(false);
    let len = allowed.len().min(addrs);
    &mut allowed[..len]
}
