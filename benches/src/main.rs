//! Measures build and look-up of cidrgate on lists from fixed seeds: the median of seven runs, the fastest beside it.
//!
//! `make bench` builds and runs it. `--smoke` runs everything once, on small lists, to see that it works. `make bench-c`
//! compares calls through C with those in Rust (`--c PROGRAM FOLDER`). `--image FILE...` measures loading and saving of
//! images.

mod c;

use std::fmt::Write as _;
use std::hint::black_box;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use cidrgate::{CidrSet, IpRange, Matcher, Policy, Rule};

const RUNS: usize = 7;
const QUERIES: usize = 1 << 16;

/// Numbers that look random and are the same every time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: u64) -> u64 {
        ((self.next() >> 32) * bound) >> 32
    }

    fn wide(&mut self) -> u128 {
        u128::from(self.next()) << 64 | u128::from(self.next())
    }
}

/// A family as numbers, so that lists and queries are written once.
#[derive(Clone, Copy)]
enum Family {
    V4,
    V6,
}

impl Family {
    fn range(self, first: u128, last: u128) -> Option<IpRange> {
        let range = match self {
            Self::V4 => IpRange::new(Ipv4Addr::from_bits(first as u32).into(), Ipv4Addr::from_bits(last as u32).into()),
            Self::V6 => IpRange::new(Ipv6Addr::from_bits(first).into(), Ipv6Addr::from_bits(last).into()),
        };
        range.ok()
    }

    /// Networks as lists have them: IPv4 /16 to /32, IPv6 /32 to /64 inside 2000::/3.
    fn networks(self, count: usize, random: &mut Random) -> Vec<IpRange> {
        let mut network = || {
            let (bits, len) = match self {
                Self::V4 => (32, 16 + random.below(17) as u32),
                Self::V6 => (128, 32 + random.below(33) as u32),
            };
            let host = if len == 128 { 0 } else { u128::MAX >> (128 - bits) >> len };
            let first = match self {
                Self::V4 => u128::from(random.next() as u32),
                Self::V6 => 1 << 125 | random.wide() >> 3,
            };
            self.range(first & !host, first | host)
        };
        std::iter::from_fn(|| Some(network())).flatten().take(count).collect()
    }
}

/// Half of the queries are random, half lie at or beside an end of a range.
fn queries(family: Family, ranges: &[IpRange], random: &mut Random) -> Vec<u128> {
    let number = |addr| match addr {
        std::net::IpAddr::V4(addr) => u128::from(addr.to_bits()),
        std::net::IpAddr::V6(addr) => addr.to_bits(),
    };
    let query = |at: usize| match (at % 2, family) {
        (0, Family::V4) => u128::from(random.next() as u32),
        (0, Family::V6) => 1 << 125 | random.wide() >> 3,
        _ => {
            let range = &ranges[random.below(ranges.len() as u64) as usize];
            let end = if random.below(2) == 0 { range.first() } else { range.last() };
            number(end).wrapping_add(u128::from(random.below(3))).wrapping_sub(1)
        }
    };
    (0..QUERIES).map(query).collect()
}

/// Median and minimum of some runs.
fn measure<T>(runs: usize, mut run: impl FnMut() -> T) -> (Duration, Duration) {
    let mut times: Vec<_> = (0..runs)
        .map(|_| {
            let start = Instant::now();
            black_box(run());
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    (times[times.len() / 2], times[0])
}

fn nanoseconds((median, fastest): (Duration, Duration), each: usize) -> String {
    let each = each as f64;
    format!("{:.2} ({:.2})", median.as_nanos() as f64 / each, fastest.as_nanos() as f64 / each)
}

fn lookups(matcher: &Matcher, family: Family, queries: &[u128], runs: usize) -> [String; 3] {
    let v4: Vec<_> = queries.iter().map(|at| Ipv4Addr::from_bits(*at as u32)).collect();
    let v6: Vec<_> = queries.iter().map(|at| Ipv6Addr::from_bits(*at)).collect();
    let rounds = 16;
    let allows = measure(runs, || match family {
        Family::V4 => (0..rounds).map(|_| v4.iter().filter(|addr| matcher.allows_v4(**addr)).count()).sum::<usize>(),
        Family::V6 => (0..rounds).map(|_| v6.iter().filter(|addr| matcher.allows_v6(**addr)).count()).sum(),
    });
    let decide = measure(runs, || match family {
        Family::V4 => v4.iter().filter(|addr| matcher.decide(**addr).action().is_allow()).count(),
        Family::V6 => v6.iter().filter(|addr| matcher.decide(**addr).action().is_allow()).count(),
    });
    let mut out = vec![false; queries.len()];
    let v4: Vec<_> = v4.iter().map(|addr| addr.octets()).collect();
    let v6: Vec<_> = v6.iter().map(|addr| addr.octets()).collect();
    let batch = measure(runs, || match family {
        Family::V4 => (0..rounds).for_each(|_| matcher.allows_batch_v4(black_box(&v4), &mut out)),
        Family::V6 => (0..rounds).for_each(|_| matcher.allows_batch_v6(black_box(&v6), &mut out)),
    });
    [
        nanoseconds(allows, rounds * queries.len()),
        nanoseconds(batch, rounds * queries.len()),
        nanoseconds(decide, queries.len()),
    ]
}

fn main() {
    if std::env::args().nth(1).as_deref() == Some("--image") {
        std::env::args().skip(2).for_each(|file| image(&file));
        return;
    }
    if let [_, option, program, folder] = &std::env::args().collect::<Vec<_>>()[..] {
        assert_eq!(option, "--c", "--c PROGRAM FOLDER");
        c::compare(program, folder.as_ref()).expect("the comparison with C");
        return;
    }
    let smoke = std::env::args().any(|arg| arg == "--smoke");
    let runs = if smoke { 1 } else { RUNS };
    let sizes: &[usize] = if smoke { &[20, 200] } else { &[20, 200, 10_000, 1_000_000] };
    println!("cidrgate {}; median (fastest) of {runs} runs", env!("CARGO_PKG_VERSION"));
    println!();
    println!("| networks | build, ms | index, bytes a network | allows, ns | batch, ns | decide, ns |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for family in [Family::V4, Family::V6] {
        for &size in sizes {
            let mut random = Random(size as u64 | 1);
            let ranges = family.networks(size, &mut random);
            let set: CidrSet = ranges.iter().copied().collect();
            let queries = queries(family, &ranges, &mut random);
            let compile = |ranges: &[IpRange]| {
                let set: CidrSet = ranges.iter().copied().collect();
                let policy = Policy::builder().set("list", set).rule(list_rule()).build().expect("a policy");
                policy.compile().expect("a matcher")
            };
            let matcher = compile(&ranges);
            assert_eq!(matcher.allowed(), set, "the list itself");
            let build = measure(runs, || compile(&ranges));
            let [allows, batch, decide] = lookups(&matcher, family, &queries, runs);
            let name = if matches!(family, Family::V4) { "IPv4" } else { "IPv6" };
            let bytes = matcher.index_bytes() as f64 / size as f64;
            let build = (build.0.as_secs_f64() * 1e3, build.1.as_secs_f64() * 1e3);
            println!(
                "| {name} {size} | {:.3} ({:.3}) | {bytes:.1} | {allows} | {batch} | {decide} |",
                build.0, build.1
            );
        }
    }
    println!();
    text_to_answers(if smoke { 1_000 } else { 1_000_000 }, runs.min(3));
}

/// Loading, which checks everything and builds the index, and saving.
fn image(file: &str) {
    let image = std::fs::read(file).expect("an image");
    let matcher = Matcher::load(&image).expect("an image");
    let load = measure(RUNS, || Matcher::load(&image));
    let save = measure(RUNS, || matcher.save());
    let [load, save] = [load, save]
        .map(|(median, fastest)| format!("{:.2} ({:.2})", median.as_secs_f64() * 1e3, fastest.as_secs_f64() * 1e3));
    println!("{file}: {} bytes, {} rules, load {load} ms, save {save} ms", image.len(), matcher.labels().len());
}

fn list_rule() -> Rule {
    Rule::allow(cidrgate::Target::set("list").expect("a name"))
}

/// A text of many rules, each of an owner of its own, under every precedence.
fn text_to_answers(count: usize, runs: usize) {
    let mut random = Random(5);
    println!("| {count} rules, {count} owners | read, ms | compile, ms | allows, ns | decide, ns |");
    println!("| --- | --- | --- | --- | --- |");
    let mut ranges = Family::V4.networks(count, &mut random);
    let queries = queries(Family::V4, &ranges, &mut random);
    ranges.sort_unstable();
    for precedence in ["first-match", "longest-prefix", "deny-overrides", "priority"] {
        let mut text = format!("precedence {precedence}\n");
        for (at, range) in ranges.iter().enumerate() {
            let action = if random.below(2) == 0 { "allow" } else { "deny" };
            let network = range.network().expect("a network");
            let priority = if precedence == "priority" { format!(" priority={}", at % 1000) } else { String::new() };
            writeln!(text, "{action} {network}{priority} # owner {at}").expect("memory");
        }
        let policy = Policy::read(&text).expect("a policy");
        let matcher = policy.compile().expect("a matcher");
        let read = measure(runs, || Policy::read(&text)).0.as_secs_f64() * 1e3;
        let compile = measure(runs, || policy.compile()).0.as_secs_f64() * 1e3;
        let [allows, _, decide] = lookups(&matcher, Family::V4, &queries, runs);
        println!("| {precedence}, {} MB | {read:.0} | {compile:.0} | {allows} | {decide} |", text.len() / 1_000_000);
    }
}
