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

use core::fmt::{self, Display};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::range::{IpRange, RangeError, Span};

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
    match octets_of(text) {
        Some((addr, end)) if end == text.len() => Ok(Ipv4Addr::from_bits(addr).into()),
        _ => address(text, 0, text.len()).map(|addr| addr.to_canonical()),
    }
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

/// Why a text is no address, network or range, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct ParseError {
    kind: ErrorKind,
    offset: usize,
}

impl ParseError {
    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Where, in bytes from the start of the text; the length of the text if its end came too early.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.offset
    }
}

/// What can be wrong with the text of an address, a network or a range. Shown, it is a sentence to act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No text at all where an address belongs.
    #[error("an address, a network or a range is missing here")]
    Empty,
    /// A byte that cannot stand here.
    #[error("{} cannot stand here: expected {expected}", Byte(*.found))]
    UnexpectedByte {
        /// The byte.
        found: u8,
        /// What could stand in its place.
        expected: &'static str,
    },
    /// The text ends too early.
    #[error("the text ends too early: expected {expected}")]
    UnexpectedEnd {
        /// What is missing.
        expected: &'static str,
    },
    /// A blank inside an address, a network or a range.
    #[error("no blank may stand inside an address, a network or a range")]
    Blank,
    /// An octet with a leading zero, which C reads as octal.
    #[error("leading zero: {}", Zeros { zeros: *.zeros, value: *.value })]
    LeadingZero {
        /// How many zeros too many.
        zeros: u32,
        /// The digits after them, read as decimal.
        value: u32,
    },
    /// An octet above 255.
    #[error("octet {octet} is {}, the largest is 255", Amount(*.value))]
    Octet {
        /// Which octet, from 1.
        octet: u32,
        /// Its value; the largest `u32` stands for all above.
        value: u32,
    },
    /// An IPv4 address of more or fewer than four octets.
    #[error("an IPv4 address has 4 octets, this one {found}; no short forms are read")]
    OctetCount {
        /// How many there are.
        found: u32,
    },
    /// An octet written in hexadecimal.
    #[error("hexadecimal octets are not read; write decimal")]
    HexOctet,
    /// A group of an IPv6 address with more than four digits.
    #[error("group {group} has more than 4 digits")]
    Group {
        /// Which group, from 1, as written.
        group: u32,
    },
    /// An IPv6 address of more or fewer than eight groups.
    #[error("an IPv6 address has 8 groups, this one {found}{}", if *.compressed { " beside the '::'" } else { "" })]
    GroupCount {
        /// How many there are; a dotted end counts as two.
        found: u32,
        /// Whether `::` stands among them.
        compressed: bool,
    },
    /// `::` more than once in one address.
    #[error("'::' may stand only once in an address")]
    Compression,
    /// A zone such as `%eth0`.
    #[error("zones are not part of an address: leave out the '%' and what follows")]
    Zone,
    /// A host name.
    #[error("this looks like a host name; names are not resolved, write its addresses")]
    HostName,
    /// A slash without a length.
    #[error("a prefix length belongs after the slash")]
    LengthMissing,
    /// A prefix length beyond the family's.
    #[error("length {} is too large, the largest here is {largest}", Amount(*.value))]
    Length {
        /// The length found.
        value: u32,
        /// The largest of the family.
        largest: u32,
    },
    /// A prefix length with a leading zero.
    #[error("a prefix length has no leading zero")]
    LengthZero,
    /// A mask in place of a length.
    #[error("masks are not read: write a prefix length{}", Mask(*.length))]
    Mask {
        /// The length that says the same, if the mask is contiguous.
        length: Option<u32>,
    },
    /// Address bits beyond the prefix length.
    #[error("host bits are set: did you mean {network}{} or {host}?", Mapped(*.mapped))]
    HostBits {
        /// One reading: the network, host bits cleared.
        network: IpNet,
        /// The other: the single address.
        host: IpNet,
        /// A third, where an IPv4-mapped address carries an IPv4 length.
        mapped: Option<IpNet>,
    },
    /// A range without its dash.
    #[error("a range is two addresses with a dash between")]
    DashMissing,
    /// A range whose last address is below its first.
    #[error("the range ends before it starts")]
    Reversed,
    /// A range of an IPv4 and an IPv6 address.
    #[error("one end of the range is an IPv4 address, the other an IPv6 address")]
    Mixed,
    /// A range of an IPv4-mapped and another IPv6 address.
    #[error("one end of the range is IPv4-mapped, so it is an IPv4 address, the other is not")]
    HalfMapped,
}

/// A byte of hostile origin, made printable.
struct Byte(u8);

impl Display for Byte {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            b' '..=b'~' => write!(f, "'{}'", char::from(self.0)),
            byte => write!(f, "byte 0x{byte:02x}"),
        }
    }
}

/// A number that may stand for all above it.
struct Amount(u32);

impl Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            u32::MAX => f.write_str("a number of ten digits or more"),
            value => write!(f, "{value}"),
        }
    }
}

struct Zeros {
    zeros: u32,
    value: u32,
}

impl Display for Zeros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { zeros, value } = *self;
        match decimal_as_octal(value) {
            Some(octal) if octal != value && zeros < 8 => {
                write!(f, "{:0<width$}{value} could be {value} or, in C, {octal}", "", width = zeros as usize)
            }
            _ if value > 255 => f.write_str("and a number above 255, the largest octet"),
            Some(_) => write!(f, "write {value}"),
            None => write!(f, "write {value}; in C it is no number at all"),
        }
    }
}

/// What C reads when the decimal digits of `value` stand behind a zero.
pub(crate) fn decimal_as_octal(value: u32) -> Option<u32> {
    let (mut rest, mut octal, mut place) = (value, 0u32, 1u32);
    while rest > 0 {
        let digit = rest % 10;
        if digit > 7 {
            return None;
        }
        octal = octal.checked_add(digit.checked_mul(place)?)?;
        place = place.checked_mul(8)?;
        rest /= 10;
    }
    Some(octal)
}

struct Mask(Option<u32>);

impl Display for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |length| write!(f, ", here /{length}"))
    }
}

struct Mapped(Option<IpNet>);

impl Display for Mapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |net| write!(f, ", {net} (an IPv4-mapped length counts from 96)"))
    }
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

/// Up to three digits, no others after a zero, and where they end.
#[inline]
fn decimal(text: &[u8], at: usize) -> Option<(u32, usize)> {
    let digit = |at: usize| text.get(at).map(|byte| u32::from(byte.wrapping_sub(b'0'))).filter(|digit| *digit < 10);
    let first = digit(at)?;
    if first == 0 {
        return Some((0, at + 1));
    }
    let Some(second) = digit(at + 1) else { return Some((first, at + 1)) };
    let Some(third) = digit(at + 2) else { return Some((first * 10 + second, at + 2)) };
    Some((first * 100 + second * 10 + third, at + 3))
}

/// Four octets and where they end; `None` where [`address`] has to judge.
#[inline]
fn octets_of(text: &[u8]) -> Option<(u32, usize)> {
    let (mut addr, mut at) = decimal(text, 0).filter(|(octet, _)| *octet < 256)?;
    for _ in 0..3 {
        if text.get(at) != Some(&b'.') {
            return None;
        }
        let (octet, end) = decimal(text, at + 1).filter(|(octet, _)| *octet < 256)?;
        (addr, at) = (addr << 8 | octet, end);
    }
    Some((addr, at))
}

/// An IPv4 address or network without host bits, as most entries are, at once; `None` for all else, right or wrong, of
/// which [`entry`] judges.
#[inline]
pub(crate) fn plain(text: &[u8]) -> Option<IpRange> {
    let (addr, at) = octets_of(text)?;
    let host = match text.get(at) {
        None => 0,
        Some(b'/') => {
            let (len, end) = decimal(text, at + 1).filter(|(len, _)| *len <= 32)?;
            if end != text.len() {
                return None;
            }
            u32::MAX.checked_shr(len).unwrap_or(0)
        }
        Some(_) => return None,
    };
    (addr & host == 0).then_some(IpRange(Span::V4(addr, addr | host)))
}

/// Reads an address, a network or a range, whichever the text is.
pub(crate) fn entry(text: &[u8]) -> Result<Entry, ParseError> {
    if let Some(range) = plain(text) {
        return Ok(Entry { range, cleared: None });
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
    let first = address(text, a.0, a.1)?;
    let last = address(text, b.0, b.1)?;
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

fn fault<T>(offset: usize, kind: ErrorKind) -> Result<T, ParseError> {
    Err(ParseError { kind, offset })
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

impl ParseError {
    fn after(self, start: usize) -> Self {
        Self { offset: self.offset + start, ..self }
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

/// The canonical text of an address, a network or a range, on the stack.
///
/// IPv6 as RFC 5952 has it (lower case, the longest run of zero groups shortened, the first of equal ones, IPv4-mapped
/// addresses with a dotted end).
///
/// ```
/// use cidrgate::text::{self, Canonical};
/// let net = text::net("2001:DB8:0:0::/64")?;
/// assert_eq!(Canonical::from(net).as_str(), "2001:db8::/64");
/// # Ok::<(), cidrgate::text::ParseError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Canonical {
    // The longest is a range of two IPv6 addresses: 39 + 1 + 39 bytes.
    bytes: [u8; 80],
    len: usize,
}

impl Canonical {
    const EMPTY: Self = Self { bytes: [0; 80], len: 0 };

    /// The text; it is ASCII.
    #[must_use]
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// The bytes of the text.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    #[inline(always)]
    fn push(mut self, byte: u8) -> Self {
        if let Some(place) = self.bytes.get_mut(self.len) {
            *place = byte;
            self.len += 1;
        }
        self
    }

    #[inline(always)]
    fn decimal(mut self, value: u8) -> Self {
        if value > 99 {
            self = self.push(b'0' + value / 100);
        }
        if value > 9 {
            self = self.push(b'0' + value / 10 % 10);
        }
        self.push(b'0' + value % 10)
    }

    /// Without leading zeros.
    fn hexadecimal(mut self, value: u16) -> Self {
        let digits = (u16::BITS - value.leading_zeros()).div_ceil(4).max(1);
        for digit in (0..digits).rev() {
            self = self.push(b"0123456789abcdef"[usize::from(value >> (4 * digit) & 15)]);
        }
        self
    }

    fn v4(self, addr: Ipv4Addr) -> Self {
        let [a, b, c, d] = addr.octets();
        self.decimal(a).push(b'.').decimal(b).push(b'.').decimal(c).push(b'.').decimal(d)
    }

    fn v6(mut self, addr: Ipv6Addr) -> Self {
        let groups = addr.segments();
        let dotted = addr.to_ipv4_mapped();
        let count = if dotted.is_some() { 6 } else { 8 };
        let (mut gap, mut run) = (0..0, 0..0);
        for (at, group) in groups.iter().take(count).enumerate() {
            run = if *group == 0 { run.start..at + 1 } else { at + 1..at + 1 };
            if run.len() > gap.len().max(1) {
                gap = run.clone();
            }
        }
        for (at, group) in groups.into_iter().take(count).enumerate() {
            if gap.contains(&at) {
                if at == gap.start {
                    self = self.push(b':').push(b':');
                }
            } else {
                if at > 0 && at != gap.end {
                    self = self.push(b':');
                }
                self = self.hexadecimal(group);
            }
        }
        dotted.map_or(self, |v4| self.push(b':').v4(v4))
    }

    fn addr(self, addr: IpAddr) -> Self {
        match addr {
            IpAddr::V4(addr) => self.v4(addr),
            IpAddr::V6(addr) => self.v6(addr),
        }
    }
}

impl From<IpAddr> for Canonical {
    fn from(addr: IpAddr) -> Self {
        Self::EMPTY.addr(addr)
    }
}

impl From<IpNet> for Canonical {
    fn from(net: IpNet) -> Self {
        Self::EMPTY.addr(net.addr()).push(b'/').decimal(net.prefix_len())
    }
}

impl From<Ipv4Net> for Canonical {
    fn from(net: Ipv4Net) -> Self {
        IpNet::from(net).into()
    }
}

impl From<Ipv6Net> for Canonical {
    fn from(net: Ipv6Net) -> Self {
        IpNet::from(net).into()
    }
}

impl From<IpRange> for Canonical {
    fn from(range: IpRange) -> Self {
        Self::EMPTY.addr(range.first()).push(b'-').addr(range.last())
    }
}

impl AsRef<str> for Canonical {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl Display for Canonical {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Canonical {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What [`plain`] takes is what strict reading takes of IPv4 addresses and networks, and nothing else.
    #[test]
    fn plain_entries_are_those_that_strict_reading_takes() {
        let mut state = 1_u64;
        let mut random = |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % below
        };
        let starts: [&[u8]; 6] =
            [b"192.0.2.0/24", b"10.0.0.0/8", b"0.0.0.0/0", b"255.255.255.255/32", b"1.2.3.4", b"9.10.0.0/15"];
        let mut taken = 0;
        for _ in 0..400_000 {
            let mut text = starts[random(6) as usize].to_vec();
            for _ in 0..random(4) {
                let at = random(text.len() as u64) as usize;
                match random(3) {
                    0 => text[at] = b"0123456789./: -x"[random(16) as usize],
                    1 => text.insert(at, b"0123456789./"[random(12) as usize]),
                    _ if text.len() > 1 => _ = text.remove(at),
                    _ => {}
                }
            }
            let strict = match network(&text, 0) {
                Ok((net @ IpNet::V4(_), None)) if !text.contains(&b':') => Some(IpRange::from(net)),
                _ => None,
            };
            assert_eq!(addr(&text), address(&text, 0, text.len()).map(|addr| addr.to_canonical()));
            assert_eq!(plain(&text), strict, "{}", alloc::string::String::from_utf8_lossy(&text));
            taken += usize::from(strict.is_some());
        }
        assert!(taken > 100_000 && taken < 300_000, "{taken}");
    }
}
