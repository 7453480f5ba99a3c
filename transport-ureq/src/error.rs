//! Maps ureq's errors to the kinds that both adapters share.

use std::io;

use huaweicloud_sms_transport::{
    Phase, Settings, TransportError,
    internal::{Cause, ReadLimitExceeded, TunnelError},
};
use ureq::Error as Ureq;

/// Converts an error of ureq. `phase` is the phase of the call, if it is known.
pub(crate) fn from_ureq(error: Ureq, settings: &Settings, phase: Option<Phase>) -> TransportError {
    let limit = settings.timeout();
    let too_large = |phase| match phase {
        Some(Phase::Body) => Cause::TooLarge { phase: Phase::Body, limit: settings.max_body() },
        _ => Cause::TooLarge { phase: Phase::Head, limit: Settings::MAX_HEAD },
    };
    match error {
        Ureq::Timeout(_) => Cause::Timeout { limit, phase },
        Ureq::Other(error) if error.is::<ReadLimitExceeded>() => too_large(phase),
        // The error may be a `TransportError` of the connector.
        Ureq::Other(error) => return TransportError::classify(error, limit, false),
        // The error may hold an error of rustls.
        Ureq::Io(error) => return TransportError::classify(error.into(), limit, false),
        Ureq::LargeResponseHeader(..) => too_large(None),
        Ureq::BodyExceedsLimit(_) => too_large(Some(Phase::Body)),
        // ureq does not export this error's type.
        Ureq::Protocol(ref what) if format!("{what:?}").contains("TooManyHeaders") => {
            too_large(None)
        }
        Ureq::Protocol(_) | Ureq::Http(_) | Ureq::BadUri(_) => {
            Cause::Protocol { source: error.into() }
        }
        // This is a truncated chunk. ureq hides the variant from its docs.
        Ureq::BodyStalled => Cause::Closed { source: error.into() },
        // Only an agent of the caller returns the other errors.
        Ureq::HostNotFound => Cause::Dns { source: error.into() },
        Ureq::ConnectionFailed => Cause::Connect { source: error.into() },
        Ureq::ConnectProxyFailed(_) | Ureq::InvalidProxyUrl => {
            Cause::Proxy { source: TunnelError::Io(io::Error::other(error)) }
        }
        Ureq::Tls(_) | Ureq::TlsRequired => Cause::Tls { source: error.into() },
        other => Cause::Other { source: other.into() },
    }
    .into()
}
