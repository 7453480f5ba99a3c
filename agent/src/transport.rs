//! The transports of this build, behind one blocking client.

use std::{error::Error, fmt};
#[cfg(feature = "hyper")]
use std::{future, io, thread};

use huaweicloud_sms::{
    Settings, TransportError,
    http::{Request, Response, Uri, header},
};

use crate::{
    args::Transport,
    failure::Failure,
    redactor::{self, Kind},
};

/// The transports of this build. The first one is the default.
pub(crate) const AVAILABLE: &[Transport] = &[
    #[cfg(feature = "ureq")]
    Transport::Ureq,
    #[cfg(feature = "hyper")]
    Transport::Hyper,
];

/// The client that all subcommands use, whatever its transport.
pub(crate) type Client = huaweicloud_sms::Client<Execute>;

pub(crate) type Execute =
    Box<dyn Fn(Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportFailure> + Send + Sync>;

/// The error of a request without a response, and the address of the request.
#[derive(Debug)]
pub(crate) struct TransportFailure {
    pub(crate) error: TransportError,
    /// `host:port` of the endpoint.
    pub(crate) address: String,
}

impl fmt::Display for TransportFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl Error for TransportFailure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.source()
    }
}

/// A transport of the library.
type Unaddressed =
    Box<dyn Fn(Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError> + Send + Sync>;

/// Creates a client over this transport.
pub(crate) fn client(transport: Transport, settings: Settings) -> Result<Client, Failure> {
    let execute: Unaddressed = match transport {
        #[cfg(feature = "ureq")]
        Transport::Ureq => {
            use huaweicloud_sms::{Transport as _, ureq::Transport};
            let transport = Transport::new(settings).map_err(|error| error.to_string())?;
            Box::new(move |request| transport.execute(request))
        }
        #[cfg(feature = "hyper")]
        Transport::Hyper => {
            use huaweicloud_sms::{AsyncTransport as _, hyper::Transport};
            let transport = Transport::new(settings).map_err(|error| error.to_string())?;
            let runtime = start_runtime().map_err(|error| {
                Failure::Resource(format!("the async runtime cannot start: {error}"))
            })?;
            Box::new(move |request| {
                let response = runtime.block_on(transport.execute(request))?;
                Ok(response.map(Vec::from))
            })
        }
        #[allow(unreachable_patterns, reason = "reached if a feature is off")]
        missing => {
            return Err(format!("the transport {missing} is not in this build").into());
        }
    };
    Ok(Client::new(Box::new(move |request: Request<Vec<u8>>| {
        log::info!("{} {}", request.method(), request.uri());
        keep_signature(&request);
        let address = address(request.uri());
        execute(request).map_err(|error| TransportFailure { error, address })
    })))
}

/// Starts a runtime on a thread of its own. So it also runs between two calls and closes idle connections. The
/// thread ends with the process. A runtime of tokio with threads panics if it cannot start one.
#[cfg(feature = "hyper")]
fn start_runtime() -> io::Result<tokio::runtime::Handle> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    let run = move || runtime.block_on(future::pending::<()>());
    thread::Builder::new().name("hyper".into()).spawn(run)?;
    Ok(handle)
}

/// Keeps the signature of a request as a secret, because a gateway may echo it in a rejection.
fn keep_signature(request: &Request<Vec<u8>>) {
    let value = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if let Some((_, signature)) = value.and_then(|value| value.rsplit_once("Signature=")) {
        redactor::keep(Kind::Signature, signature);
    }
}

pub(crate) fn address(uri: &Uri) -> String {
    let default = if uri.scheme_str() == Some("http") { 80 } else { 443 };
    format!("{}:{}", uri.host().unwrap_or_default(), uri.port_u16().unwrap_or(default))
}
