//! The families as numbers, so that lists, queries, peers and loops are written once.

use std::fmt::Debug;
use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::{BitAnd, BitOr, BitXor, Not, Shr};

use cidrgate::IpRange;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::random::Random;

/// An address as a number: `u32` or `u128`.
pub(crate) trait Word:
    Copy
    + Ord
    + Hash
    + Debug
    + From<bool>
    + BitAnd<Output = Self>
    + BitOr<Output = Self>
    + BitXor<Output = Self>
    + Not<Output = Self>
    + Shr<u32, Output = Self>
    + 'static
{
    type Addr: Copy + Debug + Into<IpAddr> + 'static;
    type Net: Copy + Debug + Into<IpNet> + Into<IpRange> + 'static;
    /// An address in network order.
    type Octets: Copy + 'static;

    const NAME: &'static str;
    const BITS: u32;
    const ZERO: Self;
    const MAX: Self;

    fn addr(self) -> Self::Addr;
    fn octets(self) -> Self::Octets;
    fn bytes(octets: &Self::Octets) -> &[u8];
    fn of(addr: Self::Addr) -> Self;
    /// `None` if there are so many bits only in the other family.
    fn net(self, len: u8) -> Option<Self::Net>;
    /// The network, if it is of this family.
    fn own(net: IpNet) -> Option<Self::Net>;
    fn parts(net: Self::Net) -> (Self, u8);
    fn near(self, steps: i8) -> Self;
    fn random(random: &mut Random) -> Self;

    /// The bits of an address that are not of its network of this length.
    fn host(len: u8) -> Self {
        if u32::from(len) >= Self::BITS { Self::ZERO } else { Self::MAX >> u32::from(len) }
    }

    /// The first and last address.
    fn ends(net: Self::Net) -> (Self, Self) {
        let (first, len) = Self::parts(net);
        (first, first | Self::host(len))
    }
}

macro_rules! word {
    ($word:ty, $addr:ty, $net:ty, $octets:ty, $family:ident, $name:literal, $random:expr) => {
        impl Word for $word {
            type Addr = $addr;
            type Net = $net;
            type Octets = $octets;

            const NAME: &'static str = $name;
            const BITS: u32 = <$word>::BITS;
            const ZERO: Self = 0;
            const MAX: Self = <$word>::MAX;

            #[inline]
            fn addr(self) -> $addr {
                <$addr>::from_bits(self)
            }

            fn octets(self) -> $octets {
                self.to_be_bytes()
            }

            fn bytes(octets: &$octets) -> &[u8] {
                octets
            }

            #[inline]
            fn of(addr: $addr) -> Self {
                addr.to_bits()
            }

            fn net(self, len: u8) -> Option<$net> {
                <$net>::new(self.addr(), len).ok()
            }

            fn own(net: IpNet) -> Option<$net> {
                match net {
                    IpNet::$family(net) => Some(net.trunc()),
                    _ => None,
                }
            }

            #[inline]
            fn parts(net: $net) -> (Self, u8) {
                (net.addr().to_bits(), net.prefix_len())
            }

            fn near(self, steps: i8) -> Self {
                self.wrapping_add_signed(steps.into())
            }

            fn random(random: &mut Random) -> Self {
                $random(random)
            }
        }
    };
}

word!(u32, Ipv4Addr, Ipv4Net, [u8; 4], V4, "v4", |random: &mut Random| random.next() as u32);
// What is given out, 2000::/3: elsewhere there is nobody to ask about.
word!(u128, Ipv6Addr, Ipv6Net, [u8; 16], V6, "v6", |random: &mut Random| 1 << 125 | random.wide() >> 3);
