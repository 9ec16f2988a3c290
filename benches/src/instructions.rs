//! Work to be run under callgrind, which counts its instructions (`tests/instructions/run.sh`).

use std::hint::black_box;
use std::net::{Ipv4Addr, Ipv6Addr};

use cidrgate::{CidrSet, Matcher};
use ipnet::IpNet;

use crate::lists::{List, Queries};
use crate::peers::policy;
use crate::word::Word;

const QUERIES: usize = 1 << 12;

/// Callgrind counts while this runs, by its name. Nothing else is called so.
#[inline(never)]
fn counted_by_callgrind<T>(run: impl FnOnce() -> T) {
    black_box(run());
}

/// The cases, each the name of a list and of what is done with it.
fn cases() -> Vec<String> {
    // Each layout of the index is asked in some of them.
    let lists = ["20", "200", "10000", "200-clusters", "50000-clusters"];
    let lists = ["v4", "v6"].iter().flat_map(|family| lists.map(|list| format!("{family} {list}")));
    let lists = lists.chain(["v4 hosts".to_owned()]);
    let look_ups = lists.flat_map(|list| ["allows", "batch", "decide"].map(|call| format!("{list} {call}")));
    let builds = ["v4 20", "v4 10000", "v4 hosts", "v6 10000"].map(|list| format!("{list} build"));
    look_ups.chain(builds).chain(["v4 10000 read".to_owned()]).collect()
}

/// Does what the case says, or prints the cases.
pub(crate) fn run(case: &str) -> Result<(), String> {
    if case == "list" {
        cases().iter().for_each(|case| println!("{case}"));
        return Ok(());
    }
    if !cases().iter().any(|known| known == case) {
        return Err(format!("no such case; these are: {}", cases().join(", ")));
    }
    let (list, work) = case.rsplit_once(' ').unwrap_or_default();
    match list.split_once(' ').unwrap_or_default() {
        ("v4", "hosts") => v4(&List::hosts(1_000_000), work),
        ("v4", size) => v4(&networks(size), work),
        (_, size) => v6(&networks(size), work),
    }
}

fn networks<W: Word>(size: &str) -> List<W> {
    match size.split_once('-') {
        Some((size, _)) => List::clusters(size.parse().unwrap_or(0)),
        None => List::networks(size.parse().unwrap_or(0)),
    }
}

fn v4(list: &List<u32>, work: &str) -> Result<(), String> {
    let matcher = matcher(list)?;
    let addrs: Vec<Ipv4Addr> = list.queries(Queries::Mix, QUERIES);
    let octets: Vec<_> = addrs.iter().map(Ipv4Addr::octets).collect();
    let mut out = vec![false; QUERIES];
    match work {
        "allows" => counted_by_callgrind(|| addrs.iter().filter(|addr| matcher.allows_v4(**addr)).count()),
        "batch" => counted_by_callgrind(|| matcher.allows_batch_v4(&octets, &mut out)),
        "decide" => counted_by_callgrind(|| {
            addrs.iter().for_each(|addr| {
                black_box(matcher.decide(*addr));
            })
        }),
        _ => other(list, work)?,
    }
    Ok(())
}

fn v6(list: &List<u128>, work: &str) -> Result<(), String> {
    let matcher = matcher(list)?;
    let addrs: Vec<Ipv6Addr> = list.queries(Queries::Mix, QUERIES);
    let octets: Vec<_> = addrs.iter().map(Ipv6Addr::octets).collect();
    let mut out = vec![false; QUERIES];
    match work {
        "allows" => counted_by_callgrind(|| addrs.iter().filter(|addr| matcher.allows_v6(**addr)).count()),
        "batch" => counted_by_callgrind(|| matcher.allows_batch_v6(&octets, &mut out)),
        "decide" => counted_by_callgrind(|| {
            addrs.iter().for_each(|addr| {
                black_box(matcher.decide(*addr));
            })
        }),
        _ => other(list, work)?,
    }
    Ok(())
}

fn matcher<W: Word>(list: &List<W>) -> Result<Matcher, String> {
    policy(&list.networks)?.compile().map_err(|error| error.to_string())
}

/// What is no look-up: the index from networks, a set from text.
fn other<W: Word>(list: &List<W>, work: &str) -> Result<(), String> {
    if work == "build" {
        let build = || policy(&list.networks).map(|policy| policy.compile_verdicts_only());
        counted_by_callgrind(build);
    } else {
        let text: String = list.networks.iter().map(|net| format!("{}\n", Into::<IpNet>::into(*net))).collect();
        counted_by_callgrind(|| CidrSet::read(&text));
    }
    Ok(())
}
