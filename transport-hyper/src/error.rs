//! hyper's errors in the words that both transports share.

use huaweicloud_sms_transport::{Error, Flood, Part, Settings, find};

use crate::tunnel::ProxyError;

/// An error of hyper-util's client.
pub(crate) fn from_client(error: hyper_util::client::legacy::Error, settings: &Settings) -> Error {
    let limit = settings.get_timeout();
    if let Some(proxy) = find::<ProxyError>(&error) {
        return Error::Proxy { status: proxy.status, source: error.into() };
    }
    if find::<Flood>(&error).is_some() {
        return Error::TooLarge { part: Part::Head, limit: Settings::MAX_HEAD };
    }
    if let Some(parsed) = find::<hyper::Error>(&error).and_then(protocol) {
        return parsed.with_source(error.into());
    }
    let is_connect = error.is_connect();
    Error::classify(error.into(), limit, is_connect)
}

/// An error of hyper's connection.
pub(crate) fn from_hyper(error: hyper::Error, settings: &Settings) -> Error {
    match protocol(&error) {
        Some(kind) => kind.with_source(error.into()),
        None => Error::classify(error.into(), settings.get_timeout(), false),
    }
}

/// What hyper alone can tell; the rest is found at the root of its errors.
enum Kind {
    TooLarge,
    Protocol,
    Closed,
}

fn protocol(error: &hyper::Error) -> Option<Kind> {
    // `is_parse_too_large` is there for servers only.
    if error.is_parse() && error.to_string().contains("too large") {
        Some(Kind::TooLarge)
    } else if error.is_parse() || error.is_user() || is_bad_framing(error) {
        Some(Kind::Protocol)
    } else if error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
        Some(Kind::Closed)
    } else {
        None
    }
}

/// Chunks that are none: an `io::Error` to hyper. So is a failure of TLS, which this is not.
fn is_bad_framing(error: &hyper::Error) -> bool {
    use std::io::{Error as Io, ErrorKind};
    find::<rustls::Error>(error).is_none()
        && find::<Io>(error).is_some_and(|error| {
            matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::InvalidData)
        })
}

impl Kind {
    fn with_source(self, source: Box<dyn std::error::Error + Send + Sync>) -> Error {
        match self {
            Self::TooLarge => Error::TooLarge { part: Part::Head, limit: Settings::MAX_HEAD },
            Self::Protocol => Error::Protocol { source },
            Self::Closed => Error::Closed { source },
        }
    }
}
