//! `sms-agent obtain`: obtains the command once.

use std::process::ExitCode;

use huaweicloud_sms::ObtainCommand;

use crate::{args::Call, call, failure::Failure, print, send::send};

pub(crate) fn run(args: &Call) -> ExitCode {
    let target = call::target(args).map_err(Failure::Input);
    let outcome = target.and_then(|(endpoint, server_id)| {
        send(args, &ObtainCommand::new(&endpoint, &server_id), Failure::Call)
    });
    print::print(&outcome, args.connection.format).into()
}
