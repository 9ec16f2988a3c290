//! Lines of whole numbers for each part of each part of the range: what [`Direct`](super::direct::Direct) is to a range
//! that is evenly filled, this is to one with clusters.

use alloc::vec::Vec;
use core::ops::Range;

use super::{Key, Row, part_bits};
use crate::error::OutOfMemory;

/// Parts of two to the power of `shift` addresses each, from the first number to the last. What is outside counts as the
/// last part: comparing whole numbers tells it right.
#[derive(Clone, Debug)]
pub(crate) struct Split<K: Key> {
    base: K,
    span: K,
    shift: u32,
    /// As in [`Direct`](super::direct::Direct).
    even: u8,
    parts: Vec<Part<K>>,
    lines: Vec<K::Part>,
}

/// The same once more: lines from `first` on, for parts of this part, from its first number to its last. What comes before
/// counts as the first of them, what comes after as the last.
#[derive(Clone, Copy, Debug)]
struct Part<K> {
    base: K,
    span: K,
    first: u32,
    shift: u32,
}

impl<K: Key> Split<K> {
    /// `None` if it would take more than so many bytes.
    pub(super) fn build(keys: &[K], flip: bool, bytes: usize) -> Result<Option<Self>, OutOfMemory> {
        let [base, .., last] = *keys else {
            return Ok(None);
        };
        // So that the number of a line has room in a part.
        let bytes = bytes.min(u32::MAX as usize);
        let wide = K::BITS - (last - base).leading_zeros();
        // From as many parts as lines would do to four for each number: what takes the least.
        let (least, most) = ((keys.len() / K::Part::LANES).max(2).ilog2(), keys.len().ilog2() + 2);
        let plans = (least..=most).map(|bits| Plan { keys, base, span: last - base, shift: wide.saturating_sub(bits) });
        let best = plans.map(|plan| (plan.bytes(bytes), plan)).min_by_key(|(cost, _)| *cost);
        let Some((_, plan)) = best.filter(|(cost, _)| *cost <= bytes) else {
            return Ok(None);
        };
        let (mut parts, mut lines) = (Vec::new(), Vec::new());
        parts.try_reserve_exact(plan.parts())?;
        lines.try_reserve_exact(plan.groups().map(|group| group.lines()).sum())?;
        for group in plan.groups() {
            let Group { ref run, base, span, shift, parts_end } = group;
            // Parts without numbers look at the first line of those that follow.
            parts.resize(parts_end, Part { base, span, first: u32::try_from(lines.len()).unwrap_or(u32::MAX), shift });
            let mut rest = &keys[run.clone()];
            for number in 0..group.lines() {
                let here = |key: &&K| number + 1 == group.lines() || ((**key - base) >> shift).low_usize() == number;
                let (line, after) = rest.split_at(rest.iter().take_while(here).count());
                // The first of all numbers is below whatever is further on.
                let earlier = keys.first().filter(|_| (run.end - rest.len()) % 2 == 1);
                lines.push(K::Part::new(earlier.map(|key| key.lane()), line.iter().map(|key| key.lane())));
                rest = after;
            }
        }
        Ok(Some(Self { base, span: plan.span, shift: plan.shift, even: u8::from(flip), parts, lines }))
    }

    #[inline(always)]
    pub(super) fn is_odd(&self, at: K) -> bool {
        let part = (at.wrapping_sub(self.base).min(self.span) >> self.shift).low_usize();
        let Part { base, span, first, shift } = self.parts[part];
        let inside = at.saturating_sub(base).min(span);
        let line = first as usize + (inside >> shift).low_usize();
        u8::from(self.lines[line].is_odd(at.lane())) != self.even
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.parts.capacity() * size_of::<Part<K>>() + self.lines.capacity() * size_of::<K::Part>()
    }
}

struct Plan<'a, K> {
    keys: &'a [K],
    base: K,
    span: K,
    shift: u32,
}

/// Numbers of one part, or those of some, which have room in one line.
struct Group<K> {
    run: Range<usize>,
    base: K,
    /// 0 if there is but one line.
    span: K,
    shift: u32,
    /// One more than the last part of the group.
    parts_end: usize,
}

impl<K: Key> Group<K> {
    /// How many; more than can be if they are more than a number has room for.
    fn lines(&self) -> usize {
        let last = self.span >> self.shift;
        if K::BITS - last.leading_zeros() < u32::BITS { last.low_usize() + 1 } else { usize::MAX }
    }
}

impl<K: Key> Plan<'_, K> {
    fn part(&self, at: usize) -> usize {
        ((self.keys[at] - self.base) >> self.shift).low_usize()
    }

    fn parts(&self) -> usize {
        (self.span >> self.shift).low_usize() + 1
    }

    /// What it takes, or more than `most` if that is more.
    fn bytes(&self, most: usize) -> usize {
        let mut bytes = self.parts() * size_of::<Part<K>>();
        for group in self.groups() {
            bytes = bytes.saturating_add(group.lines().saturating_mul(size_of::<K::Part>()));
            if bytes > most {
                break;
            }
        }
        bytes
    }

    fn groups(&self) -> impl Iterator<Item = Group<K>> + '_ {
        let keys = self.keys;
        let mut start = 0;
        core::iter::from_fn(move || {
            if start == keys.len() {
                return None;
            }
            let room = K::Part::LANES - start % 2;
            // As many parts as have room in the line.
            let full = start + room;
            let end = if full < keys.len() {
                let next = self.part(full);
                (start..=full).rev().find(|at| *at == start || self.part(at - 1) != next).unwrap_or(start)
            } else {
                keys.len()
            };
            let (end, shift) = if end > start {
                (end, None)
            } else {
                let part = self.part(start);
                let count =
                    keys[start..].iter().take_while(|key| ((**key - self.base) >> self.shift).low_usize() == part);
                let end = start + count.count();
                let fits = part_bits(&keys[start..end], keys[start], K::Part::LANES, start % 2 == 1, false, 0);
                (end, fits)
            };
            let run = start..end;
            start = end;
            let base = keys[run.start];
            let span = if shift.is_some() { keys[end - 1] - base } else { K::ZERO };
            Some(Group { run, base, span, shift: shift.unwrap_or(0), parts_end: self.part(end - 1) + 1 })
        })
    }
}
