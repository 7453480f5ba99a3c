//! `sms-agent simulate`: runs the simulated service.

use std::{
    fmt::Write as _,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    process::{self, ExitCode},
    sync::{Mutex, PoisonError, mpsc},
    thread,
};

use huaweicloud_sms_simulator::{Error, HeldCommand, Report, Request, Script, Simulator};
use serde_json::json;

use crate::{args::Simulate, credential, exit::Exit, file, redactor};

pub(crate) fn run(args: &Simulate) -> ExitCode {
    match simulate(args) {
        Ok(exit) => exit.into(),
        Err(message) => {
            // Standard error is the last output, so an error of it is ignored.
            let _ = writeln!(io::stderr(), "error: {}", redactor::shown(&message));
            Exit::Input.into()
        }
    }
}

/// Serves until the process is ended, or its address cannot be printed.
fn simulate(args: &Simulate) -> Result<Exit, String> {
    let script = match &args.script {
        None => Script::example(),
        Some(path) => {
            let json = file::read_text("the script", path, 16 * 1024 * 1024)?;
            Script::from_json(&json)
                .map_err(|error| format!("the script {}: {error}", path.display()))?
        }
    };
    // This thread prints the lines, so that a stalled reader does not delay the service.
    let (lines, to_print) = mpsc::sync_channel(1024);
    let record = args.record.as_deref().map(Record::open).transpose()?;
    let mut builder = Simulator::builder().listen(args.listen).script(script);
    builder = builder.on_request(move |request| {
        if let (Some(record), Some(report)) = (&record, &request.report) {
            record.append(report, request.status);
        }
        // If the channel is full, the line is lost.
        let _ = lines.try_send(line(request));
    });
    if args.tls {
        builder = builder.tls();
    }
    if let Some(path) = &args.token_file {
        builder = builder.token(credential::token_text(path)?);
    }
    let simulator = builder.start().map_err(|error| match error {
        Error::Start(cause) => format!("the simulator cannot listen on {}: {cause}", args.listen),
        other => other.to_string(),
    })?;
    if let (Some(path), Some(pem)) = (&args.ca_out, simulator.ca_pem()) {
        fs::write(path, pem)
            .map_err(|error| format!("the CA cannot be written to {}: {error}", path.display()))?;
    }
    let exit = Exit::Answer.if_written(writeln!(io::stdout(), "{}", simulator.url()));
    if exit == Exit::Unwritten {
        // Without the address, nobody can use the service.
        return Ok(exit);
    }
    for line in to_print {
        // The service goes on if nobody reads the lines any more.
        if writeln!(io::stdout(), "{}", redactor::shown(&line)).is_err() {
            break;
        }
    }
    loop {
        thread::park();
    }
}

/// Describes a request in one line: the request, its status, and the delivered command or the reported
/// result.
fn line(request: &Request) -> String {
    let mut line = format!("{} {} -> {}", request.method, request.target, request.status);
    if let Some(held) = &request.delivered {
        let HeldCommand { index, deliveries, .. } = held;
        // People count from 1.
        let number = index + 1;
        let _ = write!(line, ": command {number}, {}, delivery {deliveries}", held.name());
    }
    if let Some(report) = &request.report {
        let part = |text: &Option<String>| -> String {
            text.as_deref().unwrap_or("?").chars().take(255).collect()
        };
        let _ = write!(line, ": {} {}", part(&report.name), part(&report.result));
        let outcome =
            report.error_code.map_or("accepted".into(), |code| format!("rejected, {code}"));
        let _ = match &report.held {
            Some(held) => {
                write!(line, " {outcome}; held: command {}, {}", held.index + 1, held.name())
            }
            None => write!(line, " {outcome}; held: nothing"),
        };
    }
    line
}

/// The file of `--record`.
struct Record {
    path: PathBuf,
    file: Mutex<File>,
}

impl Record {
    fn open(path: &Path) -> Result<Self, String> {
        let file = File::options().append(true).create(true).open(path);
        let failed = |error| format!("the record {} cannot be opened: {error}", path.display());
        Ok(Self { path: path.into(), file: file.map_err(failed)?.into() })
    }

    /// Appends a line. A record with a gap would be wrong, so a failure ends the process.
    fn append(&self, report: &Report, status: u16) {
        let line = json!({
            "number": report.number,
            "server_id": report.server_id,
            "held": report.held.as_ref().map(|held| json!({
                "index": held.index,
                "deliveries": held.deliveries,
                "json": *held.body,
            })),
            "command_name": report.name,
            "result": report.result,
            "result_detail": report.detail,
            "accepted": report.is_accepted(),
            "error_code": report.error_code,
            "status": status,
        });
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = file.write_all(format!("{line}\n").as_bytes()) {
            let path = self.path.display();
            let message = format!("the record {path} cannot be written: {error}");
            // Standard error is the last output, so an error of it is ignored.
            let _ = writeln!(io::stderr(), "error: {}", redactor::shown(&message));
            process::exit(Exit::Unwritten as i32);
        }
    }
}
