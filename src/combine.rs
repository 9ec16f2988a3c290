//! Two lists of edges made one: union, intersection, difference, whatever membership in both sets decides.

use alloc::vec::Vec;

use crate::error::OutOfMemory;
use crate::word::Word;

/// The edges of the set in which membership is `keep(in left, in right)`, of the edges of two sets.
///
/// Between two edges of one list, the edges of the other are all kept or all left out: they are found and copied as a
/// whole. So it costs one pass where the lists alternate, and next to nothing for what is left out where they do not.
pub(crate) fn combine<W: Word>(left: &[W], right: &[W], keep: fn(bool, bool) -> bool) -> Result<Vec<W>, OutOfMemory> {
    let mut edges = Vec::new();
    edges.try_reserve(left.len() + right.len() + 1)?;
    // Whether membership flips with the one, while the other is out, and in.
    let with_left = [false, true].map(|right| keep(false, right) != keep(true, right));
    let with_right = [false, true].map(|left| keep(left, false) != keep(left, true));
    let (mut left, mut right) = (List { rest: left, inside: false }, List { rest: right, inside: false });
    let mut kept = false;
    // Address 0 is looked at even where no edge is, for what keeps the addresses that are in neither.
    let mut next = Some(W::ZERO);
    while let Some(edge) = next {
        left.flip_at(edge);
        right.flip_at(edge);
        if keep(left.inside, right.inside) != kept {
            kept = !kept;
            edges.push(edge);
        }
        // Until both have the same edge, or the end.
        next = loop {
            let (before, flips) = match (left.rest.first(), right.rest.first()) {
                (Some(a), Some(b)) if a == b => break Some(*a),
                (Some(a), Some(b)) if a < b => (left.before(*b), with_left[usize::from(right.inside)]),
                (Some(a), Some(_)) => (right.before(*a), with_right[usize::from(left.inside)]),
                (Some(_), None) => (left.all(), with_left[usize::from(right.inside)]),
                (None, Some(_)) => (right.all(), with_right[usize::from(left.inside)]),
                (None, None) => break None,
            };
            if flips {
                edges.extend_from_slice(before);
                kept ^= before.len() % 2 == 1;
            }
        };
    }
    edges.shrink_to_fit();
    Ok(edges)
}

/// A list of edges from some address on.
struct List<'a, W> {
    rest: &'a [W],
    /// Whether the addresses before the next edge are in the set.
    inside: bool,
}

impl<'a, W: Word> List<'a, W> {
    /// Passes this edge, if it is the next.
    fn flip_at(&mut self, edge: W) {
        if let Some((next, rest)) = self.rest.split_first() {
            if *next == edge {
                (self.rest, self.inside) = (rest, !self.inside);
            }
        }
    }

    /// Passes all edges before this one: those passed.
    #[inline]
    fn before(&mut self, bound: W) -> &'a [W] {
        self.pass(rank(self.rest, bound))
    }

    fn all(&mut self) -> &'a [W] {
        self.pass(self.rest.len())
    }

    fn pass(&mut self, len: usize) -> &'a [W] {
        let (before, rest) = self.rest.split_at(len);
        (self.rest, self.inside) = (rest, self.inside ^ (len % 2 == 1));
        before
    }
}

/// How many of the edges, which rise, lie before `bound`: most likely few.
#[inline]
fn rank<W: Word>(edges: &[W], bound: W) -> usize {
    /// As many as are compared at once.
    const SOME: usize = 8;
    /// From here on, steps that double are faster.
    const MANY: usize = 8 * SOME;
    let mut passed = 0;
    while let Some(some) = edges[passed..].first_chunk::<SOME>() {
        let before = some.iter().filter(|edge| **edge < bound).count();
        passed += before;
        if before < SOME {
            return passed;
        }
        if passed == MANY {
            let mut step = MANY;
            while edges.get(passed + step).is_some_and(|edge| *edge < bound) {
                passed += step;
                step *= 2;
            }
            let most = edges.len().min(passed + step);
            return passed + edges[passed..most].partition_point(|edge| *edge < bound);
        }
    }
    passed + edges[passed..].iter().take_while(|edge| **edge < bound).count()
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn edges(members: u64, addresses: u32, scale: u16) -> Vec<u16> {
        let mut edges = Vec::new();
        for at in 0..addresses {
            let before = at > 0 && members >> (at - 1) & 1 == 1;
            if (members >> at & 1 == 1) != before {
                edges.push(at as u16 * scale);
            }
        }
        edges
    }

    #[test]
    fn every_pair_of_small_sets() {
        for a in 0..1u64 << 6 {
            for b in 0..1u64 << 6 {
                let (left, right) = (edges(a, 6, 1), edges(b, 6, 1));
                for keep in KEEPS {
                    let members = (0..6).filter(|at| keep(a >> at & 1 == 1, b >> at & 1 == 1)).map(|at| 1 << at).sum();
                    let wanted = edges(members, 6, 1);
                    // Behind the sixth address, the last one goes on.
                    assert_eq!(combine(&left, &right, keep).unwrap(), wanted, "{left:?} {right:?}");
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
            list
        };
        let inside = |edges: &[u16], at| edges.iter().filter(|edge| **edge <= at).count() % 2 == 1;
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
                    assert_eq!(combine(&left, &right, keep).unwrap(), wanted);
                }
            }
        }
    }

    #[test]
    fn every_rank() {
        let edges: Vec<u16> = (1..=300).map(|edge| 2 * edge).collect();
        for len in 0..=edges.len() {
            for bound in 0..=2 * len as u16 + 3 {
                let wanted = edges[..len].iter().filter(|edge| **edge < bound).count();
                assert_eq!(rank(&edges[..len], bound), wanted);
            }
        }
    }
}
