//! What a gate costs beside the matcher it holds: one policy, one set of queries, one run. The ways to ask take turns, in
//! short pieces, so that what else the machine does meets all of them alike; the matcher alone has two turns, to see how
//! much of a difference means nothing.

use std::error::Error;
use std::fmt::Write as _;
use std::hint::black_box;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use cidrgate::{Gate, Guards, Policy};

use crate::{Family, QUERIES, Random, measure, nanoseconds, queries};

/// How often each way takes its turn, for each run.
const TURNS: usize = 64;

/// Prints nanoseconds a look-up; `runs` times, of lists of these sizes.
pub(crate) fn compare(runs: usize, sizes: &[usize]) -> Result<(), Box<dyn Error>> {
    println!("cidrgate {}; ns a look-up, median (fastest) of {} turns", env!("CARGO_PKG_VERSION"), runs * TURNS);
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
            macro_rules! turn {
                ($($ask:tt)+) => {
                    measure(1, || match family {
                        Family::V4 => black_box(&v4).iter().filter(|addr| $($ask)+.allows_v4(**addr)).count(),
                        Family::V6 => black_box(&v6).iter().filter(|addr| $($ask)+.allows_v6(**addr)).count(),
                    })
                    .0
                };
            }
            let mut times: [Vec<Duration>; 6] = Default::default();
            for _ in 0..runs * TURNS {
                let turn =
                    [turn!(matcher), turn!(reader), turn!(gate), turn!(trial_reader), turn!(on_trial), turn!(matcher)];
                times.iter_mut().zip(turn).for_each(|(times, time)| times.push(time));
            }
            let columns = times.map(|mut times| {
                times.sort_unstable();
                nanoseconds((times[times.len() / 2], times[0]), QUERIES)
            });
            let name = if matches!(family, Family::V4) { "IPv4" } else { "IPv6" };
            println!("| {name} {size} | {} |", columns.join(" | "));
            trial.confirm()?;
        }
    }
    Ok(())
}
