use http::{Response, StatusCode, header, response::Parts};

use crate::{TransportError, error::Cause};

/// The error of a successful response with neither a length nor a body. It may be truncated.
#[derive(Debug, thiserror::Error)]
#[error("it has neither a length nor a body")]
struct MissingBody;

/// Makes the result of a call whose body has ended or failed, by the contract of
/// [`Transport`](crate::Transport). `body` is the part that was read.
///
/// # Errors
/// The status is a success, but the body is not complete.
pub fn complete<B: AsRef<[u8]>>(
    parts: Parts,
    body: B,
    is_head: bool,
    outcome: Result<(), TransportError>,
) -> Result<Response<B>, TransportError> {
    if parts.status.is_success() {
        // A proxy on the way may have ended the connection in an orderly way before the response was complete.
        let is_missing = body.as_ref().is_empty()
            && !is_head
            && parts.status != StatusCode::NO_CONTENT
            && !parts.headers.contains_key(header::CONTENT_LENGTH)
            && !parts.headers.contains_key(header::TRANSFER_ENCODING);
        let missing = || Err(Cause::Closed { source: MissingBody.into() }.into());
        let outcome = outcome.and_then(|()| if is_missing { missing() } else { Ok(()) });
        outcome.map_err(|error| error.with_status(parts.status))?;
    }
    Ok(Response::from_parts(parts, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_success_needs_its_whole_body() {
        let outcome = |status: u16, body: &'static str, is_head, is_truncated| {
            let (mut parts, ()) = Response::new(()).into_parts();
            parts.status = StatusCode::from_u16(status).expect("valid");
            let failure = Cause::TooLarge { phase: crate::Phase::Body, limit: 1 }.into();
            let failed = if is_truncated { Err(failure) } else { Ok(()) };
            let result = complete(parts, body, is_head, failed);
            result.map(Response::into_body).map_err(|error| (error.kind(), error.status()))
        };
        for status in [302, 401, 429, 500, 999] {
            assert_eq!(outcome(status, "{", false, true), Ok("{"));
            assert_eq!(outcome(status, "", false, true), Ok(""));
        }
        let ok = Some(StatusCode::OK);
        let kind = crate::TransportErrorKind::TooLarge;
        assert_eq!(outcome(200, "{", false, true), Err((kind, ok)));
        let kind = crate::TransportErrorKind::Closed;
        assert_eq!(outcome(200, "", false, false), Err((kind, ok)));
        assert_eq!(outcome(200, "", true, false), Ok(""));
        assert_eq!(outcome(204, "", false, false), Ok(""));
        assert_eq!(outcome(200, "{}", false, false), Ok("{}"));
    }
}
