//! A range of addresses of one family.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::edges::before_foreign;
use crate::text::{self, Canonical, ParseError};
use crate::word::{Word, largest_len};

/// All addresses from a first to a last one, both included, of one family.
///
/// It cannot be reversed or mixed. IPv4-mapped IPv6 ends (`::ffff:192.0.2.1`) are the IPv4 addresses they stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IpRange(pub(crate) Span);

/// The two families side by side, for code that must tell them apart once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Span {
    V4(u32, u32),
    V6(u128, u128),
}

/// Why two addresses make no range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RangeError {
    /// The last address is below the first.
    #[error("the range ends before it starts")]
    Reversed,
    /// One end is IPv4, the other IPv6 (an IPv4-mapped end is IPv4).
    #[error("one end is an IPv4 address, the other an IPv6 address")]
    Mixed,
}

impl IpRange {
    /// The range from `first` to `last`, both included.
    ///
    /// # Errors
    /// If `last` is below `first`, or if they are of two families.
    ///
    /// ```
    /// use cidrgate::IpRange;
    /// let range = IpRange::new("192.0.2.8".parse()?, "192.0.2.15".parse()?)?;
    /// assert_eq!(range.to_string(), "192.0.2.8-192.0.2.15");
    /// assert_eq!(range.network(), Some("192.0.2.8/29".parse()?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(first: IpAddr, last: IpAddr) -> Result<Self, RangeError> {
        let span = match (first.to_canonical(), last.to_canonical()) {
            (IpAddr::V4(a), IpAddr::V4(b)) => Span::V4(a.to_bits(), b.to_bits()),
            (IpAddr::V6(a), IpAddr::V6(b)) => Span::V6(a.to_bits(), b.to_bits()),
            _ => return Err(RangeError::Mixed),
        };
        match span {
            Span::V4(a, b) if a > b => Err(RangeError::Reversed),
            Span::V6(a, b) if a > b => Err(RangeError::Reversed),
            _ => Ok(Self(span)),
        }
    }

    /// The lowest address.
    #[must_use]
    pub fn first(&self) -> IpAddr {
        match self.0 {
            Span::V4(first, _) => Ipv4Addr::from_bits(first).into(),
            Span::V6(first, _) => Ipv6Addr::from_bits(first).into(),
        }
    }

    /// The highest address.
    #[must_use]
    pub fn last(&self) -> IpAddr {
        match self.0 {
            Span::V4(_, last) => Ipv4Addr::from_bits(last).into(),
            Span::V6(_, last) => Ipv6Addr::from_bits(last).into(),
        }
    }

    /// Whether `addr` lies in the range. An IPv4-mapped address is the IPv4 address.
    #[must_use]
    pub fn contains(&self, addr: impl Into<IpAddr>) -> bool {
        match (self.0, addr.into().to_canonical()) {
            (Span::V4(first, last), IpAddr::V4(addr)) => (first..=last).contains(&addr.to_bits()),
            (Span::V6(first, last), IpAddr::V6(addr)) => (first..=last).contains(&addr.to_bits()),
            _ => false,
        }
    }

    /// Whether it ends inside the block of IPv6 that nobody can ask about, or right before it.
    pub(crate) fn ends_at_foreign(&self) -> bool {
        match self.0 {
            Span::V4(..) => false,
            Span::V6(_, last) => [last, last.saturating_add(1)].iter().any(|at| before_foreign(*at) != *at),
        }
    }

    /// The one network that is this range, if there is one.
    #[must_use]
    pub fn network(&self) -> Option<IpNet> {
        fn whole<W: Word>(first: W, last: W) -> Option<u32> {
            let len = largest_len(first, last);
            (first | !W::mask(len) == last).then_some(len)
        }
        match self.0 {
            Span::V4(first, last) => Some(first.net(whole(first, last)?)),
            Span::V6(first, last) => Some(first.net(whole(first, last)?)),
        }
    }
}

/// The words that are addresses of a family, for code that is generic over both.
pub(crate) trait Family: Word {
    fn addr(self) -> IpAddr;
    fn range(first: Self, last: Self) -> IpRange;
    /// `len` is at most `BITS`.
    fn net(self, len: u32) -> IpNet;
}

impl Family for u32 {
    fn addr(self) -> IpAddr {
        Ipv4Addr::from_bits(self).into()
    }
    fn range(first: Self, last: Self) -> IpRange {
        IpRange(Span::V4(first, last))
    }
    fn net(self, len: u32) -> IpNet {
        // A length above 32 cannot be; were it to be, the narrowest network is the safe one.
        let net = Ipv4Net::new(Ipv4Addr::from_bits(self), u8::try_from(len).unwrap_or(32));
        net.unwrap_or_else(|_| Ipv4Net::from(Ipv4Addr::from_bits(self))).into()
    }
}

impl Family for u128 {
    fn addr(self) -> IpAddr {
        Ipv6Addr::from_bits(self).into()
    }
    fn range(first: Self, last: Self) -> IpRange {
        IpRange(Span::V6(first, last))
    }
    fn net(self, len: u32) -> IpNet {
        let net = Ipv6Net::new(Ipv6Addr::from_bits(self), u8::try_from(len).unwrap_or(128));
        net.unwrap_or_else(|_| Ipv6Net::from(Ipv6Addr::from_bits(self))).into()
    }
}

/// The first and the last address of a network.
fn ends<W: Word>(addr: W, len: u8) -> (W, W) {
    let mask = W::mask(len.into());
    (addr & mask, addr | !mask)
}

/// As `to_ipv4_mapped`, which looks at every octet by itself: of an address that lies in an `IpAddr` that takes long.
#[inline(always)]
pub(crate) fn mapped(addr: Ipv6Addr) -> Option<Ipv4Addr> {
    let bits = addr.to_bits();
    let (upper, lower) = ((bits >> 64) as u64, bits as u64);
    (upper == 0 && lower >> 32 == 0xffff).then(|| Ipv4Addr::from_bits(bits as u32))
}

/// The addresses of the network; host bits do not matter.
impl From<Ipv4Net> for IpRange {
    #[inline]
    fn from(net: Ipv4Net) -> Self {
        let (first, last) = ends(net.addr().to_bits(), net.prefix_len());
        Self(Span::V4(first, last))
    }
}

/// The addresses of the network; host bits do not matter. An IPv4-mapped network of length 96 or more is IPv4.
impl From<Ipv6Net> for IpRange {
    #[inline]
    fn from(net: Ipv6Net) -> Self {
        let (first, last) = ends(net.addr().to_bits(), net.prefix_len());
        Self(match [first, last].map(|at| mapped(Ipv6Addr::from_bits(at))) {
            [Some(first), Some(last)] => Span::V4(first.to_bits(), last.to_bits()),
            _ => Span::V6(first, last),
        })
    }
}

/// The range of this one address.
impl From<Ipv4Addr> for IpRange {
    #[inline]
    fn from(addr: Ipv4Addr) -> Self {
        Self(Span::V4(addr.to_bits(), addr.to_bits()))
    }
}

/// The range of this one address. An IPv4-mapped address is the IPv4 address.
impl From<Ipv6Addr> for IpRange {
    #[inline]
    fn from(addr: Ipv6Addr) -> Self {
        match mapped(addr) {
            Some(addr) => addr.into(),
            None => Self(Span::V6(addr.to_bits(), addr.to_bits())),
        }
    }
}

macro_rules! range_from {
    ($($from:ident),*) => {$(
        /// As the network or address of its family.
        impl From<$from> for IpRange {
            #[inline]
            fn from(from: $from) -> Self {
                match from {
                    $from::V4(from) => from.into(),
                    $from::V6(from) => from.into(),
                }
            }
        }
    )*};
}
range_from!(IpNet, IpAddr);

/// `first-last`, both in RFC 5952 form.
impl fmt::Display for IpRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(Canonical::from(*self).as_str())
    }
}

/// Strict text, as [`text::range`] reads it; a network or an address is a range too.
impl FromStr for IpRange {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        text::entry(text.as_bytes())?.strict()
    }
}
