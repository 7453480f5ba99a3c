use std::{borrow::Cow, fmt};

use huaweicloud_sms_transport::{Phase, TransportError, TransportErrorKind as Kind};

/// The outcome of the call of a scenario.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// A response with a command of this name.
    Command(Cow<'static, str>),
    /// A response without a command.
    NoCommand,
    /// A response that accepts a report.
    Reported,
    /// A response with this status, which the core rejects.
    Status(u16),
    /// A successful response whose body the core rejects.
    Unreadable,
    /// An error of the transport, in the words of [`kind`], or `error`.
    Error(Cow<'static, str>),
}

/// The command that most scenarios serve.
pub(crate) const START: Outcome = Outcome::Command(Cow::Borrowed("START"));

pub(crate) fn error(kind: &'static str) -> Outcome {
    Outcome::Error(kind.into())
}

impl Outcome {
    pub(crate) fn is_error(&self, kind: &str) -> bool {
        matches!(self, Self::Error(error) if error.starts_with(kind))
    }

    /// Returns whether it is `wanted`, or the same with less detail. For example, `timeout` is enough for
    /// `timeout head`, and `error` for any error.
    pub(crate) fn is_vaguely(&self, wanted: &Self) -> bool {
        match (self, wanted) {
            (Self::Error(error), Self::Error(wanted)) => {
                let rest = wanted.strip_prefix(&**error);
                error == "error"
                    || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', ':']))
            }
            _ => self == wanted,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command(name) => write!(f, "command {name}"),
            Self::NoCommand => f.write_str("no command"),
            Self::Reported => f.write_str("reported"),
            Self::Status(status) => write!(f, "status {status}"),
            Self::Unreadable => f.write_str("unreadable body"),
            Self::Error(kind) => f.write_str(kind),
        }
    }
}

/// Returns the kind of a [`TransportError`], in the words of the table.
///
/// For another error type, write a function that returns the same words as far as it can:
///
/// * `timeout`, optionally with `connect`, `head` or `body`
/// * `too large` with `head` or `body`
/// * `proxy`, optionally with its status
/// * `tls`, `dns`, `connect`, `closed`, `protocol`
/// * `error` for any other error
#[must_use]
pub fn kind(error: &TransportError) -> String {
    let phase = match error.phase() {
        Some(Phase::Connect) => " connect",
        Some(Phase::Head) => " head",
        Some(Phase::Body) => " body",
        _ => "",
    };
    match error.kind() {
        Kind::Timeout => format!("timeout{phase}"),
        Kind::TooLarge => format!("too large{phase}"),
        Kind::Tls => {
            let words = error.to_string();
            let words = words.trim_start_matches("TLS failed: ");
            format!("tls: {}", words.trim_start_matches("the certificate is not trusted: "))
        }
        Kind::Proxy => match error.proxy_status() {
            Some(status) => format!("proxy {}", status.as_u16()),
            None => "proxy".into(),
        },
        Kind::Other => format!("other: {error:?}"),
        kind => kind.as_str().into(),
    }
}
