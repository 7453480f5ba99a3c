//! `GET /v3/sources/{server_id}/command`, and the report of a command's result.

mod answer;
mod body;
mod name;
pub(crate) mod report;

use alloc::vec::Vec;

use http::{HeaderValue, Request, Response, StatusCode, Uri, header};

use self::body::Success;
pub use self::{
    answer::{Answer, Command, CommandParam, NoCommand, Task, TaskState},
    name::{CommandName, OtherName},
    report::{CommandResult, ReportResult},
};
use crate::{
    auth::{self, Authorize},
    body_problem::BodyProblem,
    endpoint::Endpoint,
    error::{ResponseError, is_encoded},
    operation::Operation,
    server_id::ServerId,
};

pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Obtains the command for a source server: `GET /v3/sources/{server_id}/command`, which the SDKs
/// call [`ShowCommand`](https://support.huaweicloud.com/intl/en-us/api-sms/ShowCommand.html).
///
/// The API reference does not say whether reading a command consumes it. Expect to see it again.
/// Each call is an audit event (CTS) of the customer, so poll no more often than needed.
#[derive(Clone, Debug)]
pub struct ObtainCommand {
    /// The complete request, without a credential.
    template: Request<Vec<u8>>,
}

impl ObtainCommand {
    /// Creates the call for one source server.
    #[must_use]
    pub fn new(endpoint: &Endpoint, server_id: &ServerId) -> Self {
        let uri = endpoint
            .join(["v3", "sources", server_id.as_str(), "command"])
            .expect("a server id is a legal path segment");
        let mut template = Request::new(Vec::new());
        *template.uri_mut() = uri;
        let headers = template.headers_mut();
        // The API reference requires a content type also without a body. Every SDK sends it, and SMS.6015 and
        // SMS.6016 are errors about it.
        headers.insert(header::CONTENT_TYPE, JSON);
        headers.insert(header::ACCEPT, JSON);
        auth::complete(&mut template);
        auth::reserve(template.headers_mut());
        Self { template }
    }

    /// Returns the URI of the call.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        self.template.uri()
    }
}

impl Operation for ObtainCommand {
    type Output = Answer;

    fn request(&self, auth: &(impl Authorize + ?Sized)) -> Request<Vec<u8>> {
        let mut request = self.template.clone();
        // The template is complete, so only the credential is missing.
        auth.add_to(&mut request);
        request
    }

    fn parse<B: AsRef<[u8]>>(&self, response: &Response<B>) -> Result<Answer, ResponseError> {
        let (status, headers) = (response.status(), response.headers());
        let body = response.body().as_ref();
        let not_understood = |problem| Err(ResponseError::from_body(status, headers, problem));
        match status {
            StatusCode::NO_CONTENT if body.is_empty() => {
                Ok(Answer::NoCommand(NoCommand::NoContent))
            }
            StatusCode::NO_CONTENT => not_understood(BodyProblem::UnexpectedContent),
            StatusCode::OK if is_encoded(headers) => not_understood(BodyProblem::ContentEncoding),
            StatusCode::OK => match body::read(body) {
                Ok(Success::Answer(answer)) => Ok(answer),
                Ok(Success::ErrorObject) => Err(ResponseError::from_error_object(response)
                    .unwrap_or_else(|| ResponseError::from_response(response))),
                Err(problem) => not_understood(problem),
            },
            _ => Err(ResponseError::from_response(response)),
        }
    }

    fn holds_another(answer: &Answer, report: &ReportResult) -> bool {
        matches!(answer, Answer::Command(command) if !command.is_same(report.command()))
    }
}
