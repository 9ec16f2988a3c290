//! What the threads of the gate share things by. The model (tests/gate_model.rs) has its own in place of this.

pub(super) use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
pub(super) use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
pub(super) use std::time::{Duration, Instant};

use arc_swap::ArcSwap;

/// A pointer that is read without waiting while it is exchanged.
pub(super) struct Cell<T>(ArcSwap<T>);

impl<T> Cell<T> {
    pub(super) fn new(value: Arc<T>) -> Self {
        Self(ArcSwap::new(value))
    }

    pub(super) fn load(&self) -> Arc<T> {
        self.0.load_full()
    }

    /// As `load`, without counting one more owner.
    pub(super) fn with<R>(&self, ask: impl FnOnce(&T) -> R) -> R {
        ask(&self.0.load())
    }

    /// Exchanges the pointer, and hands the old one back.
    pub(super) fn swap(&self, value: Arc<T>) -> Arc<T> {
        self.0.swap(value)
    }
}

/// Time that never goes back.
pub(super) struct Clock;

impl Clock {
    pub(super) fn now(&self) -> Instant {
        Instant::now()
    }
}

/// The end of a time that begins now; `None` if the clock will never show it.
pub(super) fn end(now: Instant, within: Duration) -> Option<Instant> {
    now.checked_add(within)
}
