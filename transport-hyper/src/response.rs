use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};

use huaweicloud_sms_transport::{Error, Flood, Part, Settings, find};

use crate::error;

/// Reads a response to its end, within the limits.
pub(crate) async fn read(
    response: Response<Incoming>,
    settings: &Settings,
) -> Result<Response<Bytes>, Error> {
    // hyper's own limit of the head is soft: a larger one that arrives in one piece passes it.
    if head_size(response.headers()) > Settings::MAX_HEAD {
        return Err(Error::TooLarge { part: Part::Head, limit: Settings::MAX_HEAD });
    }
    let limit = settings.get_max_body();
    let too_large = Error::TooLarge { part: Part::Body, limit };
    let (parts, body) = response.into_parts();
    // The announced length: hyper would read up to the limit first, or wait for what never comes.
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large);
    }
    match Limited::new(body, limit).collect().await {
        Ok(body) => Ok(Response::from_parts(parts, body.to_bytes())),
        Err(error) if error.is::<LengthLimitError>() || find::<Flood>(error.as_ref()).is_some() => {
            Err(too_large)
        }
        Err(error) => Err(match error.downcast::<hyper::Error>() {
            Ok(error) => error::from_hyper(*error, settings),
            Err(error) => Error::classify(error, settings.get_timeout(), false),
        }),
    }
}

/// The headers as they were on the wire: name, colon, space, value, line break.
fn head_size(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum()
}
