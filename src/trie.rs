//! The look-up structures: whether the number of edges at or below an address is odd, and what that number is.
//!
//! One number is compared with a row of others at once and without a branch, in a form that the compiler turns into the
//! vector instructions of every x86-64. Four layouts find the row, chosen by the edges alone:
//!
//! - [`Direct`]: arithmetic finds one line of edges, which is the only thing that a look-up reads. For short lists and
//!   evenly spread ones; lines half as long where few edges lie close together;
//! - [`Windows`]: a table of slots names the line, which holds only those bits of its edges that differ inside the slot,
//!   so twice as many fit. Slots too full for that have a table of their own. For long lists; where nearly all networks
//!   are single hosts, lines hold those;
//! - [`Split`]: arithmetic finds a part, and in that, by its own first and last edge, the line. For lists with clusters, too
//!   short for tables;
//! - [`Search`]: a table of slots says where in the sorted edges to start comparing. For evenly spread edges of IPv6, and
//!   what the others have no room for.
//!
//! [`Owned`] is for the owners, and has its own memory limit.
//!
//! IPv6 edges that lie between /64s need all of an address. Where there are none, the upper half is looked up, with
//! half the memory: IPv6 is then a space of 64 bits.
//!
//! Memory is bounded for every input, since all layouts but the last are taken only where they stay below their limits:
//! [`direct_bytes`], [`Key::windows_bytes`] and [`split_bytes`]. [`Search`] needs the edges and at most 8 bytes for each.
//! So an index takes at most 64 KiB and 64 bytes an edge.
//!
//! A look-up reads one line; or one slot of each table that it goes through, of which there are at most as many as the
//! number has bits, two for IPv4 as a rule, and one line; or one slot and the logarithm of the edges in it.
//!
//! DESIGN.md says which lists each layout is there for.

mod direct;
mod owned;
mod search;
mod split;
mod windows;

use alloc::vec::Vec;
use core::fmt::Debug;

pub(crate) use self::owned::{Found, Owned};
pub(crate) use self::search::Search;

use self::direct::Direct;
use self::split::Split;
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

/// The memory that [`Split`] may take.
const fn split_bytes(edges: usize) -> usize {
    (64 << 10) + 64 * edges
}

/// Numbers that are compared with one number at a time.
pub(crate) trait Row: Copy + Debug + Send + Sync + 'static {
    type Lane: Copy + Ord;
    const LANES: usize;
    const LOWEST: Self::Lane;
    /// At most so many numbers as there are lanes, with the one that stands for an odd number of earlier ones.
    fn new(earlier: Option<Self::Lane>, numbers: impl Iterator<Item = Self::Lane>) -> Self;
    /// Whether an odd number of them are below `at`. Takes a copy, of which the compiler knows that it is aligned.
    fn is_odd(self, at: Self::Lane) -> bool;
    /// Whether one of them is `at`.
    fn has(self, at: Self::Lane) -> bool;
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

            #[inline]
            fn new(earlier: Option<$lane>, numbers: impl Iterator<Item = $lane>) -> Self {
                let mut lanes = [<$lane>::MAX; N];
                lanes[0] = earlier.unwrap_or(<$lane>::MAX);
                let rest = &mut lanes[usize::from(earlier.is_some())..];
                rest.iter_mut().zip(numbers).for_each(|(lane, number)| *lane = number);
                Self { _aligned: [], lanes }
            }

            // Not a sum: plain x86-64 has the parity of a mask but not its number of ones.
            #[inline(always)]
            fn is_odd(self, at: $lane) -> bool {
                self.lanes.iter().fold(false, |odd, &lane| odd ^ (lane < at))
            }

            #[inline(always)]
            fn has(self, at: $lane) -> bool {
                self.lanes.iter().fold(false, |has, &lane| has | (lane == at))
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
    /// Half as many.
    type Short: Row<Lane = <Self::Line as Row>::Lane>;
    /// The memory for each number that [`Direct`] of short lines may take.
    const SHORT_BYTES: usize;
    /// What [`Split`] has.
    type Part: Row<Lane = <Self::Line as Row>::Lane>;

    /// What windows see of numbers: so many bits, none if there are no windows of such numbers. In the order of the
    /// numbers, but signed: plain x86-64 compares no others by the vector.
    type Cells: Row;
    const CELL_BITS: u32;
    fn cell(self) -> <Self::Cells as Row>::Lane;
    /// What lines may hold instead: the bits above so many.
    const ABOVE: Option<u32>;
    /// A slot of two to the power of this addresses may have any numbers in lines.
    const SMALL: u32;
    /// The first table has slots of two to the power of this addresses each, for the whole space; if none, as
    /// [`slots`](Self::slots) says, from the first number to the last.
    const WHOLE: Option<u32>;
    /// The most slots of the first table, of so many numbers.
    fn slots(count: usize) -> usize;
    /// [`Windows`] are for so many numbers at least.
    const MANY: usize;
    /// The memory that [`Windows`] of so many numbers may take.
    fn windows_bytes(count: usize) -> usize;

    /// How many edges [`Search`] looks at first: one less than a power of two. Few where they are long.
    const CHUNK: usize;
    /// Slots of [`Search`] for each edge, at most, as a power of two.
    const SLOTS_LOG: u32;
}

macro_rules! key {
    ($key:ty, line $lane:ty, $lanes:expr, $whole:ty, short $short_bytes:expr, part $part:ty, |$at:ident| $to_lane:expr,
     cells $cell:ty, $cells:expr, $half:ty, $cell_bits:expr, $to_cell:expr, $above:expr, small $small:expr,
     whole $whole_shift:expr, slots $slots:expr, many $many:expr, bytes $bytes:expr, chunk $chunk:expr, log $log:expr) => {
        impl Key for $key {
            type Line = Lanes<$lane, $lanes, $whole>;
            #[inline(always)]
            fn lane(self) -> $lane {
                let $at = self;
                $to_lane
            }
            type Short = Lanes<$lane, { $lanes / 2 }, Half>;
            const SHORT_BYTES: usize = $short_bytes;
            type Part = $part;

            type Cells = Lanes<$cell, $cells, $half>;
            const CELL_BITS: u32 = $cell_bits;
            #[inline(always)]
            fn cell(self) -> $cell {
                let $at = self;
                $to_cell
            }
            const ABOVE: Option<u32> = $above;
            const SMALL: u32 = $small;
            const WHOLE: Option<u32> = $whole_shift;
            fn slots(count: usize) -> usize {
                ($slots)(count)
            }
            const MANY: usize = $many;
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
key!(u8, line i8, 4, Half, short 3, part Lanes<i8, 2, Half>, |at| (at ^ 1 << 7) as i8,
    cells i8, 2, Half, 6, (at << 2 ^ 1 << 7) as i8, None, small 5,
    whole Some(6), slots |_| 4, many 1, bytes |count| 64 + 16 * count, chunk 3, log 0);
#[cfg(test)]
key!(u16, line i16, 4, Half, short 3, part Lanes<i16, 4, Half>, |at| (at ^ 1 << 15) as i16,
    cells i8, 3, Half, 8, (at as u8 ^ 1 << 7) as i8, Some(2), small 5,
    whole None, slots |count: usize| (count / 2).clamp(4, 64), many 1, bytes |count| 64 + 16 * count, chunk 3, log 0);
key!(u32, line i32, 16, Whole, short 30, part Lanes<i32, 8, Half>, |at| (at ^ 1 << 31) as i32,
    cells i16, 16, Half, 16, (at as u16 ^ 1 << 15) as i16, None, small 9,
    whole Some(16), slots |_| 1 << 16, many 3 << 10, bytes |count| (64 << 10) + 64 * count, chunk 15, log 1);
key!(u64, line u64, 8, Whole, short 80, part Lanes<u64, 4, Half>, |at| at,
    cells i32, 16, Whole, 32, (at as u32 ^ 1 << 31) as i32, Some(16), small 9,
    whole None, slots |count: usize| (count / 2).clamp(16, 1 << 15), many 1 << 15, bytes |count| 24 * count, chunk 7, log 0);
key!(u128, line u128, 4, Whole, short 0, part Lanes<u128, 4, Whole>, |at| at,
    cells i16, 16, Half, 0, at as i16, None, small 9,
    whole None, slots |_| 0, many usize::MAX, bytes |_| 0, chunk 7, log 0);

/// How large parts may be, as a power of two, for each to have room for its numbers among so many lanes (two at least):
/// those in it, and one that stands for an odd number of earlier ones (`odd` are those before all); where `open_ended`,
/// not the number that is the end of its part. `None` if less than `least`.
fn part_bits<K: Key>(keys: &[K], base: K, lanes: usize, odd: bool, open_ended: bool, least: u32) -> Option<u32> {
    /// So many are looked at before it is asked whether that was enough.
    const CHUNK: usize = 1 << 12;
    // What must not be in one part has to differ above its bits, or the later one be the end of it: all ones below.
    let apart = |(&from, &to): (&K, &K)| {
        let differ = (from - base) ^ (to - base);
        if open_ended { differ.max(!to & to.wrapping_add(K::ONE)) } else { differ }
    };
    let mut bits = K::BITS - 1;
    let mut start = 0;
    while start + lanes <= keys.len() {
        let end = keys.len().min(start + CHUNK + lanes);
        let keys = &keys[start..end];
        let full = keys.iter().zip(&keys[lanes..]).map(apart).fold(K::MAX, K::min);
        // Those with an odd number before them, and the last that then has room in a line, and one.
        let from = usize::from(!odd);
        let pairs = keys[from..].iter().step_by(2).zip(keys[from + lanes - 1..].iter().step_by(2));
        let odd = pairs.map(apart).fold(K::MAX, K::min);
        bits = bits.min(K::BITS - 1 - full.min(odd).leading_zeros());
        if bits < least {
            return None;
        }
        start += CHUNK;
    }
    Some(bits)
}

/// Whether an odd number of edges is at or below an address.
#[derive(Clone, Debug)]
pub(crate) enum Index<K: Key> {
    Short(Direct<K, K::Short>),
    Direct(Direct<K, K::Line>),
    Windows(Windows<K, false>),
    Hosts(Windows<K, true>),
    Split(Split<K>),
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
        if let Some(short) = Direct::build(&before, flip, K::SHORT_BYTES * before.len())? {
            return Ok(Self::Short(short));
        }
        if let Some(direct) = Direct::build(&before, flip, direct_bytes(before.len()))? {
            return Ok(Self::Direct(direct));
        }
        if before.len() >= K::MANY {
            let bytes = K::windows_bytes(before.len());
            if K::ABOVE.is_none() && windows::are_hosts(&before, flip) {
                if let Some(windows) = Windows::build(&before, flip, bytes)? {
                    return Ok(Self::Hosts(windows));
                }
            }
            if let Some(windows) = Windows::build(&before, flip, bytes)? {
                return Ok(Self::Windows(windows));
            }
        }
        if search::is_crowded(&before) {
            if let Some(split) = Split::build(&before, flip, split_bytes(before.len()))? {
                return Ok(Self::Split(split));
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
            Self::Short(direct) => direct.is_odd(at),
            Self::Direct(direct) => direct.is_odd(at),
            Self::Windows(windows) => windows.is_odd(at),
            Self::Hosts(windows) => windows.is_odd(at),
            _ => self.is_odd_by_more(at),
        }
    }

    /// Too long to be copied to every caller.
    #[inline(never)]
    fn is_odd_by_more(&self, at: K) -> bool {
        match self {
            Self::Split(split) => split.is_odd(at),
            Self::Search(search, edges) => search.rank(edges, at) % 2 == 1,
            Self::Short(_) | Self::Direct(_) | Self::Windows(_) | Self::Hosts(_) => self.is_odd(at),
        }
    }

    /// The answers for many addresses.
    #[inline]
    pub(crate) fn batch(&self, at: impl Iterator<Item = K>, odd: &mut [bool]) {
        match self {
            Self::Short(direct) => odd.iter_mut().zip(at).for_each(|(odd, at)| *odd = direct.is_odd(at)),
            Self::Direct(direct) => odd.iter_mut().zip(at).for_each(|(odd, at)| *odd = direct.is_odd(at)),
            Self::Windows(windows) => windows.batch(at, odd),
            Self::Hosts(windows) => windows.batch(at, odd),
            // In a loop the compiler would make branches of what is none in a function.
            Self::Split(_) | Self::Search(..) => {
                odd.iter_mut().zip(at).for_each(|(odd, at)| *odd = self.is_odd_by_more(at));
            }
        }
    }

    /// What it takes in memory.
    pub(crate) fn heap_bytes(&self) -> usize {
        match self {
            Self::Short(direct) => direct.heap_bytes(),
            Self::Direct(direct) => direct.heap_bytes(),
            Self::Windows(windows) => windows.heap_bytes(),
            Self::Hosts(windows) => windows.heap_bytes(),
            Self::Split(split) => split.heap_bytes(),
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
