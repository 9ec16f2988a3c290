//! What a gate costs beside the matcher it holds: one policy, one set of queries, one run. The ways to ask take turns, in
//! short pieces, so that what else the machine does meets all of them alike; the matcher alone has two turns, to see how
//! much of a difference means nothing.

use std::error::Error;
use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cidrgate::{Gate, GateReader, Guards, Matcher, Policy};
use ipnet::IpNet;

use crate::lists::{List, Queries};
use crate::measure::Times;
use crate::word::Word;

/// How often each way takes its turn, for each run.
const TURNS: usize = 64;
const QUERIES: usize = 1 << 16;

/// Prints nanoseconds a look-up; `runs` times, of lists of these sizes.
pub(crate) fn compare(runs: usize, sizes: &[usize]) -> Result<(), Box<dyn Error>> {
    println!("cidrgate {}; ns a look-up, median (fastest) of {} turns", env!("CARGO_PKG_VERSION"), runs * TURNS);
    println!();
    println!("| networks | matcher | gate.reader() | gate | reader, on trial | gate, on trial | matcher again |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for &size in sizes {
        row::<u32>(size, runs, Matcher::allows_v4, GateReader::allows_v4, Gate::allows_v4)?;
    }
    for &size in sizes {
        row::<u128>(size, runs, Matcher::allows_v6, GateReader::allows_v6, Gate::allows_v6)?;
    }
    Ok(())
}

fn row<W: Word>(
    size: usize,
    runs: usize,
    matcher_allows: impl Fn(&Matcher, W::Addr) -> bool,
    reader_allows: impl Fn(&mut GateReader, W::Addr) -> bool,
    gate_allows: impl Fn(&Gate, W::Addr) -> bool,
) -> Result<(), Box<dyn Error>> {
    let list = List::<W>::networks(size);
    let mut text = String::new();
    for net in &list.networks {
        let net: IpNet = (*net).into();
        writeln!(text, "allow {net}")?;
    }
    let asked = list.queries(Queries::Mix, QUERIES);
    let matcher = Arc::new(Policy::read(&text)?.compile()?);
    let gate = Gate::new(Arc::clone(&matcher));
    let on_trial = Gate::new(Arc::clone(&matcher));
    let trial = on_trial.replace_for(Arc::clone(&matcher), &Guards::new(), Duration::from_secs(86_400))?;
    let (mut reader, mut trial_reader) = (gate.reader(), on_trial.reader());

    let mut times: [Vec<f64>; 6] = Default::default();
    for _ in 0..runs * TURNS {
        let turn = [
            turn(&asked, |addr| matcher_allows(&matcher, addr)),
            turn(&asked, |addr| reader_allows(&mut reader, addr)),
            turn(&asked, |addr| gate_allows(&gate, addr)),
            turn(&asked, |addr| reader_allows(&mut trial_reader, addr)),
            turn(&asked, |addr| gate_allows(&on_trial, addr)),
            turn(&asked, |addr| matcher_allows(&matcher, addr)),
        ];
        times.iter_mut().zip(turn).for_each(|(times, time)| times.push(time));
    }
    let columns = times.map(|times| {
        let Times { median, fastest } = Times::of(times);
        format!("{median:.2} ({fastest:.2})")
    });
    println!("| {} | {} |", list.name, columns.join(" | "));
    trial.confirm()?;
    Ok(())
}

/// The same loop round each way to ask: nanoseconds a look-up.
fn turn<A: Copy>(asked: &[A], mut ask: impl FnMut(A) -> bool) -> f64 {
    let start = Instant::now();
    black_box(black_box(asked).iter().filter(|addr| ask(**addr)).count());
    start.elapsed().as_nanos() as f64 / asked.len() as f64
}
