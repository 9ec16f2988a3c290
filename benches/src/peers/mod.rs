//! The structures, each behind an adapter.

#[cfg(feature = "peers")]
mod dpdk;
mod own;
mod plain;
#[cfg(feature = "peers")]
mod sets;
#[cfg(feature = "peers")]
mod tables;

pub(crate) use own::{Ours, policy, policy_of};

use crate::peer::Entry;

/// Everything that is measured on lists of IPv4 networks. Ours first.
pub(crate) fn v4() -> Vec<Entry<u32>> {
    let entries = vec![
        Entry::ours::<Ours>("cidrgate"),
        Entry::ours::<own::AnyFamily>("cidrgate IpAddr"),
        Entry::new::<plain::Sorted<u32>>("sorted-ranges"),
        Entry::new::<plain::HashPerLength<u32>>("hash-per-length"),
        Entry::reference::<plain::Scan>("scan").up_to(1_000),
    ];
    #[cfg(feature = "peers")]
    let entries = entries.into_iter().chain(tables::v4()).chain(sets::v4()).chain(dpdk::v4()).collect();
    entries
}

/// The same for IPv6.
pub(crate) fn v6() -> Vec<Entry<u128>> {
    let entries = vec![
        Entry::ours::<Ours>("cidrgate"),
        Entry::ours::<own::AnyFamily>("cidrgate IpAddr"),
        Entry::new::<plain::Sorted<u128>>("sorted-ranges"),
        Entry::new::<plain::HashPerLength<u128>>("hash-per-length"),
        Entry::reference::<plain::Scan>("scan").up_to(1_000),
    ];
    #[cfg(feature = "peers")]
    let entries = entries.into_iter().chain(tables::v6()).chain(sets::v6()).chain(dpdk::v6()).collect();
    entries
}
