//! What a call costs through C, beside the same call in Rust: one policy, one set of queries, one run.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::process::Command;

use cidrgate::{Matcher, Policy};

use crate::{Family, QUERIES, RUNS, Random, measure, nanoseconds, queries};

const ROUNDS: usize = 16;
const BATCH: usize = 256;

/// Measures in Rust, has `program` (`benches/c/bench.c`) measure the same in C, and prints both. What they share is
/// handed over in files in `folder`.
pub(crate) fn compare(program: &str, folder: &Path) -> Result<(), Box<dyn Error>> {
    println!("cidrgate {}; ns a call, median (fastest) of {RUNS} runs", env!("CARGO_PKG_VERSION"));
    println!();
    println!("| networks of each family | call | Rust | C |");
    println!("| --- | --- | --- | --- |");
    for size in [20, 10_000] {
        let mut random = Random(size as u64 | 1);
        let (mut text, mut asked) = (String::new(), Vec::new());
        for family in [Family::V4, Family::V6] {
            let ranges = family.networks(size, &mut random);
            for range in &ranges {
                writeln!(text, "allow {}", range.network().ok_or("no network")?)?;
            }
            asked.push(queries(family, &ranges, &mut random));
        }
        let v4: Vec<_> = asked[0].iter().map(|at| (*at as u32).to_be_bytes()).collect();
        let v6: Vec<_> = asked[1].iter().map(|at| at.to_be_bytes()).collect();
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
        for (((rust, allowed), line), name) in rust.into_iter().zip(output.lines()).zip(names) {
            let [_, median, fastest, count] = line.split(' ').collect::<Vec<_>>()[..] else { return Err(line.into()) };
            assert_eq!(count.parse(), Ok(allowed), "both answer alike");
            println!("| {size} | {name} | {rust} | {median} ({fastest}) |");
        }
    }
    Ok(())
}

/// Times, and the number of addresses that were seen to be allowed, as `bench.c` has them.
fn in_rust(matcher: &Matcher, v4: &[[u8; 4]], v6: &[[u8; 16]]) -> [(String, usize); 4] {
    let time = |ask: &dyn Fn() -> usize| {
        let times = measure(RUNS, || (0..ROUNDS).map(|_| ask()).sum::<usize>());
        (nanoseconds(times, ROUNDS * QUERIES), ask())
    };
    [
        time(&|| black_box(v4).iter().filter(|addr| matcher.allows_v4(Ipv4Addr::from(**addr))).count()),
        time(&|| black_box(v6).iter().filter(|addr| matcher.allows_v6(Ipv6Addr::from(**addr))).count()),
        time(&|| first_of_each(v4, |addrs, allowed| matcher.allows_batch_v4(addrs, allowed))),
        time(&|| first_of_each(v6, |addrs, allowed| matcher.allows_batch_v6(addrs, allowed))),
    ]
}

fn first_of_each<T>(addrs: &[T], ask: impl Fn(&[T], &mut [bool])) -> usize {
    let mut allowed = [false; BATCH];
    let first = |addrs| {
        ask(addrs, &mut allowed);
        black_box(&allowed)[0]
    };
    black_box(addrs).chunks_exact(BATCH).map(first).filter(|first| *first).count()
}
