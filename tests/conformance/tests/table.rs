//! Runs the table on each of our adapters. A word after `cargo test ... --test table` picks the rows whose
//! names contain it.
#![allow(clippy::print_stdout, reason = "prints the table, whether it passes or not")]

use std::process::ExitCode;

use huaweicloud_sms_transport_conformance::{Adapter, run_adapter};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // A test runner that lists tests finds none here.
    if arguments.iter().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    let word = arguments.iter().find(|argument| !argument.starts_with('-'));
    let word = word.map_or("", String::as_str);
    let reports: Vec<_> = Adapter::ALL.map(|adapter| run_adapter(adapter, word)).into();
    reports.iter().for_each(|report| println!("{report}\n"));
    let runs: usize = reports.iter().map(|report| report.runs.len()).sum();
    let failed: usize = reports.iter().map(|report| report.failures().count()).sum();
    println!("{} passed, {failed} failed", runs - failed);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
