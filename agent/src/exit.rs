//! Exit statuses.

use std::process::ExitCode;

/// How `sms-agent` ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// A command or a task's state.
    Answer = 0,
    /// Wrong usage or input, or a transport that is not in this build. It is clap's own status, too.
    Input = 2,
    /// No command.
    NoCommand = 3,
    /// The API rejected the request.
    Api = 4,
    /// The response was not understood.
    Protocol = 5,
    /// The service was not reached, did not finish in time, or sent too much.
    Transport = 6,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
