//! What one writes without a crate for the purpose.

use ipnet::IpNet;
use rustc_hash::FxHashSet;

use crate::peer::Peer;
use crate::word::Word;

/// Merged ranges, sorted, and a binary search.
pub(crate) struct Sorted<W>(Vec<(W, W)>);

impl<W: Word> Peer<W> for Sorted<W> {
    fn build(networks: &[W::Net]) -> Result<Self, String> {
        let mut ranges: Vec<_> = networks.iter().map(|net| W::ends(*net)).collect();
        ranges.sort_unstable();
        ranges.dedup_by(|next, kept| {
            let joins = kept.1 == W::MAX || next.0 <= kept.1.near(1);
            if joins {
                kept.1 = kept.1.max(next.1);
            }
            joins
        });
        ranges.shrink_to_fit();
        Ok(Self(ranges))
    }

    #[inline]
    fn allows(&self, addr: W::Addr) -> bool {
        let addr = W::of(addr);
        let after = self.0.partition_point(|(first, _)| *first <= addr);
        after.checked_sub(1).is_some_and(|at| addr <= self.0[at].1)
    }
}

/// A hash set of networks for each length that occurs, the fullest first.
pub(crate) struct HashPerLength<W>(Vec<(W, FxHashSet<W>)>);

impl<W: Word> Peer<W> for HashPerLength<W> {
    fn build(networks: &[W::Net]) -> Result<Self, String> {
        let mut counts = vec![0; 129];
        for net in networks {
            counts[usize::from(W::parts(*net).1)] += 1;
        }
        let mut sets: Vec<Option<FxHashSet<W>>> = vec![None; 129];
        for net in networks {
            let (first, len) = W::parts(*net);
            let len = usize::from(len);
            let empty = || FxHashSet::with_capacity_and_hasher(counts[len], Default::default());
            sets[len].get_or_insert_with(empty).insert(first);
        }
        let sets = (0..).zip(sets).filter_map(|(len, set)| Some((!W::host(len), set?)));
        let mut sets: Vec<_> = sets.collect();
        sets.sort_by_key(|(_, set)| usize::MAX - set.len());
        Ok(Self(sets))
    }

    #[inline]
    fn allows(&self, addr: W::Addr) -> bool {
        let addr = W::of(addr);
        self.0.iter().any(|(mask, set)| set.contains(&(addr & *mask)))
    }
}

/// One network after another, as in most `if` statements in the wild.
pub(crate) struct Scan(Vec<IpNet>);

impl<W: Word> Peer<W> for Scan {
    fn build(networks: &[W::Net]) -> Result<Self, String> {
        Ok(Self(networks.iter().map(|net| (*net).into()).collect()))
    }

    #[inline]
    fn allows(&self, addr: W::Addr) -> bool {
        let addr = addr.into();
        self.0.iter().any(|net| net.contains(&addr))
    }
}
