//! Async HTTP transport of `huaweicloud-sms`, over [hyper] 1 and tokio.
//!
//! It maps an `http::Request` to an `http::Response` and knows nothing of the Server Migration
//! Service. It keeps the contract of [`Transport`](transport::Transport):
//!
//! * Redirects are returned, never followed, so that no header reaches another host.
//! * No status is an error. Every body reaches the caller, undecoded. The body of an error may be truncated.
//! * No request is sent twice. It speaks HTTP/1.1 only.
//! * The whole call ends within one timeout. A new connection has a timeout of its own. Head and body have
//!   limits.
//! * A dropped future ends its call, and the call's connection is not used again.
//! * At most 100 calls are under way at once, over as many connections. Further calls wait, within their
//!   timeout.
//!
//! ```no_run
//! use huaweicloud_sms_transport_hyper::{HyperTransport, transport::{AsyncTransport, Settings, http}};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let transport = HyperTransport::new(Settings::default())?;
//!     let request =
//!         http::Request::get("https://sms.ap-southeast-3.myhuaweicloud.com/").body(Vec::new())?;
//!     println!("{}", transport.execute(request).await?.status());
//!     Ok(())
//! }
//! ```
//!
//! # Features
//!
//! * `platform-verifier`, on by default: the operating system's trust store, `RootCerts::Platform`.
//! * `webpki-roots`: Mozilla's root certificates, compiled in, `RootCerts::WebpkiRoots`.
//!
//! # The runtime need not keep running
//!
//! A connection is reused only if it has no unread bytes. The transport checks the socket itself before each
//! request. So one `block_on` per call is safe, and so is code that blocks between two calls. Idle
//! connections are closed only while the runtime runs. For a runtime other than tokio, implement
//! [`AsyncTransport`] yourself.
//!
//! # Specific to hyper
//!
//! * **Proxy**: every request through a proxy uses a tunnel (CONNECT), also for `http`.
//! * **Look-ups** run on a thread each, because the system's resolver blocks. If a look-up hangs, the call
//!   ends at the connect timeout.
//! * **Interim responses**, such as 103, are skipped, up to a megabyte and eight times the body's limit.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod connection;
mod connector;
mod error;
mod response;

use std::{fmt, sync::Arc, time::Instant};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, header};
use http_body_util::Full;
use huaweicloud_sms_transport::{
    AsyncTransport, Phase, Proxy, ProxyMatcher, Settings, SettingsError, TransportError,
    internal::{Cause, Resolve, check_request, complete, system_resolver},
};
use hyper_util::{
    client::legacy::{Client, ResponseFuture, connect::Connect},
    rt::{TokioExecutor, TokioTimer},
};
use tokio::{
    sync::Semaphore,
    time::{sleep_until, timeout_at},
};

use crate::{connector::Connector, response::Received};

pub use huaweicloud_sms_transport as transport;

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

const USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")));

/// The number of calls of one transport that may be under way at once. Without this limit, each call of a
/// fleet would open a connection after a suspend, because all of them are due together.
const MAX_CALLS: usize = 100;

/// Executes requests asynchronously. Clones are cheap and share connections. One transport serves all tasks.
#[derive(Clone)]
pub struct HyperTransport(Arc<Inner>);

struct Inner {
    send: Box<SendFn>,
    settings: Settings,
    /// Names the proxy of a request in its error.
    matcher: ProxyMatcher,
    places: Semaphore,
    /// The phase of a call until the head of its response. It is unknown with a client of the caller, because
    /// only this crate's connector has a timeout of its own.
    phase: Option<Phase>,
}

type SendFn = dyn Fn(Request<Full<Bytes>>) -> ResponseFuture + Send + Sync;

impl HyperTransport {
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
        let matcher = ProxyMatcher::new(settings.proxy());
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(settings.pool_idle_timeout())
            .pool_max_idle_per_host(MAX_CALLS)
            // `http1_max_headers` keeps its default of 100. With any other value hyper allocates for each
            // response.
            .http1_max_buf_size(Settings::MAX_HEAD)
            // hyper moves a request to another connection if it has sent nothing of it, because the connection
            // had ended or unexpected bytes had arrived. It repeats no other request. `true` is the default.
            .retry_canceled_requests(true)
            .build(Connector::new(&settings, matcher.clone(), resolve)?);
        Ok(Self::over(client, settings, matcher, MAX_CALLS, Some(Phase::Head)))
    }

    /// Creates a transport over a client of yours, on tokio. It uses only the settings `timeout` and
    /// `max_body`.
    ///
    /// Statuses, limits of the response and the shape of requests are as with [`new`](Self::new). Root
    /// certificates, proxy and pool are the client's. Put a connect timeout into your connector, because an
    /// attempt may continue in the background after its call has ended. Endless interim responses are read until
    /// the timeout, which a runtime of one thread may notice late. Unrequested bytes of a server may become the
    /// next response if the runtime does not run when they arrive, or if they are a part of a TLS record.
    ///
    /// # Errors
    /// The same as those of [`Settings::check`].
    pub fn with_client<C: Connect + Clone + Send + Sync + 'static>(
        client: Client<C, Full<Bytes>>,
        settings: Settings,
    ) -> Result<Self, SettingsError> {
        settings.check()?;
        let matcher = ProxyMatcher::new(&Proxy::Direct);
        Ok(Self::over(client, settings, matcher, Semaphore::MAX_PERMITS, None))
    }

    fn over<C: Connect + Clone + Send + Sync + 'static>(
        client: Client<C, Full<Bytes>>,
        settings: Settings,
        matcher: ProxyMatcher,
        places: usize,
        phase: Option<Phase>,
    ) -> Self {
        let send = Box::new(move |request| client.request(request));
        Self(Arc::new(Inner { send, settings, matcher, places: Semaphore::new(places), phase }))
    }

    /// Returns the settings that it was made with.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }
}

/// # Panics
/// `execute` and `sleep_until` panic outside of a tokio runtime, and in one without I/O or time.
impl AsyncTransport for HyperTransport {
    type Error = TransportError;

    async fn execute(&self, request: Request<Vec<u8>>) -> Result<Response<Bytes>, TransportError> {
        check_request(&request)?;
        let proxy = self.0.matcher.proxy_for(request.uri()).ok().flatten();
        self.0.execute(request).await.map_err(|error| error.through(proxy))
    }

    async fn sleep_until(&self, instant: Instant) {
        sleep_until(instant.into()).await;
    }

    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }
}

impl Inner {
    async fn execute(&self, request: Request<Vec<u8>>) -> Result<Response<Bytes>, TransportError> {
        let Self { send, settings, places, phase, .. } = self;
        let limit = settings.timeout();
        let deadline = tokio::time::Instant::now() + limit;
        let late = |phase| move |_| TransportError::from(Cause::Timeout { limit, phase });
        let is_head = request.method() == Method::HEAD;

        // The semaphore is never closed, so the only error is the timeout.
        let _place = timeout_at(deadline, places.acquire()).await.map_err(late(None))?;
        let response = timeout_at(deadline, send(prepare(request))).await;
        let response = response.map_err(late(*phase))?;
        let response = response.map_err(|error| error::from_client(error, settings))?;
        let (parts, body) = response.into_parts();
        response::check_head(&parts.headers)?;
        let mut received = Received::default();
        let read = timeout_at(deadline, received.read(&parts, body, settings)).await;
        let read = read.map_err(late(Some(Phase::Body))).and_then(|read| read);
        complete(parts, received.into_bytes(), is_head, read)
    }
}

fn prepare(request: Request<Vec<u8>>) -> Request<Full<Bytes>> {
    let (mut parts, body) = request.into_parts();
    parts.headers.entry(header::USER_AGENT).or_insert(USER_AGENT);
    // hyper sends no length for an empty body, but servers expect one with these methods (RFC 9110,
    // section 8.6).
    if body.is_empty() && matches!(parts.method, Method::POST | Method::PUT | Method::PATCH) {
        parts.headers.entry(header::CONTENT_LENGTH).or_insert(HeaderValue::from_static("0"));
    }
    Request::from_parts(parts, Full::new(Bytes::from(body)))
}

impl fmt::Debug for HyperTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HyperTransport").field("settings", self.settings()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{Mutex, mpsc},
        time::Duration,
    };

    use huaweicloud_sms_simulator::Simulator;
    use huaweicloud_sms_transport::{Proxy, RootCerts};

    use super::*;

    /// The system's resolver cannot be interrupted, but neither the call nor the runtime waits for it.
    #[test]
    fn a_look_up_that_hangs_ends_at_the_connect_timeout() {
        let (release, released) = mpsc::channel::<()>();
        let released = Mutex::new(released);
        let resolve: Resolve = Arc::new(move |_, _| {
            // The resolver hangs until the test is over.
            let _ = released.lock().map(|released| released.recv());
            Ok(Vec::new())
        });
        // Every build supports these root certificates.
        let service = Simulator::builder().tls().start().expect("started");
        let ca = RootCerts::Pem(service.ca_pem().expect("a CA").into());
        let settings = Settings::default().with_proxy(Proxy::Direct).with_root_certs(ca);
        let settings = settings.with_connect_timeout(Duration::from_millis(100));
        let transport = HyperTransport::with_resolver(settings, resolve).expect("a transport");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let request = Request::get("http://host.invalid/").body(Vec::new()).expect("a request");
        let error = runtime.block_on(transport.execute(request)).expect_err("no address");
        assert_eq!(error.to_string(), "no connection within 0.1 s");
        drop(runtime);
        drop(release);
    }
}
