//! What can be wrong with a text, and where.

use core::fmt::{self, Display};

use ipnet::IpNet;

/// Why a text is no address, network or range, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct ParseError {
    pub(super) kind: ErrorKind,
    pub(super) offset: usize,
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

    pub(super) fn after(self, start: usize) -> Self {
        Self { offset: self.offset + start, ..self }
    }
}

pub(super) fn fault<T>(offset: usize, kind: ErrorKind) -> Result<T, ParseError> {
    Err(ParseError { kind, offset })
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
