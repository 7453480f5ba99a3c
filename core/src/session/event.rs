use serde::Serialize;

use crate::{error::ResponseError, token::IssuedToken};

/// What a response meant; see [`Session::on_response`](crate::Session::on_response). `A` is the
/// operation's output.
///
/// It serializes, if `A` does so as an object, as an object with the member `event`: `answer`, `error`, `logged_in`, `login_error` or
/// `credential_rejected`. The members of the content follow. No token is among them.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event<A, E = ResponseError> {
    /// The call was answered. The same command may come again until its result is reported.
    Answer(A),
    /// The call failed. The session tries again by itself.
    Error(E),
    /// A login succeeded. The session sends this token from now on, unless you have replaced the user
    /// by another credential meanwhile.
    LoggedIn(IssuedToken),
    /// A login failed. The session tries again by itself, and uses the old token until it expires.
    LoginError(E),
    /// The service rejected the token or key, or IAM the password. Renew it with
    /// [`Session::renew`](crate::Session::renew). If you just go on, the session pauses for 5 minutes,
    /// longer after each further rejection in a row, and then tries the old one again.
    CredentialRejected(ResponseError),
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
        }
    }
}
