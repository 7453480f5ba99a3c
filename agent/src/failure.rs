//! The reasons why a call has no answer.

use std::error::Error as StdError;

use huaweicloud_sms::{Answer, Error, Escaped, ResponseError, http::StatusCode};

use crate::{
    advice::advice,
    exit::Exit,
    journal,
    redactor::{self, WITHHELD},
    transport::TransportFailure,
};

/// The outcome of a call.
pub(crate) type Outcome = Result<Answer, Failure>;

/// The reason why a call has no answer.
pub(crate) enum Failure {
    /// The command line, a file or the environment is wrong.
    Input(String),
    /// The journal cannot be used now, because the disk is full, for example, or another agent has not ended yet.
    /// Or this machine lacks a thread or a file descriptor now.
    Resource(String),
    /// The call failed.
    Call(Error<TransportFailure>),
    /// The login failed.
    Login(Error<TransportFailure>),
    /// The report of a result failed.
    Report(Error<TransportFailure>),
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self::Input(message)
    }
}

impl From<journal::Error> for Failure {
    fn from(error: journal::Error) -> Self {
        match error {
            journal::Error::Input(message) => Self::Input(message),
            journal::Error::Temporary(message) => Self::Resource(message),
        }
    }
}

impl Failure {
    fn error(&self) -> Option<&Error<TransportFailure>> {
        match self {
            Self::Input(_) | Self::Resource(_) => None,
            Self::Call(error) | Self::Login(error) | Self::Report(error) => Some(error),
        }
    }

    /// Returns the response that is not an answer. Its texts may contain secrets and must not be shown.
    pub(crate) fn unredacted_response(&self) -> Option<&ResponseError> {
        self.error()?.response()
    }

    /// Returns the response that is not an answer, with texts that may be shown.
    pub(crate) fn response(&self) -> Option<ResponseError> {
        let error = self.error()?.response()?;
        let texts = match error {
            ResponseError::Api(error) => [error.code(), error.message(), error.request_id()],
            // A successful response to a login may contain a new token, which the redactor does not know.
            ResponseError::Status(page) if self.is_login() && !is_failure(page.status()) => {
                [None, None, page.request_id()]
            }
            ResponseError::Status(page) => [None, Some(page.excerpt()), page.request_id()],
            _ => [None, None, error.request_id()],
        };
        let texts: Vec<_> = texts.into_iter().flatten().collect();
        let shown = redactor::withhold(&texts);
        // Only texts of the list are shown, because secrets were withheld from these.
        let find = |text: &str| texts.iter().position(|known| *known == text);
        Some(error.clone().map_texts(|text| match find(text) {
            Some(at) => shown[at].clone(),
            None => WITHHELD.into(),
        }))
    }

    pub(crate) fn is_login(&self) -> bool {
        matches!(self, Self::Login(_))
    }

    /// Returns the failure of the transport, if it failed.
    pub(crate) fn transport(&self) -> Option<&TransportFailure> {
        match self.error()? {
            Error::Transport(failure) => Some(failure),
            _ => None,
        }
    }

    /// Returns the kind of the request that failed, if it is not the call.
    pub(crate) fn during(&self) -> Option<&'static str> {
        match self {
            Self::Login(_) => Some("login"),
            Self::Report(_) => Some("report"),
            Self::Input(_) | Self::Resource(_) | Self::Call(_) => None,
        }
    }

    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Input(_) => Exit::Input,
            Self::Resource(_) => Exit::Resource,
            Self::Call(error) | Self::Login(error) | Self::Report(error) => match error {
                Error::Response(ResponseError::Api(_)) => Exit::Api,
                Error::Response(_) => Exit::Protocol,
                _ => Exit::Transport,
            },
        }
    }

    pub(crate) fn kind(&self) -> &'static str {
        match self.exit() {
            Exit::Input => "input",
            Exit::Resource => "resource",
            Exit::Api => "api",
            Exit::Protocol => "protocol",
            _ => "transport",
        }
    }

    /// Returns the reason within the kind of failure, such as `dns` or `throttled`.
    pub(crate) fn reason(&self) -> Option<&'static str> {
        Some(match self.error()? {
            Error::Transport(failure) => failure.error.kind().as_str(),
            Error::Response(ResponseError::Api(error)) => error.kind().as_str(),
            Error::Response(ResponseError::Status(error)) if error.status().is_redirection() => {
                "redirect"
            }
            Error::Response(ResponseError::Status(_)) => "unexpected_status",
            _ => "unreadable_body",
        })
    }

    /// Returns whether both are the same for an operator. Their messages and request ids may differ.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }

    fn identity(&self) -> impl PartialEq {
        let details = match self.error() {
            Some(Error::Transport(error)) => error.to_string(),
            Some(Error::Response(ResponseError::Api(error))) => format!("{:?}", error.code()),
            Some(Error::Response(ResponseError::Body(error))) => error.problem().to_string(),
            _ => String::new(),
        };
        let status = self.error().and_then(Error::status);
        (self.exit(), self.during(), status, details)
    }

    /// Returns the error message, escaped.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::Input(message) | Self::Resource(message) => redactor::shown(message),
            Self::Call(error) => self.error_message(error),
            Self::Login(error) => format!("login: {}", self.error_message(error)),
            Self::Report(error) => format!("report: {}", self.error_message(error)),
        }
    }

    fn error_message(&self, error: &Error<TransportFailure>) -> String {
        match self.response() {
            // The `Display` of a response error escapes its texts.
            Some(response) => response.to_string(),
            None => redactor::shown(&error.to_string()),
        }
    }

    /// Returns advice to the operator, in one line.
    pub(crate) fn advice(&self) -> Option<String> {
        Some(match (self, self.error()?) {
            (Self::Login(_), Error::Response(ResponseError::Api(error)))
                if error.kind().is_unauthorized() =>
            {
                "check the account's name, the IAM user's name and the password; a HUAWEI ID can't \
                 log in here, nor a user with login protection (MFA) or without programmatic access"
                    .into()
            }
            (_, Error::Response(ResponseError::Api(error))) => error.kind().advice().into(),
            (_, Error::Transport(failure)) => advice(&failure.error, self.is_login()),
            _ => "something between here and the service answered in its place (a proxy, a login \
                  page, a load balancer): check the endpoint and the proxy"
                .into(),
        })
    }

    /// Returns the messages of the HTTP client, from the outermost error to its root. Each client has its
    /// own.
    pub(crate) fn causes(&self) -> Vec<String> {
        self.transport().map(|failure| causes(&failure.error)).unwrap_or_default()
    }
}

/// Returns whether a status says that a request failed.
fn is_failure(status: StatusCode) -> bool {
    status.is_client_error() || status.is_server_error()
}

fn causes(error: &dyn StdError) -> Vec<String> {
    let mut causes: Vec<String> = Vec::new();
    let mut source = error.source();
    while let Some(error) = source {
        let cause = error.to_string();
        // Some errors repeat their source.
        if causes.last().is_none_or(|last| !last.contains(&cause)) {
            causes.push(cause);
        }
        source = error.source();
    }
    let causes: Vec<_> = causes.iter().map(String::as_str).collect();
    let shown = redactor::withhold(&causes).into_iter();
    shown.map(|cause| Escaped(&cause).to_string()).collect()
}

#[cfg(test)]
mod tests {
    use std::{fmt, io};

    use super::*;

    /// An error like those that rustls makes of a certificate's names.
    #[derive(Debug)]
    struct Outer(io::Error);

    impl fmt::Display for Outer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "outer: {}", self.0)
        }
    }

    impl StdError for Outer {
        fn source(&self) -> Option<&(dyn StdError + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn causes_are_cut_and_escaped() {
        let name = format!("for x\u{1b}]0;owned\u{7}\n[INFO  forged] {}", "A".repeat(3000));
        let error = Outer(io::Error::other(Outer(io::Error::other(name))));
        let causes = causes(&error);
        assert_eq!(causes.len(), 1, "{causes:?}");
        assert!(causes[0].starts_with("outer: for x\\u{1b}]0;owned\\u{7}\\n[INFO  forged] AAA"));
        assert!(causes[0].ends_with(" characters]") && causes[0].len() < 1200, "{causes:?}");
    }
}
