//! What the command gives back: results on standard output, and the exit code.

use std::fmt;
use std::io::{self, BufWriter, StdoutLock, Write};

use cidrgate::text::Canonical;
use serde::Serialize;

use crate::diagnose::tell;
use crate::exit::Exit;

/// Results on standard output, held back until [`Answer::flush`] or until there are many, and the exit code so far.
pub(crate) struct Answer {
    out: BufWriter<StdoutLock<'static>>,
    exit: Exit,
}

/// Why a verb ends before everything is answered.
pub(crate) enum Stop {
    /// It cannot go on, and has said why.
    Told,
    /// The call makes no sense, for this reason.
    Usage(String),
    /// A result could not be written.
    Output(io::Error),
}

impl Answer {
    pub(crate) fn new() -> Self {
        Self { out: BufWriter::with_capacity(64 * 1024, io::stdout().lock()), exit: Exit::Yes }
    }

    /// Makes the exit code as grave as `exit`, if it is not already.
    pub(crate) fn worsen(&mut self, exit: Exit) {
        self.exit = self.exit.max(exit);
    }

    pub(crate) fn line(&mut self, line: fmt::Arguments<'_>) -> Result<(), Stop> {
        self.out.write_fmt(line).and_then(|()| self.out.write_all(b"\n")).map_err(Stop::Output)
    }

    /// An address, a network or a range on a line of its own.
    pub(crate) fn text(&mut self, text: &Canonical) -> Result<(), Stop> {
        self.bytes(text.as_bytes())?;
        self.bytes(b"\n")
    }

    /// One JSON object on a line of its own.
    pub(crate) fn json(&mut self, object: &impl Serialize) -> Result<(), Stop> {
        serde_json::to_writer(&mut self.out, object).map_err(|error| Stop::Output(error.into()))?;
        self.bytes(b"\n")
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        self.out.write_all(bytes).map_err(Stop::Output)
    }

    pub(crate) fn flush(&mut self) -> Result<(), Stop> {
        self.out.flush().map_err(Stop::Output)
    }

    /// The exit code, once a verb has ended. A reader that closed the pipe has seen enough: that is no failure, and the
    /// code is that of the answers so far.
    pub(crate) fn end(mut self, done: Result<(), Stop>, refuse: impl Fn(&str) -> Exit) -> Exit {
        // After a stop too: what was answered before it stays an answer.
        let flushed = self.flush();
        for end in [done, flushed] {
            match end {
                Ok(()) => {}
                Err(Stop::Told) => self.worsen(Exit::Undecided),
                Err(Stop::Usage(message)) => self.worsen(refuse(&message)),
                Err(Stop::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => break,
                Err(Stop::Output(error)) => {
                    tell(format_args!("standard output: {error}"));
                    self.worsen(Exit::Undecided);
                    break;
                }
            }
        }
        self.exit
    }
}
