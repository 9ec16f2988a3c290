//! Who is right: a sweep over the sorted addresses and networks together. Shares nothing with those it judges.

use crate::word::Word;

/// For each address whether one of the networks holds it.
pub(crate) fn answers<W: Word>(networks: &[W::Net], addrs: &[W::Addr]) -> Vec<bool> {
    let mut ends: Vec<_> = networks.iter().map(|net| W::ends(*net)).collect();
    ends.sort_unstable();
    let mut order: Vec<_> = (0..addrs.len()).collect();
    order.sort_unstable_by_key(|at| W::of(addrs[*at]));
    let mut answers = vec![false; addrs.len()];
    let mut ends = ends.into_iter().peekable();
    // The furthest end of the networks that have begun.
    let mut furthest = None;
    for at in order {
        let addr = W::of(addrs[at]);
        while let Some((_, last)) = ends.next_if(|(first, _)| *first <= addr) {
            furthest = furthest.max(Some(last));
        }
        answers[at] = furthest >= Some(addr);
    }
    answers
}
