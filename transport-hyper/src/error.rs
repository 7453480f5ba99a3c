//! Maps hyper's errors to the kinds that both adapters share.

use std::{error::Error as _, io};

use huaweicloud_sms_transport::{
    Phase, Settings, TransportError,
    internal::{Cause, ReadLimitExceeded, Source, find},
};

use crate::connector::ConnectError;

const HEAD_TOO_LARGE: Cause = Cause::TooLarge { phase: Phase::Head, limit: Settings::MAX_HEAD };

/// Converts an error of hyper-util's client.
pub(crate) fn from_client(
    error: hyper_util::client::legacy::Error,
    settings: &Settings,
) -> TransportError {
    if let Some(error) = find(&error).and_then(ConnectError::take) {
        return error;
    }
    if find::<ReadLimitExceeded>(&error).is_some() {
        return HEAD_TOO_LARGE.into();
    }
    let (cause, is_connect) = (find(&error).and_then(cause), error.is_connect());
    or_classify(cause, error.into(), settings, is_connect)
}

/// Converts an error of a body.
pub(crate) fn from_hyper(error: hyper::Error, settings: &Settings) -> TransportError {
    or_classify(cause(&error), error.into(), settings, false)
}

fn or_classify(
    cause: Option<fn(Source) -> Cause>,
    source: Source,
    settings: &Settings,
    is_connect: bool,
) -> TransportError {
    match cause {
        Some(cause) => cause(source).into(),
        None => TransportError::classify(source, settings.timeout(), is_connect),
    }
}

/// Returns the cause if hyper's own error shows it. The root of the error shows the other causes.
fn cause(error: &hyper::Error) -> Option<fn(Source) -> Cause> {
    if find::<rustls::Error>(error).is_some() {
        return None;
    }
    // hyper has `is_parse_too_large` only with its feature `server`.
    if error.is_parse() && error.to_string().contains("too large") {
        Some(|_| HEAD_TOO_LARGE)
    } else if error.is_parse()
        || error.is_user()
        || is_bad_framing(error)
        || is_unexpected_message(error)
    {
        Some(|source| Cause::Protocol { source })
    } else if error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
        Some(|source| Cause::Closed { source })
    } else {
        None
    }
}

/// Returns whether bytes arrived before the first request. hyper has no method for this error, and may wrap
/// it in a cancellation.
fn is_unexpected_message(error: &hyper::Error) -> bool {
    let is_it = |error: &hyper::Error| error.to_string().contains("unexpected message");
    is_it(error) || error.source().and_then(|source| source.downcast_ref()).is_some_and(is_it)
}

/// Returns whether a chunk is malformed. hyper returns an `io::Error` for it.
fn is_bad_framing(error: &hyper::Error) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput};
    find::<io::Error>(error).is_some_and(|error| matches!(error.kind(), InvalidInput | InvalidData))
}
