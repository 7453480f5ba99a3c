//! `sms-agent`: asks the Huawei Cloud Server Migration Service (SMS) for a source server's command.

mod args;
mod call;
mod demo;
mod exit;
mod file;
mod interrupt;
mod logging;
mod obtain;
mod report;
mod secret;
mod simulate;
mod systemd;
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
        args::Command::Simulate(args) => simulate::run(&args),
    }
}
