use core::{error::Error as StdError, fmt, time::Duration};
use std::io;

use http::{StatusCode, header, response::Parts};

use crate::SettingsError;

/// The client's own error, kept as the source.
type Source = Box<dyn StdError + Send + Sync>;

/// Why a request got no answer. Both transports use the same words; the HTTP client's own error
/// is the [`source`](StdError::source).
///
/// Neither text nor source holds a header's value or a body.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The call was not finished within its time limit.
    #[error("{} within {}", Missing(*phase), Seconds(*limit))]
    Timeout {
        /// The limit of the whole call.
        limit: Duration,
        /// What the call was doing when it was over, where the client knows.
        phase: Option<Phase>,
    },
    /// The host's name could not be resolved.
    #[error("the name of the host could not be resolved")]
    Dns {
        /// What the resolver said.
        source: Source,
    },
    /// No connection could be made: refused, unreachable, filtered.
    #[error("no connection could be made")]
    Connect {
        /// What the system said.
        source: Source,
    },
    /// TLS failed: above all, the service's certificate is not trusted.
    #[error("TLS failed: {}", tls_problem(source.as_ref()))]
    Tls {
        /// What the TLS library said.
        source: Source,
    },
    /// The proxy refused the tunnel, or did not speak like one; or the environment names one that
    /// can't be used.
    #[error("{}", NoTunnel(*status, source.as_ref()))]
    Proxy {
        /// The status it answered with, if it was one.
        status: Option<u16>,
        /// What the client said.
        source: Source,
    },
    /// The connection ended before the answer did.
    #[error("the connection was closed before the answer was complete")]
    Closed {
        /// What the client said.
        source: Source,
    },
    /// The answer is larger than allowed; the rest was not read.
    #[error("{}", TooMuch(*part, *limit))]
    TooLarge {
        /// Which part of it.
        part: Part,
        /// The limit, in bytes. A head is also limited to 100 headers.
        limit: usize,
    },
    /// What came back is not HTTP, or the request cannot be sent as HTTP.
    #[error("the peer did not speak HTTP as it should")]
    Protocol {
        /// What the client said.
        source: Source,
    },
    /// Anything else, such as a lack of memory, threads or descriptors.
    #[error("the request could not be carried out")]
    Other {
        /// What the client or the system said.
        source: Source,
    },
}

/// A name was not resolved; its own type, so that [`Error::classify`] tells it from other errors.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct LookupError(
    /// What the resolver said.
    pub io::Error,
);

/// There was no connection within the time limit; its own type, so that [`Error::classify`] tells
/// it from other errors.
#[derive(Debug, thiserror::Error)]
#[error("connecting took too long")]
pub struct ConnectTimeout;

/// An answer that says success has neither a length nor chunks nor a body: nothing tells an empty one
/// from one that was cut off. The source of an [`Error::Closed`].
#[derive(Debug, thiserror::Error)]
#[error("it has neither a length nor a body")]
pub struct NoBody;

impl NoBody {
    /// Looks at a response without a body that is none to HEAD. Of what is no success the status says
    /// enough.
    ///
    /// # Errors
    /// [`Error::Closed`], if it should have a body and does not say how long it is.
    pub fn check(parts: &Parts) -> Result<(), Error> {
        let lacks_length = parts.status.is_success()
            && parts.status != StatusCode::NO_CONTENT
            && !parts.headers.contains_key(header::CONTENT_LENGTH)
            && !parts.headers.contains_key(header::TRANSFER_ENCODING);
        if lacks_length { Err(Error::Closed { source: NoBody.into() }) } else { Ok(()) }
    }
}

/// What a call does, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// It gets a connection: look-up, TCP, a proxy's tunnel, TLS.
    Connect,
    /// It sends the request and waits for the answer's head.
    Head,
    /// It reads the answer's body.
    Body,
}

/// A part of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// Status line and headers.
    Head,
    /// The body.
    Body,
}

struct Missing(Option<Phase>);

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Some(Phase::Connect) => "no connection",
            Some(Phase::Head) => "no answer",
            Some(Phase::Body) | None => "no complete answer",
        })
    }
}

struct TooMuch(Part, usize);

impl fmt::Display for TooMuch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            // Which of the two it was hyper does not tell.
            Self(Part::Head, limit) => {
                write!(f, "the head of the answer is over {limit} bytes or 100 headers")
            }
            Self(Part::Body, limit) => write!(f, "the body of the answer is over {limit} bytes"),
        }
    }
}

impl Error {
    /// Sorts an error of the HTTP client by what is at its root: look-up, TLS, then the
    /// system's kinds.
    /// `connecting` says that no connection was there yet.
    #[must_use]
    pub fn classify(source: Source, limit: Duration, connecting: bool) -> Self {
        if find::<ConnectTimeout>(source.as_ref()).is_some() {
            return Self::Timeout { limit, phase: Some(Phase::Connect) };
        }
        if find::<LookupError>(source.as_ref()).is_some() {
            return Self::Dns { source };
        }
        if find::<rustls::Error>(source.as_ref()).is_some() {
            return Self::Tls { source };
        }
        use io::ErrorKind as Kind;
        match find::<io::Error>(source.as_ref()).map(io::Error::kind) {
            Some(Kind::TimedOut) if !connecting => Self::Timeout { limit, phase: None },
            Some(Kind::OutOfMemory) => Self::Other { source },
            Some(_) if connecting => Self::Connect { source },
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
            _ if connecting => Self::Connect { source },
            _ => Self::Other { source },
        }
    }
}

/// The first error of type `T` in a chain; of several `io::Error`s the innermost. An `io::Error`
/// leaves what it wraps out of `source()`, which [`std::error::Error::source`] alone would miss.
#[must_use]
pub fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    let mut found_io: Option<&'a T> = None;
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            found_io = Some(found);
            // The innermost `io::Error` has the system's kind; outer ones are mere wrapping.
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

fn tls_problem(source: &(dyn StdError + 'static)) -> String {
    use rustls::{CertificateError as Bad, Error as Tls};
    match find::<Tls>(source) {
        Some(Tls::InvalidCertificate(problem)) => {
            let what = match problem {
                Bad::UnknownIssuer => "it is issued by an unknown CA",
                Bad::Expired | Bad::ExpiredContext { .. } => {
                    "it has expired (or the clock is wrong)"
                }
                Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
                    "it is not valid yet (or the clock is wrong)"
                }
                Bad::NotValidForName | Bad::NotValidForNameContext { .. } => {
                    "it is for another host"
                }
                Bad::Revoked => "it has been revoked",
                _ => "it is not valid",
            };
            format!("the certificate is not trusted: {what}")
        }
        Some(Tls::AlertReceived(_)) => "the peer ended the handshake".into(),
        Some(Tls::InvalidMessage(_)) => "the peer did not speak TLS".into(),
        // Before any certificate came, or in place of looking at it.
        Some(Tls::General(_)) => "the system's trust store cannot be used".into(),
        _ => "no secure connection could be agreed on".into(),
    }
}

/// Whole seconds where it is whole seconds: `30 s`, `1.5 s`.
struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s", self.0.as_secs_f64())
    }
}

struct NoTunnel<'a>(Option<u16>, &'a (dyn StdError + 'static));

impl fmt::Display for NoTunnel<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(problem) = find::<SettingsError>(self.1) {
            return write!(f, "the environment's proxy cannot be used: {problem}");
        }
        f.write_str("the proxy did not open a tunnel")?;
        match self.0 {
            // 401 is for servers to say, and what tinyproxy says to a wrong password.
            Some(status @ (401 | 407)) => {
                write!(f, ": it wants a user and password (status {status})")
            }
            Some(status) => write!(f, ": it answered with status {status}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    fn wrapped_twice(inner: impl StdError + Send + Sync + 'static) -> Source {
        Box::new(io::Error::other(io::Error::new(io::ErrorKind::InvalidData, inner)))
    }

    #[test]
    fn trust_is_found_under_two_wrappings() {
        let unknown = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let error = Error::classify(wrapped_twice(unknown), LIMIT, true);
        assert!(matches!(error, Error::Tls { .. }));
        assert!(error.advice().contains("--ca-cert"), "{}", error.advice());
        assert_eq!(
            error.to_string(),
            "TLS failed: the certificate is not trusted: it is issued by an unknown CA"
        );
    }

    #[test]
    fn a_connection_that_took_too_long() {
        let error = Error::classify(wrapped_twice(ConnectTimeout), LIMIT, false);
        let phase = Some(Phase::Connect);
        assert!(matches!(error, Error::Timeout { limit: LIMIT, phase: at } if at == phase));
    }

    #[test]
    fn kinds_of_the_system() {
        let of = |kind: io::ErrorKind, connecting| {
            Error::classify(Box::new(io::Error::from(kind)), LIMIT, connecting)
        };
        assert!(matches!(of(io::ErrorKind::ConnectionRefused, false), Error::Connect { .. }));
        assert!(matches!(of(io::ErrorKind::ConnectionReset, false), Error::Closed { .. }));
        assert!(matches!(of(io::ErrorKind::ConnectionReset, true), Error::Connect { .. }));
        assert!(matches!(of(io::ErrorKind::UnexpectedEof, false), Error::Closed { .. }));
        assert!(matches!(
            of(io::ErrorKind::TimedOut, false),
            Error::Timeout { limit: LIMIT, phase: None }
        ));
        // The system gave up connecting before our limit: no time limit of ours is at fault.
        assert!(matches!(of(io::ErrorKind::TimedOut, true), Error::Connect { .. }));
        assert!(matches!(of(io::ErrorKind::OutOfMemory, true), Error::Other { .. }));
        assert!(matches!(of(io::ErrorKind::InvalidInput, false), Error::Other { .. }));
    }

    #[test]
    fn words() {
        let limit = Duration::from_millis(1500);
        for (phase, words) in [
            (Some(Phase::Connect), "no connection within 1.5 s"),
            (Some(Phase::Head), "no answer within 1.5 s"),
            (Some(Phase::Body), "no complete answer within 1.5 s"),
            (None, "no complete answer within 1.5 s"),
        ] {
            assert_eq!(Error::Timeout { limit, phase }.to_string(), words);
        }
        assert_eq!(
            Error::TooLarge { part: Part::Body, limit: 9 }.to_string(),
            "the body of the answer is over 9 bytes"
        );
        let proxy = |status| Error::Proxy { status, source: "x".into() }.to_string();
        assert_eq!(proxy(None), "the proxy did not open a tunnel");
        assert_eq!(
            proxy(Some(502)),
            "the proxy did not open a tunnel: it answered with status 502"
        );
        for status in [401, 407] {
            assert!(proxy(Some(status)).contains("password"));
        }
    }
}
