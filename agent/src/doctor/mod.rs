//! `sms-agent doctor`: checks each step of a call, and prints the first that fails and its remedy.
//!
//! It sends the agent's requests over the agent's own transport, with an observer. The first request has no
//! credential, so it cannot lock a key. It shows whether the gateway is reached and whether the clocks
//! differ. Then there is one login at most, and one call.

mod certificate;
mod check;
mod clock;
mod configuration;
mod diagnosis;
mod examination;
mod print;
mod remedy;
mod response;
mod route;
mod sent;
mod step;
mod tls;
mod trail;

use std::{process::ExitCode, time::SystemTime};

use self::{check::Check, diagnosis::Diagnosis, examination::Examination, step::Step};
use crate::{args::Call, failure::Failure};

pub(crate) fn run(args: &Call) -> ExitCode {
    let mut diagnosis = Diagnosis::default();
    let (check, configuration) = configuration::read(args);
    diagnosis.add(Step::Configuration, check);
    diagnosis.add(Step::Clock, clock::local(SystemTime::now()));
    if let Some(configuration) = configuration {
        match Examination::new(args, &configuration.settings) {
            Ok(examination) => examination.run(&mut diagnosis, &configuration),
            Err(failure) => {
                let remedy = match failure {
                    Failure::Input(_) => "correct that option; sms-agent help doctor lists them",
                    _ => "check this server's limits of open files and threads, and its memory",
                };
                diagnosis.add(Step::Configuration, Check::fail("", failure.message(), remedy));
            }
        }
    }
    print::print(&diagnosis.complete(), args.connection.format)
}
