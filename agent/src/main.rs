//! `sms-agent`: asks the Huawei Cloud Server Migration Service (SMS) for a source server's command.

mod args;
mod demo;
mod exit;
mod file;
mod logging;
mod obtain;
mod report;
mod secret;
mod simulate;
mod transport;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let args = args::Args::parse();
    logging::start(args.verbose);
    match args.command {
        args::Command::Demo => demo::run(),
        args::Command::Obtain(args) => obtain::run(&args),
        args::Command::Simulate(args) => simulate::run(&args),
    }
}
