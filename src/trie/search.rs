//! Where to start comparing in a sorted list.

use alloc::vec::Vec;

use super::Key;
use crate::error::OutOfMemory;

/// Slots of two to the power of `shift` addresses each, from the first edge to the last, say how many edges come before
/// them. Knows the edges while it is built; who asks has them.
#[derive(Clone, Debug)]
pub(crate) struct Search<K> {
    base: K,
    span: K,
    shift: u32,
    /// One more than there are slots.
    starts: Vec<u32>,
}

/// The first edge, how far the last is from it, and the size of slots, as a power of two: from half as many as there may
/// be to as many.
fn slots<K: Key>(edges: &[K]) -> (K, K, u32) {
    let (base, span) = match edges {
        [first, .., last] => (*first, *last - *first),
        [one] => (*one, K::ZERO),
        [] => (K::ZERO, K::ZERO),
    };
    let bits = edges.len().max(2).ilog2() + K::SLOTS_LOG;
    (base, span, (K::BITS - span.leading_zeros()).saturating_sub(bits).min(K::BITS - 1))
}

/// Whether many of the edges would lie in slots with more than are compared at once.
pub(super) fn is_crowded<K: Key>(edges: &[K]) -> bool {
    let (base, _, shift) = slots(edges);
    let further = edges.get(K::CHUNK..).unwrap_or_default();
    let same = |(from, to): &(&K, &K)| (**from - base) >> shift == (**to - base) >> shift;
    16 * edges.iter().zip(further).filter(same).count() > edges.len()
}

impl<K: Key> Search<K> {
    /// `edges` rise strictly.
    pub(crate) fn build(edges: &[K]) -> Result<Self, OutOfMemory> {
        u32::try_from(edges.len()).map_err(|_| OutOfMemory)?;
        let (base, span, shift) = slots(edges);
        let mut search = Self { base, span, shift, starts: Vec::new() };
        let slots = (span >> shift).low_usize() + 1;
        search.starts.try_reserve_exact(slots + 1)?;
        for (at, &edge) in (0..).zip(edges) {
            while search.starts.len() <= search.slot(edge) {
                search.starts.push(at);
            }
        }
        search.starts.resize(slots + 1, edges.len() as u32);
        Ok(search)
    }

    #[inline(always)]
    fn slot(&self, at: K) -> usize {
        let inside = if at < self.base { K::ZERO } else { at - self.base };
        (inside.min(self.span) >> self.shift).low_usize()
    }

    /// The number of edges at or below `at`.
    #[inline(never)]
    pub(crate) fn rank(&self, edges: &[K], at: K) -> usize {
        let slot = self.slot(at);
        let start = self.starts[slot] as usize;
        // The last ones are compared with some before them, which lie below.
        let start = start.min(edges.len().saturating_sub(K::CHUNK));
        let Some(chunk) = edges.get(start..start + K::CHUNK) else {
            return self.far(edges, slot, at);
        };
        // Halving, without a branch.
        let (mut count, mut half) = (0, K::CHUNK.div_ceil(2));
        while half > 0 {
            count += usize::from(chunk[count + half - 1] <= at) * half;
            half /= 2;
        }
        if count < K::CHUNK { start + count } else { self.far(edges, slot, at) }
    }

    /// In a slot with many edges, or among few.
    #[cold]
    #[inline(never)]
    fn far(&self, edges: &[K], slot: usize, at: K) -> usize {
        let (start, end) = (self.starts[slot] as usize, self.starts[slot + 1] as usize);
        start + edges[start..end].partition_point(|&edge| edge <= at)
    }

    /// What it takes beside the edges themselves.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.starts.capacity() * size_of::<u32>()
    }
}
