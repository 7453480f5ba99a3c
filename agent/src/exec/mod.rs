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
