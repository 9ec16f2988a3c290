//! Sets of addresses: union, intersection, difference, merging, and from text to answers.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::net::Ipv4Addr;

use cidrgate::CidrSet;
use ipnet::Ipv4Net;
use serde_json::{Value, json};

use crate::lists::List;
use crate::measure::{Task, Times, in_turn, making};
use crate::options::Options;
use crate::peers::policy_of;
use crate::report::digits;
use crate::word::Word;

/// A set of IPv4 addresses.
trait Set: Sized {
    fn of(networks: &[Ipv4Net]) -> Self;
    fn union(&self, other: &Self) -> Self;
    fn intersection(&self, other: &Self) -> Self;
    fn difference(&self, other: &Self) -> Self;
    /// What it holds: ranges that do not touch, ascending.
    fn ranges(&self) -> Vec<(u32, u32)>;
    /// From a list of one address or network a line to something that answers.
    fn answering(text: &str) -> bool {
        let line = |line: &str| match line.parse::<Ipv4Addr>() {
            Ok(host) => Some(host.into()),
            Err(_) => line.parse::<Ipv4Net>().ok(),
        };
        let networks: Option<Vec<_>> = text.lines().map(line).collect();
        !Self::of(&networks.unwrap_or_default()).ranges().is_empty()
    }
}

impl Set for CidrSet {
    fn of(networks: &[Ipv4Net]) -> Self {
        networks.iter().copied().collect()
    }

    fn union(&self, other: &Self) -> Self {
        self | other
    }

    fn intersection(&self, other: &Self) -> Self {
        self & other
    }

    fn difference(&self, other: &Self) -> Self {
        self - other
    }

    fn ranges(&self) -> Vec<(u32, u32)> {
        let number = |addr| match addr {
            std::net::IpAddr::V4(addr) => addr.to_bits(),
            std::net::IpAddr::V6(_) => 0,
        };
        CidrSet::ranges(self).map(|range| (number(range.first()), number(range.last()))).collect()
    }

    fn answering(text: &str) -> bool {
        let set = CidrSet::read(text).expect("a list");
        let matcher = policy_of(set).expect("a policy").compile_verdicts_only().expect("a matcher");
        matcher.allows_v4(Ipv4Addr::LOCALHOST)
    }
}

#[cfg(feature = "peers")]
mod peers {
    use std::net::Ipv4Addr;

    use ipnet::Ipv4Net;
    use ipnetx::ipset::IpSet;
    use iprange::IpRange;
    use range_set_blaze::RangeSetBlaze;

    use super::Set;
    use crate::peer::Peer;
    use crate::word::Word;

    impl Set for RangeSetBlaze<u32> {
        fn of(networks: &[Ipv4Net]) -> Self {
            Peer::build(networks).expect("a set")
        }

        fn union(&self, other: &Self) -> Self {
            self | other
        }

        fn intersection(&self, other: &Self) -> Self {
            self & other
        }

        fn difference(&self, other: &Self) -> Self {
            self - other
        }

        fn ranges(&self) -> Vec<(u32, u32)> {
            self.ranges().map(|range| (*range.start(), *range.end())).collect()
        }
    }

    impl Set for IpSet<Ipv4Addr> {
        fn of(networks: &[Ipv4Net]) -> Self {
            Peer::build(networks).expect("a set")
        }

        fn union(&self, other: &Self) -> Self {
            self.union(other)
        }

        fn intersection(&self, other: &Self) -> Self {
            self.intersection(other)
        }

        fn difference(&self, other: &Self) -> Self {
            self.difference(other)
        }

        fn ranges(&self) -> Vec<(u32, u32)> {
            self.ranges().iter().map(|range| (range.start().to_bits(), range.end().to_bits())).collect()
        }
    }

    impl Set for IpRange<Ipv4Net> {
        fn of(networks: &[Ipv4Net]) -> Self {
            Peer::build(networks).expect("a set")
        }

        fn union(&self, other: &Self) -> Self {
            self.merge(other)
        }

        fn intersection(&self, other: &Self) -> Self {
            self.intersect(other)
        }

        fn difference(&self, other: &Self) -> Self {
            self.exclude(other)
        }

        fn ranges(&self) -> Vec<(u32, u32)> {
            let mut networks: Vec<_> = self.iter().map(u32::ends).collect();
            networks.sort_unstable();
            networks.dedup_by(|next, kept| {
                let joins = kept.1.checked_add(1).is_none_or(|after| next.0 <= after);
                if joins {
                    kept.1 = kept.1.max(next.1);
                }
                joins
            });
            networks
        }
    }
}

/// Lists that are combined.
struct Lists {
    full: List<u32>,
    hosts: List<u32>,
    spam: List<u32>,
    /// Of all, shuffled.
    all: Vec<Ipv4Net>,
    /// The hosts, one a line.
    text: String,
}

/// What one crate takes, and what came out, by the name of the work.
type Done = BTreeMap<&'static str, (Times, Vec<(u32, u32)>)>;

/// Measures all crates, checks that they agree, prints the table, and gives the figures.
pub(crate) fn measure(options: &Options) -> Result<Value, Box<dyn Error>> {
    let lists = lists(options)?;
    let (full, hosts, spam) = (&lists.full.name, &lists.hosts.name, &lists.spam.name);
    println!("### Sets");
    println!();
    println!(
        "*full* is {full}, *hosts* {hosts}, *spam* {spam}; milliseconds. From networks in no order (merge), from text."
    );
    println!();
    // Before the peers, some of which leave the heap in a state in which whatever is measured after them is slow.
    let megabytes = lists.text.len() as f64 / 1e6;
    let read = in_turn(options.runs, &mut [making(|| CidrSet::read(&lists.text))])[0];
    let rate = megabytes / (read.median / 1e9);
    let ours = one::<CidrSet>(&lists, options);
    #[cfg(feature = "peers")]
    let others: Vec<(&str, Done)> = vec![
        ("range-set-blaze", one::<range_set_blaze::RangeSetBlaze<u32>>(&lists, options)),
        ("ipnetx", one::<ipnetx::ipset::IpSet<Ipv4Addr>>(&lists, options)),
        ("iprange", one::<iprange::IpRange<Ipv4Net>>(&lists, options)),
    ];
    #[cfg(not(feature = "peers"))]
    let others: Vec<(&str, Done)> = Vec::new();
    let names: String = others.iter().fold(String::new(), |names, (name, _)| names + " | " + name);
    println!("| work | cidrgate{names} |");
    println!("| --- | --: |{}", " --: |".repeat(others.len()));
    for (work, (own, right)) in &ours {
        let mut cells = digits(own.median / 1e6);
        for (name, done) in &others {
            let (times, result) = &done[work];
            let wrong = if result == right { "" } else { ", WRONG" };
            assert!(*name != "range-set-blaze" || wrong.is_empty(), "{work}: two crates disagree");
            let ratio = digits(times.median / own.median);
            write!(cells, " | {} ({ratio}{wrong})", digits(times.median / 1e6))?;
        }
        println!("| {work} | {cells} |");
    }
    println!();
    println!("Text of {megabytes:.1} MB is read as a set at {rate:.0} MB/s.");
    println!();
    let figures = |done: &Done| done.iter().map(|(work, (times, _))| ((*work).to_owned(), json!(times))).collect();
    let mut all: serde_json::Map<String, Value> =
        others.iter().map(|(name, done)| ((*name).to_owned(), Value::Object(figures(done)))).collect();
    all.insert("cidrgate".to_owned(), Value::Object(figures(&ours)));
    all.insert("read_mb_per_second".to_owned(), rate.into());
    Ok(all.into())
}

fn one<S: Set>(lists: &Lists, options: &Options) -> Done {
    let [full, hosts, spam] = [&lists.full, &lists.hosts, &lists.spam].map(|list| S::of(&list.networks));
    type Work<'a, S> = (&'static str, Box<dyn Fn() -> S + 'a>);
    let works: Vec<Work<'_, S>> = vec![
        ("full | hosts", Box::new(|| full.union(&hosts))),
        ("full & hosts", Box::new(|| full.intersection(&hosts))),
        ("full - hosts", Box::new(|| full.difference(&hosts))),
        ("full | spam", Box::new(|| full.union(&spam))),
        ("full & spam", Box::new(|| full.intersection(&spam))),
        ("full - spam", Box::new(|| full.difference(&spam))),
        ("merge full, hosts, spam", Box::new(|| S::of(&lists.all))),
    ];
    let mut tasks: Vec<Task<'_>> = works.iter().map(|(_, work)| making(work)).collect();
    tasks.push(making(|| S::answering(&lists.text)));
    let times = in_turn(options.runs, &mut tasks);
    drop(tasks);
    let results = works.iter().map(|(name, work)| (*name, work().ranges()));
    results
        .chain([("text of hosts to answers", Vec::new())])
        .zip(times)
        .map(|((name, result), times)| (name, (times, result)))
        .collect()
}

fn lists(options: &Options) -> Result<Lists, std::fmt::Error> {
    let real = |name, file| if options.smoke { None } else { List::real(name, file) };
    let count = |count| if options.smoke { 1_000 } else { count };
    let full = real("v4 full table", "bgp/full-table-v4-v6.prefixes.txt.gz");
    let full = full.unwrap_or_else(|| List::networks(count(900_000)));
    let spam = real("stopforumspam", "blocklists/stopforumspam_180d.ipset.gz");
    let spam = spam.unwrap_or_else(|| List::hosts(count(200_000)));
    let hosts = List::<u32>::hosts(count(1_000_000));
    let mut all = [&*full.networks, &hosts.networks, &spam.networks].concat();
    crate::random::Random::new(9).shuffle(&mut all);
    let mut text = String::new();
    for host in &hosts.networks {
        writeln!(text, "{}", u32::parts(*host).0.addr())?;
    }
    Ok(Lists { full, hosts, spam, all, text })
}
