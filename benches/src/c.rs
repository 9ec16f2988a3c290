//! What a call costs through C, beside the same call in Rust: one policy, one set of queries, one run.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::process::Command;

use cidrgate::{Matcher, Policy};
use ipnet::IpNet;

use crate::lists::{List, Queries};
use crate::measure::{Task, Times, in_turn, task};
use crate::report::digits;
use crate::word::Word;

const RUNS: usize = 7;
const QUERIES: usize = 1 << 16;
const BATCH: usize = 256;

/// Measures in Rust, has `program` (`benches/c/bench.c`) measure the same in C, and prints both. What they share is
/// handed over in files in `folder`.
pub(crate) fn compare(program: &Path, folder: &Path) -> Result<(), Box<dyn Error>> {
    println!("cidrgate {}; ns a call, median (fastest) of {RUNS} runs", env!("CARGO_PKG_VERSION"));
    println!();
    println!("| networks of each family | call | Rust | C |");
    println!("| --- | --- | --- | --- |");
    for size in [20, 10_000] {
        let mut text = String::new();
        let v4: Vec<[u8; 4]> = asked::<u32>(size, &mut text)?;
        let v6: Vec<[u8; 16]> = asked::<u128>(size, &mut text)?;
        let files = ["bench.policy", "bench.v4", "bench.v6"].map(|name| folder.join(name));
        fs::write(&files[0], &text)?;
        fs::write(&files[1], v4.as_flattened())?;
        fs::write(&files[2], v6.as_flattened())?;

        let rust = in_rust(&Policy::read(&text)?.compile()?, &v4, &v6);
        let output = Command::new(program).args(&files).output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into());
        }
        let output = String::from_utf8(output.stdout)?;
        let names = ["IPv4", "IPv6", "IPv4, batch of 256", "IPv6, batch of 256"];
        for (((times, allowed), line), name) in rust.into_iter().zip(output.lines()).zip(names) {
            let [_, median, fastest, count] = line.split(' ').collect::<Vec<_>>()[..] else { return Err(line.into()) };
            assert_eq!(count.parse(), Ok(allowed), "both answer alike");
            let rust = format!("{} ({})", digits(times.median), digits(times.fastest));
            println!("| {size} | {name} | {rust} | {median} ({fastest}) |");
        }
    }
    Ok(())
}

/// Adds the networks of a list to a policy, and gives the addresses to ask it about.
fn asked<W: Word>(size: usize, text: &mut String) -> Result<Vec<W::Octets>, Box<dyn Error>> {
    let list = List::<W>::networks(size);
    for net in &list.networks {
        writeln!(text, "allow {}", Into::<IpNet>::into(*net))?;
    }
    Ok(list.queries(Queries::Mix, QUERIES).into_iter().map(|addr| W::of(addr).octets()).collect())
}

/// Times, and the number of addresses that were seen to be allowed, as `bench.c` has them.
fn in_rust(matcher: &Matcher, v4: &[[u8; 4]], v6: &[[u8; 16]]) -> [(Times, usize); 4] {
    let asks: [&dyn Fn() -> usize; 4] = [
        &|| black_box(v4).iter().filter(|addr| matcher.allows_v4(Ipv4Addr::from(**addr))).count(),
        &|| black_box(v6).iter().filter(|addr| matcher.allows_v6(Ipv6Addr::from(**addr))).count(),
        &|| first_of_each(v4, |addrs, allowed| matcher.allows_batch_v4(addrs, allowed)),
        &|| first_of_each(v6, |addrs, allowed| matcher.allows_batch_v6(addrs, allowed)),
    ];
    asks.map(|ask| {
        let tasks: &mut [Task<'_>] = &mut [task(ask)];
        (in_turn(RUNS, tasks)[0].scaled(1.0 / QUERIES as f64), ask())
    })
}

fn first_of_each<T>(addrs: &[T], ask: impl Fn(&[T], &mut [bool])) -> usize {
    let mut allowed = [false; BATCH];
    let first = |addrs| {
        ask(addrs, &mut allowed);
        black_box(&allowed)[0]
    };
    black_box(addrs).chunks_exact(BATCH).map(first).filter(|first| *first).count()
}
