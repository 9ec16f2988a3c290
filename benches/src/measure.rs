//! Times: some runs of everything in turn, so that what else the machine does meets all alike.

use std::hint::black_box;
use std::time::{Duration, Instant};

use serde::Serialize;

/// Nanoseconds of one look-up, or of one build.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Times {
    pub(crate) median: f64,
    pub(crate) fastest: f64,
}

impl Times {
    pub(crate) fn of(mut samples: Vec<f64>) -> Self {
        samples.sort_unstable_by(f64::total_cmp);
        Self { median: samples[samples.len() / 2], fastest: samples[0] }
    }

    pub(crate) fn scaled(self, by: f64) -> Self {
        Self { median: self.median * by, fastest: self.fastest * by }
    }
}

/// How long it takes to do it so often.
pub(crate) type Task<'a> = Box<dyn FnMut(u32) -> Duration + 'a>;

/// Something that is done again and again, and timed as a whole.
pub(crate) fn task<'a, T>(mut run: impl FnMut() -> T + 'a) -> Task<'a> {
    Box::new(move |rounds| {
        let start = Instant::now();
        for _ in 0..rounds {
            black_box(run());
        }
        start.elapsed()
    })
}

/// Something that makes a value; what becomes of the value is not timed.
pub(crate) fn making<'a, T>(mut make: impl FnMut() -> T + 'a) -> Task<'a> {
    Box::new(move |rounds| {
        let mut total = Duration::ZERO;
        settle();
        for _ in 0..rounds {
            let start = Instant::now();
            let made = black_box(make());
            total += start.elapsed();
            drop(made);
        }
        total
    })
}

/// Lets the allocator put away what others gave back. A trie leaves a million pieces behind, and who asks for memory next
/// would pay for it: glibc looks at ten thousand of them each time.
fn settle() {
    for _ in 0..1000 {
        black_box(Vec::<u8>::with_capacity(100_000));
    }
}

/// A run of less than this is repeated until it is as long: clocks are coarse.
const LEAST: Duration = Duration::from_millis(2);
const MOST_ROUNDS: u128 = 10_000;

/// What takes longer finds its caches full of itself after the first part.
const WARM: Duration = Duration::from_millis(50);

/// What takes so long is not run again: nobody needs to know to the percent how slow it is.
const LONG: Duration = Duration::from_secs(1);

/// Runs the tasks in turn, in another order each time, and gives the times of one round of each.
pub(crate) fn in_turn(runs: usize, tasks: &mut [Task<'_>]) -> Vec<Times> {
    // The first time is for the processor to learn, and for us to see how long it takes.
    let first: Vec<_> = tasks.iter_mut().map(|task| task(1).max(Duration::from_nanos(1))).collect();
    let least = if runs > 1 { LEAST } else { Duration::ZERO };
    let rounds: Vec<_> =
        first.iter().map(|first| (least.as_nanos() / first.as_nanos()).clamp(1, MOST_ROUNDS) as u32).collect();
    let mut samples = vec![Vec::with_capacity(runs); tasks.len()];
    for run in 0..runs {
        for turn in 0..tasks.len() {
            let at = (turn + run) % tasks.len();
            if first[at] > LONG {
                samples[at].push(first[at].as_nanos() as f64);
                continue;
            }
            // The caches are full of the others.
            if first[at] < WARM {
                tasks[at](1);
            }
            let time = tasks[at](rounds[at]);
            samples[at].push(time.as_nanos() as f64 / f64::from(rounds[at]));
        }
    }
    samples.into_iter().map(Times::of).collect()
}

/// More than the caches of one core hold, to put them out of what is measured.
pub(crate) struct Evict(Vec<u64>);

impl Evict {
    const BYTES: usize = 8 << 20;
    const LINE: usize = 64;

    pub(crate) fn new() -> Self {
        Self(vec![1; Self::BYTES / size_of::<u64>()])
    }

    fn evict(&mut self) {
        for line in self.0.chunks_mut(Self::LINE / size_of::<u64>()) {
            line[0] = line[0].wrapping_mul(3);
        }
        black_box(&self.0);
    }

    /// What each call takes the first time after its core forgot everything.
    pub(crate) fn cold(&mut self, samples: usize, calls: &[&dyn Fn(usize) -> bool]) -> Vec<Times> {
        let nothing = |_| false;
        let calls: Vec<&dyn Fn(usize) -> bool> = calls.iter().copied().chain([&nothing as _]).collect();
        let mut times = vec![Vec::with_capacity(samples); calls.len()];
        for sample in 0..samples {
            for (call, times) in calls.iter().zip(&mut times) {
                self.evict();
                let start = Instant::now();
                black_box(call(black_box(sample)));
                times.push(start.elapsed().as_nanos() as f64);
            }
        }
        let mut times: Vec<_> = times.into_iter().map(Times::of).collect();
        let clock = times.pop().map_or(0.0, |nothing| nothing.median);
        let less = |time: f64| (time - clock).max(0.0);
        times.iter().map(|times| Times { median: less(times.median), fastest: less(times.fastest) }).collect()
    }
}
