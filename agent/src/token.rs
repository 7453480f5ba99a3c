//! `sms-agent token`: logs in and writes the token to a file.

use std::{
    io::{self, IsTerminal, Write},
    path::Path,
    process::ExitCode,
    time::Duration,
};

use huaweicloud_sms::{IssuedToken, Unauthenticated};

use crate::{
    args::{Format, Token},
    call, clock, credential,
    exit::Exit,
    failure::Failure,
    redactor::Redactor,
    report,
    secret_file::SecretFile,
    transport,
};

pub(crate) fn run(args: &Token) -> ExitCode {
    let mut redactor = Redactor::default();
    match token(args, &mut redactor) {
        Ok(issued) => {
            // The token was written, whether or not anybody reads this line.
            if let Err(error) = print(args, &issued) {
                log::warn!("the expiry could not be printed: {error}");
            }
            Exit::Answer.into()
        }
        Err(failure) => report::print(&Err(failure), args.connection.format, &redactor).into(),
    }
}

fn token(args: &Token, redactor: &mut Redactor) -> Result<IssuedToken, Failure> {
    let connection = &args.connection;
    if is_stdout(&args.out) && io::stdout().is_terminal() && !args.to_terminal {
        let message = "standard output is a terminal, where the token could be read: give --out a \
                       file, or --to-terminal besides";
        return Err(Failure::Input(message.into()));
    }
    let (login, secrets) =
        credential::load_user(&args.credentials, connection.allow_http).map_err(Failure::Input)?;
    *redactor = secrets;
    let settings = call::settings(connection).map_err(Failure::Input)?;
    let client = transport::client(connection.transport, settings).map_err(Failure::Input)?;
    let create = || SecretFile::create("the token file", &args.out).map_err(Failure::Input);
    if !is_stdout(&args.out) {
        // Finds out before the login whether the file can be written. It is removed at once, so that
        // an interrupted login leaves nothing behind.
        drop(create()?);
    }
    let result = client.send(&login, &Unauthenticated).map_err(Failure::Login);
    if let Some(skew) = client.clock_skew() {
        clock::warn(skew);
    }
    let issued = result?;
    let text = issued.token.reveal();
    let written = match is_stdout(&args.out) {
        false => create()?.write(text),
        true => writeln!(io::stdout(), "{text}")
            .map_err(|error| format!("the token cannot be written: {error}")),
    };
    written.map_err(Failure::Input)?;
    Ok(issued)
}

/// Prints the expiry: to standard output, or to standard error if the token went to standard output.
fn print(args: &Token, issued: &IssuedToken) -> io::Result<()> {
    let (expires_at, life) = (issued.expires_at, issued.lifetime().as_secs());
    let line = match args.connection.format {
        Format::Json => serde_json::json!({
            "answer": "token",
            "expires_at": expires_at.to_string(),
            "lifetime_s": life,
        })
        .to_string(),
        Format::Text => {
            let life = humantime::format_duration(Duration::from_secs(life));
            format!("a token until {expires_at}, for {life}")
        }
    };
    match is_stdout(&args.out) {
        true => writeln!(io::stderr(), "{line}"),
        false => writeln!(io::stdout(), "{line}"),
    }
}

fn is_stdout(path: &Path) -> bool {
    path == Path::new("-")
}
