//! What a gate costs beside the matcher it holds: one policy, one set of queries, one run, and a matcher alone measured
//! before and after, to see what the machine does meanwhile.

use std::error::Error;
use std::fmt::Write as _;
use std::hint::black_box;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use cidrgate::{Gate, Guards, Policy};

use crate::{Family, QUERIES, Random, measure, nanoseconds, queries};

const ROUNDS: usize = 16;

/// Prints nanoseconds a look-up; `runs` times, of lists of these sizes.
pub(crate) fn compare(runs: usize, sizes: &[usize]) -> Result<(), Box<dyn Error>> {
    println!("cidrgate {}; ns a look-up, median (fastest) of {runs} runs", env!("CARGO_PKG_VERSION"));
    println!();
    println!("| networks | matcher | gate.reader() | gate | reader, on trial | gate, on trial | matcher again |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for family in [Family::V4, Family::V6] {
        for &size in sizes {
            let mut random = Random(size as u64 | 1);
            let ranges = family.networks(size, &mut random);
            let mut text = String::new();
            for range in &ranges {
                writeln!(text, "allow {}", range.network().ok_or("no network")?)?;
            }
            let asked = queries(family, &ranges, &mut random);
            let v4: Vec<_> = asked.iter().map(|at| Ipv4Addr::from_bits(*at as u32)).collect();
            let v6: Vec<_> = asked.iter().map(|at| Ipv6Addr::from_bits(*at)).collect();
            let matcher = Arc::new(Policy::read(&text)?.compile()?);
            let gate = Gate::new(Arc::clone(&matcher));
            let on_trial = Gate::new(Arc::clone(&matcher));
            let trial = on_trial.replace_for(Arc::clone(&matcher), &Guards::new(), Duration::from_secs(86_400))?;
            let (mut reader, mut trial_reader) = (gate.reader(), on_trial.reader());

            /// The same loop round each way to ask.
            macro_rules! time {
                ($($ask:tt)+) => {{
                    let times = measure(runs, || match family {
                        Family::V4 => (0..ROUNDS)
                            .map(|_| black_box(&v4).iter().filter(|addr| $($ask)+.allows_v4(**addr)).count())
                            .sum::<usize>(),
                        Family::V6 => (0..ROUNDS)
                            .map(|_| black_box(&v6).iter().filter(|addr| $($ask)+.allows_v6(**addr)).count())
                            .sum(),
                    });
                    nanoseconds(times, ROUNDS * QUERIES)
                }};
            }
            let name = if matches!(family, Family::V4) { "IPv4" } else { "IPv6" };
            let columns =
                [time!(matcher), time!(reader), time!(gate), time!(trial_reader), time!(on_trial), time!(matcher)];
            println!("| {name} {size} | {} |", columns.join(" | "));
            trial.confirm()?;
        }
    }
    Ok(())
}
