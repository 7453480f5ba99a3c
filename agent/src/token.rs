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
    print,
    secret_file::SecretFile,
    transport,
};

/// The place to which the token is written.
enum Destination {
    Stdout,
    File(SecretFile),
}

pub(crate) fn run(args: &Token) -> ExitCode {
    let exit = match log_in(args) {
        Ok((destination, issued)) => write(args, &destination, &issued),
        Err(failure) => print::print(&Err(failure), args.connection.format),
    };
    exit.into()
}

/// Logs in, unless it is already known that the token cannot be written.
fn log_in(args: &Token) -> Result<(Destination, IssuedToken), Failure> {
    let connection = &args.connection;
    let login = credential::load_user(&args.credentials, connection.allow_http)?;
    let settings = call::settings(connection)?;
    let client = transport::client(connection.transport, settings)?;
    let destination = destination(args)?;
    let result = client.send(&login, &Unauthenticated).map_err(Failure::Login);
    if let Some(skew) = client.clock_skew() {
        clock::warn(skew);
    }
    Ok((destination, result?))
}

fn destination(args: &Token) -> Result<Destination, String> {
    if !is_stdout(&args.out) {
        let file = SecretFile::find(&args.out).and_then(|file| file.check().map(|()| file));
        return file.map(Destination::File).map_err(|error| not_written(&args.out, &error));
    }
    match io::stdout().is_terminal() && !args.to_terminal {
        true => Err("standard output is a terminal, where the token could be read: give --out a \
                     file, or --to-terminal besides"
            .into()),
        false => Ok(Destination::Stdout),
    }
}

/// Writes the token, and then its expiry: to standard output, or to standard error if the token went to
/// standard output.
fn write(args: &Token, destination: &Destination, issued: &IssuedToken) -> Exit {
    let token = issued.token.reveal();
    match destination {
        Destination::Stdout => {
            let exit = Exit::Answer.if_written(writeln!(io::stdout(), "{token}"));
            if exit == Exit::Answer {
                // The token was written, so it does not matter if nobody reads this.
                let _ = writeln!(io::stderr(), "{}", expiry(args, issued));
            }
            exit
        }
        Destination::File(file) => match file.write(token) {
            Ok(()) => Exit::Answer.if_written(writeln!(io::stdout(), "{}", expiry(args, issued))),
            Err(error) => {
                let message = format!("logged in, but {}", not_written(&args.out, &error));
                // The exit status shows the failure even if nobody reads this.
                let _ = match args.connection.format {
                    Format::Text => writeln!(io::stderr(), "error: {message}"),
                    Format::Json => {
                        let json = serde_json::json!({
                            "answer": "error",
                            "kind": "output",
                            "message": message,
                        });
                        writeln!(io::stdout(), "{json}")
                    }
                };
                Exit::Unwritten
            }
        },
    }
}

fn not_written(path: &Path, error: &io::Error) -> String {
    format!("the token file {} cannot be written: {error}", path.display())
}

fn expiry(args: &Token, issued: &IssuedToken) -> String {
    let (expires_at, life) = (issued.expires_at, issued.lifetime().as_secs());
    match args.connection.format {
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
    }
}

/// Returns whether the path is `-`, or a link to standard output such as `/dev/stdout`.
fn is_stdout(path: &Path) -> bool {
    path == Path::new("-") || is_link_to_stdout(path).unwrap_or(false)
}

#[cfg(unix)]
fn is_link_to_stdout(path: &Path) -> io::Result<bool> {
    use std::{
        fs::{self, File},
        os::{fd::AsFd, unix::fs::MetadataExt},
    };
    let stdout = File::from(io::stdout().as_fd().try_clone_to_owned()?).metadata()?;
    let named = fs::metadata(path)?;
    // If standard output is a file, and the path is its name and not a link, the file is replaced.
    let is_link = !fs::symlink_metadata(path)?.is_file();
    Ok(is_link && (named.dev(), named.ino()) == (stdout.dev(), stdout.ino()))
}

#[cfg(not(unix))]
fn is_link_to_stdout(_: &Path) -> io::Result<bool> {
    Ok(false)
}
