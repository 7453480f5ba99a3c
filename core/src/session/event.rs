use serde::Serialize;

use crate::{error::ResponseError, token::IssuedToken};

/// The meaning of a response; see [`Session::on_response`](crate::Session::on_response). `A` is the
/// operation's output.
///
/// It serializes as an object, if `A` does. The member `event` is `answer`, `error`, `logged_in`,
/// `login_error`, `credential_rejected`, `reported`, `report_error` or `report_rejected`. The members of
/// the content follow, without a token.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event<A, E = ResponseError> {
    /// The call returned an answer. The same command may come again until its result is reported.
    ///
    /// If the answer is another command than that of the pending report, the session has dropped the
    /// report ([`Session::pending_report`](crate::Session::pending_report) is `None`). The service accepted
    /// it before, or the other command has replaced the reported one.
    Answer(A),
    /// The call failed. The session will repeat it.
    Error(E),
    /// A login succeeded. The session sends this token from now on, unless you have replaced the user
    /// by another credential meanwhile.
    LoggedIn(IssuedToken),
    /// A login failed. The session will repeat it, and uses the old token until it expires.
    LoginError(E),
    /// The service rejected the token or key, or IAM rejected the password. Renew it with
    /// [`Session::renew`](crate::Session::renew). Otherwise the session pauses for 5 minutes, longer after
    /// each further rejection in a row, and then tries the old credential again.
    CredentialRejected(ResponseError),
    /// The service accepted the report.
    Reported,
    /// The report failed. The session will send it again. Before that, it polls to see whether the service
    /// still holds the command, unless the credential was the reason.
    ReportError(E),
    /// The service will never accept the report, and the session has dropped it. The service has no task,
    /// rejects the request as invalid, or does not hold this command
    /// ([`ApiErrorKind::OtherCommand`](crate::ApiErrorKind::OtherCommand)). For example, it accepted the
    /// report before, and the response was lost.
    ReportRejected(ResponseError),
}

impl<A, E> Event<A, E> {
    /// Converts the errors.
    pub fn map_error<F>(self, convert: impl FnOnce(E) -> F) -> Event<A, F> {
        match self {
            Self::Answer(answer) => Event::Answer(answer),
            Self::Error(error) => Event::Error(convert(error)),
            Self::LoggedIn(issued) => Event::LoggedIn(issued),
            Self::LoginError(error) => Event::LoginError(convert(error)),
            Self::CredentialRejected(error) => Event::CredentialRejected(error),
            Self::Reported => Event::Reported,
            Self::ReportError(error) => Event::ReportError(convert(error)),
            Self::ReportRejected(error) => Event::ReportRejected(error),
        }
    }
}
