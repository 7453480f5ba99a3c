mod api;
mod body;
mod headers;
mod kind;
mod read;
mod retry_after;
mod status;

use alloc::{boxed::Box, string::String};
use core::time::Duration;

use http::{HeaderMap, Response, StatusCode};
use serde::{Serialize, Serializer, ser::SerializeStruct};

pub(crate) use self::headers::is_encoded;
use self::retry_after::RetryAfter;
pub use self::{
    api::ApiError, body::BodyError, kind::ApiErrorKind, read::ErrorDetail, status::StatusError,
};
use crate::{body_problem::BodyProblem, time::Timestamp};

/// The reason why a response holds no answer. It never means "no command".
///
/// No variant keeps the whole body. The part that is kept is bounded, and escaped when it is shown.
///
/// ```
/// # use huaweicloud_sms_core as huaweicloud_sms;
/// use huaweicloud_sms::{ResponseError, http};
///
/// let body = r#"{"error_code":"SMS.7602","error_msg":"The source server does not exist."}"#;
/// let response = http::Response::builder().status(404).body(body)?;
/// let error = ResponseError::from_response(&response);
/// assert!(!error.is_retryable());
/// assert_eq!(error.to_string(), "status 404, SMS.7602: The source server does not exist.");
/// # Ok::<(), http::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResponseError {
    /// The service, its gateway or IAM sent an error object.
    #[error(transparent)]
    Api(Box<ApiError>),
    /// An unexpected status without an error object: a proxy's page, a redirect, an empty 502.
    #[error(transparent)]
    Status(Box<StatusError>),
    /// The status is a success, but the body cannot be understood.
    #[error(transparent)]
    Body(Box<BodyError>),
}

impl ResponseError {
    /// Reads a response that is not the success that the operation expects.
    ///
    /// In an [`Operation`](crate::Operation) of your own, call this for every other status. An error object
    /// under a 4xx or 5xx status becomes an [`ApiError`], also if it is truncated. Anything else becomes a
    /// [`StatusError`].
    #[must_use]
    pub fn from_response<B: AsRef<[u8]>>(response: &Response<B>) -> Self {
        let (status, headers, body) =
            (response.status(), response.headers(), response.body().as_ref());
        // A 3xx is a redirect, even if its body is an error object.
        let may_be_api = status.is_client_error() || status.as_u16() >= 500;
        if may_be_api && !is_encoded(headers) {
            if let Some(error) = Self::from_error_object(response) {
                return error;
            }
        }
        Self::Status(Box::new(StatusError::new(status, headers, body)))
    }

    /// Returns the error of a success whose body cannot be understood.
    #[must_use]
    pub fn from_body(status: StatusCode, headers: &HeaderMap, problem: BodyProblem) -> Self {
        Self::Body(Box::new(BodyError::new(status, headers, problem)))
    }

    /// Reads an error object under any status.
    pub(crate) fn from_error_object<B: AsRef<[u8]>>(response: &Response<B>) -> Option<Self> {
        let body = read::read(response.body().as_ref())?;
        let error = ApiError::from_body(response.status(), response.headers(), body);
        Some(Self::Api(Box::new(error)))
    }

    /// Replaces each text that a server wrote, such as a message or a request id. Use it to remove your
    /// secrets before you show an error, because a server may echo them.
    ///
    /// ```
    /// # use huaweicloud_sms_core as huaweicloud_sms;
    /// use huaweicloud_sms::{ResponseError, http};
    ///
    /// let response = http::Response::builder().status(500).body("bad token: not-a-real-token")?;
    /// let error = ResponseError::from_response(&response);
    /// let error = error.map_texts(|text| text.replace("not-a-real-token", "[withheld]"));
    /// let shown = "status 500 (Internal Server Error); the body starts with: bad token: [withheld]";
    /// assert_eq!(error.to_string(), shown);
    /// # Ok::<(), http::Error>(())
    /// ```
    #[must_use]
    pub fn map_texts(self, mut map: impl FnMut(&str) -> String) -> Self {
        match self {
            Self::Api(error) => Self::Api(Box::new(error.map_texts(&mut map))),
            Self::Status(error) => Self::Status(Box::new(error.map_texts(&mut map))),
            Self::Body(error) => Self::Body(Box::new(error.map_texts(&mut map))),
        }
    }

    /// Returns whether the same request may succeed later without any change. This is so if the service or
    /// the path to it has a problem, if the service throttles, or if the body was truncated.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Api(error) => error.kind().is_retryable(),
            Self::Status(error) => kind::is_retryable(error.status()),
            Self::Body(error) => *error.problem() == BodyProblem::Truncated,
        }
    }

    /// Returns whether the service rejected the credential. Then a new credential may help.
    #[must_use]
    pub fn is_unauthorized(&self) -> bool {
        match self {
            Self::Api(error) => error.kind().is_unauthorized(),
            Self::Status(error) => error.status() == StatusCode::UNAUTHORIZED,
            Self::Body(_) => false,
        }
    }

    /// Returns the time that the service asks to wait (`Retry-After`), at most 24 hours. The header has a
    /// number of seconds or a date. The longest of several values counts.
    ///
    /// A date is compared with the response's own `Date`. Without a `Date`, it counts only after
    /// [`arrived_at`](Self::arrived_at).
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.read_retry_after()?.wait()
    }

    /// Returns a value of `Retry-After` that was ignored, because it is neither seconds nor a date. It is
    /// escaped and has at most 100 characters. A server may put anything into it.
    #[must_use]
    pub fn ignored_retry_after(&self) -> Option<&str> {
        self.read_retry_after()?.ignored()
    }

    /// Compares a date in `Retry-After` with the time at which the response arrived, if the response has
    /// no `Date`. A [`Session`](crate::Session) and the clients of `huaweicloud-sms` do so.
    #[must_use]
    pub fn arrived_at(mut self, clock: Timestamp) -> Self {
        match &mut self {
            Self::Api(error) => error.retry_after.arrived_at(clock),
            Self::Status(error) => error.retry_after.arrived_at(clock),
            Self::Body(error) => error.retry_after.arrived_at(clock),
        }
        self
    }

    fn read_retry_after(&self) -> Option<&RetryAfter> {
        match self {
            Self::Api(error) => Some(&error.retry_after),
            Self::Status(error) => Some(&error.retry_after),
            Self::Body(error) => Some(&error.retry_after),
        }
    }

    /// Returns the request's id, for the service's support.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Api(error) => error.request_id(),
            Self::Status(error) => error.request_id(),
            Self::Body(error) => error.request_id(),
        }
    }

    /// Returns the response's status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Api(error) => error.status(),
            Self::Status(error) => error.status(),
            Self::Body(error) => error.status(),
        }
    }

    /// Returns the error object, if there is one.
    #[must_use]
    pub fn api(&self) -> Option<&ApiError> {
        match self {
            Self::Api(error) => Some(error),
            Self::Status(_) | Self::Body(_) => None,
        }
    }
}

/// Serializes as `{"kind":"api","status":401,"error_code":..,"error_msg":..,"request_id":..,"message":..}`.
/// The `kind` is `api`, `status` or `body`. Only `message` escapes the server's texts.
impl Serialize for ResponseError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("ResponseError", 6)?;
        let kind = match self {
            Self::Api(_) => "api",
            Self::Status(_) => "status",
            Self::Body(_) => "body",
        };
        object.serialize_field("kind", kind)?;
        object.serialize_field("status", &self.status().as_u16())?;
        let api = self.api();
        for (name, text) in [
            ("error_code", api.and_then(ApiError::code)),
            ("error_msg", api.and_then(ApiError::message)),
            ("request_id", self.request_id()),
        ] {
            match text {
                Some(text) => object.serialize_field(name, text)?,
                None => object.skip_field(name)?,
            }
        }
        object.serialize_field("message", &alloc::format!("{self}"))?;
        object.end()
    }
}
