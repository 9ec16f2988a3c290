//! Rank among sorted edges: how many of them are at or below an address.
//!
//! A [`Line`] is one cache line: the rank at its end and the edges before that. The rank of an address is that less
//! the edges above it, compared all at once and without a branch. A [`Node`] divides the range of its edges evenly,
//! so that arithmetic finds the part of it that an address is in:
//!
//! - *direct*: one line for each part, so a look-up reads nothing but its line. Taken where that is small enough;
//! - else each slot of the node has an entry. It names a line, which neighbours whose edges fit into it together
//!   share, so lines are nearly full and an empty slot costs four bytes;
//! - or a group of lines, one for each equal part of the slot;
//! - or, where edges stand too close for that, a node of their own, over no more than the range that they span.
//!
//! Memory is bounded for every input, at about 270 bytes an edge for IPv6 and 105 for IPv4 beyond the first 4 KiB:
//! - a node has at most as many slots as edges, or eight. With two to the power of `bits` slots its children are at
//!   least `bits` bits narrower, so an edge is in few large nodes: slots come to 64 and 22 bytes an edge at most;
//! - a node sets at least one edge apart, and causes at most two lines that are not half full;
//! - a group has room for at most [`GROUP_ROOM`] times its edges.
//!
//! The dearest sets that a search came up with take 160 and 42, usual ones 45 and 8 to 25. Building takes time in
//! proportion to the edges and the depth.

use alloc::vec::Vec;
use core::convert::identity;
use core::fmt::Debug;
use core::ops::Range;

use crate::error::OutOfMemory;
use crate::word::Word;

/// A direct root may have so many lines: the first number always, one for each two edges up to the second. Beyond
/// that it would leave the second-level cache, where entries and fewer lines are as fast.
const DIRECT_LINES: Range<usize> = 64..1 << 14;
/// Edges for each slot of a node, roughly, and the powers of two between which its number of slots stays.
const EDGES_PER_SLOT: usize = 2;
const MIN_BITS: u32 = 3;
const MAX_BITS: u32 = 16;
/// A group has room for at most so many times its edges. Smaller groups mean more nodes, and a look-up that goes on to
/// a node is hard to foresee for the processor.
const GROUP_ROOM: usize = 8;

/// The low bits of an entry say what the others are the index of: a node, or the first line of a group, which the part
/// of the slot, shifted right by `kind`, selects from.
const KIND_BITS: u32 = 4;
const NODE: u32 = (1 << KIND_BITS) - 1;

/// A word with a cache line of edges.
pub(crate) trait Lane: Word {
    type Line: Copy + Debug + Send + Sync + 'static;
    /// Edges in a line.
    const KEYS: usize;
    /// A slot has two to the power of this parts, and a group at most so many lines.
    const FAN: u32;

    /// The line of up to `KEYS` edges, the last of which has the rank `upto`.
    fn line(upto: u32, edges: &[Self]) -> Self::Line;
    /// The rank of an address that the line is responsible for.
    fn rank(line: &Self::Line, at: Self) -> u32;
    /// Its parity.
    fn is_odd(line: &Self::Line, at: Self) -> bool;
}

/// Lane 0 is the rank at the end of the line, the others are its edges. Lanes without an edge hold the lowest value,
/// which is above no address.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(crate) struct Line<T, const N: usize>([T; N]);

macro_rules! lane {
    ($word:ty, [$lane:ty; $lanes:expr], $from:expr, fan $fan:expr) => {
        impl Lane for $word {
            type Line = Line<$lane, $lanes>;
            const KEYS: usize = $lanes - 1;
            const FAN: u32 = $fan;

            fn line(upto: u32, edges: &[Self]) -> Self::Line {
                let mut lanes = [$from(<$word>::MIN); $lanes];
                lanes[0] = upto as $lane;
                for (lane, &edge) in lanes[1..].iter_mut().zip(edges) {
                    *lane = $from(edge);
                }
                Line(lanes)
            }

            #[inline]
            fn rank(Line(lanes): &Self::Line, at: Self) -> u32 {
                let (above, wrong) = above(lanes, $from(at));
                (lanes[0] as u32).wrapping_sub(above - wrong)
            }

            // Apart from `rank`, because plain x86-64 has the parity of a mask but not its number of ones; and by
            // exclusive or, because additions would be drawn into the sum and spoil its shape.
            #[inline]
            fn is_odd(Line(lanes): &Self::Line, at: Self) -> bool {
                let (above, wrong) = above(lanes, $from(at));
                (lanes[0] as u32 ^ above ^ wrong) & 1 == 1
            }
        }
    };
}

#[cfg(test)]
lane!(u8, [u16; 3], u16::from, fan 2);
lane!(u32, [i32; 16], signed, fan 5);
lane!(u128, [u128; 4], identity, fan 3);

/// The number in the same order among signed ones, the only ones that plain x86-64 compares by the vector.
const fn signed(word: u32) -> i32 {
    (word ^ 1 << 31) as i32
}

/// The number of lanes above `at`, and how many of them are lane 0, which is no edge: sixteen lanes are four whole
/// vectors, fifteen are not.
#[inline(always)]
fn above<T: Copy + Ord, const N: usize>(lanes: &[T; N], at: T) -> (u32, u32) {
    let above = lanes.iter().map(|&lane| u32::from(at < lane)).sum();
    (above, u32::from(at < lanes[0]))
}

/// The number of edges at or below an address.
#[derive(Clone, Debug)]
pub(crate) struct Trie<W: Lane> {
    root: Node<W>,
    nodes: Vec<Node<W>>,
    /// The entries of all nodes; none if the root is direct.
    slots: Vec<u32>,
    lines: Vec<W::Line>,
}

impl<W: Lane> Trie<W> {
    /// `edges` rise strictly.
    pub(crate) fn build(edges: &[W]) -> Result<Self, OutOfMemory> {
        let mut plan = Plan::new(edges);
        let root = match plan.direct()? {
            Some(root) => root,
            None => plan.tree()?,
        };
        plan.carry_out(root)
    }

    /// The number of edges at or below `at`.
    #[inline]
    pub(crate) fn rank(&self, at: W) -> usize {
        W::rank(self.line(at), at) as usize
    }

    /// Whether that number is odd.
    #[inline]
    pub(crate) fn is_odd(&self, at: W) -> bool {
        W::is_odd(self.line(at), at)
    }

    #[inline]
    fn line(&self, at: W) -> &W::Line {
        let mut node = &self.root;
        if self.slots.is_empty() {
            return &self.lines[node.part(at)];
        }
        loop {
            let part = node.part(at);
            let entry = self.slots[node.first as usize + (part >> W::FAN)];
            let (index, kind) = ((entry >> KIND_BITS) as usize, entry & NODE);
            if kind != NODE {
                return &self.lines[index + ((part % (1 << W::FAN)) >> kind)];
            }
            node = &self.nodes[index];
        }
    }

    /// What the index takes beside the edges themselves.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.nodes.capacity() * size_of::<Node<W>>()
            + self.slots.capacity() * size_of::<u32>()
            + self.lines.capacity() * size_of::<W::Line>()
    }
}

/// A range of addresses in equal parts.
#[derive(Clone, Copy, Debug)]
struct Node<W> {
    /// The first edge, and the distance to the last.
    low: W,
    span: W,
    /// A part has two to the power of this addresses.
    shift: u32,
    /// Where its entries start.
    first: u32,
}

impl<W: Lane> Node<W> {
    /// The range of `edges` in at most two to the power of `bits` parts, and more than half as many if it is that
    /// wide (or in two, if it is the whole space in one).
    fn over(edges: &[W], bits: u32) -> Self {
        let (low, span) = match edges {
            [low, .., high] => (*low, *high - *low),
            [edge] => (*edge, W::ZERO),
            [] => (W::ZERO, W::ZERO),
        };
        let width = W::BITS - span.leading_zeros();
        let shift = width.saturating_sub(bits).min(W::BITS - 1);
        Self { low, span, shift, first: 0 }
    }

    /// The part that `at` is in. No edge lies outside the range: what is before it belongs to the first part, what is
    /// behind it to the last.
    #[inline]
    fn part(&self, at: W) -> usize {
        let inside = if at < self.low { W::ZERO } else { at - self.low };
        (inside.min(self.span) >> self.shift).low_usize()
    }

    fn parts(&self) -> usize {
        (self.span >> self.shift).low_usize() + 1
    }
}

/// A trie whose lines are not filled in yet, so that they need no moving about.
struct Plan<'a, W> {
    edges: &'a [W],
    nodes: Vec<Node<W>>,
    slots: Vec<u32>,
    /// Which edges each line has.
    lines: Vec<Range<usize>>,
    /// Slots that still need their node, and its edges.
    todo: Vec<(usize, Range<usize>)>,
}

impl<'a, W: Lane> Plan<'a, W> {
    fn new(edges: &'a [W]) -> Self {
        Self { edges, nodes: Vec::new(), slots: Vec::new(), lines: Vec::new(), todo: Vec::new() }
    }

    /// The root with the fewest parts that has no more edges in any of them than a line, unless it has too many.
    fn direct(&mut self) -> Result<Option<Node<W>>, OutOfMemory> {
        let most = (self.edges.len() / 2).clamp(DIRECT_LINES.start, DIRECT_LINES.end);
        let roots = (0..W::BITS).map(|bits| Node::over(self.edges, bits));
        let mut roots = roots.take_while(|root| root.parts() <= most);
        let root = roots.find(|root| fits(self.edges, |edge| root.part(edge)));
        if let Some(root) = root {
            self.spread(0..self.edges.len(), root.parts(), |edge| root.part(edge))?;
        }
        Ok(root)
    }

    fn tree(&mut self) -> Result<Node<W>, OutOfMemory> {
        let root = self.node(0..self.edges.len())?;
        while let Some((slot, run)) = self.todo.pop() {
            let node = self.node(run)?;
            self.slots[slot] = entry(self.nodes.len(), NODE)?;
            self.nodes.try_reserve(1)?;
            self.nodes.push(node);
        }
        Ok(root)
    }

    fn node(&mut self, run: Range<usize>) -> Result<Node<W>, OutOfMemory> {
        let edges = self.edges;
        let bits = (run.len() / EDGES_PER_SLOT).max(1).ilog2() + 1;
        let bits = bits.clamp(MIN_BITS, MAX_BITS);
        let mut node = Node::over(&edges[run.clone()], bits + W::FAN);
        node.first = u32::try_from(self.slots.len()).map_err(|_| OutOfMemory)?;
        let slots = ((node.parts() - 1) >> W::FAN) + 1;
        self.slots.try_reserve(slots)?;
        // Whether the last line may take on the edges of the slots that follow.
        let mut open = false;
        for run in split(edges, run, slots, |edge| node.part(edge) >> W::FAN) {
            let last = self.lines.len().wrapping_sub(1);
            let slot = match self.lines.last_mut() {
                Some(line) if open && run.end - line.start <= W::KEYS => {
                    line.end = run.end;
                    entry(last, W::FAN)?
                }
                _ => match group(&node, &edges[run.clone()]) {
                    Some(log) => {
                        open = true;
                        let kind = W::FAN - log;
                        let slot = entry(self.lines.len(), kind)?;
                        self.spread(run, 1 << log, |edge| (node.part(edge) % (1 << W::FAN)) >> kind)?;
                        slot
                    }
                    None => {
                        open = false;
                        self.todo.try_reserve(1)?;
                        self.todo.push((self.slots.len(), run));
                        0
                    }
                },
            };
            self.slots.push(slot);
        }
        Ok(node)
    }

    /// One line for each part.
    fn spread(&mut self, run: Range<usize>, parts: usize, part: impl Fn(W) -> usize) -> Result<(), OutOfMemory> {
        self.lines.try_reserve(parts)?;
        self.lines.extend(split(self.edges, run, parts, part));
        Ok(())
    }

    fn carry_out(self, root: Node<W>) -> Result<Trie<W>, OutOfMemory> {
        u32::try_from(self.edges.len()).map_err(|_| OutOfMemory)?;
        let line = |run: &Range<usize>| W::line(run.end as u32, &self.edges[run.clone()]);
        Ok(Trie {
            root,
            nodes: exact(&self.nodes, |&node| node)?,
            slots: exact(&self.slots, |&slot| slot)?,
            lines: exact(&self.lines, line)?,
        })
    }
}

/// The size, as a power of two, of the smallest group for the edges of one slot, if it is not too large.
fn group<W: Lane>(node: &Node<W>, edges: &[W]) -> Option<u32> {
    // Where a part is a single address, some group always is small enough: nodes with one slot are leaves.
    const { assert!(2 << W::FAN <= GROUP_ROOM * (W::KEYS + 1)) };
    let mut logs = (0..=W::FAN).take_while(|log| *log == 0 || W::KEYS << log <= GROUP_ROOM * edges.len());
    logs.find(|log| fits(edges, |edge| node.part(edge) >> (W::FAN - log)))
}

/// Whether no part has more edges than a line.
fn fits<W: Lane>(edges: &[W], part: impl Fn(W) -> usize) -> bool {
    edges.windows(W::KEYS + 1).all(|run| part(run[0]) != part(run[W::KEYS]))
}

/// The edges of each part.
fn split<W: Word>(
    edges: &[W],
    run: Range<usize>,
    parts: usize,
    part: impl Fn(W) -> usize,
) -> impl Iterator<Item = Range<usize>> {
    let mut start = run.start;
    (0..parts).map(move |wanted| {
        let rest = edges[start..run.end].iter();
        let run = start..start + rest.take_while(|&&edge| part(edge) == wanted).count();
        start = run.end;
        run
    })
}

fn entry(index: usize, kind: u32) -> Result<u32, OutOfMemory> {
    match u32::try_from(index) {
        Ok(index) if index < 1 << (u32::BITS - KIND_BITS) => Ok(index << KIND_BITS | kind),
        _ => Err(OutOfMemory),
    }
}

/// A copy without room to spare.
fn exact<T, U>(items: &[T], copy: impl FnMut(&T) -> U) -> Result<Vec<U>, OutOfMemory> {
    let mut result = Vec::new();
    result.try_reserve_exact(items.len())?;
    result.extend(items.iter().map(copy));
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares both kinds of root with a binary search over the edges.
    fn check<W: Lane>(edges: &[W], probes: impl Iterator<Item = W> + Clone) {
        compare(&Trie::build(edges).unwrap(), edges, probes.clone());
        compare(&tree(edges), edges, probes);
    }

    fn compare<W: Lane>(trie: &Trie<W>, edges: &[W], probes: impl Iterator<Item = W>) {
        for at in probes {
            let rank = edges.partition_point(|&edge| edge <= at);
            assert_eq!(trie.rank(at), rank, "{at:?} of {edges:?}");
            assert_eq!(trie.is_odd(at), rank % 2 == 1, "{at:?} of {edges:?}");
        }
    }

    fn tree<W: Lane>(edges: &[W]) -> Trie<W> {
        let mut plan = Plan::new(edges);
        let root = plan.tree().unwrap();
        plan.carry_out(root).unwrap()
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

    /// Each edge and its neighbours, the ends of the space, and some more.
    fn probes<W: Lane>(edges: &[W], more: Vec<W>) -> impl Iterator<Item = W> + Clone {
        let near = |&at: &W| [if at == W::ZERO { at } else { at - W::ONE }, at, at.next().unwrap_or(at)];
        edges.iter().flat_map(near).chain([W::ZERO, W::MAX]).chain(more)
    }

    fn sorted<W: Lane>(edges: impl Iterator<Item = W>) -> Vec<W> {
        let mut edges: Vec<_> = edges.collect();
        edges.sort_unstable();
        edges.dedup();
        edges
    }

    /// As they are, and their highest and lowest bits as the edges of IPv4.
    fn check_both(edges: Vec<u128>, random: &mut Random) {
        let more: Vec<_> = (0..64).map(|_| random.wide() >> random.below(128)).collect();
        let wide = sorted(edges.iter().copied());
        check(&wide, probes(&wide, more.clone()));
        let short = sorted(edges.iter().flat_map(|edge| [(edge >> 96) as u32, *edge as u32]));
        check(&short, probes(&short, more.iter().map(|at| *at as u32).collect()));
    }

    #[test]
    fn up_to_three_edges() {
        let all = || 0..=u8::MAX;
        check(&[], all());
        for a in all() {
            check(&[a], all());
            for b in all().skip(usize::from(a) + 1) {
                check(&[a, b], all());
                for c in all().skip(usize::from(b) + 1) {
                    // The other kind of root is not this small's usual one, so it is the one to try.
                    compare(&tree(&[a, b, c]), &[a, b, c], all());
                }
            }
        }
    }

    #[test]
    fn many_edges() {
        let mut random = Random(1);
        for round in 0..20_000 {
            // In turn so dense and so dense, for blocks of some addresses.
            let dense = [1 + round % 256, 1 + random.below(256)];
            let block = 1 << random.below(8);
            let edges = (0..=u8::MAX).filter(|at| random.below(256) < dense[usize::from(at / block % 2)]);
            check(&edges.collect::<Vec<_>>(), 0..=u8::MAX);
        }
        check(&(0..=u8::MAX).collect::<Vec<_>>(), 0..=u8::MAX);
    }

    #[test]
    fn random_edges() {
        let mut random = Random(2);
        for round in 0..400 {
            let count = 1 << random.below(11);
            let shift = random.below(128);
            let mut centre = random.wide();
            // Over the space, over a part of it, over orders of magnitude, around a few centres.
            let edges = (0..count).map(|_| match round % 4 {
                0 => random.wide(),
                1 => (random.wide() >> shift).wrapping_add(centre),
                2 => random.wide() >> random.below(128),
                _ => {
                    if random.below(8) == 0 {
                        centre = random.wide();
                    }
                    centre.wrapping_add(random.wide() >> (127 - shift / 4))
                }
            });
            check_both(edges.collect(), &mut random);
        }
    }

    #[test]
    fn ends_of_the_space() {
        let mut random = Random(3);
        for count in [0, 1, 2, 3, 4, 15, 16, 100, 1000] {
            let (low, high) = (0..count, u128::MAX - count..=u128::MAX);
            check_both(low.clone().collect(), &mut random);
            check_both(high.clone().collect(), &mut random);
            check_both(low.chain(high).collect(), &mut random);
        }
    }

    fn bytes_an_edge<W: Lane>(edges: impl Iterator<Item = W>) -> usize {
        let edges = sorted(edges);
        check(&edges, probes(&edges, Vec::new()));
        let (best, tree) = (Trie::build(&edges).unwrap().heap_bytes(), tree(&edges).heap_bytes());
        assert!(best <= tree.max(edges.len() * 32).max(4096));
        tree / edges.len()
    }

    #[test]
    fn memory() {
        let mut random = Random(4);
        let top = |at: u128| (at >> 96) as u32;
        // Each edge so many bits further than the last, from one start or from many.
        for bits in 1..=8 {
            let chain = |starts: u128, width: u32| {
                let chain = move |start| (0..width).step_by(bits).map(move |bit| start << 118 | 1_u128 << bit);
                (0..starts).flat_map(chain)
            };
            assert!(bytes_an_edge(chain(1, 128)) < 170, "{bits}");
            assert!(bytes_an_edge(chain(999, 118)) < 170, "{bits}");
            assert!(bytes_an_edge(chain(1, 128).map(top)) < 50, "{bits}");
            assert!(bytes_an_edge(chain(999, 118).map(top)) < 50, "{bits}");
        }
        // Clusters of a few neighbours, or nearly so.
        for (size, gap) in (3..=17).flat_map(|size| [0, 2, 5, 9].map(|gap| (size, gap))) {
            let starts: Vec<_> = (0..999).map(|_| random.wide() >> 1).collect();
            let wide = starts.iter().flat_map(|start| (0..size).map(move |i| start + (i << gap)));
            assert!(bytes_an_edge(wide) < 100, "{size} {gap}");
            let short = starts.iter().flat_map(|start| (0..size).map(move |i| top(start + (i << gap << 96))));
            assert!(bytes_an_edge(short) < 30, "{size} {gap}");
        }
        // Every second host of some networks, and edges without order.
        let nets: Vec<_> = (0..999).map(|_| random.next() as u32 & !0xff).collect();
        assert!(bytes_an_edge(nets.iter().flat_map(|net| (0..256).step_by(2).map(move |host| net | host))) < 20);
        assert!(bytes_an_edge((0..100_000).map(|_| random.wide())) < 50);
        assert!(bytes_an_edge((0..100_000).map(|_| random.next() as u32)) < 10);
    }
}
