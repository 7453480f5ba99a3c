//! `sms-agent obtain`: obtains the command once.

use std::process::ExitCode;

use huaweicloud_sms::ObtainCommand;

use crate::{
    args::Call,
    call,
    failure::{Failure, Outcome},
    print,
    send::send,
};

pub(crate) fn run(args: &Call) -> ExitCode {
    print::print(&obtain(args), args.connection.format).into()
}

fn obtain(args: &Call) -> Outcome {
    let (endpoint, server_id) = call::target(args)?;
    send(args, &ObtainCommand::new(&endpoint, &server_id), Failure::Call)
}
