//! Functions that the examples share. The examples are the programs in the parent folder.

pub mod environment;

use std::{error::Error, iter::successors, process::ExitCode};

use huaweicloud_sms_core::{Answer, Event};

/// Any error.
pub type Failure = Box<dyn Error>;

/// Prints the error of a program with `Display`. If `main` returned the error, the standard library would
/// print it with `Debug`, which is not for people.
#[expect(clippy::print_stderr, reason = "it is there to print")]
pub fn exit(result: Result<(), Failure>) -> ExitCode {
    let Err(error) = result else { return ExitCode::SUCCESS };
    eprintln!("error: {}", with_causes(&*error));
    ExitCode::FAILURE
}

/// Formats an error and its causes in one line.
#[must_use]
pub fn with_causes(error: &dyn Error) -> String {
    let causes = successors(Some(error), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Describes an event in one line.
///
/// # Errors
/// The credential was rejected. An example cannot get a new one.
pub fn describe<E: Error>(event: Event<Answer, E>) -> Result<String, Failure> {
    Ok(match event {
        Event::Answer(Answer::Command(command)) => format!("command {}", command.name),
        Event::Answer(answer) => format!("{answer:?}"),
        Event::LoggedIn(token) => format!("logged in until {}", token.expires_at),
        Event::Error(error) | Event::LoginError(error) => format!("error: {}", with_causes(&error)),
        Event::CredentialRejected(error) => return Err(error.into()),
        event => format!("{event:?}"),
    })
}
