//! What the examples share. The examples are the programs beside this folder; see `README.md` there.

pub mod environment;

use std::{error::Error, fmt, iter::successors};

use huaweicloud_sms_core::{Answer, Event};

/// Any error. If `main` returns it, the error is printed with its causes and the exit status is 1.
pub struct Failure(Box<dyn Error>);

impl<E: Into<Box<dyn Error>>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

// The standard library prints the error of `main` with `Debug`.
impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&with_causes(&*self.0))
    }
}

/// The error and its causes, as one line.
#[must_use]
pub fn with_causes(error: &dyn Error) -> String {
    let causes = successors(Some(error), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Describes an event in one line.
///
/// # Errors
/// The credential was rejected. The environment of a process does not change, so there is no new one.
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
