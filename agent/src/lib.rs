//! `sms-agent` polls the Huawei Cloud Server Migration Service (SMS) for the commands of a source
//! server. This library exists for the program only.
#![cfg(any(feature = "ureq", feature = "hyper"))]

mod advice;
mod args;
mod call;
mod clock;
mod credential;
mod credentials_file;
#[cfg(feature = "simulator")]
mod demo;
mod doctor;
mod environment;
mod exec;
mod exit;
mod failure;
mod file;
mod help;
mod interrupt;
mod journal;
mod logging;
mod manual;
mod obtain;
mod print;
mod printer;
mod redactor;
mod report;
mod retry_after;
mod secret_file;
mod seen;
mod send;
#[cfg(feature = "simulator")]
mod simulate;
mod systemd;
mod token;
mod transport;
mod waker;
mod watch;

use std::process::ExitCode;

use clap::Parser;

/// Runs the command line of this process.
#[must_use]
pub fn run() -> ExitCode {
    let args = match args::Args::try_parse() {
        Ok(args) => args,
        Err(help) if !help.use_stderr() => {
            logging::start(0);
            return exit::Exit::Answer.if_written(help.print()).into();
        }
        Err(wrong_usage) => wrong_usage.exit(),
    };
    logging::start(args.verbose);
    redactor::keep_proxy_passwords();
    match args.command {
        #[cfg(feature = "simulator")]
        args::Command::Demo => demo::run(),
        args::Command::Obtain { call } => obtain::run(&call),
        args::Command::Report(args) => report::run(&args),
        args::Command::Doctor { call } => doctor::run(&call),
        args::Command::Watch(args) => watch::run(&args),
        args::Command::Token(args) => token::run(&args),
        #[cfg(feature = "simulator")]
        args::Command::Simulate(args) => simulate::run(&args),
        args::Command::Completions { shell } => manual::completions(shell),
        args::Command::Man { folder } => manual::man(&folder),
    }
}
