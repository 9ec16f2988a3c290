//! [`CidrSet`]: a set of addresses of both families.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;
use core::ops::{BitAnd, BitAndAssign, BitOr, BitOrAssign, BitXor, BitXorAssign, Not, Sub, SubAssign};

use ipnet::IpNet;

use crate::edges::{Edges, Runs};
use crate::error::OutOfMemory;
use crate::range::{Family, IpRange, Span};
use crate::text::Canonical;
use crate::word::{self, Word};

/// A set of IPv4 and IPv6 addresses: canonical (equal sets are equal values), immutable, cheap to clone.
///
/// Built from networks, addresses and ranges in any order and number. Host bits of an [`IpNet`] do not matter.
/// IPv4-mapped IPv6 addresses are the IPv4 addresses they stand for; the mapped block itself is no part of the IPv6
/// side: there it copies the address before it (`::fffe:ffff:ffff`), so that what is printed reads back as the same
/// set.
///
/// Memory: 4 bytes an IPv4 edge and 16 an IPv6 edge, two edges for each run of addresses.
///
/// ```
/// use cidrgate::CidrSet;
/// let office: CidrSet = "203.0.113.0/25\n203.0.113.128/25\n2001:db8::/48".parse()?;
/// let lost: CidrSet = "203.0.113.77".parse()?;
/// let left = &office - &lost;
/// assert!(left.contains(std::net::Ipv4Addr::new(203, 0, 113, 76)));
/// assert!(left.is_subset(&office));
/// assert_eq!((left | lost).networks().map(|net| net.to_string()).collect::<Vec<_>>(),
///            ["203.0.113.0/24", "2001:db8::/48"]);
/// # Ok::<(), cidrgate::ReadError>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CidrSet {
    v4: Arc<Edges<u32>>,
    v6: Arc<Edges<u128>>,
}

impl CidrSet {
    /// The empty set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Every address of both families.
    #[must_use]
    pub fn all() -> Self {
        !Self::new()
    }

    pub(crate) fn from_edges(v4: Edges<u32>, v6: Edges<u128>) -> Self {
        Self { v4: Arc::new(v4), v6: Arc::new(v6) }
    }

    pub(crate) fn v4(&self) -> &Edges<u32> {
        &self.v4
    }

    pub(crate) fn v6(&self) -> &Edges<u128> {
        &self.v6
    }

    /// The set of all the ranges, in any order; networks and addresses are ranges too (`IpRange::from`).
    ///
    /// n log n at most, one pass where they are sorted.
    ///
    /// # Errors
    /// If memory cannot be had. (`collect()` does the same and aborts then.)
    #[inline]
    pub fn try_from_ranges(ranges: impl IntoIterator<Item = IpRange>) -> Result<Self, OutOfMemory> {
        let mut ranges = ranges.into_iter();
        let mut collector = Collector::default();
        if let Some(range) = ranges.next() {
            collector.push(range)?;
            // The others are likely to be of the same family.
            match range.0 {
                Span::V4(..) => collector.v4.expect(ranges.size_hint().0)?,
                Span::V6(..) => collector.v6.expect(ranges.size_hint().0)?,
            }
        }
        for range in ranges {
            collector.push(range)?;
        }
        collector.finish()
    }

    /// The union of any number of sets, in one pass over all of them, not one for each: n log n for n edges
    /// together. Of one set it is that set, at no cost.
    ///
    /// # Errors
    /// If memory cannot be had.
    ///
    /// ```
    /// use cidrgate::CidrSet;
    /// let lists: Vec<CidrSet> = vec!["192.0.2.0/25".parse()?, "192.0.2.128/25".parse()?];
    /// assert_eq!(CidrSet::union_of(&lists)?, "192.0.2.0/24".parse()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn union_of<'a>(sets: impl IntoIterator<Item = &'a Self>) -> Result<Self, OutOfMemory> {
        let mut sets = sets.into_iter().peekable();
        let Some(first) = sets.next() else { return Ok(Self::new()) };
        if sets.peek().is_none() {
            return Ok(first.clone());
        }
        let mut collector = Collector::default();
        for set in core::iter::once(first).chain(sets) {
            collector.v4.extend(set.v4().runs())?;
            collector.v6.extend(set.v6().runs())?;
        }
        collector.finish()
    }

    /// Whether the address is in the set. An IPv4-mapped address is the IPv4 address. log n.
    #[must_use]
    pub fn contains(&self, addr: impl Into<IpAddr>) -> bool {
        match addr.into().to_canonical() {
            IpAddr::V4(addr) => self.v4().contains(addr.to_bits()),
            IpAddr::V6(addr) => self.v6().contains(addr.to_bits()),
        }
    }

    /// Whether no address is in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.v4().is_empty() && self.v6().is_empty()
    }

    /// Whether every address of this set is in `other`. One pass, no allocation.
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        self.v4().is_subset(other.v4()) && self.v6().is_subset(other.v6())
    }

    fn combine(&self, other: &Self, keep: impl Fn(bool, bool) -> bool + Copy) -> Result<Self, OutOfMemory> {
        Ok(Self::from_edges(self.v4().combine(other.v4(), keep)?, self.v6().combine(other.v6(), keep)?))
    }

    /// What is in either set, as `|`.
    ///
    /// # Errors
    /// If memory cannot be had; the operator aborts then.
    pub fn union(&self, other: &Self) -> Result<Self, OutOfMemory> {
        self.combine(other, |a, b| a | b)
    }

    /// What is in both sets, as `&`.
    ///
    /// # Errors
    /// If memory cannot be had; the operator aborts then.
    pub fn intersection(&self, other: &Self) -> Result<Self, OutOfMemory> {
        self.combine(other, |a, b| a & b)
    }

    /// What is in this set and not in `other`, as `-`.
    ///
    /// # Errors
    /// If memory cannot be had; the operator aborts then.
    pub fn difference(&self, other: &Self) -> Result<Self, OutOfMemory> {
        self.combine(other, |a, b| a & !b)
    }

    /// What is in exactly one of the sets, as `^`.
    ///
    /// # Errors
    /// If memory cannot be had; the operator aborts then.
    pub fn symmetric_difference(&self, other: &Self) -> Result<Self, OutOfMemory> {
        self.combine(other, |a, b| a ^ b)
    }

    /// What is not in this set, of both families, as `!`.
    ///
    /// # Errors
    /// If memory cannot be had; the operator aborts then.
    pub fn complement(&self) -> Result<Self, OutOfMemory> {
        Ok(Self::from_edges(self.v4().complement()?, self.v6().complement()?))
    }

    /// The part of the set that is IPv4.
    #[must_use]
    pub fn only_v4(&self) -> Self {
        Self { v4: Arc::clone(&self.v4), v6: Arc::default() }
    }

    /// The part of the set that is IPv6.
    #[must_use]
    pub fn only_v6(&self) -> Self {
        Self { v4: Arc::default(), v6: Arc::clone(&self.v6) }
    }

    /// The smallest list of networks that is this set: IPv4 first, rising.
    ///
    /// ```
    /// use cidrgate::{CidrSet, IpRange};
    /// let set: CidrSet = [IpRange::new("192.0.2.1".parse()?, "192.0.2.4".parse()?)?].into_iter().collect();
    /// let list: Vec<String> = set.networks().map(|net| net.to_string()).collect();
    /// assert_eq!(list, ["192.0.2.1/32", "192.0.2.2/31", "192.0.2.4/32"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn networks(&self) -> Networks<'_> {
        Networks { v4: Split::new(self.v4()), v6: Split::new(self.v6()) }
    }

    /// The smallest list of ranges that is this set: IPv4 first, rising.
    #[must_use]
    pub fn ranges(&self) -> Ranges<'_> {
        Ranges { v4: self.v4().runs(), v6: self.v6().runs() }
    }

    /// How many addresses are in the set, of both families together.
    ///
    /// ```
    /// use cidrgate::CidrSet;
    /// let all = CidrSet::all();
    /// assert_eq!(all.count().to_string(), "340282366920938463463374607436063178752"); // 2^128 + 2^32
    /// assert_eq!(all.only_v4().count().to_u128(), Some(1 << 32));
    /// ```
    #[must_use]
    pub fn count(&self) -> Count {
        fn sum<W: Word>(edges: &Edges<W>) -> Count {
            edges.runs().fold(Count::default(), |sum, (first, last)| sum.plus_run(last.to_u128() - first.to_u128()))
        }
        let (v4, v6) = (sum(self.v4()), sum(self.v6()));
        // The IPv4 side adds at most 2^32 to the 2^128 of the other: no second carry.
        let (low, carry) = v4.low.overflowing_add(v6.low);
        Count { carry: v6.carry | carry, low }
    }
}

/// How many addresses a set has: exact, from 0 to 2^128 + 2^32. Shown in decimal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Count {
    /// Whether 2^128 is part of the number.
    carry: bool,
    low: u128,
}

impl Count {
    /// The number, unless it is 2^128 or more: the whole of IPv6.
    #[must_use]
    pub fn to_u128(self) -> Option<u128> {
        (!self.carry).then_some(self.low)
    }

    /// Adds a run of `span + 1` addresses.
    fn plus_run(self, span: u128) -> Self {
        let (low, carry) = self.low.overflowing_add(span);
        let (low, one) = low.overflowing_add(1);
        Self { carry: self.carry | carry | one, low }
    }
}

impl From<u128> for Count {
    fn from(low: u128) -> Self {
        Self { carry: false, low }
    }
}

impl PartialEq<u128> for Count {
    fn eq(&self, other: &u128) -> bool {
        *self == Self::from(*other)
    }
}

impl PartialOrd<u128> for Count {
    fn partial_cmp(&self, other: &u128) -> Option<core::cmp::Ordering> {
        self.partial_cmp(&Self::from(*other))
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.carry {
            return fmt::Display::fmt(&self.low, f);
        }
        // 2^128 + low in two decimal parts, cut where both fit.
        const CUT: u128 = 10u128.pow(30);
        let (top, rest) = (u128::MAX / CUT, u128::MAX % CUT);
        let low = rest + self.low % CUT + 1;
        write!(f, "{}{:030}", top + self.low / CUT + low / CUT, low % CUT)
    }
}

/// Gathers ranges of both families. Ever and again it merges what it has, so that memory follows the result and not
/// the number of repetitions in the input.
#[derive(Default)]
pub(crate) struct Collector {
    v4: Pile<u32>,
    v6: Pile<u128>,
}

struct Pile<W> {
    ranges: Vec<(W, W)>,
    /// The length at which to merge next.
    full: usize,
}

impl<W> Default for Pile<W> {
    fn default() -> Self {
        Self { ranges: Vec::new(), full: 1 << 20 }
    }
}

impl<W: Word> Pile<W> {
    #[inline]
    fn push(&mut self, range: (W, W)) -> Result<(), OutOfMemory> {
        if self.ranges.len() == self.ranges.capacity() {
            self.make_room()?;
        }
        self.ranges.push(range);
        Ok(())
    }

    #[cold]
    #[inline(never)]
    fn make_room(&mut self) -> Result<(), OutOfMemory> {
        if self.ranges.len() >= self.full {
            crate::edges::merge_ranges(&mut self.ranges);
            self.full = self.full.max(2 * self.ranges.len());
        }
        Ok(self.ranges.try_reserve(1)?)
    }

    /// Makes room for so many, unless they would be merged before.
    fn expect(&mut self, more: usize) -> Result<(), OutOfMemory> {
        Ok(self.ranges.try_reserve(more.min(self.full))?)
    }

    fn extend(&mut self, ranges: impl IntoIterator<Item = (W, W)>) -> Result<(), OutOfMemory> {
        ranges.into_iter().try_for_each(|range| self.push(range))
    }
}

impl Collector {
    #[inline]
    pub(crate) fn push(&mut self, range: IpRange) -> Result<(), OutOfMemory> {
        match range.0 {
            Span::V4(first, last) => self.v4.push((first, last)),
            Span::V6(first, last) => self.v6.push((first, last)),
        }
    }

    pub(crate) fn finish(self) -> Result<CidrSet, OutOfMemory> {
        Ok(CidrSet::from_edges(Edges::from_ranges(self.v4.ranges)?, Edges::from_ranges(self.v6.ranges)?))
    }
}

/// Iterator over the smallest list of networks of a [`CidrSet`].
#[derive(Clone, Debug)]
pub struct Networks<'a> {
    v4: Split<'a, u32>,
    v6: Split<'a, u128>,
}

/// The runs of one family, cut into networks, `(first address, length)`: its smallest list.
#[derive(Clone, Debug)]
pub(crate) struct Split<'a, W> {
    runs: Runs<'a, W>,
    run: word::Networks<W>,
}

impl<'a, W: Word> Split<'a, W> {
    pub(crate) fn new(edges: &'a Edges<W>) -> Self {
        Self { runs: edges.runs(), run: word::Networks::new(W::MAX, W::ZERO) }
    }
}

impl<W: Word> Iterator for Split<'_, W> {
    type Item = (W, u32);

    fn next(&mut self) -> Option<(W, u32)> {
        loop {
            let Some((first, len)) = self.run.next() else {
                let (first, last) = self.runs.next()?;
                self.run = word::Networks::new(first, last);
                continue;
            };
            // The foreign block itself would read as the other family.
            if W::FOREIGN != Some((first, first | !W::mask(len))) {
                return Some((first, len));
            }
        }
    }
}

impl Iterator for Networks<'_> {
    type Item = IpNet;

    fn next(&mut self) -> Option<IpNet> {
        let v4 = self.v4.next().map(|(first, len)| first.net(len));
        v4.or_else(|| self.v6.next().map(|(first, len)| first.net(len)))
    }
}

/// Iterator over the smallest list of ranges of a [`CidrSet`].
#[derive(Clone, Debug)]
pub struct Ranges<'a> {
    v4: Runs<'a, u32>,
    v6: Runs<'a, u128>,
}

impl Iterator for Ranges<'_> {
    type Item = IpRange;

    fn next(&mut self) -> Option<IpRange> {
        let v4 = self.v4.next().map(|(first, last)| Family::range(first, last));
        v4.or_else(|| self.v6.next().map(|(first, last)| Family::range(first, last)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let len = self.v4.len() + self.v6.len();
        (len, Some(len))
    }
}

impl ExactSizeIterator for Ranges<'_> {}

impl<T: Into<IpRange>> FromIterator<T> for CidrSet {
    fn from_iter<I: IntoIterator<Item = T>>(iter: I) -> Self {
        or_abort(Self::try_from_ranges(iter.into_iter().map(Into::into)))
    }
}

impl<T: Into<IpRange>> From<T> for CidrSet {
    fn from(one: T) -> Self {
        core::iter::once(one).collect()
    }
}

impl<'a> IntoIterator for &'a CidrSet {
    type Item = IpNet;
    type IntoIter = Networks<'a>;

    fn into_iter(self) -> Networks<'a> {
        self.networks()
    }
}

/// What the standard collections do when an operator cannot return an error.
fn or_abort(set: Result<CidrSet, OutOfMemory>) -> CidrSet {
    set.unwrap_or_else(|OutOfMemory| alloc::alloc::handle_alloc_error(core::alloc::Layout::new::<CidrSet>()))
}

macro_rules! operator {
    ($trait:ident, $method:ident, $assign:ident, $assign_method:ident, $named:ident) => {
        impl $trait<&CidrSet> for &CidrSet {
            type Output = CidrSet;
            fn $method(self, other: &CidrSet) -> CidrSet {
                or_abort(self.$named(other))
            }
        }
        impl $trait<CidrSet> for &CidrSet {
            type Output = CidrSet;
            fn $method(self, other: CidrSet) -> CidrSet {
                self.$method(&other)
            }
        }
        impl $trait<&CidrSet> for CidrSet {
            type Output = CidrSet;
            fn $method(self, other: &CidrSet) -> CidrSet {
                (&self).$method(other)
            }
        }
        impl $trait<CidrSet> for CidrSet {
            type Output = CidrSet;
            fn $method(self, other: CidrSet) -> CidrSet {
                (&self).$method(&other)
            }
        }
        impl $assign<&CidrSet> for CidrSet {
            fn $assign_method(&mut self, other: &CidrSet) {
                *self = (&*self).$method(other);
            }
        }
        impl $assign<CidrSet> for CidrSet {
            fn $assign_method(&mut self, other: CidrSet) {
                self.$assign_method(&other);
            }
        }
    };
}

operator!(BitOr, bitor, BitOrAssign, bitor_assign, union);
operator!(BitAnd, bitand, BitAndAssign, bitand_assign, intersection);
operator!(Sub, sub, SubAssign, sub_assign, difference);
operator!(BitXor, bitxor, BitXorAssign, bitxor_assign, symmetric_difference);

impl Not for &CidrSet {
    type Output = CidrSet;
    fn not(self) -> CidrSet {
        or_abort(self.complement())
    }
}

impl Not for CidrSet {
    type Output = CidrSet;
    fn not(self) -> CidrSet {
        !&self
    }
}

/// The smallest list of networks, one a line: a plain list that reads back as the same set.
impl fmt::Display for CidrSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for net in self {
            f.write_str(Canonical::from(net).as_str())?;
            f.write_str("\n")?;
        }
        Ok(())
    }
}

/// The first networks and how many more there are.
impl fmt::Debug for CidrSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 32;
        let mut set = f.debug_set();
        set.entries(self.networks().take(SHOWN).map(Canonical::from));
        match self.networks().skip(SHOWN).count() {
            0 => set.finish(),
            more => set.entry(&format_args!("and {more} more")).finish(),
        }
    }
}
