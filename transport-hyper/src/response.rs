use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Response};
use http_body_util::BodyExt;
use huaweicloud_sms_transport::{
    Phase, Settings, TransportError,
    internal::{Cause, MissingBody, ReadLimitExceeded, find},
};
use hyper::body::{Body, Incoming};

use crate::error;

/// Reads a response to its end, within the limits.
pub(crate) async fn read(
    response: Response<Incoming>,
    is_head: bool,
    settings: &Settings,
) -> Result<Response<Bytes>, TransportError> {
    // hyper's own limit of the head is soft: a larger one that arrives in one piece passes it. A client of
    // the caller's may accept more headers.
    let headers = response.headers();
    if headers.len() > Settings::MAX_HEADERS || head_size(headers) > Settings::MAX_HEAD {
        return Err(Cause::TooLarge { phase: Phase::Head, limit: Settings::MAX_HEAD }.into());
    }
    let limit = settings.max_body();
    let too_large = || TransportError::from(Cause::TooLarge { phase: Phase::Body, limit });
    let (parts, mut body) = response.into_parts();
    // The announced length: hyper would read up to the limit first, or wait for what never comes.
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large());
    }
    // Most bodies come in one piece, which is not copied.
    let (mut first, mut more) = (Bytes::new(), BytesMut::new());
    while let Some(frame) = body.frame().await {
        let frame = match frame {
            Ok(frame) => frame,
            Err(error) if find::<ReadLimitExceeded>(&error).is_some() => return Err(too_large()),
            Err(error) => return Err(error::from_hyper(error, settings)),
        };
        // Trailers are ignored.
        let Ok(data) = frame.into_data() else { continue };
        if data.len() > limit - first.len().max(more.len()) {
            return Err(too_large());
        }
        if first.is_empty() {
            first = data;
            continue;
        }
        if more.is_empty() {
            more.extend_from_slice(&first);
        }
        more.extend_from_slice(&data);
    }
    // An orderly end of the connection may be that of a proxy on the way.
    if first.is_empty() && !is_head {
        MissingBody::check(&parts)?;
    }
    Ok(Response::from_parts(parts, if more.is_empty() { first } else { more.freeze() }))
}

/// The size of the headers on the wire: name, colon, space, value, line break.
fn head_size(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum()
}
