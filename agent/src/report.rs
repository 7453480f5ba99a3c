//! How an outcome is printed: for people, or as one JSON object on one line.

use std::{
    error::Error as _,
    fmt::Write as _,
    io::{self, Write},
};

use huaweicloud_sms::{Answer, CommandParam, Error, ResponseError};
use huaweicloud_sms_transport::Error as TransportError;
use serde::Serialize;

use crate::{args::Format, exit::Exit, redactor::Redactor};

/// What came of asking.
pub(crate) type Outcome = Result<Answer, Failure>;

/// Why there is no answer.
pub(crate) enum Failure {
    /// Something given on the command line, in a file or in the environment is wrong.
    Input(String),
    /// The call failed.
    Call(Error<TransportError>),
    /// The login failed.
    Login(Error<TransportError>),
}

/// The JSON form. Fields that do not apply are left out.
#[derive(Default, Serialize)]
struct Line<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<&'a str>,
    answer: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    command_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    command_param: Option<Param>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    /// Which call failed, if it is another than that for the command.
    #[serde(skip_serializing_if = "Option::is_none")]
    during: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_msg: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

/// The parameters of a command, as they are printed.
#[derive(Serialize)]
struct Param {
    #[serde(skip_serializing_if = "Option::is_none")]
    task_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bucket: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<String>,
}

impl Param {
    /// `None` if no parameter came.
    fn new(param: &CommandParam, redactor: &Redactor) -> Option<Self> {
        let redact = |text: &Option<String>| text.as_deref().map(|text| redactor.redact(text));
        (!param.is_empty()).then(|| Self {
            task_id: redact(&param.task_id),
            bucket: redact(&param.bucket),
            object: redact(&param.object),
        })
    }
}

/// Prints an outcome, answers to standard output and, in text, errors to standard error.
pub(crate) fn print(outcome: &Outcome, format: Format, redactor: &Redactor) -> Exit {
    // Who does not read the answer (a closed pipe) still gets the exit status.
    if let Err(error) = print_at(None, outcome, format, redactor) {
        log::warn!("the answer could not be printed: {error}");
    }
    exit(outcome)
}

/// As [`print()`], with the time in front.
pub(crate) fn print_at(
    time: Option<&str>,
    outcome: &Outcome,
    format: Format,
    redactor: &Redactor,
) -> io::Result<()> {
    log_sources(outcome, redactor);
    match format {
        Format::Json => writeln!(io::stdout(), "{}", json(time, outcome, redactor)),
        Format::Text => {
            let time = time.map(|time| format!("{time} ")).unwrap_or_default();
            let text = text(outcome, redactor);
            match outcome {
                Ok(_) => writeln!(io::stdout(), "{time}{text}"),
                Err(_) => writeln!(io::stderr(), "{time}{text}"),
            }
        }
    }
}

/// Prints how often the last outcome came again, to where that one went.
pub(crate) fn print_repeated(
    time: &str,
    count: u64,
    last: &Outcome,
    format: Format,
) -> io::Result<()> {
    match format {
        Format::Json => {
            let line = Line {
                time: Some(time),
                answer: "repeated",
                count: Some(count),
                ..Line::default()
            };
            writeln!(io::stdout(), "{}", line.to_json())
        }
        Format::Text if last.is_err() => {
            writeln!(io::stderr(), "{time} the same again ({count} x)")
        }
        Format::Text => writeln!(io::stdout(), "{time} the same again ({count} x)"),
    }
}

fn exit(outcome: &Outcome) -> Exit {
    match outcome {
        Ok(Answer::Command(_) | Answer::Task(_)) => Exit::Answer,
        Ok(Answer::Nothing(_)) => Exit::Nothing,
        Err(Failure::Input(_)) => Exit::Input,
        Err(Failure::Call(error) | Failure::Login(error)) => match error {
            Error::Transport(_) => Exit::Transport,
            Error::Response(ResponseError::Api(_)) => Exit::Api,
            Error::Response(_) => Exit::Protocol,
        },
    }
}

/// The HTTP client's own words, which differ from one to the other, for who wants to know more.
fn log_sources(outcome: &Outcome, redactor: &Redactor) {
    match outcome {
        Ok(Answer::Command(command)) if command.lacks_task_id() => {
            log::warn!("{} came without a task_id", command.name);
        }
        Err(Failure::Call(Error::Transport(error)) | Failure::Login(Error::Transport(error))) => {
            let mut source = error.source();
            while let Some(error) = source {
                log::info!("cause: {}", redactor.redact(&error.to_string()));
                source = error.source();
            }
        }
        _ => {}
    }
}

fn json(time: Option<&str>, outcome: &Outcome, redactor: &Redactor) -> String {
    let redact = |text: &str| redactor.redact(text);
    let line = match outcome {
        Ok(Answer::Command(command)) => Line {
            answer: "command",
            command_name: Some(redact(command.name.as_str())),
            command_param: Param::new(&command.param, redactor),
            ..Line::default()
        },
        Ok(Answer::Task(task)) => Line {
            answer: "task",
            command_name: Some(redact(task.state.as_str())),
            command_param: Param::new(&task.param, redactor),
            ..Line::default()
        },
        Ok(Answer::Nothing(why)) => {
            Line { answer: "nothing", reason: Some(why.as_str()), ..Line::default() }
        }
        Err(failure) => {
            let response = failure.response();
            let api = match response {
                Some(ResponseError::Api(error)) => Some(error),
                _ => None,
            };
            Line {
                answer: "error",
                kind: Some(failure.kind()),
                during: matches!(failure, Failure::Login(_)).then_some("login"),
                status: response.map(|error| error.status().as_u16()),
                error_code: api.and_then(|error| error.code()).map(redact),
                error_msg: api.and_then(|error| error.message()).map(redact),
                request_id: response.and_then(|error| error.request_id()).map(redact),
                message: Some(redactor.redact(&failure.message())),
                ..Line::default()
            }
        }
    };
    Line { time, ..line }.to_json()
}

impl Line<'_> {
    fn to_json(&self) -> String {
        match serde_json::to_string(self) {
            Ok(json) => only_visible(&json),
            Err(error) => unreachable!("strings and numbers serialise: {error}"),
        }
    }
}

/// Escapes what JSON allows in a string and a terminal would obey or hide: the control characters
/// that `serde_json` leaves (U+007F to U+009F), direction marks and the like.
fn only_visible(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for character in json.chars() {
        let is_hidden = !character.is_ascii() && character.escape_debug().len() > 1;
        if is_hidden || character.is_control() {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a `String` can't fail.
                let _ = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(character);
        }
    }
    shown
}

/// The form for people.
pub(crate) fn text(outcome: &Outcome, redactor: &Redactor) -> String {
    match outcome {
        Ok(Answer::Command(command)) => {
            let name = redactor.redact(&command.name.to_string());
            format!("command {name}{}", param(&command.param, redactor))
        }
        Ok(Answer::Task(task)) => format!("task {}{}", task.state, param(&task.param, redactor)),
        Ok(Answer::Nothing(why)) => format!("nothing to do: {why}"),
        Err(failure) => {
            let mut text = format!("error: {}", redactor.redact(&failure.message()));
            if let Some(advice) = failure.advice() {
                // Writing to a `String` can't fail.
                let _ = write!(text, "\n  {advice}");
            }
            text
        }
    }
}

fn param(param: &CommandParam, redactor: &Redactor) -> String {
    let Some(Param { task_id, bucket, object }) = Param::new(param, redactor) else {
        return String::new();
    };
    let mut text = String::new();
    for (name, value) in [("task_id", task_id), ("bucket", bucket), ("object", object)] {
        if let Some(value) = value {
            // Quoted and escaped as JSON is: a value may be empty or hold anything.
            let value = only_visible(&serde_json::Value::from(value).to_string());
            let _ = write!(text, "\n  {name:<8} {value}");
        }
    }
    text
}

impl Failure {
    /// Whether another failure is the same to an operator: its request id and its message may be
    /// other ones.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        use ResponseError::{Api, Body, Status};
        let (one, other) = match (self, other) {
            (Self::Call(one), Self::Call(other)) | (Self::Login(one), Self::Login(other)) => {
                (one, other)
            }
            _ => return false,
        };
        match (one, other) {
            (Error::Transport(one), Error::Transport(other)) => {
                one.to_string() == other.to_string()
            }
            (Error::Response(one), Error::Response(other)) => {
                let is_same = match (one, other) {
                    (Api(one), Api(other)) => one.code() == other.code(),
                    (Status(_), Status(_)) => true,
                    (Body(one), Body(other)) => one.problem == other.problem,
                    _ => false,
                };
                is_same && one.status() == other.status()
            }
            _ => false,
        }
    }

    /// The response that is no answer, if there was one.
    pub(crate) fn response(&self) -> Option<&ResponseError> {
        match self {
            Self::Call(Error::Response(error)) | Self::Login(Error::Response(error)) => Some(error),
            _ => None,
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Input(_) => "input",
            Self::Call(error) | Self::Login(error) => match error {
                Error::Transport(_) => "transport",
                Error::Response(ResponseError::Api(_)) => "api",
                Error::Response(_) => "protocol",
            },
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Input(message) => message.clone(),
            Self::Call(error) => error.to_string(),
            Self::Login(error) => format!("login: {error}"),
        }
    }

    /// What the operator can do, in a line.
    fn advice(&self) -> Option<&'static str> {
        match self {
            Self::Input(_) => None,
            Self::Login(Error::Response(ResponseError::Api(error)))
                if error.kind().is_unauthorized() =>
            {
                Some(
                    "check the account's name, the IAM user's name and the password; a HUAWEI ID \
                     can't log in here, nor a user with login protection (MFA) or without \
                     programmatic access",
                )
            }
            Self::Call(error) | Self::Login(error) => Some(match error {
                Error::Response(ResponseError::Api(error)) => error.kind().advice(),
                Error::Response(_) => {
                    "something between here and the service answered in its place (a proxy, a login \
                     page, a load balancer): check the endpoint and the proxy"
                }
                Error::Transport(error) => error.advice(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_shows_every_character_that_a_terminal_would_obey() {
        let json = only_visible("\"a\u{7f}\u{9b}\u{202e}é服\u{e0001}\"");
        assert_eq!(json, "\"a\\u007f\\u009b\\u202eé服\\udb40\\udc01\"");
        assert_eq!(
            serde_json::from_str::<String>(&json).expect("still JSON"),
            "a\u{7f}\u{9b}\u{202e}é服\u{e0001}"
        );
    }
}
