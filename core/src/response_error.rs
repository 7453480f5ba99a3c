use alloc::{boxed::Box, string::String};
use core::{fmt, time::Duration};

use http::{HeaderMap, StatusCode, header};

use crate::{
    ApiError, JsonType, error_body, http_date,
    text::{Escaped, cut, excerpt},
};

/// Why a response is not a successful answer. None of it is ever "no command".
///
/// No variant keeps the body; what is kept of it is bounded, and escaped when it is shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResponseError {
    /// The service, its gateway or IAM sent an error object.
    #[error(transparent)]
    Api(Box<ApiError>),
    /// A status that is no success, without an error object: a proxy's page, a redirect, an empty
    /// 502.
    #[error(transparent)]
    Status(Box<StatusError>),
    /// The status says success, and the body can't be understood.
    #[error(transparent)]
    Body(BodyError),
}

impl ResponseError {
    /// Whether the same request may succeed later without any change: the service or the way to it
    /// is in trouble, throttles, or the body was cut short.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Api(error) => error.kind().is_retryable(),
            Self::Status(error) => is_retryable(error.status),
            Self::Body(error) => error.problem == BodyProblem::Truncated,
        }
    }

    /// Whether the credential was refused, so that a new one may help.
    #[must_use]
    pub fn is_unauthorized(&self) -> bool {
        match self {
            Self::Api(error) => error.kind().is_unauthorized(),
            Self::Status(error) => error.status == StatusCode::UNAUTHORIZED,
            Self::Body(_) => false,
        }
    }

    /// How long the service asks to wait (`Retry-After`), at most 24 hours.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Api(error) => error.retry_after(),
            Self::Status(error) => error.retry_after,
            Self::Body(_) => None,
        }
    }

    /// Under which id the service knows the request; to be named to its support.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Api(error) => error.request_id(),
            Self::Status(error) => error.request_id.as_deref(),
            Self::Body(error) => error.request_id.as_deref(),
        }
    }

    /// The response's status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Api(error) => error.status(),
            Self::Status(error) => error.status,
            Self::Body(error) => error.status,
        }
    }

    /// Reads a response whose status is not 200, nor 204 without a body.
    pub(crate) fn from_status(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let is_encoded = is_encoded(headers);
        // A 3xx is a redirect to somewhere else, whatever it says in its body.
        let may_be_api = (status.is_client_error() || status.as_u16() >= 500) && !is_encoded;
        if may_be_api {
            if let Some(error) = Self::from_error_object(status, headers, body) {
                return error;
            }
        }
        Self::Status(Box::new(StatusError {
            status,
            request_id: request_id(headers, None),
            retry_after: retry_after(headers),
            is_encoded,
            excerpt: if is_encoded {
                String::new()
            } else {
                excerpt(body, StatusError::MAX_EXCERPT)
            },
        }))
    }

    /// Reads an error object under any status.
    pub(crate) fn from_error_object(
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Option<Self> {
        let mut error = error_body::read(body).ok()??;
        let request_id = request_id(headers, error.request_id.take());
        Some(Self::Api(Box::new(ApiError::new(status, error, request_id, retry_after(headers)))))
    }

    pub(crate) fn from_body(status: StatusCode, headers: &HeaderMap, problem: BodyProblem) -> Self {
        Self::Body(BodyError { status, problem, request_id: request_id(headers, None) })
    }
}

/// Whether a status alone says that the same request may succeed later.
pub(crate) fn is_retryable(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500..)
}

/// A status without an error object.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StatusError {
    /// The status.
    pub status: StatusCode,
    /// The request's id, if a header has one.
    pub request_id: Option<String>,
    /// How long the service asks to wait, at most 24 hours.
    pub retry_after: Option<Duration>,
    /// Whether the body came with a `Content-Encoding`, and so could not be read.
    pub is_encoded: bool,
    /// The beginning of the body, escaped, at most [`MAX_EXCERPT`](Self::MAX_EXCERPT) characters.
    pub excerpt: String,
}

impl StatusError {
    /// How much of the body is kept, in characters.
    pub const MAX_EXCERPT: usize = 200;
}

impl fmt::Display for StatusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "status {}", self.status.as_u16())?;
        if let Some(reason) = self.status.canonical_reason() {
            write!(f, " ({reason})")?;
        }
        if self.status.is_redirection() {
            f.write_str(", a redirect, which is never followed")?;
        } else if self.status.is_success() {
            f.write_str(", which this call does not have")?;
        }
        if self.is_encoded {
            f.write_str(", with an encoded body (Content-Encoding)")
        } else if self.excerpt.is_empty() {
            f.write_str(", with no body")
        } else {
            write!(f, ", not an answer of the service; its body begins: {}", self.excerpt)
        }?;
        write_request_id(f, self.request_id.as_deref())
    }
}

impl core::error::Error for StatusError {}

/// A success whose body is not an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BodyError {
    /// The status: 200, 201 or 204.
    pub status: StatusCode,
    /// What is wrong with the body.
    pub problem: BodyProblem,
    /// The request's id, if a header has one.
    pub request_id: Option<String>,
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "status {}, but {}", self.status.as_u16(), self.problem)?;
        write_request_id(f, self.request_id.as_deref())
    }
}

impl core::error::Error for BodyError {}

/// What is wrong with the body of a success.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BodyProblem {
    /// It has a `Content-Encoding` other than `identity`; none was asked for.
    ContentEncoding,
    /// It is not UTF-8.
    NotUtf8 {
        /// Where the first wrong byte is, counted from 0.
        offset: usize,
    },
    /// It ends before its JSON does.
    Truncated,
    /// It is not JSON.
    NotJson {
        /// Where reading stopped, counted from 1.
        line: usize,
        /// Where in that line, in bytes.
        column: usize,
        /// Whether it looks like HTML.
        html: bool,
    },
    /// It is JSON, but not an object.
    NotAnObject {
        /// What it is.
        found: JsonType,
    },
    /// A member has the wrong type.
    WrongType {
        /// Which one, as `command_param.task_id`.
        field: &'static str,
        /// What it should be.
        expected: JsonType,
        /// What it is.
        found: JsonType,
    },
    /// A member is there twice, and readers differ on which counts.
    Duplicate {
        /// Which one.
        field: &'static str,
    },
    /// A member is longer than documented.
    TooLong {
        /// Which one.
        field: &'static str,
        /// The documented limit, in characters.
        limit: usize,
        /// Its length, in characters.
        length: usize,
    },
    /// A member or header that must be there is not.
    Missing {
        /// Which one, as `token.expires_at`.
        field: &'static str,
    },
    /// A member or header has the right type, and not the documented form.
    Invalid {
        /// Which one.
        field: &'static str,
    },
    /// A 204 (no content) has one.
    UnexpectedContent,
}

impl fmt::Display for BodyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ContentEncoding => {
                f.write_str("the body is encoded (Content-Encoding), which was not asked for")
            }
            Self::NotUtf8 { offset } => write!(f, "the body is not UTF-8 (at byte {offset})"),
            Self::Truncated => f.write_str("the body ends before its JSON does"),
            Self::NotJson { html: true, .. } => {
                f.write_str("the body is an HTML page, as of a proxy's login, not JSON")
            }
            Self::NotJson { line, column, .. } => {
                write!(f, "the body is not JSON (line {line}, column {column})")
            }
            Self::NotAnObject { found } => write!(f, "the body is {found} instead of an object"),
            Self::WrongType { field, expected, found } => {
                write!(f, "{field} is {found} instead of {expected}")
            }
            Self::Duplicate { field } => write!(f, "{field} is there twice"),
            Self::TooLong { field, limit, length } => {
                write!(f, "{field} is {length} characters long, the limit is {limit}")
            }
            Self::Missing { field } => write!(f, "{field} is missing"),
            Self::Invalid { field } => write!(f, "{field} is not of the documented form"),
            Self::UnexpectedContent => f.write_str("there is a body"),
        }
    }
}

/// Whether the body is encoded, and so not to be read. An empty value and `identity` are not.
pub(crate) fn is_encoded(headers: &HeaderMap) -> bool {
    headers.get_all(header::CONTENT_ENCODING).iter().any(|value| {
        value.as_bytes().split(|byte| *byte == b',').any(|coding| {
            let coding = coding.trim_ascii();
            !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity")
        })
    })
}

/// The request's id: the gateway's header, else the body's member, else IAM's header.
fn request_id(headers: &HeaderMap, in_body: Option<String>) -> Option<String> {
    const MAX_CHARS: usize = 255;
    let header = |name| {
        let text =
            headers.get(name).and_then(|value| core::str::from_utf8(value.as_bytes()).ok())?;
        Some(cut(text.trim_ascii(), MAX_CHARS).0).filter(|text| !text.is_empty())
    };
    header("x-request-id")
        .or(in_body.filter(|id| !id.is_empty()))
        .or_else(|| header("x-iam-trace-id"))
}

/// `Retry-After`: seconds, or a date read against the response's own `Date`, for no clock is known
/// here. Capped, so that adding it to a clock is safe whatever a server sends.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    const MAX: Duration = Duration::from_secs(24 * 60 * 60);
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim_ascii);
    let value = text(header::RETRY_AFTER)?;
    let wait = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // Too many digits for a number are a long wait, not none.
        Duration::from_secs(value.parse().unwrap_or(u64::MAX))
    } else {
        let until = http_date::seconds_since_epoch(value)?;
        let now = http_date::seconds_since_epoch(text(header::DATE)?)?;
        Duration::from_secs(u64::try_from(until - now).unwrap_or(0))
    };
    Some(wait.min(MAX))
}

/// Shows an id that a server chose.
pub(crate) fn write_request_id(f: &mut fmt::Formatter<'_>, id: Option<&str>) -> fmt::Result {
    match id {
        Some(id) => write!(f, " [request id {}]", Escaped(id)),
        None => Ok(()),
    }
}
