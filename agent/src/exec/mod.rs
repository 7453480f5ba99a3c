//! Carries commands out with the operator's program.

mod detail;
mod environment;
pub(crate) mod executor;
#[cfg(unix)]
#[path = "unix.rs"]
mod group;
#[cfg(windows)]
#[path = "windows.rs"]
mod group;
mod left_over;
mod output;
mod pipe;
pub(crate) mod plan;
pub(crate) mod process_id;
mod run_id;
mod runner;
mod standard_error;
