//! Why there is no answer.

use std::error::Error as _;

use huaweicloud_sms::{Answer, Error, ResponseError, TransportError};

use crate::{advice::advice, exit::Exit, redactor::Redactor};

/// The outcome of a call.
pub(crate) type Outcome = Result<Answer, Failure>;

/// Why there is no answer.
pub(crate) enum Failure {
    /// The command line, a file or the environment is wrong.
    Input(String),
    /// The call failed.
    Call(Error<TransportError>),
    /// The login failed.
    Login(Error<TransportError>),
}

impl Failure {
    fn error(&self) -> Option<&Error<TransportError>> {
        match self {
            Self::Input(_) => None,
            Self::Call(error) | Self::Login(error) => Some(error),
        }
    }

    /// The response that is not an answer, if there was one.
    pub(crate) fn response(&self) -> Option<&ResponseError> {
        self.error()?.response()
    }

    /// The request that failed, if it is another than the call.
    pub(crate) fn during(&self) -> Option<&'static str> {
        matches!(self, Self::Login(_)).then_some("login")
    }

    pub(crate) fn exit(&self) -> Exit {
        match self.error() {
            None => Exit::Input,
            Some(Error::Response(ResponseError::Api(_))) => Exit::Api,
            Some(Error::Response(_)) => Exit::Protocol,
            Some(_) => Exit::Transport,
        }
    }

    pub(crate) fn kind(&self) -> &'static str {
        match self.exit() {
            Exit::Input => "input",
            Exit::Api => "api",
            Exit::Protocol => "protocol",
            _ => "transport",
        }
    }

    /// Whether an operator would take both for the same. Their messages and request ids may differ.
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
        let status = self.response().map(ResponseError::status);
        (self.exit(), self.during(), status, details)
    }

    pub(crate) fn message(&self) -> String {
        match self {
            Self::Input(message) => message.clone(),
            Self::Call(error) => error.to_string(),
            Self::Login(error) => format!("login: {error}"),
        }
    }

    /// What the operator can do, in one line.
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
            (_, Error::Transport(error)) => advice(error),
            _ => "something between here and the service answered in its place (a proxy, a login \
                  page, a load balancer): check the endpoint and the proxy"
                .into(),
        })
    }

    /// Logs the HTTP client's own words, which differ from one client to the other.
    pub(crate) fn log_causes(&self, redactor: &Redactor) {
        let Some(Error::Transport(error)) = self.error() else { return };
        let mut source = error.source();
        while let Some(error) = source {
            log::info!("cause: {}", redactor.redact(&error.to_string()));
            source = error.source();
        }
    }
}
