//! Async HTTP transport of `huaweicloud-sms`, over [hyper] 1.
//!
//! It maps an `http::Request` to an `http::Response` and knows nothing of the Server Migration
//! Service. What it promises for every request, also with a client of yours:
//!
//! * redirects are returned and never followed, so that no header reaches another host;
//! * no status is an error; every body reaches the caller, as it was sent;
//! * nothing is sent twice by a transport of [`HyperTransport::new`]; HTTP/1.1 only;
//! * the whole call ends within one time limit, and head and body over their limits are refused;
//! * dropping the future ends the call, and its connection is not used again;
//! * of a transport of [`HyperTransport::new`] at most 100 calls are under way at once, over as many
//!   connections; further ones wait their turn, within their time limit.
//!
//! ```
//! use huaweicloud_sms_transport_hyper::{HyperTransport, Proxy, Settings, Trust};
//! use huaweicloud_sms_simulator::Simulator;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let service = Simulator::builder().tls().start()?;
//! // For a service on the Internet the defaults do: the system's trust store, its proxy.
//! let ca = Trust::Pem(service.ca_pem().unwrap_or_default().into());
//! let transport = HyperTransport::new(Settings::default().trust(ca).proxy(Proxy::None))?;
//! let response = transport.execute(http::Request::get(service.url()).body(Vec::new())?).await?;
//! assert_eq!(response.status(), 404);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Which runtime
//!
//! [`HyperTransport::new`] needs tokio, with I/O and time enabled, and the runtime has to **keep
//! running between calls**: of a connection that nobody watches, bytes that a server sends unasked
//! would be taken for the next answer. So no `block_on` per call on a transport that is kept: that
//! is what the ureq transport is for.
//!
//! [`HyperTransport::with_client`] takes a client on any runtime, and [`exchange`] a bare
//! connection, without a client at all; both take the timer that limits the call.
//!
//! # What is hyper's own
//!
//! * **Proxy**: [`Routes`] has the rules, which are ureq's too. Every request through a proxy goes
//!   through a tunnel (CONNECT), also for `http`; the proxy has 8 KiB and 100 headers for its answer.
//! * Interim responses (103, say) are read away, up to a megabyte and eight times the body's limit.

mod connecting;
mod connector;
mod error;
mod metered;
mod resolver;
mod response;
mod timeout;
mod tls;
mod tunnel;

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Instant,
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, Uri, header};
use http_body_util::Full;
use hyper::{client::conn::http1::SendRequest, rt::Timer};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};
use tokio::sync::Semaphore;
use tower_service::Service;

pub use huaweicloud_sms_transport::{
    Error, Part, Phase, Proxy, ProxyUrl, Routes, Settings, SettingsError, Trust,
};
pub use hyper_util::client::legacy::connect::Connect;

pub use crate::connector::Connector;
use crate::{connecting::Connecting, resolver::Resolver};

const USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")));

/// How many calls of one transport are under way at once. Those of a fleet that wakes up from a
/// suspend are due together: without a bound each would open a connection.
const MAX_CALLS: usize = 100;

/// A timer of any runtime; [`TokioTimer`] is tokio's.
pub type SharedTimer = Arc<dyn Timer + Send + Sync>;

/// Executes requests, async. Cheap to clone; clones share connections, and one serves all tasks.
#[derive(Clone)]
pub struct HyperTransport<C = Connector> {
    client: Client<C, Full<Bytes>>,
    timer: SharedTimer,
    /// Of the client that is ours.
    connecting: Option<Connecting>,
    settings: Arc<Settings>,
    /// Places for calls; of a client of the caller's own there are as many as he likes.
    places: Option<Arc<Semaphore>>,
}

impl HyperTransport {
    /// A transport that is ready to use, on tokio.
    ///
    /// # Errors
    /// What no transport can be made from; see [`SettingsError`].
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        Self::with_resolver(settings, Resolver::default())
    }

    fn with_resolver(settings: Settings, resolver: Resolver) -> Result<Self, SettingsError> {
        settings.check()?;
        let timer: SharedTimer = Arc::new(TokioTimer::new());
        let connector = Connector::new(&settings, Arc::clone(&timer), resolver)?;
        let connecting = Some(connector.connecting());
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(settings.get_idle_age())
            .pool_max_idle_per_host(MAX_CALLS)
            // `http1_max_headers` stays at its 100: any other makes hyper allocate for each response.
            .http1_max_buf_size(Settings::MAX_HEAD)
            .retry_canceled_requests(false)
            .build(connector);
        let places = Some(Arc::new(Semaphore::new(MAX_CALLS)));
        Ok(Self { client, timer, connecting, settings: Arc::new(settings), places })
    }
}

impl<C: Connect + Clone + Send + Sync + 'static> HyperTransport<C> {
    /// A transport over a client of yours, on the runtime of your choice. Of the settings only time
    /// limit and body limit count.
    ///
    /// Statuses, all limits and the shape of requests are as with [`new`](HyperTransport::new).
    /// Trust, proxy, pool and retries are the client's: turn `retry_canceled_requests` off, and
    /// limit connecting inside your connector too, since a connect whose call has ended may go on
    /// in the background. So is how much comes before the answer: hyper reads interim responses
    /// away so eagerly that a runtime of one thread may notice late that the time is over.
    ///
    /// # Errors
    /// [`SettingsError::Timeout`].
    pub fn with_client(
        client: Client<C, Full<Bytes>>,
        settings: Settings,
        timer: SharedTimer,
    ) -> Result<Self, SettingsError> {
        settings.check()?;
        Ok(Self { client, timer, connecting: None, settings: Arc::new(settings), places: None })
    }

    /// Sends a request and reads its response.
    ///
    /// # Errors
    /// See [`Error`]. Nothing was sent if it is one of connecting ([`Error::Dns`],
    /// [`Error::Connect`], [`Error::Tls`], [`Error::Proxy`]).
    pub async fn execute(&self, request: Request<Vec<u8>>) -> Result<Response<Bytes>, Error> {
        let is_head = request.method() == Method::HEAD;
        let request = prepare(request);
        let number = connecting::number();
        let (has_place, has_head) = (AtomicBool::new(false), AtomicBool::new(false));
        let call = pin!(async {
            let _place = match &self.places {
                // Never closed, so there is no error.
                Some(places) => places.acquire().await.ok(),
                None => None,
            };
            has_place.store(true, Ordering::Relaxed);
            let response = self.client.request(request).await;
            let response = response.map_err(|error| error::from_client(error, &self.settings))?;
            has_head.store(true, Ordering::Relaxed);
            response::read(response, is_head, &self.settings).await
        });
        let limit = self.settings.get_timeout();
        let call = pin!(connecting::numbered(number, call));
        // Judged while the call is still there: dropped with it, a connection is no longer made.
        timeout::within_or(&*self.timer, limit, call, || {
            let phase = match &self.connecting {
                _ if has_head.load(Ordering::Relaxed) => Some(Phase::Body),
                // It waited for the calls before it.
                _ if !has_place.load(Ordering::Relaxed) => None,
                Some(connecting) if connecting.is_for(number) => Some(Phase::Connect),
                Some(_) => Some(Phase::Head),
                // Of a client of the caller's only it knows whether it was still connecting.
                None => None,
            };
            Err(Error::Timeout { limit, phase })
        })
        .await
    }
}

impl<C> HyperTransport<C> {
    /// What it was made with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The present moment on its timer's clock.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.timer.now()
    }

    /// Sleeps on its timer.
    pub async fn sleep_until(&self, moment: Instant) {
        self.timer.sleep_until(moment).await;
    }
}

/// Sends a request over a bare connection and reads its response: the door for any runtime, with
/// neither a client nor a pool. The connection's own future has to be polled beside it.
///
/// The request's URI is absolute, as the operations build it; it goes out as path and `Host`. Only
/// time limit and body limit of the settings count. After an error the connection is not to be used
/// again: what it still delivers may belong to this request.
///
/// # Errors
/// See [`Error`].
pub async fn exchange(
    sender: &mut SendRequest<Full<Bytes>>,
    request: Request<Vec<u8>>,
    settings: &Settings,
    timer: &(dyn Timer + Send + Sync),
) -> Result<Response<Bytes>, Error> {
    let is_head = request.method() == Method::HEAD;
    let mut request = prepare(request);
    if let Some(host) = request.uri().authority().map(host_header) {
        request.headers_mut().entry(header::HOST).or_insert(host);
    }
    if let Some(path) = request.uri().path_and_query() {
        *request.uri_mut() = Uri::from(path.clone());
    }
    let failed = |error| error::from_hyper(error, settings);
    let has_head = AtomicBool::new(false);
    let call = pin!(async {
        sender.ready().await.map_err(failed)?;
        let response = sender.send_request(request).await.map_err(failed)?;
        has_head.store(true, Ordering::Relaxed);
        response::read(response, is_head, settings).await
    });
    let limit = settings.get_timeout();
    timeout::within_or(timer, limit, call, || {
        let phase = if has_head.load(Ordering::Relaxed) { Phase::Body } else { Phase::Head };
        Err(Error::Timeout { limit, phase: Some(phase) })
    })
    .await
}

/// An authority without user info, which has no place in `Host`.
fn host_header(authority: &http::uri::Authority) -> HeaderValue {
    let text = authority.as_str().rsplit('@').next().unwrap_or_default();
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}

fn prepare(request: Request<Vec<u8>>) -> Request<Full<Bytes>> {
    let (mut parts, body) = request.into_parts();
    parts.headers.entry(header::USER_AGENT).or_insert(USER_AGENT);
    // hyper sends no length for an empty body, which servers expect where a method has one.
    if body.is_empty() && matches!(parts.method, Method::POST | Method::PUT | Method::PATCH) {
        parts.headers.entry(header::CONTENT_LENGTH).or_insert(HeaderValue::from_static("0"));
    }
    Request::from_parts(parts, Full::new(Bytes::from(body)))
}

/// A call that is under way; dropping it ends the call.
pub type ResponseFuture = Pin<Box<dyn Future<Output = Result<Response<Bytes>, Error>> + Send>>;

impl<C: Connect + Clone + Send + Sync + 'static> Service<Request<Vec<u8>>> for HyperTransport<C> {
    type Response = Response<Bytes>;
    type Error = Error;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Vec<u8>>) -> ResponseFuture {
        let transport = self.clone();
        Box::pin(async move { transport.execute(request).await })
    }
}

impl<C: Connect + Clone + Send + Sync + 'static> Service<Request<Vec<u8>>> for &HyperTransport<C> {
    type Response = Response<Bytes>;
    type Error = Error;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Vec<u8>>) -> ResponseFuture {
        (*self).clone().call(request)
    }
}

impl<C> std::fmt::Debug for HyperTransport<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HyperTransport").field("settings", &self.settings).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, time::Duration};

    use huaweicloud_sms_simulator::Simulator;
    use huaweicloud_sms_transport::Lookup;

    use super::*;

    /// The system's resolver cannot be interrupted; the call ends all the same, and the runtime too.
    #[test]
    fn a_look_up_that_hangs_ends_at_the_limit() {
        let (release, released) = mpsc::channel::<()>();
        let released = std::sync::Mutex::new(released);
        let lookup = Lookup::with(move |_| {
            // Until the test is over.
            let _ = released.lock().map(|released| released.recv());
            Ok(Vec::new())
        });
        // A trust that every build has.
        let service = Simulator::builder().tls().start().expect("started");
        let trust = Trust::Pem(service.ca_pem().expect("a CA").into());
        let settings = Settings::default().proxy(Proxy::None).trust(trust);
        let settings = settings.timeout(Duration::from_millis(100));
        let transport = HyperTransport::with_resolver(settings, Resolver(lookup));
        let transport = transport.expect("a transport");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let request = Request::get("http://host.invalid/").body(Vec::new()).expect("a request");
        let error = runtime.block_on(transport.execute(request)).expect_err("no address");
        assert!(matches!(error, Error::Timeout { phase: Some(Phase::Connect), .. }), "{error:?}");
        drop(runtime);
        drop(release);
    }
}
