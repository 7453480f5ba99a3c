//! Polls with the blocking client over ureq.
//!
//! `cargo run --example poll_ureq --features ureq`
#![allow(clippy::print_stdout, reason = "an example's purpose")]

use std::process::ExitCode;

use huaweicloud_sms::{Answer, Event, Pace, Settings, ureq::Client};
use huaweicloud_sms_examples::{Failure, environment, exit, with_causes};

fn main() -> ExitCode {
    exit(poll())
}

fn poll() -> Result<(), Failure> {
    let client = Client::from_settings(Settings::default())?;
    let mut watch = client.watch(environment::call()?, environment::credential()?, Pace::default());
    // `client.shutdown()`, from another thread, ends the loop.
    while let Some(event) = watch.recv() {
        match event {
            Event::Answer(Answer::Command(command)) => println!("command {}", command.name),
            Event::Answer(answer) => println!("{answer:?}"),
            Event::LoggedIn(token) => println!("logged in until {}", token.expires_at),
            Event::Error(error) | Event::LoginError(error) => {
                println!("error: {}", with_causes(&error));
            }
            // A program that can get a new credential calls `watch.renew(..)` instead.
            Event::CredentialRejected(error) => return Err(error.into()),
            event => println!("{event:?}"),
        }
    }
    Ok(())
}
