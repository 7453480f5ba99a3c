use alloc::{format, vec::Vec};

use http::{HeaderValue, Request, Response, StatusCode, Uri, header};

use crate::{
    Answer, Authorize, BodyProblem, Endpoint, Nothing, Operation, ResponseError, ServerId, auth,
    response_error::is_encoded,
    success_body::{self, Success},
};

pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Obtains the command for a source server: `GET /v3/sources/{server_id}/command`, which the SDKs
/// call `ShowCommand`.
///
/// Nothing says that asking takes a command away. Every call is an audit event (CTS) at the
/// customer: ask no more often than needed.
#[derive(Clone, Debug)]
pub struct ObtainCommand {
    /// The request, but for the proof of who asks: building one is a clone.
    template: Request<Vec<u8>>,
}

impl ObtainCommand {
    /// The call for one source server.
    #[must_use]
    pub fn new(endpoint: &Endpoint, server_id: &ServerId) -> Self {
        let uri = format!("{endpoint}/v3/sources/{}/command", server_id.segment());
        // An endpoint holds only what a URI can, and the segment is percent-encoded.
        let uri = Uri::try_from(uri).expect("a checked endpoint and an encoded id are a URI");
        let mut template = Request::new(Vec::new());
        *template.uri_mut() = uri;
        let headers = template.headers_mut();
        // The page shows a GET without a body; yet every official SDK sends a content type, and the
        // service has error codes (SMS.6015, SMS.6016) for its absence.
        headers.insert(header::CONTENT_TYPE, JSON);
        headers.insert(header::ACCEPT, JSON);
        auth::reserve(headers);
        Self { template }
    }

    /// The address that is asked.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        self.template.uri()
    }
}

impl Operation for ObtainCommand {
    type Output = Answer;

    fn request(&self, auth: &impl Authorize) -> Request<Vec<u8>> {
        let mut request = self.template.clone();
        auth.authorize(&mut request);
        request
    }

    fn parse<B: AsRef<[u8]>>(&self, response: &Response<B>) -> Result<Answer, ResponseError> {
        let (status, headers) = (response.status(), response.headers());
        let body = response.body().as_ref();
        let not_understood = |problem| Err(ResponseError::from_body(status, headers, problem));
        match status {
            StatusCode::NO_CONTENT if body.is_empty() => Ok(Answer::Nothing(Nothing::NoContent)),
            StatusCode::NO_CONTENT => not_understood(BodyProblem::UnexpectedContent),
            StatusCode::OK if is_encoded(headers) => not_understood(BodyProblem::ContentEncoding),
            StatusCode::OK => match success_body::read(body) {
                Ok(Success::Answer(answer)) => Ok(answer),
                Ok(Success::ErrorObject) => {
                    Err(ResponseError::from_error_object(status, headers, body)
                        .unwrap_or_else(|| ResponseError::from_status(status, headers, body)))
                }
                Err(problem) => not_understood(problem),
            },
            _ => Err(ResponseError::from_status(status, headers, body)),
        }
    }
}
