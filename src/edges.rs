//! A set of addresses of one family as the sorted list of its edges: the addresses at which membership flips, starting
//! from "out" at address 0. An address is in the set if the number of edges at or below it is odd.

use alloc::vec::Vec;

use crate::error::OutOfMemory;
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
        for (first, last) in ranges {
            edges.push(first);
            edges.extend(last.next());
        }
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
    pub(crate) fn combine(&self, other: &Self, keep: fn(bool, bool) -> bool) -> Result<Self, OutOfMemory> {
        let mut edges = Vec::new();
        edges.try_reserve(self.0.len() + other.0.len() + 1)?;
        edges.extend(Merge::new(self, other, keep));
        edges.shrink_to_fit();
        Ok(Self(edges))
    }

    pub(crate) fn is_subset(&self, other: &Self) -> bool {
        Merge::new(self, other, |a, b| a && !b).next().is_none()
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
    sort(ranges);
    ranges.dedup_by(|next, kept| {
        let joins = kept.1.next().is_none_or(|after| next.0 <= after);
        if joins {
            kept.1 = kept.1.max(next.1);
        }
        joins
    });
}

/// Sorts ranges by where they start: by their digits, where few tell all, else into buckets and then each bucket.
fn sort<W: Word>(ranges: &mut Vec<(W, W)>) {
    /// Fewer are not worth it.
    const FEW: usize = 512;
    if ranges.is_sorted_by_key(|range| range.0) {
        return;
    }
    if ranges.len() < FEW || by_digits(ranges).is_err() {
        // In place: the stable sort takes memory that cannot be refused.
        ranges.sort_unstable_by_key(|range| range.0);
    }
}

fn by_digits<W: Word>(ranges: &mut Vec<(W, W)>) -> Result<(), OutOfMemory> {
    /// The counts of a digit stay in the first cache.
    const DIGIT: u32 = 11;
    /// With more digits, comparing is faster.
    const MOST_DIGITS: u32 = 3;
    u32::try_from(ranges.len()).map_err(|_| OutOfMemory)?;
    let low = ranges.iter().fold(W::MAX, |low, range| low.min(range.0));
    let set = ranges.iter().fold(W::ZERO, |set, range| set | (range.0 - low));
    let (from, to) = (set.trailing_zeros(), W::BITS - set.leading_zeros());
    let mut ends = Vec::new();
    ends.try_reserve_exact((1 << DIGIT) + 1)?;
    let mut spread = Vec::new();
    spread.try_reserve_exact(ranges.len())?;
    spread.resize(ranges.len(), (W::ZERO, W::ZERO));
    if to <= from + DIGIT * MOST_DIGITS {
        for shift in (from..to).step_by(DIGIT as usize) {
            let digit = |first: W| ((first - low) >> shift).low_usize() % (1 << DIGIT);
            scatter(ranges, &mut spread, &mut ends, 1 << DIGIT, digit);
            core::mem::swap(ranges, &mut spread);
        }
        return Ok(());
    }
    let shift = to - DIGIT;
    scatter(ranges, &mut spread, &mut ends, 1 << DIGIT, |first| ((first - low) >> shift).low_usize());
    core::mem::swap(ranges, &mut spread);
    let (mut rest, mut start) = (&mut ranges[..], 0);
    for end in ends {
        let (bucket, after) = rest.split_at_mut(end as usize - start);
        bucket.sort_unstable_by_key(|range| range.0);
        (rest, start) = (after, end as usize);
    }
    Ok(())
}

/// Copies the ranges in the order of one digit, those of equal ones as they were. Where those of each digit end is kept.
fn scatter<W: Word>(
    ranges: &[(W, W)],
    spread: &mut [(W, W)],
    ends: &mut Vec<u32>,
    digits: usize,
    digit: impl Fn(W) -> usize,
) {
    ends.clear();
    ends.resize(digits + 1, 0);
    ranges.iter().for_each(|range| ends[digit(range.0) + 1] += 1);
    let mut sum = 0;
    for end in ends.iter_mut() {
        sum += *end;
        *end = sum;
    }
    for range in ranges {
        let place = &mut ends[digit(range.0)];
        spread[*place as usize] = *range;
        *place += 1;
    }
    // Each has moved on from where its digit starts to where it ends.
    ends.truncate(digits);
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

/// The merge loop: walks two lists of edges and yields the edges of their combination.
struct Merge<'a, W> {
    left: &'a [W],
    right: &'a [W],
    inside: (bool, bool),
    kept: bool,
    keep: fn(bool, bool) -> bool,
    start: bool,
}

impl<'a, W: Word> Merge<'a, W> {
    fn new(left: &'a Edges<W>, right: &'a Edges<W>, keep: fn(bool, bool) -> bool) -> Self {
        Self { left: &left.0, right: &right.0, inside: (false, false), kept: false, keep, start: true }
    }
}

impl<W: Word> Iterator for Merge<'_, W> {
    type Item = W;

    fn next(&mut self) -> Option<W> {
        loop {
            let edge = match (self.left.first(), self.right.first()) {
                // Address 0 is looked at even where no edge is, for the combinations that keep what is in neither.
                _ if self.start => W::ZERO,
                (Some(a), Some(b)) => *a.min(b),
                (Some(edge), None) | (None, Some(edge)) => *edge,
                (None, None) => return None,
            };
            self.start = false;
            if self.left.first() == Some(&edge) {
                self.left = &self.left[1..];
                self.inside.0 = !self.inside.0;
            }
            if self.right.first() == Some(&edge) {
                self.right = &self.right[1..];
                self.inside.1 = !self.inside.1;
            }
            if (self.keep)(self.inside.0, self.inside.1) != self.kept {
                self.kept = !self.kept;
                return Some(edge);
            }
        }
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
}
