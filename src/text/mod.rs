//! Strict text to address, network and range, from bytes, with the place and kind of the first fault.
//!
//! What is read: IPv4 as four decimal octets without leading zeros; IPv6 as [RFC 4291, section 2.2][4291] has it,
//! the last 32 bits in dotted form included; a prefix length of one to three digits without sign or leading zero;
//! a range as two addresses round a dash. Nothing else: no octal, no hexadecimal octets, no short forms, no zones,
//! no masks, no host names, no blanks inside, no digits outside ASCII.
//!
//! An IPv4-mapped IPv6 address (`::ffff:192.0.2.1`) is read as the IPv4 address, and a mapped network of length 96 or
//! more as the IPv4 network. What is written is [RFC 5952][5952], by [`Canonical`], without allocation.
//!
//! Each call costs one pass over the text and allocates nothing.
//!
//! [4291]: https://www.rfc-editor.org/rfc/rfc4291#section-2.2
//! [5952]: https://www.rfc-editor.org/rfc/rfc5952

mod canonical;
mod error;
mod usual;

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net};

pub use self::canonical::Canonical;
pub(crate) use self::error::decimal_as_octal;
use self::error::fault;
pub use self::error::{ErrorKind, ParseError};
pub(crate) use self::usual::usual;
use crate::range::{IpRange, RangeError};

/// Reads one address: `192.0.2.1`, `2001:db8::1`, `::ffff:192.0.2.1` (which is `192.0.2.1`).
///
/// # Errors
/// Anything else, with the offset of the first byte at fault.
///
/// ```
/// use cidrgate::text;
/// assert_eq!(text::addr("192.0.2.1")?, std::net::IpAddr::from([192, 0, 2, 1]));
/// let error = text::addr("192.0.010.1").unwrap_err();
/// assert_eq!(error.offset(), 6);
/// assert_eq!(error.to_string(), "leading zero: 010 could be 10 or, in C, 8");
/// # Ok::<(), cidrgate::text::ParseError>(())
/// ```
pub fn addr(text: impl AsRef<[u8]>) -> Result<IpAddr, ParseError> {
    let text = text.as_ref();
    end(text, (0, text.len())).map(|addr| addr.to_canonical())
}

/// Reads the IPv4 address that a text starts with, and tells how many bytes it has: for logs, where more follows.
///
/// `None` if the text does not start with four octets as [`addr()`] reads them. What follows them is not judged, but it
/// is no digit.
///
/// ```
/// use cidrgate::text;
/// assert_eq!(text::leading_v4("192.0.2.1 - - [17/May"), Some(([192, 0, 2, 1].into(), 9)));
/// assert_eq!(text::leading_v4("192.0.2.256 - -"), None);
/// ```
#[must_use]
#[inline]
pub fn leading_v4(text: impl AsRef<[u8]>) -> Option<(Ipv4Addr, usize)> {
    usual::octets(text.as_ref()).map(|(addr, end)| (Ipv4Addr::from_bits(addr), end))
}

/// Reads one network: `192.0.2.0/24`, `2001:db8::/32`; an address alone is its /32 or /128.
///
/// # Errors
/// Anything else, with the offset of the first byte at fault. Host bits (`172.0.0.10/16`) are a fault at the start of
/// the text that names both readings.
///
/// ```
/// use cidrgate::text;
/// assert_eq!(text::net("192.0.2.0/24")?.prefix_len(), 24);
/// let error = text::net("172.0.0.10/16").unwrap_err();
/// assert_eq!(error.to_string(), "host bits are set: did you mean 172.0.0.0/16 or 172.0.0.10/32?");
/// # Ok::<(), cidrgate::text::ParseError>(())
/// ```
pub fn net(text: impl AsRef<[u8]>) -> Result<IpNet, ParseError> {
    match net_lenient(text)? {
        (_, Some(kind)) => Err(ParseError { kind, offset: 0 }),
        (net, None) => Ok(net),
    }
}

/// Reads one network as [`net()`] does, but clears host bits; the second part is then what the strict reading would
/// have said.
///
/// # Errors
/// As [`net()`], host bits excepted.
pub fn net_lenient(text: impl AsRef<[u8]>) -> Result<(IpNet, Option<ErrorKind>), ParseError> {
    let text = text.as_ref();
    network(text, 0)
}

/// Reads one range: two addresses of one family round a dash, `192.0.2.8-192.0.2.15`.
///
/// # Errors
/// Anything else, with the offset of the first byte at fault; a reversed or mixed range at the start of its second
/// address.
///
/// ```
/// use cidrgate::text;
/// assert_eq!(text::range("192.0.2.8-192.0.2.15")?.network(), Some(text::net("192.0.2.8/29")?));
/// # Ok::<(), cidrgate::text::ParseError>(())
/// ```
pub fn range(text: impl AsRef<[u8]>) -> Result<IpRange, ParseError> {
    let text = text.as_ref();
    let Some(dash) = text.iter().position(|&byte| byte == b'-') else {
        // Judge what is there first: a fault inside the address matters more than the missing dash.
        address(text, 0, text.len())?;
        return fault(text.len(), ErrorKind::DashMissing);
    };
    ends(text, (0, dash), (dash + 1, text.len()))
}

/// What one entry of a list or policy says: an address, a network or a range, all of them ranges.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) range: IpRange,
    /// The fault that strict reading sees where host bits were cleared.
    pub(crate) cleared: Option<ErrorKind>,
}

impl Entry {
    pub(crate) fn strict(self) -> Result<IpRange, ParseError> {
        self.cleared.map_or(Ok(self.range), |kind| fault(0, kind))
    }
}

/// Reads an address, a network or a range, whichever the text is.
pub(crate) fn entry(text: &[u8]) -> Result<Entry, ParseError> {
    match usual(text) {
        Some((range, end)) if end == text.len() => return Ok(Entry { range, cleared: None }),
        _ => {}
    }
    match text.iter().position(|&byte| byte == b'-' || byte == b'/') {
        Some(dash) if text[dash] == b'-' && is_numeric(&text[..dash]) => {
            Ok(Entry { range: ends(text, (0, dash), (dash + 1, text.len()))?, cleared: None })
        }
        _ => network(text, 0).map(|(net, cleared)| Entry { range: net.into(), cleared }),
    }
}

/// A host name may hold a dash too; what stands before the dash of a range has no letter beyond `f`.
pub(crate) fn is_numeric(text: &[u8]) -> bool {
    text.iter().all(|byte| byte.is_ascii_hexdigit() || !byte.is_ascii_alphabetic())
        && text.iter().any(|byte| matches!(byte, b'.' | b':') || byte.is_ascii_digit())
}

/// A range from the two ends, given as bounds inside `text` (a list may have blanks round the dash).
pub(crate) fn ends(text: &[u8], a: (usize, usize), b: (usize, usize)) -> Result<IpRange, ParseError> {
    let (first, last) = (end(text, a)?, end(text, b)?);
    IpRange::new(first, last).or_else(|error| {
        fault(
            b.0,
            match error {
                RangeError::Reversed => ErrorKind::Reversed,
                RangeError::Mixed if first.is_ipv6() && last.is_ipv6() => ErrorKind::HalfMapped,
                RangeError::Mixed => ErrorKind::Mixed,
            },
        )
    })
}

/// `network` with host bits cleared, folded to IPv4 if it lies in the mapped block.
pub(crate) fn fold(net: IpNet) -> IpNet {
    match net {
        IpNet::V6(net) if net.prefix_len() >= 96 => match net.addr().to_ipv4_mapped() {
            Some(addr) => Ipv4Net::new(addr, net.prefix_len() - 96).unwrap_or_else(|_| addr.into()).trunc().into(),
            None => net.trunc().into(),
        },
        net => net.trunc(),
    }
}

/// The address within these bounds, not yet folded.
#[inline]
fn end(text: &[u8], (start, end): (usize, usize)) -> Result<IpAddr, ParseError> {
    match leading_v4(&text[start..end]) {
        Some((addr, len)) if start + len == end => Ok(addr.into()),
        _ => address(text, start, end),
    }
}

/// What strict reading says of a network with host bits, `None` where it has none.
pub(crate) fn host_bits(net: IpNet) -> Option<ErrorKind> {
    if net.trunc() == net {
        return None;
    }
    let mapped = match net {
        IpNet::V6(v6) if v6.prefix_len() <= 32 => {
            v6.addr().to_ipv4_mapped().and_then(|v4| Ipv4Net::new(v4, v6.prefix_len()).ok())
        }
        _ => None,
    };
    Some(ErrorKind::HostBits {
        network: fold(net),
        host: net.addr().to_canonical().into(),
        mapped: mapped.map(|net| net.trunc().into()),
    })
}

/// `address[/length]`, the network folded and without host bits, and what strict reading would say.
fn network(text: &[u8], start: usize) -> Result<(IpNet, Option<ErrorKind>), ParseError> {
    let slash = text[start..].iter().position(|&byte| byte == b'/').map(|at| start + at);
    let addr = address(text, start, slash.unwrap_or(text.len()))?;
    let Some(slash) = slash else {
        return Ok((addr.to_canonical().into(), None));
    };
    let largest = if addr.is_ipv4() { 32 } else { 128 };
    let len = length(text, slash + 1, largest)?;
    let net = IpNet::new(addr, len)
        .map_err(|_| ParseError { kind: ErrorKind::Length { value: len.into(), largest }, offset: slash + 1 })?;
    Ok((fold(net), host_bits(net)))
}

/// The prefix length that is the rest of the text.
fn length(text: &[u8], start: usize, largest: u32) -> Result<u8, ParseError> {
    let digits = &text[start..];
    match digits {
        [] => return fault(start, ErrorKind::LengthMissing),
        [b'0', b'0'..=b'9', ..] => return fault(start, ErrorKind::LengthZero),
        _ => {}
    }
    if let Some(at) = digits.iter().position(|byte| !byte.is_ascii_digit()) {
        if let Ok(mask) = address(text, start, text.len()) {
            return fault(start, ErrorKind::Mask { length: mask_length(mask) });
        }
        return fault(start + at, unexpected(digits[at], "a decimal prefix length"));
    }
    let value = digits.iter().fold(0u32, |value, byte| value.saturating_mul(10).saturating_add(u32::from(byte - b'0')));
    match u8::try_from(value) {
        Ok(len) if value <= largest => Ok(len),
        _ => fault(start, ErrorKind::Length { value, largest }),
    }
}

fn mask_length(mask: IpAddr) -> Option<u32> {
    let IpAddr::V4(mask) = mask else { return None };
    let mask = mask.to_bits();
    let len = mask.leading_ones();
    (mask.count_ones() == len).then_some(len)
}

fn unexpected(found: u8, expected: &'static str) -> ErrorKind {
    match found {
        b' ' | b'\t' => ErrorKind::Blank,
        b'%' => ErrorKind::Zone,
        found => ErrorKind::UnexpectedByte { found, expected },
    }
}

/// The address between `start` and `end`, not yet folded.
fn address(text: &[u8], start: usize, end: usize) -> Result<IpAddr, ParseError> {
    let part = &text[start..end];
    if part.is_empty() {
        return fault(start, ErrorKind::Empty);
    }
    let bits = if part.contains(&b':') {
        return groups(part).map(|bits| Ipv6Addr::from_bits(bits).into()).map_err(|error| error.after(start));
    } else {
        octets(part)
    };
    match bits {
        Ok(bits) => Ok(Ipv4Addr::from_bits(bits).into()),
        Err(error) => Err(name_or(part, error).after(start)),
    }
}

/// A word made of what host names are made of, with a letter in it, is better called a host name than a bad octet.
fn name_or(part: &[u8], error: ParseError) -> ParseError {
    let lower = |at: usize| part.get(at).map(u8::to_ascii_lowercase);
    if lower(0) == Some(b'0') && lower(1) == Some(b'x') {
        return ParseError { kind: ErrorKind::HexOctet, offset: 0 };
    }
    let name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let letter = part.iter().position(u8::is_ascii_alphabetic);
    match letter {
        Some(offset) if part.len() > 1 && part.iter().all(name) => {
            ParseError { kind: ErrorKind::HostName, offset: offset.min(error.offset) }
        }
        _ => error,
    }
}

/// Four decimal octets, the whole of `part`.
fn octets(part: &[u8]) -> Result<u32, ParseError> {
    let mut bits = 0u32;
    let mut at = 0;
    for octet in 1..=4 {
        let start = at;
        let mut value = 0u32;
        while let Some(digit) = part.get(at).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit < 10) {
            value = value.saturating_mul(10).saturating_add(digit.into());
            at += 1;
        }
        if at == start {
            return match part.get(at) {
                None => fault(at, ErrorKind::UnexpectedEnd { expected: "an octet" }),
                Some(&found) => fault(at, unexpected(found, "a decimal octet")),
            };
        }
        if part[start] == b'0' && at - start > 1 {
            let zeros = part[start..at - 1].iter().take_while(|byte| **byte == b'0').count();
            return fault(start, ErrorKind::LeadingZero { zeros: u32::try_from(zeros).unwrap_or(u32::MAX), value });
        }
        if value > 255 {
            return fault(start, ErrorKind::Octet { octet, value });
        }
        bits = bits << 8 | value;
        match (part.get(at), octet) {
            (None, 4) => return Ok(bits),
            (Some(b'.'), 1..=3) => at += 1,
            (None, found) => return fault(at, ErrorKind::OctetCount { found }),
            (Some(b'.'), _) if at + 1 == part.len() => return fault(at, unexpected(b'.', "the end of the address")),
            (Some(b'.'), _) => {
                let found = 1 + part.iter().filter(|byte| **byte == b'.').count();
                return fault(at, ErrorKind::OctetCount { found: u32::try_from(found).unwrap_or(u32::MAX) });
            }
            (Some(&found), 4) => return fault(at, unexpected(found, "the end of the address")),
            (Some(&found), _) => return fault(at, unexpected(found, "a digit or a dot")),
        }
    }
    fault(at, ErrorKind::OctetCount { found: 4 })
}

/// The text form of RFC 4291, section 2.2, the whole of `part`.
fn groups(part: &[u8]) -> Result<u128, ParseError> {
    let mut bits = 0u128;
    let mut count = 0u32;
    // How many groups stood before the "::", if there was one.
    let mut gap = None;
    let mut at = 0;
    if part.starts_with(b"::") {
        (gap, at) = (Some(0), 2);
    }
    while at < part.len() {
        let start = at;
        let mut value = 0u128;
        while let Some(digit) = part.get(at).and_then(|byte| char::from(*byte).to_digit(16)) {
            value = value << 4 | u128::from(digit);
            at += 1;
            if at - start > 4 {
                return fault(start, ErrorKind::Group { group: count + 1 });
            }
        }
        if part.get(at) == Some(&b'.') && at > start {
            let tail = octets(&part[start..]).map_err(|error| error.after(start))?;
            bits = bits << 32 | u128::from(tail);
            count += 2;
            if count > 8 {
                return fault(start, ErrorKind::GroupCount { found: count, compressed: gap.is_some() });
            }
            break;
        }
        if at == start {
            return fault(at, unexpected(part[at], "a group of hexadecimal digits"));
        }
        count += 1;
        if count > 8 {
            let found = count + u32::try_from(part[at..].iter().filter(|byte| **byte == b':').count()).unwrap_or(0);
            return fault(start, ErrorKind::GroupCount { found, compressed: gap.is_some() });
        }
        bits = bits << 16 | value;
        match part.get(at..) {
            None | Some([]) => {}
            Some([b':', b':', ..]) => {
                if gap.replace(count).is_some() {
                    return fault(at, ErrorKind::Compression);
                }
                at += 2;
            }
            Some([b':']) => return fault(at + 1, ErrorKind::UnexpectedEnd { expected: "a group after the colon" }),
            Some([b':', ..]) => at += 1,
            Some([found, ..]) => return fault(at, unexpected(*found, "a hexadecimal digit or a colon")),
        }
    }
    match gap {
        None if count == 8 => Ok(bits),
        Some(before) if count < 8 => {
            // The groups after the gap are the low ones; those before it go to the top.
            let after = count - before;
            let low = if after == 0 { 0 } else { bits & (u128::MAX >> (128 - 16 * after)) };
            let high = if before == 0 { 0 } else { (bits >> (16 * after)) << (128 - 16 * before) };
            Ok(high | low)
        }
        gap => fault(part.len(), ErrorKind::GroupCount { found: count, compressed: gap.is_some() }),
    }
}
