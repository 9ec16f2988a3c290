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
    fn leading_zeros(self) -> u32;
    fn trailing_zeros(self) -> u32;
    /// The low bits, for indices that are known to fit.
    fn low_usize(self) -> usize;
    fn to_u128(self) -> u128;

    /// A network mask with `len` leading ones, `0 <= len <= BITS`.
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

            fn checked_add(self, other: Self) -> Option<Self> {
                <$word>::checked_add(self, other)
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
word!(u32, None);
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

/// The largest network, as its length, that contains `at` and lies in `first..=last`.
pub(crate) fn largest_around<W: Word>(at: W, first: W, last: W) -> u32 {
    // Both ends must agree with `at` down to the length, or differ in the direction that leaves room:
    // the network around `at` of length `len` is [at & mask, at | !mask].
    let (mut low, mut high) = (0, W::BITS);
    while low < high {
        let len = (low + high) / 2;
        let mask = W::mask(len);
        if at & mask >= first && at | !mask <= last { high = len } else { low = len + 1 }
    }
    low
}
