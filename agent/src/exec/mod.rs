//! Carries commands out with the operator's program.

mod detail;
mod environment;
#[cfg(unix)]
#[path = "unix.rs"]
mod group;
#[cfg(windows)]
#[path = "windows.rs"]
mod group;
mod output;
mod pipe;
mod process_id;
mod runner;
mod standard_error;

pub(crate) use self::{
    detail::Finished,
    process_id::{ProcessId, end_left_over},
    runner::{KILL_AFTER, Program, Running},
};
