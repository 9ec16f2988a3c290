//! Sorting ranges by where they start, digit by digit: most of the time of building a set goes here.

use alloc::vec::Vec;

use crate::error::OutOfMemory;
use crate::word::Word;

/// A digit is one of two to the power of this; their counts stay in the first cache.
const DIGIT: u32 = 11;
const DIGITS: usize = 1 << DIGIT;
/// With more digits than this, the first one makes parts, each of which is sorted by itself.
const MOST_DIGITS: usize = 3;
/// Fewer ranges are sorted by comparing.
const FEW: usize = 256;

type Counts = [[u32; DIGITS]; MOST_DIGITS];

/// Sorts by `.0`; in which order equal ones come is not said.
pub(crate) fn by_start<W: Word>(ranges: &mut Vec<(W, W)>) {
    if ranges.is_sorted_by_key(|range| range.0) {
        return;
    }
    let digits = ranges.len() >= FEW && u32::try_from(ranges.len()).is_ok();
    if !digits || by_digits(ranges).is_err() {
        // In place: the stable sort takes memory that cannot be refused.
        ranges.sort_unstable_by_key(|range| range.0);
    }
}

fn by_digits<W: Word>(ranges: &mut Vec<(W, W)>) -> Result<(), OutOfMemory> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(ranges.len())?;
    let mut counts = Vec::new();
    counts.try_reserve_exact(1)?;
    counts.push([[0; DIGITS]; MOST_DIGITS]);
    copy.extend_from_slice(ranges);
    for counts in &mut counts {
        if !part(&mut copy, ranges, counts) {
            core::mem::swap(ranges, &mut copy);
        }
    }
    Ok(())
}

/// Sorts `ranges`, into `other`, which is as long, if it says so.
fn part<W: Word>(ranges: &mut [(W, W)], other: &mut [(W, W)], counts: &mut Counts) -> bool {
    // The bits that tell starts apart.
    let Some(&(one, _)) = ranges.first() else {
        return false;
    };
    let set = ranges.iter().fold(W::ZERO, |set, range| set | (range.0 ^ one));
    if set == W::ZERO {
        return false;
    }
    let (from, to) = (set.trailing_zeros(), W::BITS - set.leading_zeros());
    let digit = |range: &(W, W), shift| (range.0 >> shift).low_usize() % DIGITS;
    let digits = (to - from).div_ceil(DIGIT) as usize;
    if digits <= MOST_DIGITS {
        // From the lowest digit on, each time without changing the order of equal ones.
        let shifts = [0, 1, 2].map(|digit| (from + digit * DIGIT).min(W::BITS - 1));
        count(ranges, counts, |range, at| digit(range, shifts[at]));
        let (mut from, mut to) = (ranges, other);
        for (counts, shift) in counts.iter_mut().zip(shifts).take(digits) {
            scatter(from, to, counts, |range| digit(range, shift));
            (from, to) = (to, from);
        }
        return digits % 2 == 1;
    }
    let shift = to - DIGIT;
    count(ranges, counts, |range, _| digit(range, shift));
    scatter(ranges, other, &mut counts[0], |range| digit(range, shift));
    let mut start = 0;
    while start < other.len() {
        let first = digit(&other[start], shift);
        let len = other[start..].iter().take_while(|range| digit(range, shift) == first).count();
        let same = &mut other[start..start + len];
        if len < FEW {
            same.sort_unstable_by_key(|range| range.0);
        } else {
            // Not deep: what is left of a part has a digit less to tell apart.
            let room = &mut ranges[start..start + len];
            if part(same, room, counts) {
                same.copy_from_slice(room);
            }
        }
        start += len;
    }
    true
}

/// How often each digit is there, of all digits in one pass.
fn count<W: Word>(ranges: &[(W, W)], counts: &mut Counts, digit: impl Fn(&(W, W), usize) -> usize) {
    *counts = [[0; DIGITS]; MOST_DIGITS];
    for range in ranges {
        for (at, counts) in counts.iter_mut().enumerate() {
            counts[digit(range, at) % DIGITS] += 1;
        }
    }
}

/// Copies the ranges in the order of one digit, those of equal ones as they were.
fn scatter<W: Word>(from: &[(W, W)], to: &mut [(W, W)], counts: &mut [u32; DIGITS], digit: impl Fn(&(W, W)) -> usize) {
    let mut sum = 0;
    for count in counts.iter_mut() {
        sum += core::mem::replace(count, sum);
    }
    for range in from {
        let place = &mut counts[digit(range) % DIGITS];
        to[*place as usize] = *range;
        *place += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<W: Word>(starts: impl Iterator<Item = W>) {
        let mut ranges: Vec<_> = starts.map(|start| (start, start | W::ONE)).collect();
        let mut sorted = ranges.clone();
        sorted.sort();
        by_start(&mut ranges);
        assert!(ranges == sorted);
    }

    #[test]
    fn as_by_comparing() {
        let mut state = 1_u128;
        let mut random = move || {
            state = state.wrapping_mul(0xda94_2042_e4dd_58b5).wrapping_add(0x1234_5678_9abc_def1);
            state >> 3 ^ state << 61
        };
        for count in [0, 1, FEW - 1, FEW, 3000, 20_000] {
            for wide in [0, 1, 11, 12, 22, 23, 33, 34, 45, 64, 100, 128] {
                // With more and less below, and around one place.
                for low in [0, 16, 64] {
                    let mut starts: Vec<_> = (0..count).map(|_| random()).collect();
                    for start in &mut starts {
                        *start = if wide == 0 { 7 } else { (*start >> (128 - wide)) << low };
                    }
                    check(starts.iter().map(|start| start.wrapping_add(0x2001_0db8 << 96)));
                    check(starts.iter().map(|start| *start as u32));
                }
            }
            // Over orders of magnitude, so that parts have parts.
            check((0..count).map(|_| random() >> (random() % 128)));
            check((0..count).map(|_| (random() as u32) >> (random() % 32)));
        }
    }
}
