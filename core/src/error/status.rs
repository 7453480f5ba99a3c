use alloc::string::String;
use core::{fmt, time::Duration};

use http::{HeaderMap, StatusCode};

use super::{
    headers::{is_encoded, request_id},
    retry_after::RetryAfter,
};
use crate::text::{excerpt, write_request_id};

/// An unexpected status without an error object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusError {
    status: StatusCode,
    request_id: Option<String>,
    pub(super) retry_after: RetryAfter,
    is_encoded: bool,
    excerpt: String,
}

impl StatusError {
    /// The longest kept part of the body, in characters.
    pub const MAX_EXCERPT: usize = 200;

    pub(crate) fn new(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let is_encoded = is_encoded(headers);
        let excerpt = if is_encoded { String::new() } else { excerpt(body, Self::MAX_EXCERPT) };
        Self {
            status,
            request_id: request_id(headers, None),
            retry_after: RetryAfter::read(headers),
            is_encoded,
            excerpt,
        }
    }

    pub(super) fn map_texts(mut self, map: &mut dyn FnMut(&str) -> String) -> Self {
        let texts =
            [Some(&mut self.excerpt).filter(|text| !text.is_empty()), self.request_id.as_mut()];
        let texts = texts.into_iter().flatten().chain(self.retry_after.ignored_mut());
        texts.for_each(|text| *text = map(text));
        self
    }

    /// Returns the response's status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns the request's id, if a header has one.
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

    /// Returns whether the body had a `Content-Encoding`, so that it could not be read.
    #[must_use]
    pub fn is_encoded(&self) -> bool {
        self.is_encoded
    }

    /// Returns the start of the body, escaped, at most [`MAX_EXCERPT`](Self::MAX_EXCERPT) characters.
    #[must_use]
    pub fn excerpt(&self) -> &str {
        &self.excerpt
    }
}

impl fmt::Display for StatusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.status.is_success() {
            f.write_str("unexpected ")?;
        }
        write!(f, "status {}", self.status.as_u16())?;
        if let Some(reason) = self.status.canonical_reason() {
            write!(f, " ({reason})")?;
        }
        if self.status.is_redirection() {
            f.write_str(", a redirect, which is never followed")?;
        }
        if self.is_encoded {
            f.write_str("; the body is encoded (Content-Encoding)")?;
        } else if self.excerpt.is_empty() {
            f.write_str("; the body is empty")?;
        } else {
            write!(f, "; the body starts with: {}", self.excerpt)?;
        }
        write_request_id(f, self.request_id())
    }
}

impl core::error::Error for StatusError {}
