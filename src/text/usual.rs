//! The usual forms of an entry, read at once: four octets from one word instead of byte by byte, IPv6 without
//! bookkeeping for messages. Whatever is not taken here, right or wrong, is judged by the strict reader beside it; so
//! what is taken must be what that one takes, with the same result.

use crate::range::{IpRange, Span};

/// The address or network that a text starts with, and where it ends; what follows is no digit and is not judged.
/// `None` for all that is less usual: host bits, ranges, mapped addresses and all others below `0:0:0:1::`, IPv6 with a
/// dotted end.
#[inline]
pub(crate) fn usual(text: &[u8]) -> Option<(IpRange, usize)> {
    if let Some((addr, end)) = octets(text) {
        let (len, end) = length(text, end, u32::BITS)?;
        let host = u32::MAX.checked_shr(len).unwrap_or(0);
        return (addr & host == 0).then_some((IpRange(Span::V4(addr, addr | host)), end));
    }
    let (addr, end) = groups(text)?;
    let (len, end) = length(text, end, u128::BITS)?;
    let host = u128::MAX.checked_shr(len).unwrap_or(0);
    // A network round the mapped block, of which there is more to say, starts at `::`.
    (addr & host == 0 && addr >> 64 != 0).then_some((IpRange(Span::V6(addr, addr | host)), end))
}

/// Four octets at the start of a text and where they end, at no digit.
#[inline]
pub(super) fn octets(text: &[u8]) -> Option<(u32, usize)> {
    text.first_chunk().map_or_else(|| octets_in(&filled_up(text)), octets_in)
}

/// As [`octets`]: no four octets are longer.
#[inline]
fn octets_in(text: &[u8; 16]) -> Option<(u32, usize)> {
    /// The digits of the least octet of so many digits.
    const LEAST: [u32; 4] = [0, 0, 0x01_00, 0x01_00_00];
    let digits = u128::from_le_bytes(*text) ^ every(b'0');
    // Sets the upper bit of each byte above 9; no byte carries into the next.
    let others = (((digits & every(0x7f)) + every(0x80 - 10)) | digits) & every(0x80);
    // An end behind the text, so that there always is one.
    let mut ends = upper_bits(others) | 1 << 16;
    let (mut addr, mut start) = (0, 0);
    for dot in [true, true, true, false] {
        let end = ends.trailing_zeros() as usize;
        ends &= ends.wrapping_sub(1) | 1 << 16;
        let len = end.wrapping_sub(start);
        if !matches!(len, 1..=3) {
            return None;
        }
        // The octet and what follows, the first byte lowest.
        let four = u32::from_le_bytes(*text.get(start..)?.first_chunk()?) ^ 0x3030_3030;
        let after = four >> (8 * len) & 0xff;
        // The last digit uppermost, zeros before the first.
        let digits = four << (32 - 8 * len);
        let in_order = digits.swap_bytes();
        if in_order > 0x02_05_05 || in_order < LEAST[len & 3] || dot && after != u32::from(b'.' ^ b'0') {
            return None;
        }
        // Its upper byte is 100 times the first digit, 10 times the second and the third.
        let octet = digits.wrapping_mul(1 + (10 << 8) + (100 << 16)) >> 24;
        addr = addr << 8 | octet;
        start = end + 1;
    }
    Some((addr, start - 1))
}

/// A text of less than 16 bytes with zeros after it.
#[inline]
fn filled_up(text: &[u8]) -> [u8; 16] {
    // Two pieces that overlap hold all of the text.
    if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        let last = u128::from(u64::from_le_bytes(*last)) << (8 * (text.len() - 8));
        return (u128::from(u64::from_le_bytes(*first)) | last).to_le_bytes();
    }
    text.iter().rev().fold(0u128, |word, byte| word << 8 | u128::from(*byte)).to_le_bytes()
}

const fn every(byte: u8) -> u128 {
    u128::from_le_bytes([byte; 16])
}

/// The upper bit of each byte, that of the first byte lowest. Other bits are not set.
#[inline]
#[allow(clippy::cast_possible_truncation)]
fn upper_bits(word: u128) -> u32 {
    // Each bit is moved to its place in the upper byte of the product, and no two places meet below it.
    let gather = |half: u64| ((half >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) as u32;
    gather(word as u64) | gather((word >> 64) as u64) << 8
}

/// The text form of IPv6 at the start of a text, without a dotted end, and where it ends, at no digit.
#[inline]
fn groups(text: &[u8]) -> Option<(u128, usize)> {
    let digit = |at: usize| text.get(at).map(|byte| HEX[usize::from(*byte)]).filter(|digit| *digit < 16);
    let is_colon = |at: usize| text.get(at) == Some(&b':');
    let (mut bits, mut count, mut at) = (0u128, 0u32, 0);
    // How many groups stood before the "::", if there was one.
    let mut gap = None;
    if is_colon(0) && is_colon(1) {
        (gap, at) = (Some(0), 2);
    }
    loop {
        let Some(first) = digit(at) else {
            // Nothing need stand behind "::"; behind one colon, or in place of all, something must.
            if gap == Some(count) { break } else { return None }
        };
        let mut group = u32::from(first);
        at += 1;
        let last = at + 3;
        while let Some(next) = digit(at) {
            if at == last {
                return None;
            }
            group = group << 4 | u32::from(next);
            at += 1;
        }
        bits = bits << 16 | u128::from(group);
        count += 1;
        if count == 8 || !is_colon(at) {
            break;
        }
        at += 1;
        if is_colon(at) {
            if gap.replace(count).is_some() {
                return None;
            }
            at += 1;
        }
    }
    if matches!(text.get(at), Some(b':' | b'.')) {
        return None;
    }
    match gap {
        None => (count == 8).then_some((bits, at)),
        // Of the groups, those after the gap are the low ones; those before it go to the top.
        Some(before) if count < 8 => {
            let low = u128::MAX.checked_shr(16 * (8 + before - count)).unwrap_or(0);
            Some((bits & low | (bits & !low).checked_shl(16 * (8 - count)).unwrap_or(0), at))
        }
        Some(_) => None,
    }
}

/// The value of each hexadecimal digit, 16 of all other bytes.
const HEX: [u8; 256] = {
    let mut all = [16; 256];
    let mut value = 0;
    while value < 16 {
        let digit = b"0123456789abcdef"[value as usize];
        all[digit as usize] = value;
        all[digit.to_ascii_uppercase() as usize] = value;
        value += 1;
    }
    all
};

/// The prefix length that starts at `at` with a slash, and where it ends, at no digit; the largest if there is no slash.
#[inline]
fn length(text: &[u8], at: usize, largest: u32) -> Option<(u32, usize)> {
    if text.get(at) != Some(&b'/') {
        return Some((largest, at));
    }
    let digit = |at: usize| text.get(at).map(|byte| u32::from(byte.wrapping_sub(b'0'))).filter(|digit| *digit < 10);
    let (mut len, mut end) = (digit(at + 1)?, at + 2);
    while let Some(next) = digit(end) {
        len = 10 * len + next;
        end += 1;
        // So a leading zero is none of a length, and no sum overflows.
        if len < 10 || len > largest {
            return None;
        }
    }
    (len <= largest).then_some((len, end))
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::String;
    use alloc::vec::Vec;
    use core::net::{Ipv4Addr, Ipv6Addr};

    use ipnet::IpNet;

    use super::*;
    use crate::text::{address, network};

    /// Calls `each` with every text of up to `longest` bytes of the alphabet.
    fn texts(alphabet: &[u8], longest: usize, each: &mut impl FnMut(&str)) {
        fn extend(text: &mut String, alphabet: &[u8], longest: usize, each: &mut impl FnMut(&str)) {
            each(text);
            if text.len() < longest {
                for byte in alphabet {
                    text.push(char::from(*byte));
                    extend(text, alphabet, longest, each);
                    text.pop();
                }
            }
        }
        extend(&mut String::new(), alphabet, longest, each);
    }

    /// Octets, alone and before other text, against the standard library.
    fn same_octets(text: &str) -> bool {
        let right = text.parse::<Ipv4Addr>().ok().map(|addr| (addr.to_bits(), text.len()));
        assert_eq!(octets(text.as_bytes()).filter(|(_, end)| *end == text.len()), right, "{text:?}");
        for after in ["\n", ".7", " - - [17/May/2015:10:05:03"] {
            let whole = format!("{text}{after}");
            assert_eq!(octets(whole.as_bytes()).filter(|(_, end)| *end == text.len()), right, "{whole:?}");
        }
        right.is_some()
    }

    #[test]
    fn every_octet_in_every_place() {
        let mut taken = 0;
        texts(b"0123456789", 4, &mut |octet| {
            for other in ["0", "25", "255"] {
                for place in 0..4 {
                    let mut octets = [other; 4];
                    octets[place] = octet;
                    taken += usize::from(same_octets(&octets.join(".")));
                }
            }
        });
        assert_eq!(taken, 256 * 3 * 4);
    }

    #[test]
    fn every_short_text_of_octets() {
        let mut taken = 0;
        texts(b".0256", 9, &mut |text| taken += usize::from(same_octets(text)));
        assert!(taken > 1_000, "{taken}");
    }

    #[test]
    fn every_text_of_groups() {
        // Every number of groups of every length, and every place of colons.
        let mut taken = 0;
        let mut same = |text: &str| {
            let right = text.parse::<Ipv6Addr>().ok().map(|addr| (addr.to_bits(), text.len()));
            assert_eq!(groups(text.as_bytes()).filter(|(_, end)| *end == text.len()), right, "{text:?}");
            for after in ["\n", "/48\n", " x", ",", ":", "."] {
                let whole = format!("{text}{after}");
                let read = groups(whole.as_bytes()).filter(|(_, end)| *end == text.len());
                let open = matches!(after, ":" | ".");
                assert_eq!(read, right.filter(|_| !open), "{whole:?}");
            }
            taken += usize::from(right.is_some());
        };
        texts(b":f", 17, &mut same);
        texts(b":0a7F", 8, &mut same);
        assert!(taken > 10_000, "{taken}");
    }

    #[test]
    fn every_digit_of_a_group() {
        for byte in 0..=u8::MAX {
            let value = char::from(byte).to_digit(16).filter(|_| byte.is_ascii());
            let read = groups(&[byte, b':', b':']);
            assert_eq!(read, value.map(|value| (u128::from(value) << 112, 3)), "{byte}");
        }
    }

    #[test]
    fn every_length() {
        for text in ["", "/"] {
            texts(b"0123456789", 4, &mut |digits| {
                let text = format!("{text}{digits}");
                for largest in [32, 128] {
                    let right = match text.strip_prefix('/') {
                        None => Some((largest, 0)),
                        Some(digits) => {
                            let value = digits.parse::<u32>().ok();
                            let value = value.filter(|value| *value <= largest && digits == format!("{value}"));
                            value.map(|value| (value, text.len()))
                        }
                    };
                    assert_eq!(length(text.as_bytes(), 0, largest), right, "{text:?}");
                    assert_eq!(length(format!("{text}\n").as_bytes(), 0, largest), right, "{text:?}");
                }
            });
        }
    }

    #[test]
    fn short_texts_of_every_length_are_filled_up() {
        let text: Vec<u8> = (1..40).collect();
        for len in 0..16 {
            let mut right = [0; 16];
            right[..len].copy_from_slice(&text[..len]);
            assert_eq!(filled_up(&text[..len]), right);
        }
    }

    /// What is taken is what strict reading takes, with the same result; and of IPv4 without a mapped form, all of it.
    #[test]
    fn usual_entries_are_read_as_strict_reading_does() {
        let mut state = 1_u64;
        let mut random = |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % below
        };
        let starts: [&[u8]; 12] = [
            b"192.0.2.0/24",
            b"10.0.0.0/8",
            b"0.0.0.0/0",
            b"255.255.255.255/32",
            b"1.2.3.4",
            b"9.10.0.0/15",
            b"2001:db8::/32",
            b"2001:DB8:0:1:2:3:4:5",
            b"fe80::1/128",
            b"::ffff:192.0.2.1",
            b"::/0",
            b"1:2:3:4::/64",
        ];
        let mut taken = [0, 0];
        for _ in 0..400_000 {
            let mut text = starts[random(12) as usize].to_vec();
            for _ in 0..random(4) {
                let at = random(text.len() as u64) as usize;
                match random(3) {
                    0 => text[at] = b"0123456789./: -xf"[random(17) as usize],
                    1 => text.insert(at, b"0123456789./:"[random(13) as usize]),
                    _ if text.len() > 1 => _ = text.remove(at),
                    _ => {}
                }
            }
            let shown = String::from_utf8_lossy(&text);
            let strict = match network(&text, 0) {
                Ok((net, None)) => Some(net),
                _ => None,
            };
            let read = usual(&text).filter(|(_, end)| *end == text.len()).map(|(range, _)| range);
            match (read, strict) {
                (None, Some(IpNet::V4(_))) => assert!(text.contains(&b':'), "{shown}"),
                (None, Some(IpNet::V6(net))) => {
                    assert!(net.addr().to_bits() >> 64 == 0 || text.contains(&b'.'), "{shown}");
                }
                (None, None) => {}
                (read, strict) => {
                    assert_eq!(read, strict.map(IpRange::from), "{shown}");
                    taken[usize::from(text.contains(&b':'))] += 1;
                }
            }
            assert_eq!(crate::text::addr(&text), address(&text, 0, text.len()).map(|addr| addr.to_canonical()));
        }
        assert!(taken.iter().all(|taken| (50_000..150_000).contains(taken)), "{taken:?}");
    }
}
