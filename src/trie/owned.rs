//! Who owns an address, and where the segment around it ends.

use alloc::vec::Vec;
use core::ops::Range;

use super::{Key, Search};
use crate::error::OutOfMemory;

/// Segments of a line: of IPv4, what fits into half a line of the caches.
const SEGMENTS: usize = 3;

/// Neighbouring segments, side by side with their owners: whoever has the owner of an address at hand has the ends of
/// its segment too, which its network needs.
#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
struct Line<K> {
    /// The last address before the line, then of each segment. What is not used is the highest.
    lasts: [K; SEGMENTS + 1],
    owners: [u32; SEGMENTS],
}

/// What is known of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found<K> {
    pub(crate) owner: u32,
    /// The address before the segment, and its last one. Before address 0 is the highest, as arithmetic has it. No
    /// segment reaches over the middle of the space: there it ends for the network, which could be nothing but the whole
    /// space otherwise. `None` if it is.
    pub(crate) ends: Option<(K, K)>,
}

impl<K: Key> Line<K> {
    /// `at` lies in the line.
    #[inline(always)]
    fn find(&self, at: K) -> Found<K> {
        let [_, lasts @ ..] = &self.lasts;
        // Halving, without a branch.
        let (mut place, mut half) = (0, SEGMENTS.div_ceil(2));
        while half > 0 {
            place += usize::from(lasts[place + half - 1] < at) * half;
            half /= 2;
        }
        Found { owner: self.owners[place], ends: Some((self.lasts[place], self.lasts[place + 1])) }
    }
}

/// Segments and their owners in lines, and how to find the line of an address.
#[derive(Clone, Debug)]
pub(crate) struct Owned<K> {
    way: Way<K>,
    /// In the order of their addresses. Neighbours may both have the segment that lies in both.
    lines: Vec<Line<K>>,
    edges: usize,
    /// Whether the middle of the space, where a line's segment ends, is no edge.
    halved: bool,
}

#[derive(Clone, Debug)]
enum Way<K> {
    Slots(Slots<K>),
    /// Where each line but the first starts.
    Search(Search<K>, Vec<K>),
    /// There is one segment.
    One(u32),
}

/// Slots of two to the power of `shift` addresses each; one more, at `limit`, is for what lies outside.
///
/// A slot is an entry. Its index, and the address when it is shifted by so many bits as the entry says, come to the place
/// of a line, or of another entry, with slots as small as that.
#[derive(Clone, Debug)]
struct Slots<K> {
    base: K,
    limit: K,
    shift: u32,
    slots: Vec<Entry>,
}

/// From bit 8 on the index, below it the shift.
#[derive(Clone, Copy, Debug)]
struct Entry(u32);

impl Entry {
    const SHIFT: u32 = 0x7f;
    /// It is another entry.
    const NODE: u32 = 1 << 7;
    const INDEX: u32 = 8;

    /// What is `place` for the part `from` of so many bits. `None` if it is too far away.
    fn new<K: Key>(place: usize, from: K, shift: u32, kind: u32) -> Option<Self> {
        let place = u32::try_from(place).ok().filter(|place| *place < 1 << (u32::BITS - Self::INDEX))?;
        Some(Self(place.wrapping_sub(from.low_usize() as u32) << Self::INDEX | kind | shift))
    }

    /// Modulo the places that there may be, so that parts need not be counted from the slot.
    #[inline(always)]
    fn place<K: Key>(self, inside: K) -> usize {
        let part = (inside >> (self.0 & Self::SHIFT)).low_usize() as u32;
        ((self.0 >> Self::INDEX).wrapping_add(part) & u32::MAX >> Self::INDEX) as usize
    }
}

impl<K: Key> Slots<K> {
    #[inline(always)]
    fn line(&self, at: K) -> usize {
        let inside = at.wrapping_sub(self.base).min(self.limit);
        let mut entry = self.slots[(inside >> self.shift).low_usize()];
        while entry.0 & Entry::NODE != 0 {
            entry = self.slots[entry.place(inside)];
        }
        entry.place(inside)
    }
}

impl<K: Key> Owned<K> {
    /// Where the upper half of the space starts.
    fn middle() -> K {
        K::ONE << (K::BITS - 1)
    }

    /// `edges`, where each segment but the first starts, rise strictly, none of them 0; there is one owner more.
    pub(crate) fn build(mut edges: Vec<K>, mut owners: Vec<u32>) -> Result<Self, OutOfMemory> {
        let count = edges.len();
        if let (0, [owner, ..]) = (count, &owners[..]) {
            return Ok(Self { way: Way::One(*owner), lines: Vec::new(), edges: 0, halved: false });
        }
        let middle = edges.partition_point(|&edge| edge < Self::middle());
        let halved = edges.get(middle) != Some(&Self::middle());
        if halved {
            edges.try_reserve(1)?;
            owners.try_reserve(1)?;
            edges.insert(middle, Self::middle());
            owners.insert(middle, owners[middle]);
        }
        let (way, lines) = match Plan::new(&edges, &owners).slots()? {
            Some(layout) => layout,
            None => Plan::new(&edges, &owners).rows()?,
        };
        Ok(Self { way, lines, edges: count, halved })
    }

    /// The owner of an address and its segment, where slots say so: `None` means that [`find`](Self::find) has to be
    /// asked, not that there is none.
    #[inline(always)]
    pub(crate) fn find_by_slots(&self, at: K) -> Option<Found<K>> {
        match &self.way {
            Way::Slots(slots) => Some(self.lines[slots.line(at)].find(at)),
            _ => None,
        }
    }

    /// The owner of an address and its segment.
    pub(crate) fn find(&self, at: K) -> Found<K> {
        let line = match &self.way {
            Way::Slots(slots) => slots.line(at),
            Way::Search(search, starts) => search.rank(starts, at),
            Way::One(owner) => return Found { owner: *owner, ends: None },
        };
        self.lines[line].find(at)
    }

    /// Each segment but the last, as its last address and its owner.
    fn segments(&self) -> impl Iterator<Item = (K, u32)> + '_ {
        let each = self.lines.iter().flat_map(|line| line.lasts[1..].iter().copied().zip(line.owners));
        let no_edge = self.halved.then(|| Self::middle() - K::ONE);
        let mut before = None;
        each.filter(move |&(last, _)| {
            let new = last != K::MAX && before < Some(last);
            before = before.max(new.then_some(last));
            new && no_edge != Some(last)
        })
    }

    /// Where each segment but the first starts.
    pub(crate) fn edges(&self) -> impl ExactSizeIterator<Item = K> + '_ {
        Counted { rest: self.segments().map(|(last, _)| last + K::ONE), count: self.edges }
    }

    /// Who owns each segment.
    pub(crate) fn owners(&self) -> impl ExactSizeIterator<Item = u32> + '_ {
        let end = self.find(K::MAX).owner;
        Counted { rest: self.segments().map(|(_, owner)| owner).chain([end]), count: self.edges + 1 }
    }

    /// What it takes in memory.
    #[cfg(test)]
    pub(crate) fn heap_bytes(&self) -> usize {
        let way = match &self.way {
            Way::Slots(slots) => slots.slots.capacity() * size_of::<Entry>(),
            Way::Search(search, starts) => search.heap_bytes() + starts.capacity() * size_of::<K>(),
            Way::One(_) => 0,
        };
        way + self.lines.capacity() * size_of::<Line<K>>()
    }
}

/// The memory that slots and lines of so many segments may take.
const fn most_bytes<K>(segments: usize) -> usize {
    (4 << 10) + segments.div_ceil(SEGMENTS) * size_of::<Line<K>>() * 4
}

/// So many edges have a slot, so that the slots stay in the caches.
const SLOT_EDGES: usize = 4;
/// A group has at most so many times the lines that its segments fill. Smaller groups mean more tables, and a look-up that
/// goes on to one is hard to foresee for the processor; but lines of IPv6 are long.
const fn group_room<K: Key>() -> usize {
    if K::BITS > 32 { 1 } else { 6 }
}

type Layout<K> = (Way<K>, Vec<Line<K>>);

struct Plan<'a, K> {
    edges: &'a [K],
    owners: &'a [u32],
    base: K,
    slots: Vec<Entry>,
    lines: Vec<Line<K>>,
    /// The first segment of the last line, where that may take on more.
    open: Option<usize>,
}

impl<'a, K: Key> Plan<'a, K> {
    fn new(edges: &'a [K], owners: &'a [u32]) -> Self {
        Self { edges, owners, base: K::ZERO, slots: Vec::new(), lines: Vec::new(), open: None }
    }

    /// The line of some segments, by their numbers. One that is not there lasts to the end of the space.
    fn line(&self, segments: impl Iterator<Item = usize> + Clone) -> Line<K> {
        let last = |segment: usize| self.edges.get(segment).map_or(K::MAX, |&edge| edge - K::ONE);
        let mut line = Line { lasts: [K::MAX; SEGMENTS + 1], owners: [u32::MAX; SEGMENTS] };
        let before = segments.clone().next().and_then(|first| first.checked_sub(1));
        line.lasts[0] = before.map_or(K::MAX, last);
        for ((to, owner), segment) in line.lasts[1..].iter_mut().zip(&mut line.owners).zip(segments) {
            (*to, *owner) = (last(segment), self.owners[segment]);
        }
        line
    }

    fn push(&mut self, line: Line<K>) -> Result<usize, OutOfMemory> {
        self.lines.try_reserve(1)?;
        self.lines.push(line);
        Ok(self.lines.len() - 1)
    }

    /// Full lines, and where each but the first starts.
    fn rows(mut self) -> Result<Layout<K>, OutOfMemory> {
        let mut starts = Vec::new();
        starts.try_reserve_exact(self.owners.len() / SEGMENTS)?;
        self.lines.try_reserve_exact(self.owners.len().div_ceil(SEGMENTS))?;
        for first in (0..self.owners.len()).step_by(SEGMENTS) {
            starts.extend(first.checked_sub(1).map(|before| self.edges[before]));
            self.push(self.line(first..self.owners.len().min(first + SEGMENTS)))?;
        }
        Ok((Way::Search(Search::build(&starts)?, starts), self.lines))
    }

    /// `None` if they would take too much.
    fn slots(mut self) -> Result<Option<Layout<K>>, OutOfMemory> {
        let (Some(&first), Some(&last)) = (self.edges.first(), self.edges.last()) else {
            return Ok(None);
        };
        // Some of the first segment is inside, too.
        let first = first - K::ONE;
        let bits = K::BITS - (last - first).leading_zeros();
        let shift = bits.saturating_sub((self.edges.len() / SLOT_EDGES).max(4).ilog2()).min(K::BITS - 1);
        self.base = first >> shift << shift;
        let slots = ((last - self.base) >> shift).low_usize() + 1;
        // Up to the end of the space: the difference is right without the bit that does not fit.
        let limit = (last >> shift).checked_add(K::ONE).filter(|end| *end <= K::MAX >> shift);
        let limit = limit.map_or(K::ZERO, |end| end << shift).wrapping_sub(self.base);
        let limit = if limit == K::ZERO { K::MAX } else { limit };
        self.slots.try_reserve(slots)?;
        self.slots.resize(slots + 1, Entry(0));
        if !self.table(0..slots, K::ZERO, shift, 0)? {
            return Ok(None);
        }
        // Outside there are the first segment and the last, and what the line has between them is not asked for.
        let outside = self.line([0, self.edges.len() - 1, self.edges.len()].into_iter());
        let outside = self.push(outside)?;
        let Some(entry) = Entry::new(outside, limit >> shift, shift, 0).filter(|_| self.has_room()) else {
            return Ok(None);
        };
        self.slots[slots] = entry;
        self.slots.shrink_to_fit();
        self.lines.shrink_to_fit();
        let slots = Slots { base: self.base, limit, shift, slots: self.slots };
        Ok(Some((Way::Slots(slots), self.lines)))
    }

    fn has_room(&self) -> bool {
        let bytes = self.slots.len() * size_of::<Entry>() + self.lines.len() * size_of::<Line<K>>();
        bytes <= most_bytes::<K>(self.owners.len())
    }

    /// The edges inside a part of two to the power of `shift` addresses, from the edge `at` on: one at its start is not
    /// inside.
    fn inside(&self, at: usize, part: K, shift: u32) -> Range<usize> {
        let edge = |at: usize| self.edges.get(at).map(|&edge| edge - self.base);
        let start = at + usize::from(edge(at) == Some(part << shift));
        let mut end = start;
        while edge(end).is_some_and(|edge| edge >> shift == part) {
            end += 1;
        }
        start..end
    }

    /// Fills entries, the first for this part. Whether there is room.
    fn table(&mut self, table: Range<usize>, mut part: K, shift: u32, mut at: usize) -> Result<bool, OutOfMemory> {
        for slot in table {
            let inside = self.inside(at, part, shift);
            at = inside.end;
            let Some(entry) = self.entry(inside, part, shift)? else {
                return Ok(false);
            };
            self.slots[slot] = entry;
            part = part.wrapping_sub(K::MAX);
        }
        Ok(self.has_room())
    }

    /// What becomes of a slot with these edges inside.
    fn entry(&mut self, inside: Range<usize>, part: K, shift: u32) -> Result<Option<Entry>, OutOfMemory> {
        let segments = inside.end + 1 - inside.start;
        // A line for several slots, or for this one.
        let open = self.open.take().filter(|open| inside.end - open < SEGMENTS);
        if open.is_some() {
            self.lines.pop();
        }
        let first = open.or_else(|| (segments <= SEGMENTS).then_some(inside.start));
        if let Some(first) = first {
            let line = self.push(self.line(first..inside.end + 1))?;
            self.open = Some(first);
            return Ok(Entry::new(line, part, shift, 0));
        }
        // So many edges in a row must not be inside one part, nor what lies before the first of them.
        let edge = |at: usize| self.edges[at] - self.base;
        let apart = |at: usize| ((edge(at) - K::ONE) ^ edge(at + SEGMENTS - 1)).leading_zeros();
        let runs = inside.start..inside.end + 1 - SEGMENTS;
        let bits = K::BITS - 1 - runs.map(apart).max().unwrap_or(0);
        let log = shift - bits;
        let room = segments.div_ceil(SEGMENTS) * group_room::<K>();
        if log <= room.ilog2() {
            let Some(entry) = Entry::new(self.lines.len(), part << log, bits, 0) else {
                return Ok(None);
            };
            let (mut at, mut part) = (inside.start, part << log);
            for _ in 0..1 << log {
                let inside = self.inside(at, part, bits);
                at = inside.end;
                self.push(self.line(inside.start..inside.end + 1))?;
                part = part.wrapping_sub(K::MAX);
            }
            return Ok(self.has_room().then_some(entry));
        }
        let log = segments.ilog2().min(shift);
        let table = self.slots.len()..self.slots.len() + (1 << log);
        let Some(entry) = Entry::new(table.start, part << log, shift - log, Entry::NODE) else {
            return Ok(None);
        };
        self.slots.try_reserve(table.len())?;
        self.slots.resize(table.end, Entry(0));
        let done = self.has_room() && self.table(table, part << log, shift - log, inside.start)?;
        Ok(done.then_some(entry))
    }
}

/// So many of what is at least as long.
struct Counted<I> {
    rest: I,
    count: usize,
}

impl<I: Iterator> Iterator for Counted<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        self.count = self.count.checked_sub(1)?;
        self.rest.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.count, Some(self.count))
    }
}

impl<I: Iterator> ExactSizeIterator for Counted<I> {}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::word::{largest_around, largest_between};

    /// Compares every way to find a line that there is, and the one that is taken, with a plain search; each owner is
    /// the number of its segment. Gives the way that is taken.
    fn check<K: Key>(edges: &[K], probes: impl Iterator<Item = K> + Clone) -> &'static str {
        let owners: Vec<u32> = (0..=edges.len() as u32).collect();
        let taken = Owned::build(edges.to_vec(), owners.clone()).unwrap();
        assert!(taken.heap_bytes() <= most_bytes::<K>(edges.len() + 2), "{} of {edges:?}", taken.heap_bytes());
        let mut ways = vec![taken];
        if !edges.is_empty() {
            let mut rows = ways[0].clone();
            let (edges, owners) = halved(edges, &owners);
            (rows.way, rows.lines) = Plan::new(&edges, &owners).rows().unwrap();
            ways.push(rows);
        }
        for owned in &ways {
            assert!(owned.edges().eq(edges.iter().copied()), "{edges:?} in {owned:?}");
            assert!(owned.owners().eq(owners.iter().copied()), "{edges:?} in {owned:?}");
            assert_eq!((owned.edges().len(), owned.owners().len()), (edges.len(), owners.len()));
            for at in probes.clone() {
                let rank = edges.partition_point(|&edge| edge <= at);
                let found = owned.find(at);
                assert_eq!(found.owner as usize, rank, "{at:?} of {edges:?} in {owned:?}");
                assert!(owned.find_by_slots(at).is_none_or(|same| same == found));
                let first = rank.checked_sub(1).map_or(K::ZERO, |rank| edges[rank]);
                let last = edges.get(rank).map_or(K::MAX, |&edge| edge - K::ONE);
                let len = found.ends.map_or(0, |(before, last)| largest_between(at, before, last));
                assert_eq!(len, largest_around(at, first, last), "{at:?} of {edges:?} in {owned:?}");
            }
        }
        match &ways[0].way {
            Way::Slots(slots) if slots.slots.iter().any(|entry| entry.0 & Entry::NODE != 0) => "tables",
            Way::Slots(_) => "slots",
            Way::Search(..) => "search",
            Way::One(_) => "one",
        }
    }

    /// With the middle as an edge.
    fn halved<K: Key>(edges: &[K], owners: &[u32]) -> (Vec<K>, Vec<u32>) {
        let middle = K::ONE << (K::BITS - 1);
        let (mut edges, mut owners) = (edges.to_vec(), owners.to_vec());
        if let Err(at) = edges.binary_search(&middle) {
            edges.insert(at, middle);
            owners.insert(at, owners[at]);
        }
        (edges, owners)
    }

    struct Random(u64);

    impl Random {
        fn next(&mut self) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
        }
        fn below(&mut self, bound: u64) -> u64 {
            ((self.next() >> 32) * bound) >> 32
        }
        fn wide(&mut self) -> u128 {
            u128::from(self.next()) << 64 | u128::from(self.next())
        }
    }

    /// Each edge and its neighbours, the ends of the space, and some more; 0 is no edge.
    fn check_near<K: Key>(edges: impl Iterator<Item = K>, more: &[K]) -> &'static str {
        let mut edges: Vec<_> = edges.filter(|&edge| edge != K::ZERO).collect();
        edges.sort_unstable();
        edges.dedup();
        let near = edges.iter().flat_map(|&at| [at - K::ONE, at, at.next().unwrap_or(at)]);
        check(&edges, near.chain([K::ZERO, K::MAX]).chain(more.iter().copied()))
    }

    #[test]
    fn up_to_three_edges() {
        let all = || 0..=u8::MAX;
        assert_eq!(check::<u8>(&[], all()), "one");
        for a in 1..=u8::MAX {
            check(&[a], all());
            for b in a..=u8::MAX {
                check(&[a, b][usize::from(a == b)..], all());
                for c in (b..=u8::MAX).skip(1).step_by(11).filter(|_| a < b) {
                    check(&[a, b, c], all());
                }
            }
        }
    }

    #[test]
    fn many_edges() {
        let mut random = Random(1);
        for round in 0..10_000 {
            let dense = [1 + round % 256, 1 + random.below(256)];
            let block = 1 << random.below(8);
            let edges = (1..=u8::MAX).filter(|at| random.below(256) < dense[usize::from(at / block % 2)]);
            check(&edges.collect::<Vec<_>>(), 0..=u8::MAX);
        }
        check(&(1..=u8::MAX).collect::<Vec<_>>(), 0..=u8::MAX);
        for round in 0..100 {
            let dense = [1 + round * 3, 1 + random.below(64)];
            let block = 1 << random.below(16);
            let edges = (1..=u16::MAX).filter(|at| random.below(4096) < dense[usize::from(at / block % 2)]);
            check(&edges.collect::<Vec<_>>(), (0..=u16::MAX).step_by(1 + round as usize % 3));
        }
    }

    #[test]
    fn random_edges() {
        let mut random = Random(2);
        for round in 0..400 {
            let shift = random.below(128);
            let mut centre = random.wide();
            // Over the space, over a part of it, over orders of magnitude, around a few centres.
            let edges: Vec<_> = (0..1 << random.below(11))
                .map(|_| match round % 4 {
                    0 => random.wide(),
                    1 => (random.wide() >> shift).wrapping_add(centre),
                    2 => random.wide() >> random.below(128),
                    _ => {
                        if random.below(8) == 0 {
                            centre = random.wide();
                        }
                        centre.wrapping_add(random.wide() >> (127 - shift / 4))
                    }
                })
                .collect();
            let more: Vec<_> = (0..64).map(|_| random.wide() >> random.below(128)).collect();
            check_near(edges.iter().copied(), &more);
            let short: Vec<_> = more.iter().map(|&at| at as u32).collect();
            check_near(edges.iter().flat_map(|&edge| [(edge >> 96) as u32, edge as u32]), &short);
        }
    }

    /// Sets that are made to take much, and every way to find a line is taken by some.
    #[test]
    fn memory() {
        let mut random = Random(3);
        let mut ways = Vec::new();
        let mut both = |edges: Vec<u128>| {
            ways.push(check_near(edges.iter().copied(), &[]));
            ways.push(check_near(edges.iter().map(|&at| (at >> 96) as u32), &[]));
        };
        both((0..20_000).map(|_| random.wide()).collect());
        // Each edge so many bits further than the last, from one start or from many.
        for (starts, width) in [(1, 128), (999, 118)] {
            let chain = |start: u128| (0..width).map(move |bit| start << 118 | 1_u128 << bit);
            both((0..starts).flat_map(chain).collect());
        }
        // Clusters of neighbours.
        for size in [3, 4, 5, 9, 33, 129] {
            for gap in [0, 1, 5, 9] {
                let starts: Vec<_> = (0..2_999 / size).map(|_| random.wide() >> 1).collect();
                both(starts.iter().flat_map(|start| (0..size).map(move |i| start + (i << gap << 96))).collect());
                both(starts.iter().flat_map(|start| (0..size).map(move |i| start + (i << gap))).collect());
            }
        }
        for way in ["slots", "tables", "search"] {
            assert!(ways.contains(&way), "{way} is not among {ways:?}");
        }
    }
}
