//! The part of the gate in which threads meet: who answers now, who may change that, and who decides what a change on
//! trial comes to. It knows nothing of policies, and is tried in every order of its steps by tests/gate_model.rs, which
//! compiles this file with a `sync` of its own.
//!
//! One pointer, the cell, says who answers. Only the holder of the writer's lock exchanges it. Beside it stands the
//! number of the newest generation, written *before* the cell: a reader that keeps its own copy compares one number, and
//! when it has once seen a generation, in whatever way, it never takes an older copy for the newest again.
//!
//! A value on trial carries what is to come back. Its fate is decided once, by a compare-and-swap: kept (confirmed, or
//! superseded by a newer value) or ended. Whoever looks after the deadline ends it if nobody has decided before; so a
//! look-up, a confirmation and a newer value agree whatever their order, and no thread has to wake at the deadline.

use alloc::vec::Vec;

use super::sync::{
    Arc, AtomicU8, AtomicU64, Cell, Clock, Duration, Instant, Mutex, MutexGuard, Ordering, PoisonError, end,
};

/// A value that answers, or did, or may again.
pub(super) struct Live<V> {
    value: V,
    /// From 1, one more for each value that takes another's place.
    generation: u64,
    since: Instant,
    trial: Option<Trial<V>>,
}

struct Trial<V> {
    term: Arc<Term>,
    /// What answers if the trial ends unconfirmed. Made beforehand, so that a look-up has nothing to allocate.
    back: Arc<Live<V>>,
}

/// How long a trial lasts, and what it comes to.
pub(super) struct Term {
    /// `None`: for ever.
    deadline: Option<Instant>,
    fate: AtomicU8,
}

/// The fates of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Fate {
    Open,
    /// It is not on trial any more, and answers until it is replaced.
    Confirmed,
    /// Something newer took its place.
    Superseded,
    /// It was not confirmed in time.
    Ended,
}

impl Term {
    fn new(deadline: Option<Instant>) -> Arc<Self> {
        Arc::new(Self { deadline, fate: AtomicU8::new(Fate::Open as u8) })
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// What it has come to by now.
    pub(super) fn fate(&self, clock: &Clock) -> Fate {
        match of(self.fate.load(Ordering::Acquire)) {
            Fate::Open if self.deadline.is_some_and(|deadline| clock.now() >= deadline) => self.decide(Fate::Ended),
            fate => fate,
        }
    }

    /// Decides the fate, unless it is decided. Returns what it is.
    fn decide(&self, fate: Fate) -> Fate {
        let (open, wanted) = (Fate::Open as u8, fate as u8);
        self.fate.compare_exchange(open, wanted, Ordering::AcqRel, Ordering::Acquire).map_or_else(of, |_| fate)
    }
}

/// The fate that was stored as a number.
fn of(fate: u8) -> Fate {
    let all = [Fate::Open, Fate::Confirmed, Fate::Superseded];
    all.into_iter().find(|one| *one as u8 == fate).unwrap_or(Fate::Ended)
}

impl<V> Live<V> {
    pub(super) fn value(&self) -> &V {
        &self.value
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    pub(super) fn since(&self) -> Instant {
        self.since
    }

    /// Who answers in its place, if it was on trial and that has ended.
    fn ended(&self, clock: &Clock) -> Option<&Arc<Self>> {
        let trial = self.trial.as_ref()?;
        (trial.term.fate(clock) == Fate::Ended).then_some(&trial.back)
    }

    /// Makes sure that it does not end any more, and has this fate; false if it has another.
    fn keep(&self, fate: Fate, clock: &Clock) -> bool {
        let decide = |trial: &Trial<V>| trial.term.fate(clock) == Fate::Open && trial.term.decide(fate) == fate;
        self.trial.as_ref().is_none_or(decide)
    }
}

pub(super) struct Shared<V> {
    cell: Cell<Live<V>>,
    /// The generation that is in the cell, or is about to be.
    newest: AtomicU64,
    writer: Mutex<()>,
    clock: Clock,
}

impl<V: Clone> Shared<V> {
    pub(super) fn new(value: V, clock: Clock) -> Self {
        let first = Live { value, generation: 1, since: clock.now(), trial: None };
        Self { cell: Cell::new(Arc::new(first)), newest: AtomicU64::new(1), writer: Mutex::new(()), clock }
    }

    /// Who answers now. Never waits.
    pub(super) fn load(&self) -> Arc<Live<V>> {
        let live = self.cell.load();
        let Some(back) = live.ended(&self.clock).cloned() else { return live };
        self.settle_unless_busy();
        back
    }

    /// Asks who answers now. Never waits.
    pub(super) fn with<R>(&self, ask: impl FnOnce(&V) -> R) -> R {
        let (answer, ended) = self.cell.with(|live| match live.ended(&self.clock) {
            None => (ask(&live.value), false),
            Some(back) => (ask(&back.value), true),
        });
        if ended {
            self.settle_unless_busy();
        }
        answer
    }

    /// Lets `judge` look at who answers now and say who shall, for good or, with `within`, on trial for so long.
    /// Returns the new generation, the term of the trial, and what `judge` made beside.
    pub(super) fn replace<T, E>(
        &self,
        within: Option<Duration>,
        mut judge: impl FnMut(&Live<V>) -> Result<(V, T), E>,
    ) -> Result<(u64, Option<Arc<Term>>, T), E> {
        // Dropped after the lock: values may be large, and their destructors are not ours.
        let mut retired = Vec::new();
        let _lock = self.lock();
        loop {
            retired.extend(self.settle());
            let live = self.cell.load();
            let (value, made) = judge(&live)?;
            if !live.keep(Fate::Superseded, &self.clock) {
                // Its trial ended while it was judged against: it is another's turn.
                retired.push(live);
                continue;
            }
            let now = self.clock.now();
            let generation = live.generation + 1;
            let term = within.map(|within| Term::new(end(now, within)));
            let trial = term.clone().map(|term| {
                // A value that was never confirmed is nothing to come back to.
                let before = live.trial.as_ref().map_or(&live, |trial| &trial.back);
                let since = term.deadline.unwrap_or(now);
                let back = Live { value: before.value.clone(), generation: generation + 1, since, trial: None };
                Trial { term, back: Arc::new(back) }
            });
            retired.push(self.put(Arc::new(Live { value, generation, since: now, trial })));
            retired.push(live);
            return Ok((generation, term, made));
        }
    }

    /// Ends the trial of a generation (or, without one, of whoever answers) in its favour. `None` if that is not on
    /// trial, or not any more.
    pub(super) fn confirm(&self, generation: Option<u64>) -> Option<u64> {
        let live;
        let _retired;
        let _lock = self.lock();
        live = self.cell.load();
        let on_trial = live.trial.is_some() && generation.is_none_or(|generation| generation == live.generation);
        if !on_trial || !live.keep(Fate::Confirmed, &self.clock) {
            return None;
        }
        let Live { value, generation, since, .. } = &*live;
        let (value, generation, since) = (value.clone(), *generation, *since);
        _retired = self.put(Arc::new(Live { value, generation, since, trial: None }));
        Some(generation)
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// That a panic has left the lock says nothing about what it guards: values are exchanged as a whole.
    fn lock(&self) -> MutexGuard<'_, ()> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// If the trial of the one in the cell has ended, puts in its place who answers since. The lock is held.
    fn settle(&self) -> Option<Arc<Live<V>>> {
        let live = self.cell.load();
        let back = live.ended(&self.clock)?;
        drop(self.put(Arc::clone(back)));
        Some(live)
    }

    /// The same for a look-up, which does not wait for the lock: whoever holds it will settle, or the next look-up.
    fn settle_unless_busy(&self) {
        let _retired;
        if let Ok(_lock) = self.writer.try_lock() {
            _retired = self.settle();
        }
    }

    /// The one place where the cell is written. The lock is held.
    fn put(&self, live: Arc<Live<V>>) -> Arc<Live<V>> {
        // First the number: who has seen the new value in the cell will see that number.
        self.newest.store(live.generation, Ordering::Relaxed);
        self.cell.swap(live)
    }
}

/// A copy of who answers, for one thread, and how to know that it is the newest.
pub(super) struct Reader<V> {
    shared: Arc<Shared<V>>,
    live: Arc<Live<V>>,
    /// The generation of the copy; [`NEVER`] if its turn may end without a newer generation.
    seen: u64,
}

/// No generation has this number.
const NEVER: u64 = 0;

impl<V: Clone> Reader<V> {
    pub(super) fn new(shared: Arc<Shared<V>>) -> Self {
        let live = shared.load();
        Self { shared, live, seen: NEVER }
    }

    /// Who answers now. Never waits.
    #[inline]
    pub(super) fn current(&mut self) -> &Arc<Live<V>> {
        if self.shared.newest.load(Ordering::Relaxed) != self.seen {
            self.refresh();
        }
        &self.live
    }

    #[cold]
    fn refresh(&mut self) {
        self.live = self.shared.load();
        self.seen = if self.live.trial.is_some() { NEVER } else { self.live.generation };
    }

    pub(super) fn shared(&self) -> &Arc<Shared<V>> {
        &self.shared
    }
}
