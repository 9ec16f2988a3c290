//! The threads of the gate, tried in every order of their steps by loom: the writer's lock, generations, readers with a
//! copy, confirmation, and the deadline.
//!
//! It compiles `src/gate/live.rs` itself, over the `sync` below. The pointer cell is made for the model, and promises no
//! more than the real one: a load acquires what the swap released. The real cell is arc-swap's, taken on its own proofs
//! and on `tests/gate_stress.rs`. The clock is a number that a thread of the model moves on.

extern crate alloc;

#[path = "../src/gate/live.rs"]
#[allow(dead_code, unreachable_pub)]
mod live;

mod sync {
    pub(super) use std::sync::PoisonError;
    use std::sync::atomic::AtomicUsize as Plain;

    pub(super) use loom::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
    pub(super) use loom::sync::{Arc, Mutex, MutexGuard};

    pub(super) type Duration = u64;
    pub(super) type Instant = u64;

    /// As many exchanges as a model makes.
    const SLOTS: usize = 6;

    /// Each pointer has a slot of its own, filled before its number is released; so two threads meet by that number and
    /// by nothing else. What is in a slot stays there to the end.
    pub(super) struct Cell<T> {
        slots: [Mutex<Option<Arc<T>>>; SLOTS],
        at: AtomicUsize,
        // Only the holder of the writer's lock counts.
        filled: Plain,
    }

    impl<T> Cell<T> {
        pub(super) fn new(value: Arc<T>) -> Self {
            let cell = Self {
                slots: core::array::from_fn(|_| Mutex::new(None)),
                at: AtomicUsize::new(0),
                filled: Plain::new(1),
            };
            *cell.slots[0].lock().unwrap() = Some(value);
            cell
        }

        fn slot(&self, at: usize) -> Arc<T> {
            self.slots[at].lock().unwrap().clone().unwrap()
        }

        pub(super) fn load(&self) -> Arc<T> {
            self.slot(self.at.load(Ordering::Acquire))
        }

        pub(super) fn with<R>(&self, ask: impl FnOnce(&T) -> R) -> R {
            ask(&self.load())
        }

        pub(super) fn swap(&self, value: Arc<T>) -> Arc<T> {
            let at = self.filled.fetch_add(1, Ordering::Relaxed);
            *self.slots[at].lock().unwrap() = Some(value);
            self.slot(self.at.swap(at, Ordering::AcqRel))
        }
    }

    #[derive(Clone)]
    pub(super) struct Clock(Arc<AtomicU64>);

    impl Clock {
        pub(super) fn new() -> Self {
            Self(Arc::new(AtomicU64::new(0)))
        }

        /// Whoever knows of a time, in whatever way, is never shown an earlier one; nothing else is promised.
        pub(super) fn now(&self) -> Instant {
            self.0.load(Ordering::Relaxed)
        }

        pub(super) fn set(&self, now: Instant) {
            self.0.store(now, Ordering::Relaxed);
        }
    }

    pub(super) fn end(now: Instant, within: Duration) -> Option<Instant> {
        now.checked_add(within)
    }
}

use std::convert::Infallible;

use live::{Fate, Reader, Shared};
use loom::thread;
use sync::{Arc, Clock};

/// Two halves that only belong together where they are equal.
type Value = (u32, u32);

fn value(of: u32) -> Value {
    (of, of)
}

const OLD: u32 = 10;
const NEW: u32 = 20;
const NEWEST: u32 = 30;

fn start() -> (Arc<Shared<Value>>, Clock) {
    let clock = Clock::new();
    (Arc::new(Shared::new(value(OLD), clock.clone())), clock)
}

fn replace(shared: &Shared<Value>, with: u32) -> u64 {
    let Ok((generation, _, ())) = shared.replace(None, |_| Ok::<_, Infallible>((value(with), ())));
    generation
}

/// On trial for 5 ticks.
fn replace_for(shared: &Shared<Value>, with: u32) -> (u64, Arc<live::Term>) {
    let Ok((generation, term, ())) = shared.replace(Some(5), |_| Ok::<_, Infallible>((value(with), ())));
    (generation, term.expect("a trial has a term"))
}

/// What a thread saw: generation and value, in order.
struct Seen(Vec<(u64, u32)>);

impl Seen {
    fn look(&mut self, reader: &mut Reader<Value>) {
        let live = reader.current();
        let (a, b) = *live.value();
        assert_eq!(a, b, "torn");
        self.add(live.generation(), a);
    }

    fn ask(&mut self, shared: &Shared<Value>) {
        let live = shared.load();
        let (a, b) = *live.value();
        assert_eq!(a, b, "torn");
        self.add(live.generation(), a);
        assert!(shared.with(|(a, b)| a == b), "torn");
    }

    fn add(&mut self, generation: u64, value: u32) {
        if let Some((last, of)) = self.0.last() {
            assert!(*last <= generation, "generation {generation} after {last}");
            assert!(*last < generation || *of == value, "two values of generation {last}");
        }
        self.0.push((generation, value));
    }
}

fn model(threads: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    // Switches where nothing asks for one; `make check-deep` tries more of them (LOOM_MAX_PREEMPTIONS).
    builder.preemption_bound.get_or_insert(2);
    builder.check(threads);
}

#[test]
fn a_reader_goes_forward_and_sees_what_has_returned() {
    model(|| {
        let (shared, _) = start();
        let writer = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                assert_eq!(replace(&shared, NEW), 2);
                assert_eq!(replace(&shared, NEWEST), 3);
            })
        };
        let asks = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                // Two ways to ask, one order.
                let mut reader = Reader::new(Arc::clone(&shared));
                let mut seen = Seen(Vec::new());
                seen.look(&mut reader);
                seen.ask(&shared);
                seen.look(&mut reader);
                (reader, seen)
            })
        };
        writer.join().unwrap();
        let mut mine = Reader::new(Arc::clone(&shared));
        assert_eq!(*mine.current().value(), value(NEWEST));
        // What has returned is seen by readers made before.
        let (mut reader, mut seen) = asks.join().unwrap();
        seen.look(&mut reader);
        assert_eq!(seen.0.last(), Some(&(3, NEWEST)));
    });
}

#[test]
fn two_writers_take_turns() {
    model(|| {
        let (shared, _) = start();
        let writers = [NEW, NEWEST].map(|with| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || replace(&shared, with))
        });
        let mut reader = Reader::new(Arc::clone(&shared));
        let mut seen = Seen(Vec::new());
        seen.look(&mut reader);
        seen.look(&mut reader);
        let mut generations = writers.map(|writer| writer.join().unwrap());
        seen.look(&mut reader);
        let last = if generations[0] == 3 { NEW } else { NEWEST };
        assert_eq!(seen.0.last(), Some(&(3, last)));
        generations.sort_unstable();
        assert_eq!(generations, [2, 3]);
    });
}

/// Confirmed or rolled back: whatever the order, all agree which.
#[test]
fn a_confirmation_meets_the_deadline() {
    model(|| {
        let (shared, clock) = start();
        let (generation, term) = replace_for(&shared, NEW);
        assert_eq!((generation, term.fate(shared.clock())), (2, Fate::Open));
        let mut reader = Reader::new(Arc::clone(&shared));
        let confirms = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.confirm(Some(2)))
        };
        let ticks = {
            let (shared, clock) = (Arc::clone(&shared), clock.clone());
            thread::spawn(move || {
                clock.set(4);
                clock.set(5);
                let live = shared.load();
                (live.generation(), live.value().0)
            })
        };
        let mut seen = Seen(Vec::new());
        seen.look(&mut reader);
        seen.look(&mut reader);
        let confirmed = confirms.join().unwrap();
        let after = ticks.join().unwrap();
        seen.look(&mut reader);
        let (fate, last) = match confirmed {
            Some(generation) => (Fate::Confirmed, (generation, NEW)),
            None => (Fate::Ended, (3, OLD)),
        };
        assert_eq!(term.fate(shared.clock()), fate);
        assert_eq!(seen.0.last(), Some(&last));
        // Who looks after the deadline knows what will be so for ever.
        assert_eq!(after, last);
        assert_eq!(fate == Fate::Confirmed, seen.0.iter().all(|seen| *seen == (2, NEW)));
        // And goes on from there.
        assert_eq!(replace(&shared, NEWEST), last.0 + 1);
        seen.look(&mut reader);
        assert_eq!(seen.0.last(), Some(&(last.0 + 1, NEWEST)));
    });
}

#[test]
fn nothing_comes_back_before_the_deadline() {
    model(|| {
        let (shared, clock) = start();
        let (_, term) = replace_for(&shared, NEW);
        let ticks = thread::spawn(move || clock.set(4));
        let asks = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || Seen(Vec::new()).ask(&shared))
        };
        let mut reader = Reader::new(Arc::clone(&shared));
        assert_eq!(*reader.current().value(), value(NEW));
        ticks.join().unwrap();
        asks.join().unwrap();
        assert_eq!(*reader.current().value(), value(NEW));
        assert_eq!(term.fate(shared.clock()), Fate::Open);
        assert_eq!(shared.confirm(None), Some(2));
    });
}

/// Either the newer value takes the place of the one on trial, which then never ends; or that ended before, and the newer
/// one takes the place of what came back. No generation has two values.
#[test]
fn a_newer_value_meets_the_deadline() {
    model(|| {
        let (shared, clock) = start();
        let (_, term) = replace_for(&shared, NEW);
        let mut reader = Reader::new(Arc::clone(&shared));
        let writes = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || replace(&shared, NEWEST))
        };
        let ticks = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                clock.set(5);
                let mut seen = Seen(Vec::new());
                seen.ask(&shared);
                seen.0
            })
        };
        let mut seen = Seen(Vec::new());
        seen.look(&mut reader);
        seen.look(&mut reader);
        let newest = writes.join().unwrap();
        let others = ticks.join().unwrap();
        seen.look(&mut reader);
        assert_eq!(seen.0.last(), Some(&(newest, NEWEST)));
        let of = |generation: u64| match generation {
            2 => NEW,
            generation if generation == newest => NEWEST,
            _ => OLD,
        };
        assert!(seen.0.iter().chain(&others).all(|(generation, value)| of(*generation) == *value));
        let fate = if newest == 3 { Fate::Superseded } else { Fate::Ended };
        assert_eq!(term.fate(shared.clock()), fate);
    });
}

/// Either the one on trial is confirmed and the newer value takes its place, or the newer value leaves nothing to confirm.
#[test]
fn a_confirmation_meets_a_newer_value() {
    model(|| {
        let (shared, _) = start();
        let (_, term) = replace_for(&shared, NEW);
        let mut reader = Reader::new(Arc::clone(&shared));
        let confirms = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.confirm(None))
        };
        let writes = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || replace(&shared, NEWEST))
        };
        let mut seen = Seen(Vec::new());
        seen.look(&mut reader);
        seen.look(&mut reader);
        let fate = if confirms.join().unwrap().is_some() { Fate::Confirmed } else { Fate::Superseded };
        assert_eq!(writes.join().unwrap(), 3);
        seen.look(&mut reader);
        assert_eq!((term.fate(shared.clock()), seen.0.last()), (fate, Some(&(3, NEWEST))));
        assert!(seen.0.iter().all(|(_, value)| *value != OLD));
    });
}

/// A trial after a trial: what comes back is what was before both.
#[test]
fn a_trial_takes_the_place_of_a_trial() {
    model(|| {
        let (shared, clock) = start();
        let (_, first) = replace_for(&shared, NEW);
        let writes = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let (generation, term) = replace_for(&shared, NEWEST);
                // The handle of the first confirms nothing any more.
                assert_eq!(shared.confirm(Some(2)), None);
                (generation, term)
            })
        };
        let ticks = {
            let clock = clock.clone();
            thread::spawn(move || clock.set(5))
        };
        let mut reader = Reader::new(Arc::clone(&shared));
        let mut seen = Seen(Vec::new());
        seen.look(&mut reader);
        let (generation, second) = writes.join().unwrap();
        ticks.join().unwrap();
        seen.look(&mut reader);
        clock.set(10);
        assert_eq!(second.fate(shared.clock()), Fate::Ended);
        let ended = if generation == 3 { Fate::Superseded } else { Fate::Ended };
        assert_eq!(first.fate(shared.clock()), ended);
        seen.look(&mut reader);
        assert_eq!(seen.0.last(), Some(&(generation + 1, OLD)));
    });
}

/// What nobody can be answered by any more is given back (loom tells of what is left), but for what readers keep.
#[test]
fn a_refusal_changes_nothing() {
    model(|| {
        let (shared, clock) = start();
        let refuses = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let mut asked = Vec::new();
                let refused = shared.replace(None, |live| {
                    asked.push((live.generation(), live.value().0));
                    Err::<(Value, ()), _>(())
                });
                assert!(refused.is_err());
                asked
            })
        };
        let (_, term) = replace_for(&shared, NEW);
        let ticks = thread::spawn(move || clock.set(5));
        let asked = refuses.join().unwrap();
        assert!(asked == [(1, OLD)] || asked == [(2, NEW)] || asked == [(3, OLD)], "{asked:?}");
        ticks.join().unwrap();
        assert_eq!(term.fate(shared.clock()), Fate::Ended);
        assert_eq!(shared.load().generation(), 3);
    });
}
