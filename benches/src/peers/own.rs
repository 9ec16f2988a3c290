//! cidrgate as a program links it.

use std::net::{Ipv4Addr, Ipv6Addr};

use cidrgate::{CidrSet, IpRange, Matcher, OutOfMemory, Policy, Rule, Target};

use crate::peer::Peer;
use crate::word::Word;

/// The calls for one family.
pub(crate) struct Ours(pub(crate) Matcher);

/// The call for either family.
pub(crate) struct AnyFamily(Matcher);

/// An allow list as a policy.
pub(crate) fn policy<N: Copy + Into<IpRange>>(networks: &[N]) -> Result<Policy, String> {
    policy_of(networks.iter().copied().collect())
}

/// The same from a set.
pub(crate) fn policy_of(set: CidrSet) -> Result<Policy, String> {
    let target = Target::set("list").map_err(|error| error.to_string())?;
    Policy::builder().set("list", set).rule(Rule::allow(target)).build().map_err(|error| error.to_string())
}

fn verdicts<N: Copy + Into<IpRange>>(networks: &[N]) -> Result<Matcher, String> {
    networks.iter().copied().collect::<CidrSet>().try_into().map_err(|error: OutOfMemory| error.to_string())
}

impl Peer<u32> for Ours {
    const BATCH: bool = true;

    fn build(networks: &[<u32 as Word>::Net]) -> Result<Self, String> {
        Ok(Self(verdicts(networks)?))
    }

    #[inline]
    fn allows(&self, addr: Ipv4Addr) -> bool {
        self.0.allows_v4(addr)
    }

    fn batch(&self, addrs: &[[u8; 4]], allowed: &mut [bool]) {
        self.0.allows_batch_v4(addrs, allowed);
    }
}

impl Peer<u128> for Ours {
    const BATCH: bool = true;

    fn build(networks: &[<u128 as Word>::Net]) -> Result<Self, String> {
        Ok(Self(verdicts(networks)?))
    }

    #[inline]
    fn allows(&self, addr: Ipv6Addr) -> bool {
        self.0.allows_v6(addr)
    }

    fn batch(&self, addrs: &[[u8; 16]], allowed: &mut [bool]) {
        self.0.allows_batch_v6(addrs, allowed);
    }
}

impl<W: Word> Peer<W> for AnyFamily {
    fn build(networks: &[W::Net]) -> Result<Self, String> {
        Ok(Self(verdicts(networks)?))
    }

    #[inline]
    fn allows(&self, addr: W::Addr) -> bool {
        self.0.allows(addr)
    }
}
