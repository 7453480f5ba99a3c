//! The running simulator. It listens, and serves each connection on a thread.

mod connection;
mod report;
mod service;
mod wire;

use std::{
    fmt, io,
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, SystemTime},
};

use self::service::{ConnectionGuard, Live, Service};
use crate::{
    answer::Answer,
    error::Error,
    report::Report,
    request::Request,
    script::{Command, Script},
    tls::{self, Versions},
};

/// The number of connections that are served at once. Further ones are closed.
const MAX_CONNECTIONS: usize = 256;

/// A running simulated service. It stops when it is dropped.
pub struct Simulator {
    service: Arc<Service>,
    addr: SocketAddr,
    ca_pem: Option<String>,
    accept: Option<JoinHandle<()>>,
}

/// The settings of a [`Simulator`].
#[must_use]
pub struct Builder {
    listen: SocketAddr,
    tls: Option<Versions>,
    service: Service,
}

impl Builder {
    /// Sets the address to listen on. Default: 127.0.0.1, at a port that the system chooses.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// Sets the only token that is accepted besides the issued ones. Default: if the script has
    /// neither users nor access keys, any token that is not empty.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.service.token = Some(token.into());
        self
    }

    /// Speaks HTTPS, with a certificate for `localhost`, 127.0.0.1 and ::1 from a CA that is made at
    /// start.
    pub fn tls(mut self) -> Self {
        self.tls = Some(rustls::DEFAULT_VERSIONS);
        self
    }

    /// Speaks HTTPS as with [`tls`](Self::tls), but only TLS 1.2.
    pub fn tls12(mut self) -> Self {
        self.tls = Some(&tls::TLS12);
        self
    }

    /// Serves under `{path}/v3/...`, for endpoints with a base path.
    pub fn base_path(mut self, path: impl Into<String>) -> Self {
        self.service.base_path = path.into();
        self
    }

    /// Sets the script. Default: an empty one, to which every server is unknown.
    pub fn script(self, script: Script) -> Self {
        self.service.state().script = script;
        self
    }

    /// Sets a function that is called with every request before the response is sent, on the
    /// connection's thread. If it panics, that connection ends, and no other.
    pub fn on_request(mut self, observer: impl Fn(&Request) + Send + Sync + 'static) -> Self {
        self.service.observer = Some(Box::new(observer));
        self
    }

    /// Starts listening.
    ///
    /// # Errors
    /// [`Error::NotLoopback`], [`Error::Start`], [`Error::Certificate`].
    pub fn start(mut self) -> Result<Simulator, Error> {
        if !self.listen.ip().is_loopback() {
            return Err(Error::NotLoopback(self.listen));
        }
        let mut ca_pem = None;
        if let Some(versions) = self.tls {
            let (pem, config) = tls::make(self.service.state().script.certificate, versions)?;
            (ca_pem, self.service.tls) = (Some(pem), Some(config));
        }
        let listener = TcpListener::bind(self.listen)?;
        let addr = listener.local_addr()?;
        let service = Arc::new(self.service);
        let accept = {
            let service = Arc::clone(&service);
            let thread = thread::Builder::new().name("simulator".into());
            thread.spawn(move || accept(&service, &listener))?
        };
        Ok(Simulator { service, addr, ca_pem, accept: Some(accept) })
    }
}

impl Simulator {
    /// Returns the default settings.
    pub fn builder() -> Builder {
        Builder {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            tls: None,
            service: Service::default(),
        }
    }

    /// Returns the endpoint: `http://127.0.0.1:4242`, or `https://`.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.ca_pem.is_some() { "https" } else { "http" };
        format!("{scheme}://{}{}", self.addr, self.service.base_path)
    }

    /// Returns the address that it listens on.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Returns the certificate of its CA (PEM), if it speaks HTTPS.
    #[must_use]
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// Appends an answer to a server's queue. Adds the server if it is unknown.
    pub fn push(&self, server_id: &str, answer: Answer) {
        let servers = &mut self.service.state().script.servers;
        servers.entry(server_id.to_owned()).or_default().answers.push_back(answer);
    }

    /// Appends a command to those that the service holds for a server. Adds the server if it is
    /// unknown.
    pub fn push_command(&self, server_id: &str, command: Command) {
        let servers = &mut self.service.state().script.servers;
        servers.entry(server_id.to_owned()).or_default().commands.push(command);
    }

    /// Appends an answer to the queue for logins.
    pub fn push_login(&self, answer: Answer) {
        self.service.state().script.logins.push_back(answer);
    }

    /// Changes a user's password, or adds the user. Issued tokens stay valid until
    /// [`revoke_tokens`](Self::revoke_tokens), as they do for a while at the real service.
    pub fn set_password(&self, domain: &str, name: &str, password: &str) {
        self.service.state().script.users.set(domain, name, password);
    }

    /// Revokes all issued tokens, as the real service does some time after a change of password.
    pub fn revoke_tokens(&self) {
        self.service.state().tokens.revoke();
    }

    /// Advances the simulator's clock. It is at most a hundred years ahead of the system's.
    pub fn advance(&self, by: Duration) {
        self.service.state().script.clock.advance(by);
    }

    /// Returns the time of the simulator's clock.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.service.state().script.clock.now()
    }

    /// Returns the newest 4,096 requests, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.service.state().requests.iter().cloned().collect()
    }

    /// Returns the number of requests since the start.
    #[must_use]
    pub fn request_count(&self) -> u64 {
        self.service.state().request_count
    }

    /// Returns the newest 4,096 reports of results that reached the service, oldest first.
    #[must_use]
    pub fn reports(&self) -> Vec<Report> {
        self.service.state().reports.iter().cloned().collect()
    }

    /// Returns the number of GETs that have delivered each command of a server. It includes the commands that
    /// the service does not hold any more.
    #[must_use]
    pub fn deliveries(&self, server_id: &str) -> Vec<u64> {
        let state = self.service.state();
        let queue = state.script.servers.get(server_id);
        queue.map_or_else(Vec::new, |queue| queue.commands.deliveries())
    }

    /// Waits until this many reports were accepted since the start. Returns `false` after the timeout.
    #[must_use]
    pub fn wait_for_accepted_reports(&self, count: u64, timeout: Duration) -> bool {
        self.service.wait(timeout, |state| state.accepted_count >= count)
    }

    /// Returns the number of accepted connections since the start.
    #[must_use]
    pub fn connection_count(&self) -> u64 {
        self.service.state().connection_count
    }

    /// Waits until there were this many requests since the start. Returns `false` after the timeout.
    #[must_use]
    pub fn wait_for_requests(&self, count: u64, timeout: Duration) -> bool {
        self.service.wait(timeout, |state| state.request_count >= count)
    }

    /// Waits until either side has closed each connection. Returns `false` after the timeout.
    #[must_use]
    pub fn wait_until_closed(&self, timeout: Duration) -> bool {
        self.service.wait(timeout, |state| !state.live.values().any(|live| live.is_open))
    }

    /// Waits until both sides have closed each connection. Returns `false` after the timeout.
    #[must_use]
    pub fn wait_until_gone(&self, timeout: Duration) -> bool {
        self.service.wait(timeout, |state| state.live.is_empty())
    }

    /// Ends one [`Step::Wait`](crate::Step::Wait), now or when it is reached.
    pub fn go_on(&self) {
        self.service.go_on();
    }

    /// Closes the listener and all connections, and ends their threads. Dropping does the same.
    pub fn stop(&mut self) {
        let Some(accept) = self.accept.take() else { return };
        self.service.stop();
        // This wakes the thread that accepts, which then sees that the simulator is stopping. If the
        // connection fails, for example without a free descriptor, the thread ends at the next connection.
        if TcpStream::connect(self.addr).is_ok() {
            // The panic hook has already reported a panic.
            let _ = accept.join();
        }
        let mut threads = Vec::new();
        for live in self.service.state().live.values_mut() {
            // Fails if the client has closed it.
            let _ = live.stream.shutdown(Shutdown::Both);
            threads.extend(live.thread.take());
        }
        for thread in threads {
            let _ = thread.join();
        }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for Simulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulator").field("url", &self.url()).finish_non_exhaustive()
    }
}

fn accept(service: &Arc<Service>, listener: &TcpListener) {
    loop {
        let accepted = listener.accept();
        if service.state().is_stopping {
            return;
        }
        match accepted {
            // On an error (no thread or descriptor), the connection is closed.
            Ok((stream, _)) => drop(serve(service, stream)),
            // The client has gone, or no descriptor is left. The pause prevents a busy loop.
            Err(_) => thread::sleep(Duration::from_millis(10)),
        }
    }
}

/// Serves a connection on a thread of its own.
fn serve(service: &Arc<Service>, stream: TcpStream) -> io::Result<()> {
    // The lock is held until the connection is in `live`, so that its thread can't remove it before.
    let mut state = service.state();
    state.connection_count += 1;
    let number = state.connection_count;
    if state.live.len() >= MAX_CONNECTIONS {
        return Ok(());
    }
    let handle = stream.try_clone()?;
    let service = Arc::clone(service);
    let thread = thread::Builder::new().name(format!("simulator {number}"));
    let thread = thread.spawn(move || {
        // The stream is dropped before the guard, which drops the connection's other handle.
        let guard = ConnectionGuard { service: &service, number };
        let stream = stream;
        // The client gets an error too: it disconnected, or does not trust the CA.
        let _ = connection::serve(&stream, &guard);
    })?;
    state.live.insert(number, Live { stream: handle, thread: Some(thread), is_open: true });
    Ok(())
}
