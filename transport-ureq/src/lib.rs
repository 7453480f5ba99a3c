//! Blocking HTTP transport of `huaweicloud-sms`, over [ureq] 3.
//!
//! It maps an `http::Request` to an `http::Response` and knows nothing of the Server Migration
//! Service. What it promises for every request, also with an agent of yours:
//!
//! * redirects are returned and never followed, so that no header reaches another host;
//! * no status is an error; every body reaches the caller;
//! * nothing is sent twice; HTTP/1.1 only;
//! * the whole call ends within one time limit, and a body over its limit is refused;
//! * a GET has no `content-length`, an empty POST has `content-length: 0`.
//!
//! ```
//! use huaweicloud_sms_transport_ureq::{Proxy, Settings, Trust, UreqTransport};
//! use huaweicloud_sms_simulator::Simulator;
//!
//! let service = Simulator::builder().tls().start()?;
//! // For a service on the Internet the defaults do: the system's trust store, its proxy.
//! let ca = Trust::Pem(service.ca_pem().unwrap_or_default().into());
//! let transport = UreqTransport::new(Settings::default().trust(ca).proxy(Proxy::None))?;
//! let response = transport.execute(http::Request::get(service.url()).body(Vec::new())?)?;
//! assert_eq!(response.status(), 404);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is ureq's own
//!
//! * **Proxy**: [`Routes`] has the rules, which are hyper's too. Every request through a proxy goes
//!   through a tunnel (CONNECT), also for `http`; the proxy has 20 headers for its answer.
//! * **Compression**: none is asked for, and ureq is built without it. If another crate turns
//!   ureq's feature `gzip` on, ureq would decode what a server compresses unasked; the limit of the
//!   body then counts decoded bytes.
//! * **Logs**: at level TRACE the crate `ureq_proto` dumps all that is sent, secrets included. Cap
//!   that target at DEBUG.
//! * **Threads**: look-ups of host names run on at most four threads per transport, connects on at
//!   most 16, made when first needed and kept; a call on a connection that is there needs none. A
//!   hanging one does not hold its caller beyond the time limit, nor beyond a shutdown.
//! * Interim responses (103, say) are read away, up to a megabyte and eight times the body's limit.

mod agents;
mod connector;
mod error;
mod metered;
mod resolver;
mod threads;
mod tls;
mod unread;

use std::sync::Arc;

use http::{Method, Request, Response, header};
use ureq::{AsSendBody, Body};

pub use huaweicloud_sms_transport::{
    Error, Part, Phase, Proxy, ProxyUrl, Routes, Settings, SettingsError, Trust,
};
use huaweicloud_sms_transport::{Lookup, NoBody};

use crate::agents::Agents;

const USER_AGENT: header::HeaderValue = header::HeaderValue::from_static(concat!(
    env!("CARGO_PKG_NAME"),
    "/",
    env!("CARGO_PKG_VERSION")
));

/// Executes requests, blocking. Cheap to clone; clones share connections, and one serves all
/// threads.
#[derive(Clone)]
pub struct UreqTransport {
    client: Client,
    settings: Arc<Settings>,
}

#[derive(Clone)]
enum Client {
    Ours(Arc<Agents>),
    /// The caller's agent: each request has to be configured.
    Callers(ureq::Agent),
}

impl UreqTransport {
    /// A transport that is ready to use.
    ///
    /// # Errors
    /// What no transport can be made from; see [`SettingsError`].
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        Self::with_lookup(settings, Lookup::default())
    }

    fn with_lookup(settings: Settings, lookup: Lookup) -> Result<Self, SettingsError> {
        settings.check()?;
        let client = Client::Ours(Arc::new(Agents::new(&settings, lookup)?));
        Ok(Self { client, settings: Arc::new(settings) })
    }

    /// A transport over an agent of yours. Of the settings only time limit and body limit count.
    ///
    /// Redirects, statuses, both limits and the shape of requests are as with [`new`](Self::new).
    /// Trust, proxy, pool, the head's limit in bytes and automatic headers are the agent's. So are look-ups: with
    /// ureq's own resolver each makes a thread, and **panics** when none can be made.
    ///
    /// Over TLS, ureq's own connector reuses a connection on which bytes that the server sent behind
    /// the response wait unread. They become the response to the next request.
    ///
    /// # Errors
    /// [`SettingsError::Timeout`].
    pub fn with_agent(agent: ureq::Agent, settings: Settings) -> Result<Self, SettingsError> {
        settings.check()?;
        Ok(Self { client: Client::Callers(agent), settings: Arc::new(settings) })
    }

    /// Sends a request and reads its response.
    ///
    /// # Errors
    /// See [`Error`]. Nothing was sent if it is one of connecting ([`Error::Dns`],
    /// [`Error::Connect`], [`Error::Tls`], [`Error::Proxy`]).
    pub fn execute(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, Error> {
        let (mut parts, body) = request.into_parts();
        parts.headers.entry(header::USER_AGENT).or_insert(USER_AGENT);
        let is_head = parts.method == Method::HEAD;
        // ureq sends a length for an empty `Vec` and chunks for `()` where a method has a body.
        let has_body = !body.is_empty()
            || !matches!(
                parts.method,
                Method::GET | Method::HEAD | Method::DELETE | Method::OPTIONS | Method::TRACE
            );
        let response = if has_body {
            self.run(Request::from_parts(parts, body))
        } else {
            self.run(Request::from_parts(parts, ()))
        };
        let response = response?;

        let limit = self.settings.get_max_body();
        let (parts, mut body) = response.into_parts();
        if parts.headers.len() > Settings::MAX_HEADERS {
            return Err(Error::TooLarge { part: Part::Head, limit: Settings::MAX_HEAD });
        }
        // Without this ureq reads up to the limit first, or waits for what never comes.
        if body.content_length().is_some_and(|length| length > limit as u64) {
            return Err(Error::TooLarge { part: Part::Body, limit });
        }
        let body = body.with_config().limit(limit as u64).read_to_vec();
        let body = body.map_err(|error| self.error(error, Some(Phase::Body)))?;
        // ureq takes any end of the connection for the end of such a body.
        if body.is_empty() && !is_head {
            NoBody::check(&parts)?;
        }
        Ok(Response::from_parts(parts, body))
    }

    /// What it was made with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Ends the service of this transport and of all its clones: calls that wait end with an error
    /// within 100 ms, later ones fail at once. A look-up or connect that hangs is left to itself. It is
    /// waited for with an agent of yours, and where no thread can be had for it.
    pub fn shutdown(&self) {
        match &self.client {
            Client::Ours(agents) => agents.shutdown(),
            Client::Callers(agent) => agent.clone().shutdown(),
        }
    }

    fn run(&self, request: Request<impl AsSendBody>) -> Result<Response<Body>, Error> {
        // Of an agent of the caller's only it knows whether it was still connecting.
        let (response, phase) = match &self.client {
            Client::Ours(agents) => {
                let agent = agents.for_uri(request.uri());
                let no_way =
                    |error: SettingsError| Error::Proxy { status: None, source: error.into() };
                (agent.map_err(no_way)?.run(request), Some(Phase::Head))
            }
            Client::Callers(agent) => {
                let request = agent
                    .configure_request(request)
                    .max_redirects(0)
                    .http_status_as_error(false)
                    .timeout_global(Some(self.settings.get_timeout()))
                    .build();
                (agent.run(request), None)
            }
        };
        response.map_err(|error| self.error(error, phase))
    }

    fn error(&self, error: ureq::Error, phase: Option<Phase>) -> Error {
        error::from_ureq(error, &self.settings, phase)
    }
}

impl std::fmt::Debug for UreqTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UreqTransport").field("settings", &self.settings).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, time::Duration};

    use huaweicloud_sms_simulator::Simulator;

    use super::*;

    /// With a trust that every build has.
    fn settings() -> Settings {
        let service = Simulator::builder().tls().start().expect("started");
        let ca = service.ca_pem().expect("a CA").into();
        Settings::default().proxy(Proxy::None).trust(Trust::Pem(ca))
    }

    /// The system's resolver cannot be interrupted, and the call ends all the same.
    #[test]
    fn a_look_up_that_hangs_ends_at_the_limit() {
        let (release, released) = mpsc::channel::<()>();
        let released = std::sync::Mutex::new(released);
        let lookup = Lookup::with(move |_| {
            // Until the test is over.
            let _ = released.lock().map(|released| released.recv());
            Ok(Vec::new())
        });
        let settings = settings().timeout(Duration::from_millis(100));
        let transport = UreqTransport::with_lookup(settings, lookup).expect("a transport");
        let request = Request::get("http://host.invalid/").body(Vec::new()).expect("a request");
        let error = transport.execute(request).expect_err("no address");
        assert!(matches!(error, Error::Timeout { phase: Some(Phase::Connect), .. }), "{error:?}");
        drop(release);
    }
    /// Shuts a transport down as soon as its call has begun to do what hangs.
    fn shut_down_within_a_call(transport: &UreqTransport, url: &str, begins: &mpsc::Receiver<()>) {
        let request = Request::get(url).body(Vec::new()).expect("a request");
        std::thread::scope(|scope| {
            let call = scope.spawn(|| transport.execute(request));
            begins.recv().expect("begun");
            transport.shutdown();
            let error = call.join().expect("no panic").expect_err("shut down");
            assert!(matches!(error, Error::Closed { .. } | Error::Connect { .. }), "{error:?}");
        });
    }

    #[test]
    fn a_shutdown_ends_a_look_up_that_hangs() {
        let (begun, begins) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let released = std::sync::Mutex::new(released);
        let lookup = Lookup::with(move |_| {
            let _ = begun.send(());
            let _ = released.lock().map(|released| released.recv());
            Ok(Vec::new())
        });
        let settings = settings().timeout(Settings::MAX_TIMEOUT);
        let transport = UreqTransport::with_lookup(settings, lookup).expect("a transport");
        shut_down_within_a_call(&transport, "http://host.invalid/", &begins);
        drop(release);
    }

    /// A listener whose queue is full: Linux drops further attempts, as a firewall does.
    #[test]
    #[cfg(target_os = "linux")]
    fn a_shutdown_ends_a_connect_that_hangs() {
        use std::net::{SocketAddr, TcpListener, TcpStream};
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let addr = listener.local_addr().expect("an address");
        let quick = Duration::from_millis(50);
        // std's queue is 128 long, or as long as the system allows.
        let mut full = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&addr, quick) {
            full.push(stream);
            assert!(full.len() < 10_000, "the queue has an end");
        }
        let (begun, begins) = mpsc::channel();
        let lookup = Lookup::with(move |_| {
            let _ = begun.send(());
            Ok(vec![SocketAddr::from(([127, 0, 0, 1], 0))])
        });
        let settings = settings().timeout(Settings::MAX_TIMEOUT);
        let transport = UreqTransport::with_lookup(settings, lookup).expect("a transport");
        let url = format!("http://host.invalid:{}/", addr.port());
        shut_down_within_a_call(&transport, &url, &begins);
    }
}
