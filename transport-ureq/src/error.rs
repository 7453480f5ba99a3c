//! ureq's errors in the words that both transports share.

use huaweicloud_sms_transport::{Error, Flood, Part, Phase, Settings};

use crate::connector::NotConnected;

/// `phase` is the one that a limit of the whole call was over in, where that is known.
pub(crate) fn from_ureq(error: ureq::Error, settings: &Settings, phase: Option<Phase>) -> Error {
    use ureq::Error as Ureq;
    let limit = settings.get_timeout();
    match error {
        Ureq::Timeout(reason) => Error::Timeout { limit, phase: phase.or_else(|| of(reason)) },
        // ureq hands rustls's errors on inside these.
        Ureq::Io(error) => Error::classify(error.into(), limit, false),
        Ureq::Other(error) if error.is::<Flood>() => match phase {
            Some(Phase::Body) => {
                Error::TooLarge { part: Part::Body, limit: settings.get_max_body() }
            }
            _ => Error::TooLarge { part: Part::Head, limit: Settings::MAX_HEAD },
        },
        Ureq::Other(error) => {
            let is_connecting = error.is::<NotConnected>();
            Error::classify(error, limit, is_connecting)
        }
        Ureq::HostNotFound => Error::Dns { source: error.into() },
        Ureq::ConnectionFailed => Error::Connect { source: error.into() },
        Ureq::ConnectProxyFailed(ref text) => {
            Error::Proxy { status: status(text), source: error.into() }
        }
        Ureq::InvalidProxyUrl => Error::Proxy { status: None, source: error.into() },
        // ureq's error does not name this one as its source.
        Ureq::Rustls(error) => Error::Tls { source: error.into() },
        Ureq::Tls(_) | Ureq::TlsRequired => Error::Tls { source: error.into() },
        Ureq::LargeResponseHeader(..) => {
            Error::TooLarge { part: Part::Head, limit: Settings::MAX_HEAD }
        }
        Ureq::BodyExceedsLimit(_) => {
            Error::TooLarge { part: Part::Body, limit: settings.get_max_body() }
        }
        // The crate of this error's type is ureq's own affair.
        Ureq::Protocol(ref what) if format!("{what:?}").contains("TooManyHeaders") => {
            Error::TooLarge { part: Part::Head, limit: Settings::MAX_HEAD }
        }
        Ureq::Protocol(_) | Ureq::Http(_) | Ureq::BadUri(_) => {
            Error::Protocol { source: error.into() }
        }
        // Chunks that end within one; the variant is hidden from the docs.
        Ureq::BodyStalled => Error::Closed { source: error.into() },
        other => Error::Other { source: other.into() },
    }
}

/// The phase that a limit of its own was set for, by an agent of the caller's.
fn of(reason: ureq::Timeout) -> Option<Phase> {
    use ureq::Timeout as By;
    match reason {
        By::Resolve | By::Connect => Some(Phase::Connect),
        By::SendRequest | By::SendBody | By::RecvResponse => Some(Phase::Head),
        By::RecvBody => Some(Phase::Body),
        _ => None,
    }
}

/// The status in ureq's text `proxy server responded 407/407`; it has no other form.
fn status(text: &str) -> Option<u16> {
    let status = text.strip_prefix("proxy server responded ")?.split('/').next()?;
    status.parse().ok().filter(|status| (100..1000).contains(status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_with_limits_of_their_own() {
        use ureq::Timeout as By;
        for (reason, phase) in [
            (By::Resolve, Some(Phase::Connect)),
            (By::Connect, Some(Phase::Connect)),
            (By::SendRequest, Some(Phase::Head)),
            (By::RecvResponse, Some(Phase::Head)),
            (By::RecvBody, Some(Phase::Body)),
            (By::Global, None),
        ] {
            assert_eq!(of(reason), phase);
        }
    }

    #[test]
    fn the_status_of_a_proxy() {
        assert_eq!(status("proxy server responded 407/407"), Some(407));
        assert_eq!(status("proxy server responded 502/Bad Gateway"), Some(502));
        assert_eq!(status("proxy server responded 99999/x"), None);
        assert_eq!(status("anything else of 128"), None);
        assert_eq!(status(""), None);
    }
}
