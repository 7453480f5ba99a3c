//! `sms-agent simulate`: runs the simulated service.

use std::{
    fs,
    io::{self, Write},
    process::ExitCode,
    sync::mpsc,
    thread,
};

use huaweicloud_sms_simulator::{Error, Script, Simulator};

use crate::{args::Simulate, credential, exit::Exit, file, redactor};

pub(crate) fn run(args: &Simulate) -> ExitCode {
    match simulate(args) {
        Ok(exit) => exit.into(),
        Err(message) => {
            // There is no other place to report it.
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
    let mut builder = Simulator::builder().listen(args.listen).script(script);
    builder = builder.on_request(move |request| {
        let line = format!("{} {} -> {}", request.method, request.target, request.status);
        // If the channel is full, the line is lost.
        let _ = lines.try_send(line);
    });
    if args.tls {
        builder = builder.tls();
    }
    if let Some(path) = &args.token_file {
        builder = builder.token(credential::token_text(path)?);
    }
    let simulator = builder.start().map_err(|error| match error {
        Error::Start(cause) => format!("it cannot listen on {}: {cause}", args.listen),
        other => other.to_string(),
    })?;
    if let (Some(path), Some(pem)) = (&args.ca_out, simulator.ca_pem()) {
        fs::write(path, pem)
            .map_err(|error| format!("the CA cannot be written to {}: {error}", path.display()))?;
    }
    let exit = Exit::Answer.if_written(writeln!(io::stdout(), "{}", simulator.url()));
    if exit == Exit::Unwritten {
        // Its address is lost.
        return Ok(exit);
    }
    for line in to_print {
        // Clients may still send requests when nobody reads the lines any more.
        if writeln!(io::stdout(), "{}", redactor::shown(&line)).is_err() {
            break;
        }
    }
    loop {
        thread::park();
    }
}
