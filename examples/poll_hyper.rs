//! Polls with the async client over hyper, on tokio.
//!
//! `cargo run --example poll_hyper --features hyper`
#![allow(clippy::print_stdout, reason = "an example's purpose")]

use std::process::ExitCode;

use huaweicloud_sms::{Answer, Event, Pace, Settings, hyper::Client};
use huaweicloud_sms_examples::{Failure, environment, exit, with_causes};

fn main() -> ExitCode {
    exit(start())
}

fn start() -> Result<(), Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(poll())
}

async fn poll() -> Result<(), Failure> {
    let client = Client::from_settings(Settings::default())?;
    let mut watch = client.watch(environment::call()?, environment::credential()?, Pace::default());
    // `client.shutdown()`, from another task or thread, ends the loop.
    while let Some(event) = watch.recv().await {
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
