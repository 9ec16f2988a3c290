//! One line of whole numbers for each part of the range that they span.

use alloc::vec::Vec;

use super::{Key, Row, part_bits};
use crate::error::OutOfMemory;

/// Parts of two to the power of `shift` addresses each, from the first number to the last. What is outside counts as
/// the last part: comparing whole numbers tells it right.
#[derive(Clone, Debug)]
pub(crate) struct Direct<K, R> {
    base: K,
    span: K,
    shift: u32,
    /// The remainder by two of an even number of edges: 1 if all answers are the other way round. No `bool`, of which the
    /// compiler would make a longer way to the parity.
    even: u8,
    lines: Vec<R>,
}

impl<K: Key, R: Row<Lane = <K::Line as Row>::Lane>> Direct<K, R> {
    /// With the fewest parts that have no more numbers in any of them than a line; `None` if they would take more than
    /// so many bytes.
    pub(super) fn build(keys: &[K], flip: bool, bytes: usize) -> Result<Option<Self>, OutOfMemory> {
        let (base, span) = match keys {
            [first, .., last] => (*first, *last - *first),
            [one] => (*one, K::ZERO),
            [] => (K::ZERO, K::ZERO),
        };
        let most = (bytes / size_of::<R>()).max(1);
        let wide = K::BITS - span.leading_zeros();
        let least = wide.saturating_sub(most.ilog2() + 1);
        let Some(shift) = part_bits(keys, base, R::LANES, false, false, least) else {
            return Ok(None);
        };
        let mut direct = Self { base, span, shift: shift.min(wide), even: u8::from(flip), lines: Vec::new() };
        let parts = (span >> direct.shift).low_usize() + 1;
        if parts > most {
            return Ok(None);
        }
        direct.lines.try_reserve_exact(parts)?;
        let mut rest = keys;
        for part in 0..parts {
            // The first of all numbers is below whatever is in a later part.
            let earlier = keys.first().filter(|_| (keys.len() - rest.len()) % 2 == 1);
            let count = rest.iter().take_while(|&&key| direct.part(key) == part).count();
            let (numbers, after) = rest.split_at(count);
            direct.lines.push(R::new(earlier.map(|key| key.lane()), numbers.iter().map(|key| key.lane())));
            rest = after;
        }
        Ok(Some(direct))
    }

    #[inline(always)]
    fn part(&self, at: K) -> usize {
        (at.wrapping_sub(self.base).min(self.span) >> self.shift).low_usize()
    }

    #[inline(always)]
    pub(super) fn is_odd(&self, at: K) -> bool {
        u8::from(self.lines[self.part(at)].is_odd(at.lane())) != self.even
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.lines.capacity() * size_of::<R>()
    }
}
