//! Makes connections: look-up, TCP, a proxy's tunnel and TLS, with one deadline over all of it.

use std::{
    fmt,
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use http::Uri;
use huaweicloud_sms_transport::{
    Phase, ProxyMatcher, ProxyUrl, Settings, SettingsError, TransportError,
    internal::{
        ATTEMPT_DELAY, Cause, ReadLimit, Resolve, TlsConfig, Trace, TraceEvent, Tunnel,
        TunnelError, literal, look_up, target,
    },
};
use rustls::ClientConnection;
use ureq::{
    Error,
    config::Config,
    unversioned::{
        resolver::{ResolvedSocketAddrs, Resolver},
        transport::{ConnectionDetails, Connector, LazyBuffers, NextTimeout},
    },
};

use crate::{
    connection::{Connection, Socket, is_timeout},
    places::Places,
};

/// The number of look-ups, and of attempts to connect, that may run on threads of their own. The limit is
/// needed because some look-ups may hang, and the system's resolver cannot be interrupted.
const MAX_THREADS: usize = 16;

/// A resolver without addresses. ureq resolves before each call, also for a pooled connection. The connector
/// resolves only for a new connection.
#[derive(Debug)]
pub(crate) struct NoAddress;

impl Resolver for NoAddress {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        Ok(self.empty())
    }
}

/// Makes the connections of an agent.
pub(crate) struct Connect {
    resolve: Resolve,
    matcher: ProxyMatcher,
    tls: TlsConfig,
    trace: Trace,
    limit: Duration,
    read_limit: ReadLimit,
    look_ups: Places,
    attempts: Places,
}

impl Connect {
    pub(crate) fn new(
        settings: &Settings,
        matcher: ProxyMatcher,
        resolve: Resolve,
    ) -> Result<Self, SettingsError> {
        Ok(Self {
            resolve,
            matcher,
            tls: TlsConfig::new(settings)?,
            trace: settings.trace().clone(),
            limit: settings.connect_timeout(),
            read_limit: ReadLimit::new(settings),
            look_ups: Places::new(MAX_THREADS),
            attempts: Places::new(MAX_THREADS),
        })
    }

    fn connect_through(
        &self,
        proxy: Option<&ProxyUrl>,
        uri: &Uri,
    ) -> Result<(Socket, Option<ClientConnection>), TransportError> {
        let deadline = Instant::now() + self.limit;
        let (host, port, is_tls) = target(uri);
        let (peer, peer_port) = proxy.map_or((host, port), |proxy| (proxy.host(), proxy.port()));
        let addresses = self.look_up(peer, peer_port, deadline)?;
        self.trace.tell(TraceEvent::LookedUp(&addresses));
        let stream = self.connect_to_any(addresses, deadline);
        let stream = stream.and_then(|stream| stream.set_nodelay(true).map(|()| stream));
        let mut socket = Socket::new(stream.map_err(|error| self.failed(error))?, deadline);
        if let Some(proxy) = proxy {
            open_tunnel(&mut socket, proxy, host, port).map_err(|error| match error {
                TunnelError::Io(error) if is_timeout(&error) => self.late(),
                source => Cause::Proxy { source }.into(),
            })?;
            self.trace.tell(TraceEvent::Tunnelled);
        }
        if !is_tls {
            return Ok((socket, None));
        }
        let (config, name) = self.tls.of_host(host)?;
        let tls = ClientConnection::new(config, name);
        let mut tls = tls.map_err(|error| Cause::Tls { source: error.into() })?;
        socket.begin_tls();
        tls.complete_io(&mut socket).map_err(|error| self.failed(error))?;
        self.tls.secured(tls.protocol_version());
        Ok((socket, Some(tls)))
    }

    /// Resolves on another thread. The call stops waiting for that thread at the deadline.
    fn look_up(
        &self,
        host: &str,
        port: u16,
        deadline: Instant,
    ) -> Result<Vec<SocketAddr>, TransportError> {
        if let Some(address) = literal(host, port) {
            return Ok(vec![address]);
        }
        let place = self.look_ups.take(deadline).ok_or_else(|| self.late())?;
        let (resolve, host) = (Arc::clone(&self.resolve), host.to_owned());
        let (answer, answered) = mpsc::sync_channel(1);
        let work = move || {
            // After the deadline, no call waits for the result.
            let _ = answer.send(look_up(&resolve, &host, port));
            drop(place);
        };
        let not_resolved = |error: io::Error| Cause::Dns { source: error.into() }.into();
        thread::Builder::new().name("look-up".into()).spawn(work).map_err(not_resolved)?;
        match answered.recv_timeout(left(deadline)) {
            Ok(found) => found.map_err(not_resolved),
            Err(RecvTimeoutError::Timeout) => Err(self.late()),
            Err(error) => Err(not_resolved(io::Error::other(error))),
        }
    }

    /// Connects to the first address that responds. Starts another attempt every 250 ms (RFC 8305, section
    /// 5).
    fn connect_to_any(
        &self,
        addresses: Vec<SocketAddr>,
        deadline: Instant,
    ) -> io::Result<TcpStream> {
        let (report, reports) = mpsc::channel();
        let (mut addresses, mut running) = (addresses.into_iter(), 0);
        let mut last_error = io::Error::from(io::ErrorKind::AddrNotAvailable);
        loop {
            let next = addresses.next();
            let is_last = addresses.len() == 0;
            if let Some(address) = next {
                // `connect_timeout` rejects zero.
                let attempt = move |limit: Duration| {
                    let limit = limit.max(Duration::from_millis(1));
                    (address, TcpStream::connect_timeout(&address, limit))
                };
                let on_thread = report.clone();
                let work = move || drop(on_thread.send(attempt(left(deadline))));
                // A single address needs no thread. If no thread is available, attempts run one after another.
                if (is_last && running == 0) || !self.start(work) {
                    let limit = if is_last { Duration::MAX } else { ATTEMPT_DELAY };
                    let _ = report.send(attempt(limit.min(left(deadline))));
                }
                running += 1;
            }
            if running == 0 {
                return Err(last_error);
            }
            let delay = if is_last { Duration::MAX } else { ATTEMPT_DELAY };
            match reports.recv_timeout(delay.min(left(deadline))) {
                Ok((address, Ok(stream))) => {
                    self.trace.tell(TraceEvent::Connected(address));
                    return Ok(stream);
                }
                Ok((address, Err(error))) => {
                    self.trace.tell(TraceEvent::ConnectFailed(address, &error));
                    running -= 1;
                    last_error = error;
                }
                Err(_) if left(deadline).is_zero() => return Err(io::ErrorKind::TimedOut.into()),
                Err(_) => {}
            }
        }
    }

    /// Starts an attempt on a thread of its own. Returns `false` if no thread is available.
    fn start(&self, attempt: impl FnOnce() + Send + 'static) -> bool {
        let Some(place) = self.attempts.take(Instant::now()) else { return false };
        let work = move || {
            attempt();
            drop(place);
        };
        thread::Builder::new().name("connect".into()).spawn(work).is_ok()
    }

    fn failed(&self, error: io::Error) -> TransportError {
        if is_timeout(&error) {
            return self.late();
        }
        TransportError::classify(error.into(), self.limit, true)
    }

    fn late(&self) -> TransportError {
        Cause::Timeout { limit: self.limit, phase: Some(Phase::Connect) }.into()
    }
}

impl Connector for Connect {
    type Out = Connection;

    fn connect(
        &self,
        details: &ConnectionDetails,
        _: Option<()>,
    ) -> Result<Option<Connection>, Error> {
        let connected = self
            .matcher
            .proxy_for(details.uri)
            .map_err(|error| TransportError::from(Cause::Proxy { source: error.into() }));
        let connected = connected.and_then(|proxy| self.connect_through(proxy, details.uri));
        let (socket, tls) = connected.map_err(|error| Error::Other(error.into()))?;
        let config = details.config;
        let buffers = LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size());
        let read_limit = self.read_limit;
        Ok(Some(Connection { socket, tls, buffers, read_limit, is_used: false }))
    }
}

impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connect").finish_non_exhaustive()
    }
}

fn open_tunnel(
    socket: &mut Socket,
    proxy: &ProxyUrl,
    host: &str,
    port: u16,
) -> Result<(), TunnelError> {
    socket.write_all(&Tunnel::request(proxy, host, port))?;
    let (mut tunnel, mut buffer) = (Tunnel::default(), vec![0; 4096]);
    loop {
        let count = socket.read(&mut buffer)?;
        if tunnel.receive(&buffer[..count])? {
            return Ok(());
        }
    }
}

/// Returns the time until a deadline.
fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}
