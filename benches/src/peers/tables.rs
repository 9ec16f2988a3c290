//! Crates for routing tables: longest prefix wins, and whether there is one is the answer.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ip_network::IpNetwork;
use ip_network_table::IpNetworkTable;
use ip_network_table_deps_treebitmap::IpLookupTable;
use ipnet::{Ipv4Net, Ipv6Net};
use iptrie::{IpPrefix, Ipv4LCTrieSet, Ipv4Prefix, Ipv4RTrieSet, Ipv6LCTrieSet, Ipv6Prefix, Ipv6RTrieSet};
use libmaxminddb_rs::{MergeStrategy, MetadataBuilder, Value, Writer};
use poptrie::Poptrie;
use prefix_trie::PrefixSet;
use ts_bart::{RoutingTable, SimpleTable};

use crate::peer::{Entry, Peer};
use crate::word::Word;

pub(super) fn v4() -> Vec<Entry<u32>> {
    vec![
        Entry::new::<Poptrie<Ipv4Net, ()>>("poptrie"),
        Entry::new::<PrefixSet<Ipv4Net>>("prefix-trie"),
        Entry::new::<Bart>("ts_bart"),
        Entry::new::<Lc<Ipv4LCTrieSet>>("iptrie LC"),
        Entry::new::<IpLookupTable<Ipv4Addr, ()>>("treebitmap"),
        Entry::new::<NetworkTable>("ip_network_table"),
        Entry::new::<MaxMind>("maxminddb"),
        Entry::new::<LibMaxMind>("libmaxminddb-rs"),
    ]
}

pub(super) fn v6() -> Vec<Entry<u128>> {
    vec![
        Entry::new::<Poptrie<Ipv6Net, ()>>("poptrie"),
        Entry::new::<PrefixSet<Ipv6Net>>("prefix-trie"),
        Entry::new::<Bart>("ts_bart"),
        Entry::new::<Lc<Ipv6LCTrieSet>>("iptrie LC"),
        Entry::new::<IpLookupTable<Ipv6Addr, ()>>("treebitmap"),
        Entry::new::<NetworkTable>("ip_network_table"),
        Entry::new::<MaxMind>("maxminddb"),
        Entry::new::<LibMaxMind>("libmaxminddb-rs"),
    ]
}

/// The crates that are generic, but not over families.
macro_rules! both {
    ($word:ty, $addr:ty, $net:ty, $prefix:ty, $trie:ty, $lc:ty) => {
        impl Peer<$word> for Poptrie<$net, ()> {
            fn build(networks: &[$net]) -> Result<Self, String> {
                Ok(networks.iter().map(|net| (*net, ())).collect())
            }

            #[inline]
            fn allows(&self, addr: $addr) -> bool {
                self.lookup(addr).is_some()
            }
        }

        impl Peer<$word> for PrefixSet<$net> {
            fn build(networks: &[$net]) -> Result<Self, String> {
                Ok(networks.iter().copied().collect())
            }

            #[inline]
            fn allows(&self, addr: $addr) -> bool {
                self.is_covered(&addr.into())
            }
        }

        impl Peer<$word> for IpLookupTable<$addr, ()> {
            fn build(networks: &[$net]) -> Result<Self, String> {
                let mut table = Self::new();
                for net in networks {
                    table.insert(net.addr(), net.prefix_len().into(), ());
                }
                Ok(table)
            }

            #[inline]
            fn allows(&self, addr: $addr) -> bool {
                self.longest_match(addr).is_some()
            }
        }

        impl Peer<$word> for Lc<$lc> {
            fn build(networks: &[$net]) -> Result<Self, String> {
                let mut trie = <$trie>::with_capacity(networks.len());
                let mut all = false;
                for net in networks {
                    all |= net.prefix_len() == 0;
                    trie.insert(<$prefix>::from(*net));
                }
                Ok(Self { trie: trie.compress(), all })
            }

            #[inline]
            fn allows(&self, addr: $addr) -> bool {
                // The root is always there, whether it was put there or not.
                self.all || self.trie.lookup(&addr).len() > 0
            }
        }
    };
}

both!(u32, Ipv4Addr, Ipv4Net, Ipv4Prefix, Ipv4RTrieSet, Ipv4LCTrieSet);
both!(u128, Ipv6Addr, Ipv6Net, Ipv6Prefix, Ipv6RTrieSet, Ipv6LCTrieSet);

struct Lc<T> {
    trie: T,
    all: bool,
}

struct Bart(SimpleTable<()>);

impl<W: Word> Peer<W> for Bart {
    fn build(networks: &[W::Net]) -> Result<Self, String> {
        let mut table = SimpleTable::default();
        for net in networks {
            table.insert((*net).into(), ());
        }
        Ok(Self(table))
    }

    #[inline]
    fn allows(&self, addr: W::Addr) -> bool {
        self.0.contains(addr.into())
    }
}

struct NetworkTable(IpNetworkTable<()>);

impl<W: Word> Peer<W> for NetworkTable {
    fn build(networks: &[W::Net]) -> Result<Self, String> {
        let mut table = IpNetworkTable::new();
        for net in networks {
            let (first, len) = W::parts(*net);
            let addr: IpAddr = first.addr().into();
            table.insert(IpNetwork::new(addr, len).map_err(|error| error.to_string())?, ());
        }
        Ok(Self(table))
    }

    #[inline]
    fn allows(&self, addr: W::Addr) -> bool {
        self.0.longest_match(addr.into()).is_some()
    }
}

/// A MaxMind database in memory, written by libmaxminddb-rs, in which every network is `true`.
fn mmdb<W: Word>(networks: &[W::Net]) -> Result<Vec<u8>, String> {
    let version = if W::BITS == 32 { 4 } else { 6 };
    let metadata = MetadataBuilder::new().database_type("list").ip_version(version).build();
    let metadata = metadata.map_err(|error| error.to_string())?;
    let mut writer =
        Writer::with_metadata_and_capacity(metadata, networks.len()).merge_strategy(MergeStrategy::Replace);
    writer
        .insert_batch_shared(networks.iter().map(|net| (*net).into()), &Value::Bool(true).into())
        .map_err(|error| error.to_string())?;
    writer.finish().map_err(|error| error.to_string())
}

struct MaxMind(maxminddb::Reader<Vec<u8>>);

impl<W: Word> Peer<W> for MaxMind {
    fn build(networks: &[W::Net]) -> Result<Self, String> {
        let reader = maxminddb::Reader::from_source(mmdb::<W>(networks)?);
        Ok(Self(reader.map_err(|error| error.to_string())?))
    }

    #[inline]
    fn allows(&self, addr: W::Addr) -> bool {
        self.0.lookup(addr.into()).is_ok_and(|found| found.has_data())
    }
}

struct LibMaxMind(libmaxminddb_rs::Reader<'static>);

impl<W: Word> Peer<W> for LibMaxMind {
    fn build(networks: &[W::Net]) -> Result<Self, String> {
        let reader = libmaxminddb_rs::Reader::from_vec(mmdb::<W>(networks)?);
        Ok(Self(reader.map_err(|error| error.to_string())?))
    }

    #[inline]
    fn allows(&self, addr: W::Addr) -> bool {
        self.0.lookup_exists(addr.into())
    }
}
