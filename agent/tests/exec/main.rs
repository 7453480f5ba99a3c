//! Tests `sms-agent watch --exec` as an operator or systemd runs it. It obtains commands from a service that
//! holds them, runs real programs, and reports.
#![cfg(unix)]
#![allow(clippy::print_stdout, reason = "prints a seed, counts, and skipped tests")]

#[path = "../support/mod.rs"]
mod support;

mod journal;
mod kill;
#[cfg(target_os = "linux")]
mod left_over;
mod order;
mod programs;
mod signals;
