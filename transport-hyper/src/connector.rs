//! Makes connections: look-up, TCP, a proxy's tunnel and TLS, with one timeout over all of it.

use std::{
    fmt,
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    thread,
    time::Duration,
};

use http::Uri;
use huaweicloud_sms_transport::{
    Phase, ProxyMatcher, ProxyUrl, Settings, SettingsError, TransportError,
    internal::{
        ATTEMPT_DELAY, Cause, ReadLimit, Resolve, TlsConfig, Trace, TraceEvent, Tunnel,
        TunnelError, literal, look_up, target,
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::{Semaphore, oneshot},
    task::JoinSet,
    time::timeout,
};
use tokio_rustls::TlsConnector;
use tower_service::Service;

use crate::connection::{Connection, Socket};

/// The number of look-ups that may run at once. The limit is needed because some look-ups may hang, and the
/// system's resolver cannot be interrupted.
const MAX_LOOK_UPS: usize = 16;

#[derive(Clone)]
pub(crate) struct Connector(Arc<Inner>);

struct Inner {
    resolve: Resolve,
    look_ups: Arc<Semaphore>,
    matcher: ProxyMatcher,
    tls: TlsConfig,
    trace: Trace,
    limit: Duration,
    read_limit: ReadLimit,
}

impl Connector {
    pub(crate) fn new(
        settings: &Settings,
        matcher: ProxyMatcher,
        resolve: Resolve,
    ) -> Result<Self, SettingsError> {
        Ok(Self(Arc::new(Inner {
            resolve,
            look_ups: Arc::new(Semaphore::new(MAX_LOOK_UPS)),
            matcher,
            tls: TlsConfig::new(settings)?,
            trace: settings.trace().clone(),
            limit: settings.connect_timeout(),
            read_limit: ReadLimit::new(settings),
        })))
    }
}

impl Service<Uri> for Connector {
    type Response = Connection;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Connection, ConnectError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let inner = Arc::clone(&self.0);
        Box::pin(async move {
            inner.connect(&uri).await.map_err(|error| ConnectError(Mutex::new(Some(error))))
        })
    }
}

impl Inner {
    async fn connect(&self, uri: &Uri) -> Result<Connection, TransportError> {
        let proxy = self.matcher.proxy_for(uri);
        let proxy = proxy.map_err(|error| Cause::Proxy { source: error.into() })?;
        let limit = self.limit;
        // hyper-util continues to connect in the background if the call got the connection of another call
        // meanwhile. The timeout ends that attempt, too.
        let connected = timeout(limit, self.connect_through(proxy, uri)).await;
        let late = |_| Err(Cause::Timeout { limit, phase: Some(Phase::Connect) }.into());
        connected.unwrap_or_else(late)
    }

    async fn connect_through(
        &self,
        proxy: Option<&ProxyUrl>,
        uri: &Uri,
    ) -> Result<Connection, TransportError> {
        let (host, port, is_tls) = target(uri);
        let (peer, peer_port) = proxy.map_or((host, port), |proxy| (proxy.host(), proxy.port()));
        let addresses = self.look_up(peer, peer_port).await;
        let addresses = addresses.map_err(|error| Cause::Dns { source: error.into() })?;
        let no_connection = |error: io::Error| Cause::Connect { source: error.into() };
        self.trace.tell(TraceEvent::LookedUp(&addresses));
        let mut tcp = self.connect_to_any(addresses).await.map_err(no_connection)?;
        tcp.set_nodelay(true).map_err(no_connection)?;
        if let Some(proxy) = proxy {
            let opened = open_tunnel(&mut tcp, proxy, host, port).await;
            opened.map_err(|source| Cause::Proxy { source })?;
            self.trace.tell(TraceEvent::Tunnelled);
        }
        let socket = Socket::new(tcp, is_tls);
        if !is_tls {
            return Ok(Connection::new(socket, self.read_limit));
        }
        let (config, name) = self.tls.of_host(host)?;
        let handshake = TlsConnector::from(config).connect(name, socket).await;
        let tls =
            handshake.map_err(|error| TransportError::classify(error.into(), self.limit, true))?;
        self.tls.secured(tls.get_ref().1.protocol_version());
        Ok(Connection::new(tls, self.read_limit))
    }

    async fn look_up(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        if let Some(address) = literal(host, port) {
            return Ok(vec![address]);
        }
        let place = Arc::clone(&self.look_ups).acquire_owned().await.map_err(io::Error::other)?;
        let (resolve, host) = (Arc::clone(&self.resolve), host.to_owned());
        let (answer, answered) = oneshot::channel();
        // This does not use tokio's `spawn_blocking`, which panics if it cannot make a thread. Also, the end
        // of the runtime would wait for a look-up that hangs.
        thread::Builder::new().name("look-up".into()).spawn(move || {
            // After the connect timeout, no call waits for the result.
            let _ = answer.send(look_up(&resolve, &host, port));
            drop(place);
        })?;
        answered.await.map_err(io::Error::other)?
    }

    /// Connects to the first address that responds. Starts another attempt every 250 ms (RFC 8305, section
    /// 5).
    async fn connect_to_any(&self, addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
        let mut addresses = addresses.into_iter();
        // The set ends the other attempts when it is dropped.
        let mut attempts = JoinSet::new();
        let mut first_error = None;
        loop {
            if let Some(address) = addresses.next() {
                attempts.spawn(async move { (address, TcpStream::connect(address).await) });
            }
            let delay = if addresses.len() == 0 { Duration::MAX } else { ATTEMPT_DELAY };
            match timeout(delay, attempts.join_next()).await {
                Ok(Some(Ok((address, Ok(stream))))) => {
                    self.trace.tell(TraceEvent::Connected(address));
                    return Ok(stream);
                }
                Ok(Some(Ok((address, Err(error))))) => {
                    self.trace.tell(TraceEvent::ConnectFailed(address, &error));
                    first_error = first_error.or(Some(error));
                }
                Ok(Some(Err(error))) => first_error = first_error.or(Some(io::Error::other(error))),
                Ok(None) => {
                    return Err(first_error.unwrap_or(io::ErrorKind::AddrNotAvailable.into()));
                }
                Err(_delay) => {}
            }
        }
    }
}

async fn open_tunnel(
    tcp: &mut TcpStream,
    proxy: &ProxyUrl,
    host: &str,
    port: u16,
) -> Result<(), TunnelError> {
    tcp.write_all(&Tunnel::request(proxy, host, port)).await?;
    let (mut tunnel, mut buffer) = (Tunnel::default(), vec![0; 4096]);
    loop {
        let count = tcp.read(&mut buffer).await?;
        if tunnel.receive(&buffer[..count])? {
            return Ok(());
        }
    }
}

/// Carries a [`TransportError`] through hyper-util. The error can be taken out of the mutex, although hyper-util
/// only lends the source of its own error.
#[derive(Debug)]
pub(crate) struct ConnectError(Mutex<Option<TransportError>>);

impl ConnectError {
    pub(crate) fn take(&self) -> Option<TransportError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("connecting failed")
    }
}

impl std::error::Error for ConnectError {}

#[cfg(test)]
mod tests {
    use huaweicloud_sms_simulator::{Script, Simulator, Step};
    use huaweicloud_sms_transport::{Proxy, RootCerts, TransportErrorKind, internal};

    use super::*;

    /// The timeout also holds for an attempt that continues in the background after its call has ended.
    #[test]
    fn connecting_has_a_timeout_of_its_own() {
        let script = Script::new().on_accept([Step::Hold]);
        let service = Simulator::builder().tls().script(script).start().expect("started");
        let root_certs = RootCerts::Pem(service.ca_pem().expect("a CA").into());
        let settings = Settings::default().with_proxy(Proxy::Direct).with_root_certs(root_certs);
        let settings = settings.with_connect_timeout(Duration::from_millis(100));
        let connector = Connector::new(
            &settings,
            ProxyMatcher::new(settings.proxy()),
            internal::system_resolver(),
        );
        let mut connector = connector.expect("a connector");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let uri = service.url().parse().expect("a URI");
        let connected = runtime.expect("a runtime").block_on(async { connector.call(uri).await });
        let error = connected.map(drop).expect_err("silence").take().expect("there");
        assert_eq!(error.kind(), TransportErrorKind::Timeout);
        assert_eq!(error.to_string(), "no connection within 0.1 s");
        assert!(service.wait_until_gone(Duration::from_secs(60)), "the connection was kept");
    }
}
