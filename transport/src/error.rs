use core::{error::Error as StdError, fmt, time::Duration};
use std::io;

use http::StatusCode;

use crate::{ProxyUrl, tls_problem::tls_problem, tunnel::TunnelError};

/// The error of the HTTP client or of the system.
pub type Source = Box<dyn StdError + Send + Sync>;

/// The reason why a request got no response. Both adapters have the same messages. The HTTP client's own
/// error is the [`source`](StdError::source).
///
/// Neither the text nor the source holds a header's value or a body.
#[derive(Debug)]
pub struct TransportError {
    cause: Cause,
    /// `host:port` of the proxy.
    proxy: Option<String>,
    status: Option<StatusCode>,
}

/// The kind of a [`TransportError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransportErrorKind {
    /// The call, or the connection attempt, did not finish within its timeout.
    Timeout,
    /// The host's name, or that of the proxy, could not be resolved.
    Dns,
    /// No connection could be made. For example, the host refused it, or a firewall dropped it.
    Connect,
    /// TLS failed. Usually the service's certificate is not trusted.
    Tls,
    /// The proxy did not open a tunnel, or the environment names a proxy that cannot be used.
    Proxy,
    /// The connection ended before the response did.
    Closed,
    /// The response is larger than allowed. The rest was not read.
    TooLarge,
    /// The response is not HTTP, or the request cannot be sent as HTTP.
    Protocol,
    /// Anything else, such as a lack of memory, threads or descriptors.
    Other,
}

impl TransportErrorKind {
    /// Returns the kind in lower case, for logs, such as `too_large`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Proxy => "proxy",
            Self::Closed => "closed",
            Self::TooLarge => "too_large",
            Self::Protocol => "protocol",
            Self::Other => "other",
        }
    }
}

/// A phase of a call. The phases are in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// It makes a connection: look-up, TCP, proxy, TLS.
    Connect,
    /// It sends the request and waits for the response's head.
    Head,
    /// It reads the response's body.
    Body,
}

/// The cause of a [`TransportError`].
#[derive(Debug)]
#[allow(missing_docs, reason = "the accessors of `TransportError` have the docs")]
pub enum Cause {
    Timeout { limit: Duration, phase: Option<Phase> },
    Dns { source: Source },
    Connect { source: Source },
    Tls { source: Source },
    Proxy { source: TunnelError },
    Closed { source: Source },
    TooLarge { phase: Phase, limit: usize },
    Protocol { source: Source },
    Other { source: Source },
}

impl TransportError {
    /// Returns the kind of the error.
    #[must_use]
    pub fn kind(&self) -> TransportErrorKind {
        match self.cause {
            Cause::Timeout { .. } => TransportErrorKind::Timeout,
            Cause::Dns { .. } => TransportErrorKind::Dns,
            Cause::Connect { .. } => TransportErrorKind::Connect,
            Cause::Tls { .. } => TransportErrorKind::Tls,
            Cause::Proxy { .. } => TransportErrorKind::Proxy,
            Cause::Closed { .. } => TransportErrorKind::Closed,
            Cause::TooLarge { .. } => TransportErrorKind::TooLarge,
            Cause::Protocol { .. } => TransportErrorKind::Protocol,
            Cause::Other { .. } => TransportErrorKind::Other,
        }
    }

    /// Returns the phase in which the call timed out, if it is known. For a response that is too large,
    /// returns the part that exceeded its limit: head or body.
    #[must_use]
    pub fn phase(&self) -> Option<Phase> {
        match self.cause {
            Cause::Timeout { phase, .. } => phase,
            Cause::TooLarge { phase, .. } => Some(phase),
            _ => None,
        }
    }

    /// Returns the timeout that passed: that of the call, or with [`Phase::Connect`] the connect timeout.
    #[must_use]
    pub fn limit(&self) -> Option<Duration> {
        match self.cause {
            Cause::Timeout { limit, .. } => Some(limit),
            _ => None,
        }
    }

    /// Returns the status with which the proxy rejected the tunnel.
    #[must_use]
    pub fn proxy_status(&self) -> Option<StatusCode> {
        match self.cause {
            Cause::Proxy { source: TunnelError::Status { status, .. } } => Some(status),
            _ => None,
        }
    }

    /// Returns the status of a success whose body failed, or `None` if no head arrived.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        self.status
    }

    /// Returns the proxy of the request as `host:port`, without user and password.
    #[must_use]
    pub fn proxy(&self) -> Option<&str> {
        self.proxy.as_deref()
    }

    /// Returns whether the same request may succeed later without any change.
    ///
    /// With `false`, a person has to act first: trust a CA, give a password, correct an address.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match &self.cause {
            Cause::Timeout { .. }
            | Cause::Dns { .. }
            | Cause::Connect { .. }
            | Cause::Closed { .. }
            | Cause::Other { .. } => true,
            Cause::Proxy { source: TunnelError::Closed | TunnelError::Io(_) } => true,
            Cause::Proxy { .. } => {
                self.proxy_status().is_some_and(|status| status.is_server_error())
            }
            Cause::Tls { .. } | Cause::TooLarge { .. } | Cause::Protocol { .. } => false,
        }
    }

    /// Classifies an error of the HTTP client. If it wraps a `TransportError`, returns that one. `connecting`
    /// is true if there was no connection yet. `limit` is the timeout of the call.
    #[doc(hidden)]
    #[must_use]
    pub fn classify(source: Source, limit: Duration, connecting: bool) -> Self {
        match source.downcast::<Self>() {
            Ok(error) => *error,
            Err(source) => Cause::classify(source, limit, connecting).into(),
        }
    }

    /// Adds the proxy of the request to the error.
    #[doc(hidden)]
    #[must_use]
    pub fn through(mut self, proxy: Option<&ProxyUrl>) -> Self {
        self.proxy = proxy.map(|proxy| format!("{}:{}", proxy.host(), proxy.port()));
        self
    }

    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.status = Some(status);
        self
    }

    pub(crate) fn cause(&self) -> &Cause {
        &self.cause
    }
}

impl From<Cause> for TransportError {
    fn from(cause: Cause) -> Self {
        let cause = match cause {
            // The machine lacks a resource, and the network is not at fault.
            Cause::Dns { source } | Cause::Connect { source }
                if shortage(source.as_ref()).is_some() =>
            {
                Cause::Other { source }
            }
            cause => cause,
        };
        Self { cause, proxy: None, status: None }
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let proxy = self.proxy.as_ref().map(|proxy| format!("the proxy {proxy}"));
        let through = proxy.as_ref().map(|proxy| format!(" ({proxy})")).unwrap_or_default();
        match &self.cause {
            Cause::Timeout { limit, phase } => {
                let missing = match phase {
                    Some(Phase::Connect) => "connection",
                    Some(Phase::Head) => "response",
                    Some(Phase::Body) | None => "complete response",
                };
                write!(f, "no {missing} within {} s{through}", limit.as_secs_f64())
            }
            Cause::Dns { .. } => {
                let whose = proxy.as_deref().unwrap_or("the host");
                write!(f, "the name of {whose} could not be resolved")
            }
            Cause::Connect { .. } => write!(f, "no connection could be made{through}"),
            Cause::Tls { source } => {
                write!(f, "TLS failed: {}{through}", tls_problem(source.as_ref()).0)
            }
            Cause::Proxy { source: TunnelError::Settings(problem) } => {
                write!(f, "the environment's proxy cannot be used: {problem}")
            }
            Cause::Proxy { source } => {
                let proxy = proxy.as_deref().unwrap_or("the proxy");
                write!(f, "{proxy} did not open a tunnel: {source}")
            }
            Cause::Closed { .. } => {
                write!(f, "the connection was closed before the response was complete{through}")
            }
            Cause::TooLarge { phase: Phase::Body, limit } => {
                write!(f, "the body of the response is over {limit} bytes{through}")
            }
            // hyper does not say which of the two limits was exceeded.
            Cause::TooLarge { limit, .. } => {
                write!(f, "the head of the response is over {limit} bytes or 100 headers{through}")
            }
            Cause::Protocol { source } if source.is::<NotSendable>() => {
                write!(f, "the request was not sent: {source}")
            }
            Cause::Protocol { .. } => {
                write!(f, "the peer did not speak HTTP as it should{through}")
            }
            Cause::Other { source } => match shortage(source.as_ref()) {
                Some(error) => write!(f, "this machine lacks a resource: {error}"),
                None => f.write_str("the request could not be carried out"),
            },
        }
    }
}

impl StdError for TransportError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.cause {
            Cause::Timeout { .. } | Cause::TooLarge { .. } | Cause::Proxy { .. } => None,
            Cause::Dns { source }
            | Cause::Connect { source }
            | Cause::Tls { source }
            | Cause::Closed { source }
            | Cause::Protocol { source }
            | Cause::Other { source } => Some(source.as_ref()),
        }
    }
}

/// The reason why a request cannot be sent. It is the source of a [`Cause::Protocol`].
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NotSendable(pub(crate) &'static str);

impl Cause {
    /// Classifies an error by its root: an error of TLS first, then the kind of an `io::Error`.
    fn classify(source: Source, limit: Duration, connecting: bool) -> Self {
        if find::<rustls::Error>(source.as_ref()).is_some() {
            return Self::Tls { source };
        }
        if connecting {
            return Self::Connect { source };
        }
        use io::ErrorKind as Kind;
        match find::<io::Error>(source.as_ref()).map(io::Error::kind) {
            Some(Kind::TimedOut) => Self::Timeout { limit, phase: None },
            Some(
                Kind::ConnectionReset
                | Kind::ConnectionAborted
                | Kind::UnexpectedEof
                | Kind::BrokenPipe
                | Kind::NotConnected
                | Kind::WriteZero,
            ) => Self::Closed { source },
            Some(
                Kind::ConnectionRefused
                | Kind::AddrNotAvailable
                | Kind::HostUnreachable
                | Kind::NetworkUnreachable
                | Kind::NetworkDown
                | Kind::PermissionDenied,
            ) => Self::Connect { source },
            _ => Self::Other { source },
        }
    }
}

/// Finds the first error of type `T` in a chain, or the innermost of several `io::Error`s. The `source()` of an
/// `io::Error` skips the error that it wraps, so this function looks at `get_ref()` as well.
#[must_use]
pub fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    let mut found_io: Option<&'a T> = None;
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            found_io = Some(found);
            // The innermost `io::Error` has the system's kind. The outer ones wrap it.
            if error.downcast_ref::<io::Error>().is_none() {
                break;
            }
        }
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner as &(dyn StdError + 'static)),
            None => error.source(),
        };
    }
    found_io
}

/// Finds the system's error about a lack of memory, threads, descriptors or buffers.
pub(crate) fn shortage<'a>(source: &'a (dyn StdError + 'static)) -> Option<&'a io::Error> {
    // The codes are those of EMFILE, ENFILE and ENOBUFS, for which std has no kinds.
    const CODES: &[i32] = if cfg!(windows) { &[10024, 10055] } else { &[23, 24, 105] };
    find::<io::Error>(source).filter(|error| {
        // The system returns `WouldBlock` if it cannot make a thread.
        matches!(error.kind(), io::ErrorKind::OutOfMemory | io::ErrorKind::WouldBlock)
            || error.raw_os_error().is_some_and(|code| CODES.contains(&code))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    fn wrapped_twice(inner: impl StdError + Send + Sync + 'static) -> Source {
        Box::new(io::Error::other(io::Error::new(io::ErrorKind::InvalidData, inner)))
    }

    #[test]
    fn a_tls_error_is_found_under_two_wrappers() {
        let unknown = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let error = TransportError::from(Cause::classify(wrapped_twice(unknown), LIMIT, true));
        assert_eq!(error.kind(), TransportErrorKind::Tls);
        assert_eq!(
            error.to_string(),
            "TLS failed: the certificate is not trusted: it is issued by an unknown CA"
        );
    }

    #[test]
    fn maps_each_error_of_the_system_to_a_kind() {
        use TransportErrorKind as Kind;
        for (kind, connecting, expected) in [
            (io::ErrorKind::ConnectionRefused, false, Kind::Connect),
            (io::ErrorKind::ConnectionReset, false, Kind::Closed),
            (io::ErrorKind::ConnectionReset, true, Kind::Connect),
            (io::ErrorKind::UnexpectedEof, false, Kind::Closed),
            (io::ErrorKind::TimedOut, false, Kind::Timeout),
            // The system gave up connecting before the connect timeout.
            (io::ErrorKind::TimedOut, true, Kind::Connect),
            (io::ErrorKind::OutOfMemory, true, Kind::Other),
            (io::ErrorKind::InvalidInput, false, Kind::Other),
        ] {
            let cause = Cause::classify(Box::new(io::Error::from(kind)), LIMIT, connecting);
            assert_eq!(TransportError::from(cause).kind(), expected, "{kind:?}");
        }
    }

    #[test]
    #[cfg(unix)]
    fn a_lack_of_descriptors_is_not_a_network_error() {
        let source = || io::Error::from_raw_os_error(24).into();
        for cause in [
            Cause::Dns { source: source() },
            Cause::Connect { source: source() },
            Cause::classify(source(), LIMIT, false),
        ] {
            let error = TransportError::from(cause);
            assert_eq!(error.kind(), TransportErrorKind::Other);
            assert!(error.to_string().starts_with("this machine lacks a resource: "), "{error}");
            assert!(error.advice().contains("open files"));
        }
    }

    #[test]
    fn an_error_names_the_proxy_of_its_request() {
        let source = || Source::from("x");
        let limit = Duration::from_millis(1500);
        let timeout = |phase| Cause::Timeout { limit, phase };
        let status = |code| {
            let status = StatusCode::from_u16(code).expect("valid");
            Cause::Proxy { source: TunnelError::Status { status, schemes: Vec::new() } }
        };
        let proxy_url = ProxyUrl::new("http://user:password@p:1").expect("an address");
        for (cause, words) in [
            (timeout(Some(Phase::Connect)), "no connection within 1.5 s (the proxy p:1)"),
            (timeout(Some(Phase::Head)), "no response within 1.5 s (the proxy p:1)"),
            (timeout(Some(Phase::Body)), "no complete response within 1.5 s (the proxy p:1)"),
            (timeout(None), "no complete response within 1.5 s (the proxy p:1)"),
            (Cause::Dns { source: source() }, "the name of the proxy p:1 could not be resolved"),
            (Cause::Connect { source: source() }, "no connection could be made (the proxy p:1)"),
            (status(502), "the proxy p:1 did not open a tunnel: its response has status 502"),
            (
                status(401),
                "the proxy p:1 did not open a tunnel: it wants a user and password (status 401)",
            ),
        ] {
            let error = TransportError::from(cause).through(Some(&proxy_url));
            assert_eq!((error.proxy(), error.to_string()), (Some("p:1"), words.into()));
        }
        let too_large =
            |phase| TransportError::from(Cause::TooLarge { phase, limit: 9 }).to_string();
        assert_eq!(too_large(Phase::Body), "the body of the response is over 9 bytes");
        assert_eq!(
            too_large(Phase::Head),
            "the head of the response is over 9 bytes or 100 headers"
        );
        let dns = TransportError::from(Cause::Dns { source: source() });
        assert_eq!(dns.to_string(), "the name of the host could not be resolved");
        let error = TransportError::from(status(502));
        assert_eq!(
            error.to_string(),
            "the proxy did not open a tunnel: its response has status 502"
        );
    }

    #[test]
    fn says_which_kinds_are_retryable() {
        let proxy = |source| TransportError::from(Cause::Proxy { source });
        let status = |status| TunnelError::Status { status, schemes: Vec::new() };
        let source = || Source::from("x");
        let timeout = Cause::Timeout { limit: LIMIT, phase: None };
        for (error, expected) in [
            (timeout.into(), true),
            (Cause::Dns { source: source() }.into(), true),
            (Cause::Closed { source: source() }.into(), true),
            (Cause::Tls { source: source() }.into(), false),
            (Cause::Protocol { source: source() }.into(), false),
            (proxy(status(StatusCode::BAD_GATEWAY)), true),
            (proxy(status(StatusCode::FORBIDDEN)), false),
            (proxy(TunnelError::NotHttp), false),
            (proxy(TunnelError::Closed), true),
            (proxy(TunnelError::Io(io::ErrorKind::ConnectionReset.into())), true),
        ] {
            assert_eq!(error.is_retryable(), expected, "{error}");
        }
    }
}
