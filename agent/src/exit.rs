//! Exit statuses.

use std::{io, process::ExitCode};

/// The exit statuses of `sms-agent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// A command or a task's state.
    Answer = 0,
    /// The journal cannot be used now, or this machine lacks a thread or a file descriptor now. A service manager
    /// starts the agent again after this status, but not after `Input`.
    Resource = 1,
    /// Wrong usage or input, or a transport that is not in this build. clap uses the same status.
    Input = 2,
    /// No command.
    NoCommand = 3,
    /// The API rejected the request.
    Api = 4,
    /// The response was not understood.
    Protocol = 5,
    /// The service was not reached, did not finish in time, or sent too much.
    Transport = 6,
    /// The answer arrived or the login succeeded, but its output could not be written.
    Unwritten = 7,
}

impl Exit {
    /// Returns this status, or [`Unwritten`](Self::Unwritten) if the output could not be written. A reader
    /// that closes the pipe has read enough, so that is not an error.
    pub(crate) fn if_written(self, written: io::Result<()>) -> Self {
        match written {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                log::error!("standard output cannot be written: {error}");
                Self::Unwritten
            }
            _ => self,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
