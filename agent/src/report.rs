//! `sms-agent report`: reports the result of a command by hand.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use huaweicloud_sms::{Command, CommandParam, ReportResult};
use serde_json::{Map, Value, json};

use crate::{
    args::{Format, Report},
    call,
    exit::Exit,
    failure::Failure,
    file, print,
    send::send,
};

pub(crate) fn run(args: &Report) -> ExitCode {
    let format = args.call.connection.format;
    match report(args) {
        Ok(()) => Exit::Answer.if_written(print_accepted(args)).into(),
        Err(failure) => print::print(&Err(failure), format).into(),
    }
}

fn report(args: &Report) -> Result<(), Failure> {
    let call = prepare(args)?;
    send(&args.call, &call, Failure::Report)
}

/// Checks the input before anything is sent.
fn prepare(args: &Report) -> Result<ReportResult, String> {
    let (endpoint, server_id) = call::target(&args.call)?;
    let is_stdin = |path: &Option<PathBuf>| path.as_deref() == Some(Path::new("-"));
    if is_stdin(&args.detail) && is_stdin(&args.call.token_file) {
        return Err(
            "standard input can't be both the token and the detail: give one as a file".into()
        );
    }
    let command = Command::new(&*args.command_name, CommandParam::default());
    let detail = args.detail.as_deref().map_or(Ok(Map::new()), read_detail)?;
    ReportResult::new(&endpoint, &server_id, command, args.result, &detail)
        .map_err(|error| error.to_string())
}

fn read_detail(path: &Path) -> Result<Map<String, Value>, String> {
    let what = "the result's detail";
    // The JSON of the file may be indented, and so longer than the limit of the report.
    let json = file::read_text(what, path, 4 * ReportResult::MAX_DETAIL as u64)?;
    match serde_json::from_str(&json) {
        Ok(Value::Object(detail)) => Ok(detail),
        Ok(_) => Err(format!("{what} is JSON, but not an object")),
        Err(error) => Err(format!("{what} is not JSON: {error}")),
    }
}

fn print_accepted(args: &Report) -> io::Result<()> {
    let (name, result) = (&args.command_name, args.result);
    match args.call.connection.format {
        Format::Text => {
            writeln!(io::stdout(), "reported {}: {result}", huaweicloud_sms::Escaped(name))
        }
        Format::Json => {
            let json = json!({"answer": "reported", "command_name": name, "result": result});
            writeln!(io::stdout(), "{json}")
        }
    }
}
