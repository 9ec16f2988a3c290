//! One line of whole numbers for each part of the range that they span.

use alloc::vec::Vec;

use super::{Key, Row};
use crate::error::OutOfMemory;

/// Parts of two to the power of `shift` addresses each, from the first number to the last. What is outside counts as
/// the last part: comparing whole numbers tells it right.
#[derive(Clone, Debug)]
pub(crate) struct Direct<K: Key> {
    base: K,
    span: K,
    shift: u32,
    /// The remainder by two of an even number of edges: 1 if all answers are the other way round. No `bool`, of which the
    /// compiler would make a longer way to the parity.
    even: u8,
    lines: Vec<K::Line>,
}

impl<K: Key> Direct<K> {
    /// With the fewest parts that have no more numbers in any of them than a line; `None` if they would take more than
    /// so many bytes.
    pub(super) fn build(keys: &[K], flip: bool, bytes: usize) -> Result<Option<Self>, OutOfMemory> {
        let (base, span) = match keys {
            [first, .., last] => (*first, *last - *first),
            [one] => (*one, K::ZERO),
            [] => (K::ZERO, K::ZERO),
        };
        let most = bytes / size_of::<K::Line>();
        // With fewer parts some would be too full.
        let bits = (keys.len() / K::Line::LANES).max(1).ilog2();
        let shift = (K::BITS - span.leading_zeros()).saturating_sub(bits).min(K::BITS - 1);
        let mut direct = Self { base, span, shift, even: u8::from(flip), lines: Vec::new() };
        loop {
            if direct.parts() > most {
                return Ok(None);
            }
            if direct.fits(keys) {
                break;
            }
            if direct.shift == 0 {
                return Ok(None);
            }
            direct.shift -= 1;
        }
        direct.lines.try_reserve_exact(direct.parts())?;
        let mut rest = keys;
        for part in 0..direct.parts() {
            let before = keys.len() - rest.len();
            let count = rest.iter().take_while(|&&key| direct.part(key) == part).count();
            let (line, after) = rest.split_at(count);
            // The first of all numbers is below whatever is in a later part, so it stands for all that came before.
            let earlier = keys.first().filter(|_| before % 2 == 1);
            direct.lines.push(K::Line::new(earlier.into_iter().chain(line).map(|key| key.lane())));
            rest = after;
        }
        Ok(Some(direct))
    }

    fn parts(&self) -> usize {
        (self.span >> self.shift).low_usize().saturating_add(1)
    }

    #[inline(always)]
    fn part(&self, at: K) -> usize {
        (at.wrapping_sub(self.base).min(self.span) >> self.shift).low_usize()
    }

    fn fits(&self, keys: &[K]) -> bool {
        let full = K::Line::LANES;
        let same = |run: &[K]| self.part(run[0]) == self.part(run[run.len() - 1]);
        // A line that is full has no room for the lane that stands for an odd number before it.
        let odd_and_full = |(at, run)| at % 2 == 1 && same(run);
        !keys.windows(full + 1).any(same) && !keys.windows(full).enumerate().any(odd_and_full)
    }

    #[inline(always)]
    pub(super) fn is_odd(&self, at: K) -> bool {
        u8::from(self.lines[self.part(at)].is_odd(at.lane())) != self.even
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.lines.capacity() * size_of::<K::Line>()
    }
}
