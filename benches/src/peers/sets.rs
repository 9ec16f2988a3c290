//! Crates for sets of addresses.

use std::net::{Ipv4Addr, Ipv6Addr};

use cidr_utils::cidr::{Ipv4Cidr, Ipv6Cidr};
use cidr_utils::combiner::{Ipv4CidrCombiner, Ipv6CidrCombiner};
use ipnet::{Ipv4Net, Ipv6Net};
use ipnetx::ipset::{IpSet, IpSetBuilder};
use ipnetx::prefix::IpPrefix;
use iprange::IpRange;
use range_set_blaze::RangeSetBlaze;

use crate::peer::{Entry, Peer};
use crate::word::Word;

/// Each network it takes may move all others: ten thousand take two seconds.
const CIDR_UTILS: usize = 1_000;

pub(super) fn v4() -> Vec<Entry<u32>> {
    vec![
        Entry::new::<RangeSetBlaze<u32>>("range-set-blaze"),
        Entry::new::<IpSet<Ipv4Addr>>("ipnetx"),
        Entry::new::<IpRange<Ipv4Net>>("iprange"),
        Entry::new::<Ipv4CidrCombiner>("cidr-utils").up_to(CIDR_UTILS),
    ]
}

pub(super) fn v6() -> Vec<Entry<u128>> {
    vec![
        Entry::new::<RangeSetBlaze<u128>>("range-set-blaze"),
        Entry::new::<IpSet<Ipv6Addr>>("ipnetx"),
        Entry::new::<IpRange<Ipv6Net>>("iprange"),
        Entry::new::<Ipv6CidrCombiner>("cidr-utils").up_to(CIDR_UTILS),
    ]
}

macro_rules! both {
    ($word:ty, $addr:ty, $net:ty, $cidr:ty, $combiner:ty) => {
        impl Peer<$word> for RangeSetBlaze<$word> {
            fn build(networks: &[$net]) -> Result<Self, String> {
                let range = |net: &$net| {
                    let (first, last) = <$word>::ends(*net);
                    first..=last
                };
                Ok(networks.iter().map(range).collect())
            }

            #[inline]
            fn allows(&self, addr: $addr) -> bool {
                self.contains(addr.to_bits())
            }
        }

        impl Peer<$word> for IpSet<$addr> {
            fn build(networks: &[$net]) -> Result<Self, String> {
                let mut builder = IpSetBuilder::new();
                for net in networks {
                    let prefix = IpPrefix::new(net.addr(), net.prefix_len());
                    builder.add_prefix(prefix.map_err(|error| format!("{error:?}"))?);
                }
                Ok(builder.build())
            }

            #[inline]
            fn allows(&self, addr: $addr) -> bool {
                self.contains_ip(addr)
            }
        }

        impl Peer<$word> for IpRange<$net> {
            fn build(networks: &[$net]) -> Result<Self, String> {
                Ok(networks.iter().copied().collect())
            }

            #[inline]
            fn allows(&self, addr: $addr) -> bool {
                self.contains(&addr)
            }
        }

        impl Peer<$word> for $combiner {
            fn build(networks: &[$net]) -> Result<Self, String> {
                let mut combiner = Self::new();
                for net in networks {
                    let cidr = <$cidr>::new(net.addr(), net.prefix_len());
                    combiner.push(cidr.map_err(|error| error.to_string())?);
                }
                Ok(combiner)
            }

            #[inline]
            fn allows(&self, addr: $addr) -> bool {
                self.contains(&addr)
            }
        }
    };
}

both!(u32, Ipv4Addr, Ipv4Net, Ipv4Cidr, Ipv4CidrCombiner);
both!(u128, Ipv6Addr, Ipv6Net, Ipv6Cidr, Ipv6CidrCombiner);
