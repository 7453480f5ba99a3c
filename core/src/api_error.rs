use alloc::{string::String, vec::Vec};
use core::{fmt, time::Duration};

use http::StatusCode;

use crate::{
    error_body::ErrorBody,
    response_error::{is_retryable, write_request_id},
    text::Escaped,
};

/// An error object of the service, its gateway or IAM, whatever its shape.
///
/// Texts are kept as they came, cut at the page's limits. `Display` escapes what could steer a
/// terminal. A server may have put anything into them, what we sent included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    status: StatusCode,
    code: Option<String>,
    message: Option<String>,
    request_id: Option<String>,
    retry_after: Option<Duration>,
    error_param: Vec<String>,
    details: Vec<ErrorDetail>,
    encoded_authorization_message: Option<String>,
    is_cut: bool,
}

/// One of an error's details (403, editions since 2025).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ErrorDetail {
    /// Its code, at most 255 characters.
    pub code: Option<String>,
    /// Its message, at most 65,535 characters.
    pub message: Option<String>,
}

impl ApiError {
    pub(crate) fn new(
        status: StatusCode,
        body: ErrorBody,
        request_id: Option<String>,
        retry_after: Option<Duration>,
    ) -> Self {
        Self {
            status,
            code: body.code,
            message: body.message,
            request_id,
            retry_after,
            error_param: body.error_param,
            details: body.details,
            encoded_authorization_message: body.encoded_authorization_message,
            is_cut: body.is_cut,
        }
    }

    /// The response's status. It and the code are not tied: SMS.9004 comes with 400 and 403.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// `error_code` verbatim, as `SMS.7602`, `APIGW.0301` or `1101`; at most 255 characters.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// `error_msg`, in the service's language; at most 1,024 characters. Not to be parsed.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// Whether a text of it was over its documented limit and cut there, or a list after 20 items.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// The request's id: header `X-Request-Id`, else the body's, else header `X-IAM-Trace-Id`.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// How long the service asks to wait (`Retry-After`), at most 24 hours. A date is read against
    /// the response's own `Date`.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// `error_param`: what the message's gaps were filled with. At most 20.
    #[must_use]
    pub fn error_param(&self) -> &[String] {
        &self.error_param
    }

    /// `details`: the errors behind this one. At most 20.
    #[must_use]
    pub fn details(&self) -> &[ErrorDetail] {
        &self.details
    }

    /// `encoded_authorization_message`: why a policy refused, for IAM to decode; at most 65,535
    /// characters.
    #[must_use]
    pub fn encoded_authorization_message(&self) -> Option<&str> {
        self.encoded_authorization_message.as_deref()
    }

    /// What it means for the caller: by status first, then by code. Only where the gateway files
    /// everything about credentials under one code (0301) do its documented English texts decide;
    /// the service's own texts are localised and never read.
    #[must_use]
    pub fn kind(&self) -> ApiErrorKind {
        let kind = ApiErrorKind::new(self.status, self.code());
        let is_0301 = matches!(self.code(), Some("APIG.0301" | "APIGW.0301"));
        let says = |words| self.message().is_some_and(|message| message.contains(words));
        match kind {
            ApiErrorKind::Unauthorized if is_0301 && says("failed to reach the limit") => {
                ApiErrorKind::KeyLocked
            }
            ApiErrorKind::Unauthorized if is_0301 && says("token expires") => {
                ApiErrorKind::TokenExpired
            }
            ApiErrorKind::Unauthorized if is_0301 && says("signature expired") => {
                ApiErrorKind::ClockSkew
            }
            kind => kind,
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "status {}", self.status.as_u16())?;
        if let Some(code) = &self.code {
            write!(f, ", {}", Escaped(code))?;
        }
        if let Some(message) = &self.message {
            write!(f, ": {}", Escaped(message))?;
        }
        if self.is_cut {
            f.write_str(" (cut)")?;
        }
        write_request_id(f, self.request_id())
    }
}

impl core::error::Error for ApiError {}

/// What an [`ApiError`] means for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ApiErrorKind {
    /// The token or key was refused.
    Unauthorized,
    /// The token has expired or has to be renewed (`APIGW.0307`).
    TokenExpired,
    /// A signature was refused over the clock (`SMS.0205`).
    ClockSkew,
    /// The access key is locked, as it is for 5 minutes after more than 5 refusals in a row.
    KeyLocked,
    /// A permission is missing.
    Forbidden,
    /// The account is frozen, restricted, in arrears or not verified.
    AccountRestricted,
    /// The service does not know the source server.
    ServerUnknown,
    /// There is no migration task for the source server (`SMS.7606`): nothing to do.
    NoTask,
    /// Nothing is served at this address.
    NotFound,
    /// Too many requests.
    Throttled,
    /// The service or something before it is in trouble.
    Unavailable,
    /// The request is refused as it is.
    InvalidRequest,
}

impl ApiErrorKind {
    fn new(status: StatusCode, code: Option<&str>) -> Self {
        let by_code = code.and_then(Self::from_code);
        let within = |kinds: &[Self], otherwise| match by_code {
            Some(kind) if kinds.contains(&kind) => kind,
            _ => otherwise,
        };
        match status.as_u16() {
            401 => within(&[Self::TokenExpired, Self::ClockSkew], Self::Unauthorized),
            403 => within(&[Self::AccountRestricted], Self::Forbidden),
            404 => within(&[Self::ServerUnknown, Self::NoTask], Self::NotFound),
            429 => Self::Throttled,
            _ if is_retryable(status) => Self::Unavailable,
            _ => by_code.unwrap_or(Self::InvalidRequest),
        }
    }

    /// What a code says where the status leaves it open: the service lists all its codes under 400.
    fn from_code(code: &str) -> Option<Self> {
        let (prefix, number) = code.split_once('.')?;
        Some(match (prefix, number) {
            ("SMS" | "S3M", number) => match number {
                "0202" | "6521" | "6522" => Self::Unauthorized,
                "0205" => Self::ClockSkew,
                "0204" | "6523" | "6527" | "9003" | "9004" => Self::Forbidden,
                "6524" | "6525" | "6528" | "6529" | "6542" => Self::AccountRestricted,
                "7602" | "6030" | "0507" => Self::ServerUnknown,
                "7606" => Self::NoTask,
                "6000" | "6301" => Self::Unavailable,
                _ => return None,
            },
            ("APIG" | "APIGW", number) => match number {
                "0301" | "0303" | "0305" | "0311" => Self::Unauthorized,
                "0307" => Self::TokenExpired,
                "0302" | "0304" | "0306" | "0310" | "0401" | "0801" | "0802" => Self::Forbidden,
                "0501" | "0502" => Self::AccountRestricted,
                "0101" | "0103" | "0106" => Self::NotFound,
                "0308" => Self::Throttled,
                "0202" | "0203" | "0601" | "0605" | "0606" | "0608" | "0609" | "0610" | "0611"
                | "0612" | "0613" | "0705" => Self::Unavailable,
                _ => return None,
            },
            _ => return None,
        })
    }

    /// Whether the same request may succeed later without any change.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::Throttled | Self::Unavailable)
    }

    /// Whether the credential was refused, so that a new one may help.
    #[must_use]
    pub const fn is_unauthorized(self) -> bool {
        matches!(self, Self::Unauthorized | Self::TokenExpired | Self::ClockSkew | Self::KeyLocked)
    }

    /// What the operator should do, in a line.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Unauthorized => {
                "check the token or key, its account and this server's clock before trying again: \
                 more than 5 refusals in a row lock an access key for 5 minutes"
            }
            Self::TokenExpired => "get a new token from IAM",
            Self::ClockSkew => "set this server's clock and time zone (at most 15 minutes off)",
            Self::KeyLocked => {
                "stop asking for 5 minutes, or the access key stays locked for all its users; then \
                 check its secret and this server's clock"
            }
            Self::Forbidden => {
                "grant the user the permission sms:server:getCommand (role model: \
                 sms:server:migrationServer)"
            }
            Self::AccountRestricted => {
                "clear the account's state on the console: arrears, freeze, real-name check"
            }
            Self::ServerUnknown => {
                "check the server id and the account; if the record was deleted, register the \
                 source server again"
            }
            Self::NoTask => "nothing to do: create a migration task on the console",
            Self::NotFound => "check the endpoint: no such API is served there",
            Self::Throttled => "ask less often; wait as long as told, else a few seconds",
            Self::Unavailable => "wait and try again; name the request id to support if it stays",
            Self::InvalidRequest => "compare the code with the page's list of error codes",
        }
    }
}
