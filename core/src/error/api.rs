use alloc::{borrow::ToOwned, string::String, vec::Vec};
use core::{fmt, time::Duration};

use http::{HeaderMap, StatusCode};

use super::{
    headers::request_id,
    kind::ApiErrorKind,
    read::{ErrorBody, ErrorDetail},
    retry_after::RetryAfter,
};
use crate::text::{Escaped, write_request_id};

/// An error object of the service, its gateway or IAM, in any of their shapes.
///
/// Texts are kept verbatim and truncated at the documented limits. `Display` escapes characters that a
/// terminal would obey. A server may put anything into these texts, even the credential that you sent.
///
/// The codes are listed in the [API reference](https://support.huaweicloud.com/intl/en-us/api-sms/ErrorCode.html).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    status: StatusCode,
    code: Option<String>,
    message: Option<String>,
    request_id: Option<String>,
    pub(super) retry_after: RetryAfter,
    error_param: Vec<String>,
    details: Vec<ErrorDetail>,
    encoded_authorization_message: Option<String>,
    is_truncated: bool,
}

impl ApiError {
    /// Creates an error with this code and message, for tests of your own code.
    /// [`ResponseError::from_response`](crate::ResponseError::from_response) reads a complete error
    /// from a response.
    #[must_use]
    pub fn new(status: StatusCode, code: &str, message: &str) -> Self {
        let body = ErrorBody {
            code: Some(code.to_owned()),
            message: Some(message.to_owned()),
            ..ErrorBody::default()
        };
        Self::from_body(status, &HeaderMap::new(), body)
    }

    pub(crate) fn from_body(status: StatusCode, headers: &HeaderMap, body: ErrorBody) -> Self {
        Self {
            status,
            code: body.code,
            message: body.message,
            request_id: request_id(headers, body.request_id),
            retry_after: RetryAfter::read(headers),
            error_param: body.error_param,
            details: body.details,
            encoded_authorization_message: body.encoded_authorization_message,
            is_truncated: body.is_truncated,
        }
    }

    pub(super) fn map_texts(mut self, map: &mut dyn FnMut(&str) -> String) -> Self {
        let texts = [
            &mut self.code,
            &mut self.message,
            &mut self.request_id,
            &mut self.encoded_authorization_message,
        ];
        let details = self.details.iter_mut().flat_map(|d| [&mut d.code, &mut d.message]);
        let texts = texts.into_iter().chain(details).flatten().chain(&mut self.error_param);
        texts.chain(self.retry_after.ignored_mut()).for_each(|text| *text = map(text));
        self
    }

    /// Returns the response's status. One code may have several: `SMS.9004` is sent with 400 and 403.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns `error_code` verbatim, such as `SMS.7602`, `APIGW.0301` or `1101`. It has at most 255
    /// characters.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// Returns `error_msg`, in the service's language. It has at most 1,024 characters. Do not parse it.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// Returns whether the error is incomplete: a text was truncated at its documented limit, a list after 20
    /// items, or the body before its end.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        self.is_truncated
    }

    /// Returns the request's id: header `X-Request-Id`, else the body's, else header `X-IAM-Trace-Id`.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// Returns the time that the service asks to wait; see
    /// [`ResponseError::retry_after`](crate::ResponseError::retry_after).
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after.wait()
    }

    /// Returns `error_param`: the parameters of the message, at most 20.
    #[must_use]
    pub fn error_param(&self) -> &[String] {
        &self.error_param
    }

    /// Returns `details`: the errors that caused this one, at most 20.
    #[must_use]
    pub fn details(&self) -> &[ErrorDetail] {
        &self.details
    }

    /// Returns `encoded_authorization_message`: the reason why a policy rejected the request. IAM can decode
    /// it. It has at most 65,535 characters.
    #[must_use]
    pub fn encoded_authorization_message(&self) -> Option<&str> {
        self.encoded_authorization_message.as_deref()
    }

    /// Returns the meaning of the error for the caller, by status first, then by code.
    ///
    /// The gateway reports every problem with a credential as code 0301, so for this code its documented
    /// English texts decide. The texts of the service itself are localised, so they do not count.
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
        if self.is_truncated {
            f.write_str(" (truncated)")?;
        }
        write_request_id(f, self.request_id())
    }
}

impl core::error::Error for ApiError {}
