//! `bench`: how fast does this machine answer for this policy?

use std::ffi::OsString;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use cidrgate::{CidrSet, Matcher};
use serde::Serialize;

use crate::answer::{Answer, Stop};
use crate::args::PolicyArgs;
use crate::diagnose::tell;
use crate::policy::compile;

/// Measure how fast this machine answers for a policy
///
/// Of each family and kind of queries, and of each way to ask, it prints the nanoseconds a look-up (the median of seven
/// runs, and the fastest) and the look-ups a second, on one core. Before that come the time to compile the policy and
/// the bytes that a look-up may read.
///
/// Queries are 65,536 addresses, the same in each call: `uniform` over the family (of IPv6, over 2000::/3), `hits`
/// within the ranges for which the answer is not the default, `mix` one or the other at random.
///
/// Exit code: 0 measured, 2 there is no policy to measure.
#[derive(clap::Args)]
#[command(
    override_usage = "cidrgate bench [OPTIONS] POLICY\n       \
                      cidrgate bench [OPTIONS] --allow LIST|--deny LIST...",
    after_long_help = "\
Examples:
  cidrgate bench policy.txt
  cidrgate bench --deny drop.txt.gz --json"
)]
pub(crate) struct Args {
    /// Policy text or JSON
    policy: Option<OsString>,
    #[command(flatten)]
    from: PolicyArgs,
    /// Print JSON, one object a line
    #[arg(long)]
    json: bool,
}

const QUERIES: usize = 1 << 16;
const RUNS: usize = 7;
/// The addresses are gone through again until a run is as long as this: clocks are coarse.
const RUN: Duration = Duration::from_millis(5);
/// Addresses in one call of a batch.
const BATCH: usize = 256;

pub(crate) fn run(args: Args, answer: &mut Answer) -> Result<(), Stop> {
    let mut arguments = args.policy.into_iter();
    let subject = args.from.subject(&mut arguments)?;
    if arguments.next().is_some() {
        return Err(Stop::Usage("lists stand in place of POLICY: give one or the other".into()));
    }
    let policy = args.from.parts([&subject], [])?.policy(&subject)?;
    let start = Instant::now();
    let matcher = compile(&policy)?;
    let compile_ms = start.elapsed().as_secs_f64() * 1e3;

    let (rules, bytes) = (policy.rules().len(), matcher.index_bytes());
    if args.json {
        answer.json(&Compiled { rules, compile_ms, bytes })?;
    } else {
        answer
            .line(format_args!("# {rules} rules, compiled in {compile_ms:.3} ms; a look-up reads in {bytes} bytes"))?;
        answer.line(format_args!("# family queries call        ns  fastest      a second"))?;
    }
    let allowed = matcher.allowed();
    let special = if policy.default_action().is_allow() { allowed.complement() } else { Ok(allowed) };
    let special = special.map_err(|error| {
        tell(error);
        Stop::Told
    })?;
    for figure in measure(&matcher, &special) {
        if args.json {
            answer.json(&figure)?;
        } else {
            let Figure { family, queries, call, ns, fastest_ns, per_second } = figure;
            let line = format!("  {family:6} {queries:7} {call:6} {ns:7.2}  {fastest_ns:7.2} {per_second:13.0}");
            answer.line(format_args!("{line}"))?;
        }
    }
    Ok(())
}

/// What is measured once.
#[derive(Serialize)]
struct Compiled {
    rules: usize,
    compile_ms: f64,
    bytes: usize,
}

/// What is measured of one kind of queries and one way to ask.
#[derive(Serialize)]
struct Figure {
    family: &'static str,
    queries: &'static str,
    call: &'static str,
    ns: f64,
    fastest_ns: f64,
    per_second: f64,
}

/// All figures. `special` are the addresses for which the answer is not the default.
fn measure(matcher: &Matcher, special: &CidrSet) -> Vec<Figure> {
    let mut figures = Vec::new();
    let mut add = |family, queries, call, (ns, fastest_ns): (f64, f64)| {
        figures.push(Figure { family, queries, call, ns, fastest_ns, per_second: 1e9 / ns });
    };
    for (queries, addrs) in queries(special, true, |random| random.wide() >> 96) {
        let addrs: Vec<_> = addrs.into_iter().map(|addr| Ipv4Addr::from_bits(addr as u32)).collect();
        let octets: Vec<_> = addrs.iter().map(Ipv4Addr::octets).collect();
        add("ipv4", queries, "allows", time(|| ask(&addrs, |addr| matcher.allows_v4(addr))));
        add("ipv4", queries, "batch", time(|| batch(&octets, |addrs, out| matcher.allows_batch_v4(addrs, out))));
        add(
            "ipv4",
            queries,
            "decide",
            time(|| ask(&addrs, |addr| black_box(matcher.decide(addr)).action().is_allow())),
        );
    }
    for (queries, addrs) in queries(special, false, |random| 1 << 125 | random.wide() >> 3) {
        let addrs: Vec<_> = addrs.into_iter().map(Ipv6Addr::from_bits).collect();
        let octets: Vec<_> = addrs.iter().map(Ipv6Addr::octets).collect();
        add("ipv6", queries, "allows", time(|| ask(&addrs, |addr| matcher.allows_v6(addr))));
        add("ipv6", queries, "batch", time(|| batch(&octets, |addrs, out| matcher.allows_batch_v6(addrs, out))));
        add(
            "ipv6",
            queries,
            "decide",
            time(|| ask(&addrs, |addr| black_box(matcher.decide(addr)).action().is_allow())),
        );
    }
    figures
}

fn ask<A: Copy>(addrs: &[A], allows: impl Fn(A) -> bool) -> usize {
    addrs.iter().filter(|addr| allows(**addr)).count()
}

fn batch<A>(addrs: &[A], allows: impl Fn(&[A], &mut [bool])) {
    let mut allowed = [false; BATCH];
    for addrs in addrs.chunks(BATCH) {
        allows(addrs, &mut allowed);
        black_box(&allowed);
    }
}

/// The nanoseconds of a look-up, when all queries are asked in turn: median and fastest.
fn time<T>(mut run: impl FnMut() -> T) -> (f64, f64) {
    let mut timed = |rounds: u32| {
        let start = Instant::now();
        for _ in 0..rounds {
            black_box(run());
        }
        start.elapsed()
    };
    let once = timed(1).as_nanos().max(1);
    let rounds = u32::try_from(RUN.as_nanos() / once).unwrap_or(u32::MAX).max(1);
    let each = |time: Duration| time.as_nanos() as f64 / f64::from(rounds) / QUERIES as f64;
    let mut times: Vec<_> = (0..RUNS).map(|_| each(timed(rounds))).collect();
    times.sort_unstable_by(f64::total_cmp);
    (times[RUNS / 2], times[0])
}

/// The addresses to ask about. Without an address in `special` there are no hits.
fn queries(special: &CidrSet, v4: bool, any: impl Fn(&mut Random) -> u128) -> Vec<(&'static str, Vec<u128>)> {
    let ends = special.ranges().filter(|range| range.first().is_ipv4() == v4);
    let ends: Vec<_> = ends.map(|range| (number(range.first()), number(range.last()))).collect();
    let hit = |random: &mut Random| {
        let (first, last) = *ends.get(random.below(ends.len()))?;
        // Few ranges have so many addresses that the remainder prefers some.
        let at = random.wide();
        Some(first + (last - first).checked_add(1).map_or(at, |width| at % width))
    };
    let mut kinds = vec![("uniform", 0)];
    if !ends.is_empty() {
        kinds.extend([("hits", 2), ("mix", 1)]);
    }
    let addrs = |hits: usize| {
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let mut one =
            || if random.below(2) < hits { hit(&mut random) } else { None }.unwrap_or_else(|| any(&mut random));
        (0..QUERIES).map(|_| one()).collect()
    };
    kinds.into_iter().map(|(name, hits)| (name, addrs(hits))).collect()
}

fn number(addr: IpAddr) -> u128 {
    match addr {
        IpAddr::V4(addr) => addr.to_bits().into(),
        IpAddr::V6(addr) => addr.to_bits(),
    }
}

/// Numbers that look random and are the same every time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }

    fn wide(&mut self) -> u128 {
        u128::from(self.next()) << 64 | u128::from(self.next())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hits_are_in_the_set_and_mixes_half_in_it() {
        let set: CidrSet = "192.0.2.0/24\n198.51.100.7\n2001:db8::/32\n2001:db9::-2001:db9::7".parse().unwrap();
        for v4 in [true, false] {
            let addr = |addr: &u128| -> IpAddr {
                if v4 { Ipv4Addr::from_bits(*addr as u32).into() } else { Ipv6Addr::from_bits(*addr).into() }
            };
            let within = queries(&set, v4, |_| 0).into_iter().map(|(name, addrs)| {
                let within = addrs.iter().filter(|at| set.contains(addr(at))).count();
                (name, within * 10 / QUERIES)
            });
            assert!(matches!(within.collect::<Vec<_>>()[..], [("uniform", 0), ("hits", 10), ("mix", 4 | 5)]));
        }
    }

    #[test]
    fn without_addresses_there_are_no_hits() {
        let set: CidrSet = "192.0.2.0/24".parse().unwrap();
        let names = queries(&set, false, |_| 0).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names, ["uniform"]);
    }

    #[test]
    fn the_whole_of_a_family_is_sampled() {
        for (_, addrs) in queries(&CidrSet::all(), false, |_| 0).into_iter().skip(1) {
            assert!(addrs.iter().any(|addr| addr >> 127 == 1) && addrs.iter().any(|addr| addr >> 127 == 0));
        }
    }
}
