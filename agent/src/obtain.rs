//! `sms-agent obtain`: one call.

use std::process::ExitCode;

use crate::{
    args::Call,
    call,
    report::{self, Failure, Outcome},
    secret::{self, Redactor, Token},
    transport::Client,
};

pub(crate) fn run(args: &Call) -> ExitCode {
    match secret::token(args.token_file.as_deref()) {
        Ok(token) => report::print(&obtain(args, &token), args.format, &Redactor::new(&token.text)),
        Err(message) => {
            report::print(&Err(Failure::Input(message)), args.format, &Redactor::new(""))
        }
    }
    .into()
}

fn obtain(args: &Call, token: &Token) -> Outcome {
    let (call, settings) = call::prepare(args).map_err(Failure::Input)?;
    let client = Client::new(args.transport, settings).map_err(Failure::Input)?;
    log::info!("GET {}", call.uri());
    client.send(&call, &token.auth).map_err(Failure::Call)
}
