use alloc::string::String;
use core::fmt;

use http::{HeaderMap, StatusCode};

use super::{headers::request_id, retry_after::RetryAfter};
use crate::{body_problem::BodyProblem, text::write_request_id};

/// A success whose body cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyError {
    status: StatusCode,
    problem: BodyProblem,
    request_id: Option<String>,
    pub(super) retry_after: RetryAfter,
}

impl BodyError {
    pub(crate) fn new(status: StatusCode, headers: &HeaderMap, problem: BodyProblem) -> Self {
        let (request_id, retry_after) = (request_id(headers, None), RetryAfter::read(headers));
        Self { status, problem, request_id, retry_after }
    }

    pub(super) fn map_texts(mut self, map: &mut dyn FnMut(&str) -> String) -> Self {
        self.request_id = self.request_id.as_deref().map(map);
        self
    }

    /// Returns the response's status: 200, 201 or 204, or any 2xx of a report.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns the problem with the body.
    #[must_use]
    pub fn problem(&self) -> &BodyProblem {
        &self.problem
    }

    /// Returns the request's id, if a header has one.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "status {}, but {}", self.status.as_u16(), self.problem)?;
        write_request_id(f, self.request_id())
    }
}

impl core::error::Error for BodyError {}
