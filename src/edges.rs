//! A set of addresses of one family as the sorted list of its edges: the addresses at which membership flips, starting
//! from "out" at address 0. An address is in the set if the number of edges at or below it is odd.

use alloc::vec::Vec;

use crate::error::OutOfMemory;
use crate::sort;
use crate::word::Word;

/// Sorted, strictly rising flips. Equal sets are equal lists: no edge lies in the family's foreign block.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Edges<W>(Vec<W>);

impl<W> Default for Edges<W> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<W: Word> Edges<W> {
    /// The union of ranges `(first, last)` in any order and number: one sort, one pass.
    pub(crate) fn from_ranges(mut ranges: Vec<(W, W)>) -> Result<Self, OutOfMemory> {
        merge_ranges(&mut ranges);
        let mut edges = Vec::new();
        edges.try_reserve_exact(2 * ranges.len())?;
        let Some((first, last)) = ranges.pop() else {
            return Ok(Self::default());
        };
        // Before what follows, so not the last address.
        ranges.iter().for_each(|(first, last)| edges.extend([*first, *last + W::ONE]));
        edges.push(first);
        edges.extend(last.next());
        Ok(Self(without_foreign(edges)))
    }

    /// The addresses from each edge, where `member` of the piece that begins there says so. `pieces` rise.
    pub(crate) fn from_pieces(pieces: impl Iterator<Item = (W, bool)>) -> Result<Self, OutOfMemory> {
        let mut edges = Vec::new();
        for (start, member) in pieces {
            if member == (edges.len() % 2 == 0) {
                edges.try_reserve(1)?;
                edges.push(start);
            }
        }
        Ok(Self(without_foreign(edges)))
    }

    /// Edges that are known to be as they must be: strictly rising, none in the foreign block.
    pub(crate) fn from_checked(edges: Vec<W>) -> Self {
        Self(edges)
    }

    pub(crate) fn as_slice(&self) -> &[W] {
        &self.0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many edges lie at or below `at`.
    pub(crate) fn rank(&self, at: W) -> usize {
        self.0.partition_point(|edge| *edge <= at)
    }

    pub(crate) fn contains(&self, at: W) -> bool {
        self.rank(at) % 2 == 1
    }

    /// The lowest member from `first` to `last`.
    pub(crate) fn first_in(&self, (first, last): (W, W)) -> Option<W> {
        let rank = self.0.partition_point(|edge| *edge <= first);
        let start = if rank % 2 == 1 { Some(first) } else { self.0.get(rank).copied() };
        start.filter(|start| *start <= last)
    }

    /// The run that holds `at`, or else those next to it, below and above.
    pub(crate) fn runs_near(&self, at: W) -> impl Iterator<Item = (W, W)> {
        let rank = self.0.partition_point(|edge| *edge <= at);
        let before = if rank % 2 == 1 { rank - 1 } else { rank.saturating_sub(2) };
        let count = if rank % 2 == 1 || rank == 0 { 1 } else { 2 };
        Runs { edges: &self.0[before..] }.take(count)
    }

    /// The set in which membership is `keep(in self, in other)`: one pass over both lists.
    pub(crate) fn combine(&self, other: &Self, keep: impl Fn(bool, bool) -> bool) -> Result<Self, OutOfMemory> {
        let mut edges = Vec::new();
        edges.try_reserve(self.0.len() + other.0.len() + 1)?;
        let (mut left, mut right) = (Walk::new(&self.0), Walk::new(&other.0));
        // What is in neither may be kept too, from address 0 on.
        let mut kept = false;
        let mut at = Some(W::ZERO);
        while let Some(edge) = at {
            left.pass(edge);
            right.pass(edge);
            if keep(left.inside, right.inside) != kept {
                kept = !kept;
                edges.push(edge);
            }
            // Up to the next edge of one list, all edges of the other count or none does.
            let to = right.rest.first();
            let run = left.before(to);
            if keep(true, right.inside) != keep(false, right.inside) {
                edges.extend_from_slice(run);
                kept ^= run.len() % 2 == 1;
            }
            let run = right.before(left.rest.first());
            if keep(left.inside, true) != keep(left.inside, false) {
                edges.extend_from_slice(run);
                kept ^= run.len() % 2 == 1;
            }
            at = left.rest.first().into_iter().chain(right.rest.first()).min().copied();
        }
        edges.shrink_to_fit();
        Ok(Self(edges))
    }

    pub(crate) fn is_subset(&self, other: &Self) -> bool {
        let mut other = Walk::new(&other.0);
        self.0.chunks(2).all(|run| {
            other.before(Some(&run[0]));
            other.pass(run[0]);
            let end = run.get(1);
            other.inside && other.rest.first().is_none_or(|edge| end.is_some_and(|end| end <= edge))
        })
    }

    /// All that is out: edge 0 toggles.
    pub(crate) fn complement(&self) -> Result<Self, OutOfMemory> {
        self.combine(&Self::default(), |a, _| !a)
    }

    /// The runs of addresses in the set, first and last, ends that would lie in the foreign block moved before it.
    pub(crate) fn runs(&self) -> Runs<'_, W> {
        Runs { edges: &self.0 }
    }
}

/// Sorts ranges and joins those that overlap or touch, in place.
pub(crate) fn merge_ranges<W: Word>(ranges: &mut Vec<(W, W)>) {
    sort::by_start(ranges);
    ranges.dedup_by(|next, run| {
        let joins = run.1.next().is_none_or(|after| next.0 <= after);
        if joins {
            run.1 = run.1.max(next.1);
        }
        joins
    });
}

/// Moves the edges inside the foreign block to the first address after it; pairs cancel there. So the block copies
/// the membership of the address before it, and no query sees a difference.
fn without_foreign<W: Word>(mut edges: Vec<W>) -> Vec<W> {
    if let Some((first, last)) = W::FOREIGN {
        let after = last + W::ONE;
        let (from, to) = (edges.partition_point(|e| *e < first), edges.partition_point(|e| *e <= after));
        let odd = (to - from) % 2 == 1;
        edges.splice(from..to, odd.then_some(after));
    }
    edges
}

/// On its way along a list of edges.
struct Walk<'a, W> {
    rest: &'a [W],
    /// Whether what lies right before the rest is in the set.
    inside: bool,
}

impl<'a, W: Word> Walk<'a, W> {
    fn new(edges: &'a [W]) -> Self {
        Self { rest: edges, inside: false }
    }

    /// Goes past an edge here, if there is one.
    fn pass(&mut self, at: W) {
        if let Some((_, rest)) = self.rest.split_first().filter(|(first, _)| **first == at) {
            (self.rest, self.inside) = (rest, !self.inside);
        }
    }

    /// Goes past the edges before this one, or all of them.
    fn before(&mut self, end: Option<&W>) -> &'a [W] {
        let count = match end {
            Some(end) => self.rest.iter().take_while(|edge| *edge < end).count(),
            None => self.rest.len(),
        };
        let (run, rest) = self.rest.split_at(count);
        (self.rest, self.inside) = (rest, self.inside ^ (count % 2 == 1));
        run
    }
}

/// Iterator over the runs of a set.
#[derive(Clone, Debug)]
pub(crate) struct Runs<'a, W> {
    edges: &'a [W],
}

impl<W: Word> Iterator for Runs<'_, W> {
    type Item = (W, W);

    fn next(&mut self) -> Option<(W, W)> {
        let (&first, rest) = self.edges.split_first()?;
        let last = match rest.split_first() {
            None => {
                self.edges = rest;
                W::MAX
            }
            Some((&edge, rest)) => {
                self.edges = rest;
                edge - W::ONE
            }
        };
        Some((first, before_foreign(last)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let len = self.edges.len().div_ceil(2);
        (len, Some(len))
    }
}

impl<W: Word> ExactSizeIterator for Runs<'_, W> {}

/// The end of a run or segment as it is written: never inside the foreign block.
pub(crate) fn before_foreign<W: Word>(last: W) -> W {
    match W::FOREIGN {
        Some((first, end)) if (first..=end).contains(&last) => first - W::ONE,
        _ => last,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A toy set, one truth an address.
    type Naive = [bool; 256];

    fn naive(ranges: &[(u8, u8)]) -> Naive {
        let mut set = [false; 256];
        for (first, last) in ranges {
            set[usize::from(*first)..=usize::from(*last)].fill(true);
        }
        set
    }

    fn same(edges: &Edges<u8>, naive: &Naive) {
        for at in 0..=u8::MAX {
            assert_eq!(edges.contains(at), naive[usize::from(at)], "{edges:?} at {at}");
        }
        assert!(edges.0.is_sorted_by(|a, b| a < b), "{edges:?}");
        let runs: Vec<_> = edges.runs().collect();
        assert_eq!(naive, &super::tests::naive(&runs));
        assert_eq!(edges, &Edges::from_ranges(runs).unwrap());
    }

    fn networks() -> impl Iterator<Item = (u8, u8)> {
        (0..=8u32)
            .flat_map(|len| (0..1u32 << len).map(move |at| (at << (8 - len), 0xff >> len)))
            .map(|(first, host)| (first as u8, (first | host) as u8))
    }

    #[test]
    fn every_pair_of_networks() {
        for a in networks() {
            let left = Edges::from_ranges(Vec::from([a])).unwrap();
            same(&left.complement().unwrap(), &naive(&[a]).map(|member| !member));
            assert_eq!(left.complement().unwrap().complement().unwrap(), left);
            for b in networks() {
                let right = Edges::from_ranges(Vec::from([b])).unwrap();
                same(&Edges::from_ranges(Vec::from([a, b])).unwrap(), &naive(&[a, b]));
                let (x, y) = (naive(&[a]), naive(&[b]));
                let operations: [fn(bool, bool) -> bool; 5] =
                    [|a, b| a | b, |a, b| a & b, |a, b| a & !b, |a, b| a ^ b, |a, b| !(a | b)];
                for keep in operations {
                    let mut expected = [false; 256];
                    for at in 0..256 {
                        expected[at] = keep(x[at], y[at]);
                    }
                    same(&left.combine(&right, keep).unwrap(), &expected);
                }
                let inside = (0..256).all(|at| !x[at] || y[at]);
                assert_eq!(left.is_subset(&right), inside);
                let first = (usize::from(b.0)..=usize::from(b.1)).find(|at| x[*at]).map(|at| at as u8);
                assert_eq!(left.first_in(b), first);
            }
        }
    }

    /// All sixteen that there are.
    const KEEPS: [fn(bool, bool) -> bool; 16] = [
        |_, _| false,
        |a, b| a & b,
        |a, b| a & !b,
        |a, _| a,
        |a, b| !a & b,
        |_, b| b,
        |a, b| a ^ b,
        |a, b| a | b,
        |a, b| !(a | b),
        |a, b| a == b,
        |_, b| !b,
        |a, b| a | !b,
        |a, _| !a,
        |a, b| !a | b,
        |a, b| !(a & b),
        |_, _| true,
    ];

    /// The edges of a set that is given as one bit an address from 0 on.
    fn edges(members: u64, addresses: u32) -> Edges<u16> {
        let mut edges = Vec::new();
        for at in 0..addresses {
            let before = at > 0 && members >> (at - 1) & 1 == 1;
            if (members >> at & 1 == 1) != before {
                edges.push(at as u16);
            }
        }
        Edges(edges)
    }

    #[test]
    fn every_pair_of_small_sets() {
        for a in 0..1u64 << 6 {
            for b in 0..1u64 << 6 {
                let (left, right) = (edges(a, 6), edges(b, 6));
                assert_eq!(left.is_subset(&right), a & !b == 0, "{left:?} {right:?}");
                for keep in KEEPS {
                    let members = (0..6).filter(|at| keep(a >> at & 1 == 1, b >> at & 1 == 1)).map(|at| 1 << at).sum();
                    let wanted = edges(members, 6);
                    // Behind the sixth address, the last one goes on.
                    assert_eq!(left.combine(&right, keep).unwrap(), wanted, "{left:?} {right:?}");
                }
            }
        }
    }

    #[test]
    fn long_lists_and_short_ones() {
        let mut state = 1_u64;
        let mut random = |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % below
        };
        let mut list = |most: u64| {
            let len = random(most + 1);
            let mut list: Vec<u16> = (0..len).map(|_| random(1 << 11) as u16).collect();
            list.sort_unstable();
            list.dedup();
            Edges(list)
        };
        let inside = |edges: &Edges<u16>, at| edges.0.iter().filter(|edge| **edge <= at).count() % 2 == 1;
        for most in [(3, 1500), (1500, 3), (40, 1500), (1500, 1500)] {
            for _ in 0..4 {
                let (left, right) = (list(most.0), list(most.1));
                let members: Vec<_> = (0..1 << 11).map(|at| (inside(&left, at), inside(&right, at))).collect();
                for keep in KEEPS {
                    let mut wanted = Vec::new();
                    for (at, (a, b)) in (0..).zip(&members) {
                        if keep(*a, *b) == (wanted.len() % 2 == 0) {
                            wanted.push(at);
                        }
                    }
                    assert_eq!(left.combine(&right, keep).unwrap().0, wanted);
                }
            }
        }
    }
}
