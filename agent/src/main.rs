//! `sms-agent`: asks the Huawei Cloud Server Migration Service (SMS) for a source server's command.

mod args;
mod call;
mod clock;
mod credential;
mod credentials_file;
mod demo;
mod exit;
mod file;
mod interrupt;
mod logging;
mod obtain;
mod redactor;
mod report;
mod simulate;
mod systemd;
mod token;
mod transport;
mod watch;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let args = args::Args::parse();
    logging::start(args.verbose);
    match args.command {
        args::Command::Demo => demo::run(),
        args::Command::Obtain { call } => obtain::run(&call),
        args::Command::Watch(args) => watch::run(&args),
        args::Command::Token(args) => token::run(&args),
        args::Command::Simulate(args) => simulate::run(&args),
    }
}
