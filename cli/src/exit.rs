//! The exit codes.

use std::process::ExitCode;

/// What the exit code says. Of several, the highest counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// Allowed, clean, the same, found.
    Yes = 0,
    /// Denied, warned, different, not found: an answer too.
    No = 1,
    /// Something could not be decided; standard error says what.
    Undecided = 2,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_and_their_rank() {
        assert_eq!([Exit::Yes, Exit::No, Exit::Undecided].map(|exit| exit as u8), [0, 1, 2]);
        assert_eq!(Exit::No.max(Exit::Undecided), Exit::Undecided);
        assert_eq!(Exit::Yes.max(Exit::No), Exit::No);
    }
}
