use std::{fmt, io, net::SocketAddr, sync::Arc};

/// A step of a transport that makes a connection. The steps are in their order.
///
/// Errors, addresses and certificates come from outside. The observer must escape them before it prints them.
#[derive(Debug)]
#[non_exhaustive]
pub enum TraceEvent<'a> {
    /// The addresses of the host, or of its proxy, are known. They are in the order in which they are tried.
    LookedUp(&'a [SocketAddr]),
    /// The connection to an address failed.
    ConnectFailed(SocketAddr, &'a io::Error),
    /// The connection to an address is made.
    Connected(SocketAddr),
    /// The proxy opened a tunnel.
    Tunnelled,
    /// The peer sent these certificates (DER), its own first. They were not checked yet.
    Certificates(&'a [&'a [u8]]),
    /// TLS of this version is established. The certificates were accepted.
    Secured(&'static str),
}

/// Observes how connections are made.
pub type Observe = Arc<dyn Fn(TraceEvent<'_>) + Send + Sync>;

/// Passes events to an observer, if there is one.
#[derive(Clone, Default)]
pub struct Trace(Option<Observe>);

impl Trace {
    pub(crate) fn new(observe: Observe) -> Self {
        Self(Some(observe))
    }

    /// Passes an event to the observer.
    pub fn tell(&self, event: TraceEvent<'_>) {
        if let Some(observe) = &self.0 {
            observe(event);
        }
    }

    /// Returns whether there is an observer.
    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_on() { "Trace(on)" } else { "Trace(off)" })
    }
}
