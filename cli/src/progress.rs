//! A sign of life for long work, on a terminal only.

use std::io::{IsTerminal, stderr};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::source::Source;

/// Short work shows nothing.
const PATIENCE: Duration = Duration::from_secs(1);

/// Work under way. Dropped, it leaves no trace on the terminal, so that messages can follow.
pub(crate) struct Progress {
    bar: ProgressBar,
    /// Dropping the sender ends the thread that waits to show the bar.
    waiting: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    /// The reading of a source and what is made of it.
    pub(crate) fn of(source: &Source) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()).with_message(source.to_string());
        if !stderr().is_terminal() || source.is_typed() {
            return Self { bar, waiting: None };
        }
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg} {bytes} {elapsed}") {
            bar.set_style(style);
        }
        let (sender, stopped) = channel::<()>();
        let shown = bar.clone();
        let thread = Builder::new().spawn(move || {
            if stopped.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                shown.set_draw_target(ProgressDrawTarget::stderr());
                shown.enable_steady_tick(Duration::from_millis(100));
            }
        });
        Self { bar, waiting: thread.ok().map(|thread| (sender, thread)) }
    }

    pub(crate) fn read(&self, bytes: usize) {
        self.bar.inc(bytes as u64);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((sender, thread)) = self.waiting.take() {
            drop(sender);
            // It cannot panic, and if it did there would be nothing to clear.
            let _ = thread.join();
        }
        self.bar.finish_and_clear();
    }
}
