//! Blocking HTTP transport of `huaweicloud-sms`, over [ureq] 3.
//!
//! It maps an `http::Request` to an `http::Response` and knows nothing of the Server Migration
//! Service. It promises for every request, also with an agent of yours:
//!
//! * Redirects are returned and never followed, so that no header reaches another host.
//! * No status is an error. Every body reaches the caller. The body of an error may be truncated.
//! * No request is sent twice. It speaks HTTP/1.1 only.
//! * The whole call ends within one timeout, and a body over its limit is an error.
//! * A GET has no `content-length`, and an empty POST has `content-length: 0`.
//!
//! ```no_run
//! use huaweicloud_sms_transport_ureq::{UreqTransport, transport::{Settings, Transport, http}};
//!
//! let transport = UreqTransport::new(Settings::default())?;
//! let request = http::Request::get("https://sms.ap-southeast-3.myhuaweicloud.com/").body(Vec::new())?;
//! println!("{}", transport.execute(request)?.status());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Features
//!
//! * `platform-verifier`, on by default: the operating system's trust store, `RootCerts::Platform`.
//! * `webpki-roots`: Mozilla's root certificates, compiled in, `RootCerts::WebpkiRoots`.
//!
//! # Specific to ureq
//!
//! * **Compression**: the transport does not request it, and ureq is built without it. If another crate turns
//!   on ureq's feature `gzip`, and a server compresses a body nevertheless, ureq decodes it. The limit of the
//!   body then counts decoded bytes.
//! * **Logs**: at level TRACE the crate `ureq_proto` logs the sent and received bytes, including tokens. Limit
//!   that target to DEBUG.
//! * **Threads**: a call on an idle connection needs no thread. A new connection needs one thread to resolve
//!   the host's name, and one for each address that is tried beside others. A call stops waiting for a
//!   look-up at the connect timeout. At most 16 look-ups run at once. Further ones wait, within the connect
//!   timeout.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod connection;
mod connector;
mod error;
mod places;

use std::{io::Read, sync::Arc};

use http::{Method, Request, Response, Version, header};
use huaweicloud_sms_transport::{
    Phase, Proxy, ProxyMatcher, Settings, SettingsError, Transport, TransportError,
    internal::{Cause, Resolve, check_request, complete, system_resolver},
};
use ureq::{Agent, AsSendBody, Body, config::Config};

use crate::connector::{Connect, NoAddress};

pub use huaweicloud_sms_transport as transport;

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

const USER_AGENT: header::HeaderValue = header::HeaderValue::from_static(concat!(
    env!("CARGO_PKG_NAME"),
    "/",
    env!("CARGO_PKG_VERSION")
));

/// The number of idle connections that are kept. Each thread that polls at the same time needs one.
const MAX_IDLE: usize = 100;

/// Executes requests and blocks until the response. Clones are cheap and share connections. One transport
/// serves all threads.
#[derive(Clone)]
pub struct UreqTransport {
    agent: Agent,
    /// Whether the agent is the caller's, so that each request has to be configured.
    is_callers: bool,
    shared: Arc<Shared>,
}

struct Shared {
    settings: Settings,
    /// Names the proxy of a request in its error.
    matcher: ProxyMatcher,
}

impl UreqTransport {
    /// Creates a transport.
    ///
    /// # Errors
    /// The settings are invalid; see [`SettingsError`].
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        Self::with_resolver(settings, system_resolver())
    }

    /// Creates a transport with another resolver than the system's, for tests.
    ///
    /// # Errors
    /// The same as those of [`new`](Self::new).
    #[doc(hidden)]
    pub fn with_resolver(settings: Settings, resolve: Resolve) -> Result<Self, SettingsError> {
        settings.check()?;
        let config = Config::builder()
            .max_redirects(0)
            .http_status_as_error(false)
            .timeout_global(Some(settings.timeout()))
            .max_response_header_size(Settings::MAX_HEAD)
            .max_idle_age(settings.pool_idle_timeout())
            .max_idle_connections(MAX_IDLE)
            .max_idle_connections_per_host(MAX_IDLE)
            .allow_non_standard_methods(true)
            // Only the request's own headers are sent.
            .accept("")
            .accept_encoding("")
            .user_agent("")
            // The connector handles the proxy.
            .proxy(None)
            .build();
        let matcher = ProxyMatcher::new(settings.proxy());
        let connect = Connect::new(&settings, matcher.clone(), resolve)?;
        let agent = Agent::with_parts(config, connect, NoAddress);
        Ok(Self { agent, is_callers: false, shared: Arc::new(Shared { settings, matcher }) })
    }

    /// Creates a transport over an agent of yours. It uses only the settings `timeout` and `max_body`.
    ///
    /// Redirects, statuses, both limits and the shape of requests are as with [`new`](Self::new). Root
    /// certificates, proxy, pool, look-ups, the head's limit in bytes and automatic headers are the agent's.
    /// With ureq's own resolver, each look-up makes a thread, and **panics** if the system cannot make one.
    ///
    /// Over TLS, ureq's own connector reuses a connection with unread bytes that the server sent after the
    /// response. They become the response to the next request.
    ///
    /// # Errors
    /// The same as those of [`Settings::check`].
    pub fn with_agent(agent: Agent, settings: Settings) -> Result<Self, SettingsError> {
        settings.check()?;
        let matcher = ProxyMatcher::new(&Proxy::Direct);
        Ok(Self { agent, is_callers: true, shared: Arc::new(Shared { settings, matcher }) })
    }

    /// Returns the settings that it was made with.
    pub fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    fn run(&self, request: Request<impl AsSendBody>) -> Result<Response<Body>, TransportError> {
        if !self.is_callers {
            let response = self.agent.run(request);
            return response.map_err(|error| self.error(error, Some(Phase::Head)));
        }
        let request = self.agent.configure_request(request);
        let request = request.max_redirects(0).http_status_as_error(false);
        let request = request.allow_non_standard_methods(true);
        let request = request.timeout_global(Some(self.settings().timeout())).build();
        // Only the agent knows whether it was still connecting, so the phase is unknown.
        self.agent.run(request).map_err(|error| self.error(error, None))
    }

    fn error(&self, error: ureq::Error, phase: Option<Phase>) -> TransportError {
        error::from_ureq(error, self.settings(), phase)
    }

    fn call(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError> {
        let (mut parts, body) = request.into_parts();
        parts.headers.entry(header::USER_AGENT).or_insert(USER_AGENT);
        let is_head = parts.method == Method::HEAD;
        // ureq sends a length for an empty `Vec`.
        let has_body =
            !body.is_empty() || matches!(parts.method, Method::POST | Method::PUT | Method::PATCH);
        let response = if has_body {
            self.run(Request::from_parts(parts, body))
        } else {
            self.run(Request::from_parts(parts, ()))
        };
        let response = response?;

        let limit = self.settings().max_body();
        let (parts, mut body) = response.into_parts();
        if parts.headers.len() > Settings::MAX_HEADERS {
            return Err(Cause::TooLarge { phase: Phase::Head, limit: Settings::MAX_HEAD }.into());
        }
        let mut received = Vec::new();
        // The announced length is checked first. ureq would read up to the limit, or wait for bytes that never
        // arrive.
        let is_over = body.content_length().is_some_and(|length| length > limit as u64);
        let read = if is_over && parts.status.is_success() {
            Err(Cause::TooLarge { phase: Phase::Body, limit }.into())
        } else if parts.version == Version::HTTP_10
            && parts.headers.contains_key(header::TRANSFER_ENCODING)
        {
            // This framing is faulty (RFC 9112, section 6.1). ureq would return the chunks' sizes as a part
            // of the body.
            Err(Cause::Protocol { source: "chunks in HTTP/1.0".into() }.into())
        } else {
            let read = body.with_config().limit(limit as u64).reader().read_to_end(&mut received);
            read.map(drop).map_err(|error| self.error(error.into(), Some(Phase::Body)))
        };
        complete(parts, received, is_head, read)
    }
}

impl Transport for UreqTransport {
    type Error = TransportError;

    fn execute(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError> {
        check_request(&request)?;
        let proxy = self.shared.matcher.proxy_for(request.uri()).ok().flatten();
        self.call(request).map_err(|error| error.through(proxy))
    }
}

impl std::fmt::Debug for UreqTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UreqTransport").field("settings", self.settings()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{
            Mutex,
            atomic::{AtomicUsize, Ordering},
            mpsc,
        },
        thread,
        time::Duration,
    };

    use huaweicloud_sms_simulator::Simulator;
    use huaweicloud_sms_transport::{Proxy, RootCerts};

    use super::*;

    /// Returns settings with root certificates that every build supports.
    fn settings() -> Settings {
        let service = Simulator::builder().tls().start().expect("started");
        let ca = service.ca_pem().expect("a CA").into();
        Settings::default().with_proxy(Proxy::Direct).with_root_certs(RootCerts::Pem(ca))
    }

    fn execute(settings: Settings, resolve: Resolve, url: &str) -> TransportError {
        let transport = UreqTransport::with_resolver(settings, resolve).expect("a transport");
        let request = Request::get(url).body(Vec::new()).expect("a request");
        transport.execute(request).expect_err("no response")
    }

    /// The system's resolver cannot be interrupted, but the call does not wait for it.
    #[test]
    fn a_look_up_that_hangs_ends_at_the_connect_timeout() {
        let (release, released) = mpsc::channel::<()>();
        let released = Mutex::new(released);
        let resolve: Resolve = Arc::new(move |_, _| {
            // The resolver hangs until the test is over.
            let _ = released.lock().map(|released| released.recv());
            Ok(Vec::new())
        });
        let settings = settings().with_connect_timeout(Duration::from_millis(100));
        let error = execute(settings, resolve, "http://host.invalid/");
        assert_eq!(error.to_string(), "no connection within 0.1 s");
        drop(release);
    }

    #[test]
    fn at_most_16_look_ups_run_at_once() {
        let (release, released) = mpsc::channel::<()>();
        let (released, running) = (Mutex::new(released), Arc::new(AtomicUsize::new(0)));
        let started = Arc::clone(&running);
        let resolve: Resolve = Arc::new(move |_, _| {
            started.fetch_add(1, Ordering::Relaxed);
            let _ = released.lock().map(|released| released.recv());
            Err(io::ErrorKind::NotFound.into())
        });
        let settings = settings().with_connect_timeout(Duration::from_millis(300));
        let transport = UreqTransport::with_resolver(settings, resolve).expect("a transport");
        let fail = || {
            let request = Request::get("http://host.invalid/").body(Vec::new());
            transport.execute(request.expect("a request")).expect_err("no address").to_string()
        };
        thread::scope(|scope| {
            for _ in 0..100 {
                scope.spawn(|| assert_eq!(fail(), "no connection within 0.3 s"));
            }
        });
        while running.load(Ordering::Relaxed) < 16 {
            thread::yield_now();
        }
        assert_eq!(running.load(Ordering::Relaxed), 16);
        // The look-ups return, so that others may begin.
        drop(release);
        while fail() != "the name of the host could not be resolved" {}
    }

    /// The queue of the listener is full, so Linux drops further attempts, as a firewall does.
    #[test]
    #[cfg(target_os = "linux")]
    fn silent_addresses_end_at_the_connect_timeout() {
        use std::net::{TcpListener, TcpStream};
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let silent = listener.local_addr().expect("an address");
        // std asks for a queue of 128 connections. The system may allow fewer.
        let mut queue = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&silent, Duration::from_millis(50)) {
            queue.push(stream);
            assert!(queue.len() < 10_000, "the queue has an end");
        }
        let settings = settings().with_connect_timeout(Duration::from_millis(300));
        for addresses in [vec![silent], vec![silent; 3]] {
            let resolve: Resolve = Arc::new(move |_, _| Ok(addresses.clone()));
            let error = execute(settings.clone(), resolve, "http://host.invalid/");
            assert_eq!(error.to_string(), "no connection within 0.3 s");
        }
    }
}
