//! Exit statuses, decided by the kind of outcome alone.

use std::process::ExitCode;

/// How `sms-agent` ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// A command or a task's state.
    Answer = 0,
    /// Wrong usage or input, also a transport that is not in this build. clap's own status.
    Input = 2,
    /// Nothing to do.
    Nothing = 3,
    /// The API refused.
    Api = 4,
    /// The answer was not understood.
    Protocol = 5,
    /// The service was not reached, did not finish in time, or sent too much.
    Transport = 6,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
