//! The look-up structures: whether the number of edges at or below an address is odd, and what that number is.
//!
//! One number is compared with a row of others at once and without a branch, in a form that the compiler turns into the
//! vector instructions of every x86-64. Three layouts find the row, chosen by the edges alone:
//!
//! - [`Direct`]: arithmetic finds one line of edges, which is the only thing that a look-up reads. For short lists and
//!   evenly spread ones;
//! - [`Windows`]: a table of slots names the line, which holds only those bits of its edges that differ inside the slot,
//!   so twice as many fit. Slots too full for that have a table of their own. For long lists;
//! - [`Search`]: a table of slots says where in the sorted edges to start comparing. For lists that neither of the others
//!   has room for.
//!
//! [`Owned`] is for the owners, and has its own memory limit.
//!
//! IPv6 edges that lie between /64s need all of an address. Where there are none, the upper half is looked up, with
//! half the memory: IPv6 is then a space of 64 bits.
//!
//! Memory is bounded for every input, since the first two layouts are taken only where they stay below their limits:
//! [`direct_bytes`] and [`Key::windows_bytes`]. [`Search`] needs the edges and at most 8 bytes for each. So an index takes
//! at most 64 KiB and 64 bytes an edge.
//!
//! A look-up reads one line; or one slot of each table that it goes through, of which there are at most as many as the
//! number has bits, two for IPv4 as a rule, and one line; or one slot and the logarithm of the edges in it.
//!
//! DESIGN.md says which lists each layout is there for.

mod direct;
mod owned;
mod search;
mod windows;

use alloc::vec::Vec;
use core::fmt::Debug;

pub(crate) use self::owned::{Found, Owned};
pub(crate) use self::search::Search;

use self::direct::Direct;
use self::windows::Windows;
use crate::error::OutOfMemory;
use crate::word::Word;

/// The memory that [`Direct`] may take: 4 KiB always, much for each edge while the caches hold it, less beyond that.
const fn direct_bytes(edges: usize) -> usize {
    const ALWAYS: usize = 4 << 10;
    const CACHED: usize = 64 << 10;
    let (few, many) = (edges * 160, edges * 32);
    let few = if few < CACHED { few } else { CACHED };
    let most = if few > many { few } else { many };
    if most > ALWAYS { most } else { ALWAYS }
}

/// Numbers that are compared with one number at a time.
pub(crate) trait Row: Copy + Debug + Send + Sync + 'static {
    type Lane: Copy + Ord;
    const LANES: usize;
    const LOWEST: Self::Lane;
    /// A row is also a map of two to the power of this bits.
    const MAP_BITS: u32;

    /// At most so many numbers as there are lanes.
    fn new(lanes: impl Iterator<Item = Self::Lane>) -> Self;
    /// Whether an odd number of them are below `at`. Takes a copy, of which the compiler knows that it is aligned.
    fn is_odd(self, at: Self::Lane) -> bool;

    /// The map with these bits set.
    fn map(bits: impl Iterator<Item = usize>) -> Self;
    fn bit(&self, at: usize) -> bool;
}

/// Lanes without a number hold the highest, which is below no other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lanes<T, const N: usize, A> {
    /// A row lies in one cache line.
    _aligned: [A; 0],
    lanes: [T; N],
}

#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
pub(crate) struct Half;

#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(crate) struct Whole;

macro_rules! row {
    ($lane:ty) => {
        impl<const N: usize, A: Copy + Debug + Send + Sync + 'static> Row for Lanes<$lane, N, A> {
            type Lane = $lane;
            const LANES: usize = N;
            const LOWEST: $lane = <$lane>::MIN;
            const MAP_BITS: u32 = (N * <$lane>::BITS as usize).ilog2();

            fn new(numbers: impl Iterator<Item = $lane>) -> Self {
                let mut lanes = [<$lane>::MAX; N];
                lanes.iter_mut().zip(numbers).for_each(|(lane, number)| *lane = number);
                Self { _aligned: [], lanes }
            }

            // Not a sum: plain x86-64 has the parity of a mask but not its number of ones.
            #[inline(always)]
            fn is_odd(self, at: $lane) -> bool {
                self.lanes.iter().fold(false, |odd, &lane| odd ^ (lane < at))
            }

            fn map(bits: impl Iterator<Item = usize>) -> Self {
                let mut lanes = [0; N];
                for bit in bits {
                    lanes[bit / <$lane>::BITS as usize % N] |= 1 << (bit % <$lane>::BITS as usize);
                }
                Self { _aligned: [], lanes }
            }

            #[inline(always)]
            fn bit(&self, at: usize) -> bool {
                self.lanes[at / <$lane>::BITS as usize % N] >> (at % <$lane>::BITS as usize) & 1 != 0
            }
        }
    };
}

#[cfg(test)]
row!(i8);
row!(i16);
row!(i32);
row!(u64);
row!(u128);

/// A number that an index looks up: an address, or the upper half of one.
pub(crate) trait Key: Word {
    /// Whole numbers.
    type Line: Row;
    fn lane(self) -> <Self::Line as Row>::Lane;

    /// What windows see of numbers: so many bits, none if there are no windows of such numbers. In the order of the
    /// numbers, but signed: plain x86-64 compares no others by the vector.
    type Cells: Row;
    const CELL_BITS: u32;
    fn cell(self) -> <Self::Cells as Row>::Lane;
    const OTHER: Other;
    /// The most slots of the first table, of so many numbers.
    fn slots(count: usize) -> usize;
    /// The memory that [`Windows`] of so many numbers may take.
    fn windows_bytes(count: usize) -> usize;

    /// How many edges [`Search`] looks at first: one less than a power of two. Few where they are long.
    const CHUNK: usize;
    /// Slots of [`Search`] for each edge, at most, as a power of two.
    const SLOTS_LOG: u32;
}

/// What else than the lowest bits of its numbers a line may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Other {
    /// One bit for each number.
    Map,
    /// The bits above so many.
    Above(u32),
}

macro_rules! key {
    ($key:ty, line $lane:ty, $lanes:expr, $whole:ty, |$at:ident| $to_lane:expr,
     cells $cell:ty, $cells:expr, $half:ty, $cell_bits:expr, $to_cell:expr, $other:expr,
     slots $slots:expr, bytes $bytes:expr, chunk $chunk:expr, log $log:expr) => {
        impl Key for $key {
            type Line = Lanes<$lane, $lanes, $whole>;
            #[inline(always)]
            fn lane(self) -> $lane {
                let $at = self;
                $to_lane
            }

            type Cells = Lanes<$cell, $cells, $half>;
            const CELL_BITS: u32 = $cell_bits;
            #[inline(always)]
            fn cell(self) -> $cell {
                let $at = self;
                $to_cell
            }
            const OTHER: Other = $other;
            fn slots(count: usize) -> usize {
                ($slots)(count)
            }
            fn windows_bytes(count: usize) -> usize {
                ($bytes)(count)
            }

            const CHUNK: usize = $chunk;
            const SLOTS_LOG: u32 = $log;
        }
    };
}

// The toy spaces of the tests: 256 addresses with maps, 65,536 with two windows.
#[cfg(test)]
key!(u8, line i8, 2, Half, |at| (at ^ 1 << 7) as i8,
    cells i8, 2, Half, 5, (at << 3 ^ 1 << 7) as i8, Other::Map,
    slots |count: usize| (count / 2).clamp(4, 16), bytes |count| 64 + 16 * count, chunk 3, log 0);
#[cfg(test)]
key!(u16, line i16, 2, Half, |at| (at ^ 1 << 15) as i16,
    cells i8, 3, Half, 8, (at as u8 ^ 1 << 7) as i8, Other::Above(2),
    slots |count: usize| (count / 2).clamp(4, 64), bytes |count| 64 + 16 * count, chunk 3, log 0);
key!(u32, line i32, 16, Whole, |at| (at ^ 1 << 31) as i32,
    cells i16, 16, Half, 16, (at as u16 ^ 1 << 15) as i16, Other::Map,
    slots |_| 1 << 16, bytes |count| (64 << 10) + 64 * count, chunk 15, log 1);
key!(u64, line u64, 8, Whole, |at| at,
    cells i32, 16, Whole, 32, (at as u32 ^ 1 << 31) as i32, Other::Above(16),
    slots |count: usize| (count / 2).clamp(16, 1 << 15), bytes |count| 24 * count, chunk 7, log 0);
key!(u128, line u128, 4, Whole, |at| at,
    cells i16, 16, Half, 0, at as i16, Other::Map,
    slots |_| 0, bytes |_| 0, chunk 7, log 0);

/// Whether an odd number of edges is at or below an address.
#[derive(Clone, Debug)]
pub(crate) enum Index<K: Key> {
    Direct(Direct<K>),
    Windows(Windows<K>),
    Search(Search<K>, Vec<K>),
}

impl<K: Key> Index<K> {
    /// `edges` rise strictly.
    pub(crate) fn build(edges: impl ExactSizeIterator<Item = K> + Clone) -> Result<Self, OutOfMemory> {
        // What lies before an edge is easier to tell apart by comparing: it is below an address, or it is not. An edge
        // at address 0 has nothing before it; the index is then of the complement.
        let flip = edges.clone().next() == Some(K::ZERO);
        let mut before = Vec::new();
        before.try_reserve_exact(edges.len())?;
        before.extend(edges.clone().skip(usize::from(flip)).map(|edge| edge - K::ONE));
        if let Some(direct) = Direct::build(&before, flip, direct_bytes(before.len()))? {
            return Ok(Self::Direct(direct));
        }
        if K::CELL_BITS > 0 {
            if let Some(windows) = Windows::build(&before, flip, K::windows_bytes(before.len()))? {
                return Ok(Self::Windows(windows));
            }
        }
        before.clear();
        before.try_reserve_exact(edges.len())?;
        before.extend(edges);
        Ok(Self::Search(Search::build(&before)?, before))
    }

    #[inline(always)]
    pub(crate) fn is_odd(&self, at: K) -> bool {
        match self {
            Self::Direct(direct) => direct.is_odd(at),
            Self::Windows(windows) => windows.is_odd(at),
            Self::Search(search, edges) => search.rank(edges, at) % 2 == 1,
        }
    }

    /// The answers for many addresses.
    #[inline]
    pub(crate) fn batch(&self, at: impl Iterator<Item = K>, odd: &mut [bool]) {
        match self {
            Self::Direct(direct) => odd.iter_mut().zip(at).for_each(|(odd, at)| *odd = direct.is_odd(at)),
            Self::Windows(windows) => windows.batch(at, odd),
            Self::Search(search, edges) => {
                odd.iter_mut().zip(at).for_each(|(odd, at)| *odd = search.rank(edges, at) % 2 == 1);
            }
        }
    }

    /// What it takes in memory.
    pub(crate) fn heap_bytes(&self) -> usize {
        match self {
            Self::Direct(direct) => direct.heap_bytes(),
            Self::Windows(windows) => windows.heap_bytes(),
            Self::Search(search, edges) => search.heap_bytes() + edges.capacity() * size_of::<K>(),
        }
    }
}

/// The index of a family.
pub(crate) trait Parity<W>: Clone + Debug + Sized {
    fn build(edges: &[W]) -> Result<Self, OutOfMemory>;
    fn is_odd(&self, at: W) -> bool;
    fn batch(&self, at: impl Iterator<Item = W>, odd: &mut [bool]);
    fn heap_bytes(&self) -> usize;
}

/// An address of a family that can be looked up.
pub(crate) trait Lane: Key {
    type Index: Parity<Self> + Send + Sync;
}

impl Lane for u32 {
    type Index = Index<u32>;
}

impl Parity<u32> for Index<u32> {
    fn build(edges: &[u32]) -> Result<Self, OutOfMemory> {
        Self::build(edges.iter().copied())
    }
    #[inline(always)]
    fn is_odd(&self, at: u32) -> bool {
        self.is_odd(at)
    }
    #[inline]
    fn batch(&self, at: impl Iterator<Item = u32>, odd: &mut [bool]) {
        self.batch(at, odd);
    }
    fn heap_bytes(&self) -> usize {
        self.heap_bytes()
    }
}

impl Lane for u128 {
    type Index = Index6;
}

/// Of the upper halves where no edge is inside a /64, else of whole addresses.
#[derive(Clone, Debug)]
pub(crate) enum Index6 {
    Halves(Index<u64>),
    Whole(Index<u128>),
}

const fn upper(at: u128) -> u64 {
    (at >> 64) as u64
}

impl Parity<u128> for Index6 {
    fn build(edges: &[u128]) -> Result<Self, OutOfMemory> {
        if edges.iter().all(|&edge| edge as u64 == 0) {
            Ok(Self::Halves(Index::build(edges.iter().map(|&edge| upper(edge)))?))
        } else {
            Ok(Self::Whole(Index::build(edges.iter().copied())?))
        }
    }
    #[inline(always)]
    fn is_odd(&self, at: u128) -> bool {
        match self {
            Self::Halves(index) => index.is_odd(upper(at)),
            Self::Whole(index) => index.is_odd(at),
        }
    }
    #[inline]
    fn batch(&self, at: impl Iterator<Item = u128>, odd: &mut [bool]) {
        match self {
            Self::Halves(index) => index.batch(at.map(upper), odd),
            Self::Whole(index) => index.batch(at, odd),
        }
    }
    fn heap_bytes(&self) -> usize {
        match self {
            Self::Halves(index) => index.heap_bytes(),
            Self::Whole(index) => index.heap_bytes(),
        }
    }
}

#[cfg(test)]
mod tests;
