//! What is measured: lists of networks, and the addresses that are asked about.

use std::io::Read;
use std::net::IpAddr;
use std::path::PathBuf;
use std::{env, fs};

use flate2::read::MultiGzDecoder;
use ipnet::IpNet;

use crate::random::Random;
use crate::word::Word;

/// Networks without host bits, in no order; none twice, but some within others.
pub(crate) struct List<W: Word> {
    pub(crate) name: String,
    pub(crate) networks: Vec<W::Net>,
    /// For the queries.
    seed: u64,
}

impl<W: Word> List<W> {
    fn new(name: &str, mut networks: Vec<W::Net>) -> Self {
        let seed = 77 + networks.len() as u64;
        networks.sort_unstable_by_key(|net| W::parts(*net));
        networks.dedup_by_key(|net| W::parts(*net));
        Random::new(seed).shuffle(&mut networks);
        Self { name: name.to_owned(), networks, seed }
    }

    /// Networks as lists have them: IPv4 /16 to /32, IPv6 /32 to /64 inside 2000::/3.
    pub(crate) fn networks(count: usize) -> Self {
        let mut random = Random::new(count as u64);
        let network = |_| {
            let len = (W::BITS / 2).min(32) as u8 + random.below(if W::BITS == 32 { 17 } else { 33 }) as u8;
            (W::random(&mut random) & !W::host(len)).net(len)
        };
        Self::new(&format!("{} {count}", W::NAME), (0..count).filter_map(network).collect())
    }

    pub(crate) fn hosts(count: usize) -> Self {
        let mut random = Random::new(count as u64 + 1);
        let hosts = (0..count).filter_map(|_| W::random(&mut random).net(W::BITS as u8));
        Self::new(&format!("{} {count} hosts", W::NAME), hosts.collect())
    }

    /// Networks as people write them: in a few larger ones. IPv4 /24 to /32 in five /16s, IPv6 /48 to /64 in five /32s.
    pub(crate) fn clusters(count: usize) -> Self {
        let mut random = Random::new(count as u64 + 2);
        let (around, short) = if W::BITS == 32 { (16, 24) } else { (32, 48) };
        let centres: Vec<W> = (0..5).map(|_| W::random(&mut random) & !W::host(around)).collect();
        let network = |_| {
            let len = short + random.below(if W::BITS == 32 { 9 } else { 17 }) as u8;
            let inside = W::random(&mut random) & W::host(around) & !W::host(len);
            (*random.pick(&centres) | inside).net(len)
        };
        Self::new(&format!("{} {count} in clusters", W::NAME), (0..count).filter_map(network).collect())
    }

    /// A real list, if there is one in this place: what of it is of this family.
    pub(crate) fn real(name: &str, file: &str) -> Option<Self> {
        let network = |line: &str| match line.parse::<IpAddr>() {
            Ok(host) => Some(host.into()),
            Err(_) => line.parse::<IpNet>().ok(),
        };
        Some(Self::new(name, lines(&text(file)?).filter_map(network).filter_map(W::own).collect()))
    }

    /// `uniform`, over the family; `hits`, each in a network of the list; `mix`, one or the other at random.
    pub(crate) fn queries(&self, kind: Queries, count: usize) -> Vec<W::Addr> {
        let mut random = Random::new(self.seed << 8 | kind as u64);
        let query = |_| {
            let hit = match kind {
                Queries::Uniform => false,
                Queries::Hits => true,
                Queries::Mix | Queries::Mix20 => random.below(2) == 0,
            };
            if !hit {
                return W::random(&mut random).addr();
            }
            let (first, len) = W::parts(*random.pick(&self.networks));
            (first | W::random(&mut random) & W::host(len)).addr()
        };
        (0..count).map(query).collect()
    }

    /// Both ends of the networks and the addresses beside them.
    pub(crate) fn edges(&self, most: usize) -> Vec<W::Addr> {
        let networks = self.networks.iter().take(most / 4);
        let near =
            networks.map(|net| W::ends(*net)).flat_map(|(first, last)| [first.near(-1), first, last, last.near(1)]);
        near.map(W::addr).collect()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Queries {
    Uniform,
    Hits,
    Mix,
    /// As `Mix`, over more addresses than a branch predictor can learn.
    Mix20,
}

impl Queries {
    pub(crate) const ALL: [Self; 4] = [Self::Uniform, Self::Hits, Self::Mix, Self::Mix20];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Hits => "hits",
            Self::Mix => "mix",
            Self::Mix20 => "mix20",
        }
    }
}

/// Where the real lists are, if they are anywhere.
pub(crate) fn data() -> Option<PathBuf> {
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data"));
    let data = env::var_os("CIDRGATE_DATA").map_or_else(beside, PathBuf::from);
    data.is_dir().then_some(data)
}

/// A real file, unpacked.
pub(crate) fn text(file: &str) -> Option<String> {
    let bytes = fs::read(data()?.join(file)).ok()?;
    let mut text = String::new();
    if file.ends_with(".gz") {
        MultiGzDecoder::new(&*bytes).read_to_string(&mut text).ok()?;
    } else {
        text = String::from_utf8(bytes).ok()?;
    }
    Some(text)
}

/// The entries of a list, a host as its /32 or /128.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| line.split(['#', ';']).next()).map(str::trim).filter(|line| !line.is_empty())
}
