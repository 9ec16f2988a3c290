//! The canonical text of addresses, networks and ranges.

use core::fmt::{self, Display};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::range::IpRange;

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

    /// What was made by `write`.
    #[inline]
    fn of(write: impl FnOnce(&mut Self)) -> Self {
        let mut text = Self { bytes: [0; 80], len: 0 };
        write(&mut text);
        text
    }

    #[inline]
    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.len) {
            *place = byte;
            self.len += 1;
        }
    }

    #[inline]
    fn decimal(&mut self, value: u8) {
        // The bytes too many are written over by what comes next, or lie beyond the end.
        if let Some(place) = self.bytes.get_mut(self.len..self.len + 3) {
            place.copy_from_slice(&DECIMAL[usize::from(value)]);
            self.len += 1 + usize::from(value > 9) + usize::from(value > 99);
        }
    }

    /// Without leading zeros.
    fn hexadecimal(&mut self, value: u16) {
        let digits = (u16::BITS - value.leading_zeros()).div_ceil(4).max(1);
        for digit in (0..digits).rev() {
            self.push(b"0123456789abcdef"[usize::from(value >> (4 * digit) & 15)]);
        }
    }

    #[inline]
    fn v4(&mut self, addr: Ipv4Addr) {
        let [a, b, c, d] = addr.octets();
        self.decimal(a);
        for octet in [b, c, d] {
            self.push(b'.');
            self.decimal(octet);
        }
    }

    fn v6(&mut self, addr: Ipv6Addr) {
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
                    self.push(b':');
                    self.push(b':');
                }
            } else {
                if at > 0 && at != gap.end {
                    self.push(b':');
                }
                self.hexadecimal(group);
            }
        }
        if let Some(v4) = dotted {
            self.push(b':');
            self.v4(v4);
        }
    }

    #[inline]
    fn addr(&mut self, addr: IpAddr) {
        match addr {
            IpAddr::V4(addr) => self.v4(addr),
            IpAddr::V6(addr) => self.v6(addr),
        }
    }
}

/// The decimal digits of every octet, from the left.
const DECIMAL: [[u8; 3]; 256] = {
    let mut all = [[0; 3]; 256];
    let mut value = 0;
    while value < all.len() {
        let [hundreds, tens, ones] = [value / 100, value / 10 % 10, value % 10];
        let digits = [b'0' + hundreds as u8, b'0' + tens as u8, b'0' + ones as u8];
        all[value] = match digits {
            [b'0', b'0', ones] => [ones, 0, 0],
            [b'0', tens, ones] => [tens, ones, 0],
            digits => digits,
        };
        value += 1;
    }
    all
};

impl From<IpAddr> for Canonical {
    #[inline]
    fn from(addr: IpAddr) -> Self {
        Self::of(|text| text.addr(addr))
    }
}

impl From<IpNet> for Canonical {
    #[inline]
    fn from(net: IpNet) -> Self {
        Self::of(|text| {
            text.addr(net.addr());
            text.push(b'/');
            text.decimal(net.prefix_len());
        })
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
        Self::of(|text| {
            text.addr(range.first());
            text.push(b'-');
            text.addr(range.last());
        })
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
