//! Painting: rules laid on the address line, the winner on top. What is seen is a row of segments, each with its owner.

use alloc::collections::BinaryHeap;
use alloc::vec::Vec;
use core::cmp::Reverse;

use crate::edges::{Edges, before_foreign};
use crate::error::OutOfMemory;
use crate::set::CidrSet;
use crate::word::{Word, largest_around, largest_between};

/// The owner of a segment that no rule covers.
pub(crate) const DEFAULT: u32 = u32::MAX;

/// Where a rule stands among all: the lowest wins. Key, then deny before allow where that counts, then the place in
/// the file. One number, so that comparing is cheap; the rule is its low 31 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Order(u64);

impl Order {
    /// The most rules an order can tell apart, and the most pieces that are painted.
    pub(crate) const MOST: usize = 1 << 31;

    pub(crate) fn new(key: u32, later: bool, rule: u32) -> Self {
        Self(u64::from(key) << 32 | u64::from(later) << 31 | u64::from(rule))
    }

    pub(crate) fn rule(self) -> u32 {
        (self.0 & 0x7fff_ffff) as u32
    }
}

/// A part of a rule's target: the addresses from `first` to `last`. The pieces of one rule do not overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Piece<W> {
    pub(crate) first: W,
    pub(crate) order: Order,
    pub(crate) last: W,
}

/// The painted line of one family: disjoint segments, neighbours of different owners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segments<W> {
    /// Where each segment but the first starts; the first starts at 0.
    pub(crate) edges: Vec<W>,
    /// Who owns each segment, one more than there are edges: a rule's index or [`DEFAULT`].
    pub(crate) owners: Vec<u32>,
}

impl<W> Default for Segments<W> {
    fn default() -> Self {
        Self { edges: Vec::new(), owners: Vec::from([DEFAULT]) }
    }
}

impl<W: Word> Segments<W> {
    /// Paints the pieces. `differs(best, second)` is told, for each stretch of addresses, who owns it and who would if
    /// the owner were not there.
    ///
    /// One sweep from the first address to the last: n log n in time, the pieces and the result in memory.
    pub(crate) fn paint(pieces: Vec<Piece<W>>, mut seen: impl FnMut(u32, u32)) -> Result<Self, OutOfMemory> {
        let mut painted = Self::default();
        // What happens inside the foreign block takes effect after it, if nothing else happens there first.
        let mut held = None;
        let mut add = |painted: &mut Self, at, (best, second)| {
            seen(best, second);
            painted.add(at, best)
        };
        sweep(pieces, |at, best, second| {
            let Some((first, last)) = W::FOREIGN else {
                return add(&mut painted, at, (best, second));
            };
            if first <= at && at <= last {
                held = Some((best, second));
                return Ok(());
            }
            match held.take() {
                Some(owners) if last + W::ONE < at => add(&mut painted, last + W::ONE, owners)?,
                _ => {}
            }
            add(&mut painted, at, (best, second))
        })?;
        if let (Some(owners), Some((_, last))) = (held, W::FOREIGN) {
            add(&mut painted, last + W::ONE, owners)?;
        }
        painted.edges.shrink_to_fit();
        painted.owners.shrink_to_fit();
        Ok(painted)
    }

    fn add(&mut self, start: W, owner: u32) -> Result<(), OutOfMemory> {
        if start == W::ZERO {
            self.owners = Vec::from([owner]);
        } else if self.owners.last() != Some(&owner) {
            self.edges.try_reserve(1)?;
            self.owners.try_reserve(1)?;
            self.edges.push(start);
            self.owners.push(owner);
        }
        Ok(())
    }

    /// Each segment's start and owner.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (W, u32)> {
        core::iter::once(W::ZERO).chain(self.edges.iter().copied()).zip(self.owners.iter().copied())
    }

    /// How many edges lie at or below `at`: the number of its segment.
    pub(crate) fn rank(&self, at: W) -> usize {
        self.edges.partition_point(|edge| *edge <= at)
    }
}

/// A painted policy: who owns which addresses.
#[derive(Clone, Debug, Default)]
pub(crate) struct Painting {
    pub(crate) v4: Segments<u32>,
    pub(crate) v6: Segments<u128>,
}

impl Painting {
    /// The addresses whose owner says allow: neighbours that say the same are joined.
    pub(crate) fn allowed(&self, allows: impl Fn(u32) -> bool) -> Result<CidrSet, OutOfMemory> {
        let v4 = Edges::from_pieces(self.v4.iter().map(|(start, owner)| (start, allows(owner))))?;
        let v6 = Edges::from_pieces(self.v6.iter().map(|(start, owner)| (start, allows(owner))))?;
        Ok(CidrSet::from_edges(v4, v6))
    }
}

/// The segment that `rank` edges come before, as first and last address, the last never inside the foreign block.
pub(crate) fn segment<W: Word>(edges: &[W], rank: usize) -> (W, W) {
    let first = rank.checked_sub(1).and_then(|at| edges.get(at)).copied().unwrap_or(W::ZERO);
    let last = edges.get(rank).map_or(W::MAX, |edge| *edge - W::ONE);
    (first, before_foreign(last))
}

/// The largest network, as its length, that holds `at`, lies in the segment, and does not end in the foreign block.
pub(crate) fn network_in<W: Word>(at: W, (first, last): (W, W)) -> u32 {
    let len = largest_around(at, first, last);
    let end = at | !W::mask(len);
    let allowed = before_foreign(end);
    if allowed == end { len } else { largest_around(at, first, allowed) }
}

/// The same for a segment given by the address before it and its last, as [`largest_between`] takes them; `at` is not in
/// the foreign block.
#[inline(always)]
pub(crate) fn network_between<W: Word>(at: W, before: W, last: W) -> u32 {
    match W::FOREIGN {
        // Only around what lies before the block is there a network that ends in it.
        Some((foreign, _)) if at < foreign => network_in(at, (before.wrapping_sub(W::MAX), before_foreign(last))),
        _ => largest_between(at, before, last),
    }
}

/// Calls `emit(start, best, second)` wherever the best or the second best open piece changes, from address 0 on.
pub(crate) fn sweep<W: Word>(
    mut pieces: Vec<Piece<W>>,
    mut emit: impl FnMut(W, u32, u32) -> Result<(), OutOfMemory>,
) -> Result<(), OutOfMemory> {
    pieces.sort_unstable();
    // The two best open pieces stand apart; the rest wait in a heap, those that have ended until they reach its top.
    let (mut best, mut second) = (None, None);
    let mut waiting: BinaryHeap<Reverse<(Order, W)>> = BinaryHeap::new();
    waiting.try_reserve(pieces.len())?;

    let rule = |open: Option<(Order, W)>| open.map_or(DEFAULT, |(order, _)| order.rule());
    let mut starts = pieces.iter().peekable();
    let mut at = W::ZERO;
    loop {
        let live = |open: &(Order, W)| open.1 >= at;
        let mut next_waiting = || loop {
            match waiting.pop() {
                Some(Reverse(open)) if live(&open) => return Some(open),
                Some(_) => {}
                None => return None,
            }
        };
        if !best.as_ref().is_some_and(live) {
            best = second.take().filter(live).or_else(&mut next_waiting);
        }
        if !second.as_ref().is_some_and(live) {
            second = next_waiting();
        }
        while let Some(piece) = starts.next_if(|piece| piece.first == at) {
            let mut open = Some((piece.order, piece.last));
            for place in [&mut best, &mut second] {
                if place.is_none_or(|there| open.is_some_and(|open| open < there)) {
                    core::mem::swap(place, &mut open);
                }
            }
            waiting.extend(open.map(Reverse));
        }
        emit(at, rule(best), rule(second))?;
        let ends = [best, second].map(|open| open.and_then(|(_, last)| last.next()));
        let starts = starts.peek().map(|piece| piece.first);
        match ends.into_iter().flatten().chain(starts).min() {
            Some(next) => at = next,
            None => return Ok(()),
        }
    }
}
