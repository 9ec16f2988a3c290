//! One address as one unsigned number: `u32` is IPv4, `u128` is IPv6, `u8` the toy space of the exhaustive tests.

use core::fmt::Debug;
use core::hash::Hash;
use core::ops::{Add, BitAnd, BitOr, BitXor, Not, Shl, Shr, Sub};

/// The numbers that addresses are, and all the bit arithmetic that differs between the families.
pub(crate) trait Word:
    Copy
    + Ord
    + Hash
    + Debug
    + Send
    + Sync
    + 'static
    + Add<Output = Self>
    + Sub<Output = Self>
    + BitAnd<Output = Self>
    + BitOr<Output = Self>
    + BitXor<Output = Self>
    + Not<Output = Self>
    + Shl<u32, Output = Self>
    + Shr<u32, Output = Self>
{
    const BITS: u32;
    const ZERO: Self;
    const ONE: Self;
    const MAX: Self;

    /// First and last address of a block that no query can ask about, because its addresses belong to another
    /// family: the IPv4-mapped block of IPv6.
    const FOREIGN: Option<(Self, Self)>;

    fn checked_add(self, other: Self) -> Option<Self>;
    fn wrapping_add(self, other: Self) -> Self;
    fn wrapping_sub(self, other: Self) -> Self;
    fn saturating_sub(self, other: Self) -> Self;
    fn leading_zeros(self) -> u32;
    fn trailing_zeros(self) -> u32;
    /// The low bits, for indices that are known to fit.
    fn low_usize(self) -> usize;
    fn to_u128(self) -> u128;

    /// A network mask with `len` leading ones, `0 <= len <= BITS`.
    #[inline]
    fn mask(len: u32) -> Self {
        if len == 0 { Self::ZERO } else { Self::MAX << (Self::BITS - len) }
    }

    /// The address after this one, unless this is the last.
    fn next(self) -> Option<Self> {
        self.checked_add(Self::ONE)
    }
}

macro_rules! word {
    ($word:ty, $foreign:expr) => {
        impl Word for $word {
            const BITS: u32 = <$word>::BITS;
            const ZERO: Self = 0;
            const ONE: Self = 1;
            const MAX: Self = <$word>::MAX;
            const FOREIGN: Option<(Self, Self)> = $foreign;

            #[inline]
            fn checked_add(self, other: Self) -> Option<Self> {
                <$word>::checked_add(self, other)
            }
            #[inline]
            fn wrapping_add(self, other: Self) -> Self {
                <$word>::wrapping_add(self, other)
            }
            #[inline]
            fn wrapping_sub(self, other: Self) -> Self {
                <$word>::wrapping_sub(self, other)
            }
            #[inline]
            fn saturating_sub(self, other: Self) -> Self {
                <$word>::saturating_sub(self, other)
            }
            fn leading_zeros(self) -> u32 {
                <$word>::leading_zeros(self)
            }
            fn trailing_zeros(self) -> u32 {
                <$word>::trailing_zeros(self)
            }
            #[allow(clippy::cast_possible_truncation)]
            fn low_usize(self) -> usize {
                self as usize
            }
            fn to_u128(self) -> u128 {
                u128::from(self)
            }
        }
    };
}

#[cfg(test)]
word!(u8, None);
#[cfg(test)]
word!(u16, None);
word!(u32, None);
// The upper half of an IPv6 address.
word!(u64, None);
word!(u128, Some((0xffff_0000_0000, 0xffff_ffff_ffff)));

/// The largest network that starts at `first` and ends at or before `last`, as its length.
pub(crate) fn largest_len<W: Word>(first: W, last: W) -> u32 {
    let aligned = first.trailing_zeros().min(W::BITS);
    // Addresses in the range less one: floor(log2(count)) without overflow at the whole space.
    let span = last - first;
    let fits = match span.next() {
        None => W::BITS,
        Some(count) => W::BITS - 1 - count.leading_zeros(),
    };
    W::BITS - aligned.min(fits)
}

/// The smallest list of networks, `(first address, length)`, that covers exactly `first..=last`.
#[derive(Clone, Debug)]
pub(crate) struct Networks<W> {
    rest: Option<(W, W)>,
}

impl<W: Word> Networks<W> {
    pub(crate) fn new(first: W, last: W) -> Self {
        Self { rest: (first <= last).then_some((first, last)) }
    }
}

impl<W: Word> Iterator for Networks<W> {
    type Item = (W, u32);

    fn next(&mut self) -> Option<(W, u32)> {
        let (first, last) = self.rest?;
        let len = largest_len(first, last);
        let end = first | !W::mask(len);
        self.rest = if end < last { end.next().map(|next| (next, last)) } else { None };
        Some((first, len))
    }
}

/// The largest network, as its length, that contains `at` and lies in `first..=last`, which contains it too.
pub(crate) fn largest_around<W: Word>(at: W, first: W, last: W) -> u32 {
    // A network holds neither neighbour of the range, so it keeps the first bit in which `at` differs from each.
    let apart = |other: W| (at ^ other).leading_zeros() + 1;
    let before = if first == W::ZERO { 0 } else { apart(first - W::ONE) };
    let after = last.next().map_or(0, apart);
    before.max(after)
}

/// As [`largest_around`] for a range that does not reach over the middle of the space, given by the address before it,
/// which is the highest before address 0, and its last. Whatever holds an address of either half and one beyond the middle
/// is the whole space; so is, for arithmetic, what reaches over an end, and neither needs a branch.
#[inline(always)]
pub(crate) fn largest_between<W: Word>(at: W, before: W, last: W) -> u32 {
    let apart = (at ^ before).min(at ^ last.wrapping_sub(W::MAX)) | W::ONE;
    W::BITS - (W::BITS - 1 - apart.leading_zeros())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    /// Whether the network around `at` of this length lies in the range, address by address.
    fn lies_in(at: u8, len: u32, (first, last): (u8, u8)) -> bool {
        let inside = |other: u8| len == 0 || (at ^ other) >> (8 - len) == 0;
        (0..=u8::MAX).filter(|other| inside(*other)).all(|other| first <= other && other <= last)
    }

    #[test]
    fn largest_networks_in_every_range() {
        for first in 0..=u8::MAX {
            for last in first..=u8::MAX {
                for at in (first..=last).step_by(1 + usize::from(last - first) / 16) {
                    let largest = (0..=8).find(|len| lies_in(at, *len, (first, last)));
                    assert_eq!(Some(largest_around(at, first, last)), largest, "{at} in {first}..={last}");
                    if first / 128 == last / 128 {
                        let before = first.wrapping_sub(1);
                        assert_eq!(Some(largest_between(at, before, last)), largest, "{at} in {first}..={last}");
                    }
                }
                let starts = |len: u32| first & u8::mask(len) == first;
                let largest = (0..=8).find(|len| starts(*len) && lies_in(first, *len, (first, last)));
                assert_eq!(Some(largest_len(first, last)), largest, "{first}..={last}");
            }
        }
    }

    #[test]
    #[expect(clippy::needless_range_loop, reason = "both indices are also the ends of the range")]
    fn smallest_lists_of_every_range() {
        // The fewest networks for each range by trying every first network: no list is shorter.
        let mut fewest = [[usize::MAX; 257]; 257];
        for first in (0..=256usize).rev() {
            fewest[first][first] = 0;
            for end in first + 1..=256 {
                let size = |len: u32| 256usize >> len;
                let fits = (0..=8).filter(|len| first % size(*len) == 0 && first + size(*len) <= end);
                let fewer = fits.map(|len| 1 + fewest[first + size(len)][end]).min().unwrap_or(usize::MAX);
                fewest[first][end] = fewer;
                let (low, high) = (first as u8, (end - 1) as u8);
                let list: Vec<_> = Networks::new(low, high).collect();
                assert_eq!(list.len(), fewer);
                let covered: usize = list.iter().map(|(_, len)| size(*len)).sum();
                assert_eq!(covered, end - first);
                assert!(list.iter().all(|(at, len)| lies_in(*at, *len, (low, high))));
            }
        }
    }
}
