//! Carries commands out and reports their results, with the blocking client over ureq.
//!
//! `cargo run --example carry_out --features ureq`
#![allow(clippy::print_stdout, reason = "an example's purpose")]

use std::{collections::BTreeMap, process::ExitCode};

use huaweicloud_sms::{
    Answer, Command, CommandName, CommandResult, Event, Pace, ReportResult, Settings, ureq::Client,
};
use huaweicloud_sms_examples::{Failure, describe, environment, exit};

fn main() -> ExitCode {
    exit(poll())
}

fn poll() -> Result<(), Failure> {
    let (endpoint, server_id) = environment::target()?;
    let client = Client::from_settings(Settings::default())?;
    let mut watch = client.watch(environment::call()?, environment::credential()?, Pace::default());
    while let Some(event) = watch.recv() {
        match event {
            // The service returns a command until it accepts the report.
            Event::Answer(Answer::Command(command)) if watch.pending_report().is_none() => {
                // The watch does not poll meanwhile. It sends the report with the next `recv`.
                let (result, message) = carry_out(&command);
                println!("carried out {}: {result}", command.name);
                let detail = BTreeMap::from([("msg", message)]);
                match ReportResult::new(&endpoint, &server_id, command, result, &detail) {
                    Ok(report) => watch.report(report).expect("no other report is pending"),
                    // The service accepts no report of some commands, such as `SKIP`.
                    Err(error) => println!("not reported: {error}"),
                }
            }
            Event::Reported => println!("reported"),
            event => println!("{}", describe(event)?),
        }
    }
    Ok(())
}

/// Put the work of your program here.
fn carry_out(command: &Command) -> (CommandResult, &'static str) {
    match command.name {
        CommandName::Start | CommandName::Stop => (CommandResult::Success, "done"),
        _ => (CommandResult::Fail, "not supported here"),
    }
}
