use std::{
    collections::HashMap,
    fmt, io,
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, SystemTime},
};

use rustls::ServerConfig;

use crate::{
    Answer, Error, Request, Script, connection,
    service::{Observer, Presence, Service},
    tls::{self, Versions},
};

/// How many connections are served at once; further ones are closed.
const MAX_CONNECTIONS: usize = 256;

/// A running simulated service. It stops when it is dropped.
pub struct Simulator {
    shared: Arc<Shared>,
    addr: SocketAddr,
    ca_pem: Option<String>,
    accept: Option<JoinHandle<()>>,
}

/// How a simulator starts; see [`Simulator::builder`].
#[must_use]
pub struct Builder {
    listen: SocketAddr,
    tls: Option<Versions>,
    token: Option<String>,
    base_path: String,
    script: Script,
    observer: Option<Observer>,
}

struct Shared {
    service: Service,
    tls: Option<Arc<ServerConfig>>,
    is_stopping: AtomicBool,
    live: Mutex<HashMap<u64, Live>>,
}

/// A connection that is being served.
struct Live {
    stream: TcpStream,
    thread: JoinHandle<()>,
}

impl Builder {
    /// Where to listen. Default: 127.0.0.1, at a port that the system chooses.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// A token to accept, and the only one beside those that are issued. Default: if the script
    /// has neither users nor access keys, any that is not empty.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Speaks HTTPS, with a certificate for `localhost`, 127.0.0.1 and ::1 of a CA made at start.
    pub fn tls(mut self) -> Self {
        self.tls = Some(rustls::DEFAULT_VERSIONS);
        self
    }

    /// Speaks HTTPS as with [`tls`](Self::tls), and only TLS 1.2.
    pub fn tls12(mut self) -> Self {
        self.tls = Some(&tls::TLS12);
        self
    }

    /// Serves under `{path}/v3/...`, for endpoints with a base path.
    pub fn base_path(mut self, path: impl Into<String>) -> Self {
        self.base_path = path.into();
        self
    }

    /// The answers. Default: none, every server is unknown.
    pub fn script(mut self, script: Script) -> Self {
        self.script = script;
        self
    }

    /// Is called with every request when its answer is decided, on that connection's thread. If it
    /// panics, that connection ends, and no other.
    pub fn on_request(mut self, observer: impl Fn(&Request) + Send + Sync + 'static) -> Self {
        self.observer = Some(Box::new(observer));
        self
    }

    /// Starts listening.
    ///
    /// # Errors
    /// [`Error::NotLoopback`], [`Error::Start`], [`Error::Certificate`].
    pub fn start(self) -> Result<Simulator, Error> {
        if !self.listen.ip().is_loopback() {
            return Err(Error::NotLoopback(self.listen));
        }
        let (ca_pem, tls) =
            match self.tls.map(|versions| tls::make(self.script.certificate, versions)) {
                Some(made) => made.map(|(pem, config)| (Some(pem), Some(config)))?,
                None => (None, None),
            };
        let listener = TcpListener::bind(self.listen)?;
        let addr = listener.local_addr()?;
        let shared = Arc::new(Shared {
            service: Service::new(self.script, self.token, self.base_path, self.observer),
            tls,
            is_stopping: AtomicBool::new(false),
            live: Mutex::default(),
        });
        let accept = {
            let shared = Arc::clone(&shared);
            let thread = thread::Builder::new().name("simulator".into());
            thread.spawn(move || shared.accept(&listener))?
        };
        Ok(Simulator { shared, addr, ca_pem, accept: Some(accept) })
    }
}

impl Simulator {
    /// A simulator's settings, to be started.
    pub fn builder() -> Builder {
        Builder {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            tls: None,
            token: None,
            base_path: String::new(),
            script: Script::new(),
            observer: None,
        }
    }

    /// The endpoint: `http://127.0.0.1:4242`, or `https://`.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.ca_pem.is_some() { "https" } else { "http" };
        format!("{scheme}://{}{}", self.addr, self.shared.service.base_path())
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The certificate of its CA (PEM), if it speaks HTTPS.
    #[must_use]
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// Appends an answer to a server's queue. From then on the server is known.
    pub fn push(&self, server_id: &str, answer: Answer) {
        self.shared.service.push(server_id, answer);
    }

    /// Appends an answer to the queue for those who ask for a token.
    pub fn push_login(&self, answer: Answer) {
        self.shared.service.push_login(answer);
    }

    /// Changes a user's password, or adds the user. Tokens that were issued live on, as they do
    /// for a while at the real service, until [`revoke_tokens`](Self::revoke_tokens).
    pub fn set_password(&self, domain: &str, name: &str, password: &str) {
        self.shared.service.set_password(domain, name, password);
    }

    /// Ends the life of all tokens issued so far, as a changed password does sooner or later.
    pub fn revoke_tokens(&self) {
        self.shared.service.revoke_tokens();
    }

    /// Moves the simulator's clock on; with what the script says, a hundred years at most.
    pub fn advance(&self, by: Duration) {
        self.shared.service.advance(by);
    }

    /// What the simulator's clock shows.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.shared.service.now()
    }

    /// The requests seen so far, oldest first; the newest 4,096 of them.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.shared.service.requests()
    }

    /// How many requests were ever seen.
    #[must_use]
    pub fn request_count(&self) -> u64 {
        self.shared.service.request_count()
    }

    /// How many connections were ever accepted.
    #[must_use]
    pub fn connection_count(&self) -> u64 {
        self.shared.service.connection_count()
    }

    /// Waits until that many requests were seen in all; `false` if they were not in time.
    #[must_use]
    pub fn wait_for_requests(&self, count: u64, timeout: Duration) -> bool {
        self.shared.service.wait_for_requests(count, timeout)
    }

    /// Waits until each connection was ended by this side or has gone; `false` if one was not in
    /// time.
    #[must_use]
    pub fn wait_until_closed(&self, timeout: Duration) -> bool {
        self.shared.service.wait_until_closed(timeout)
    }

    /// Waits until each connection was ended by both sides; `false` if one was not in time.
    #[must_use]
    pub fn wait_until_gone(&self, timeout: Duration) -> bool {
        self.shared.service.wait_until_gone(timeout)
    }

    /// Lets one [`Step::Wait`](crate::Step::Wait) end, now or when it is reached.
    pub fn go_on(&self) {
        self.shared.service.go_on();
    }

    /// Closes the listener and every connection, and ends its threads. Dropping does the same.
    pub fn stop(&mut self) {
        let Some(accept) = self.accept.take() else { return };
        self.shared.is_stopping.store(true, Ordering::SeqCst);
        self.shared.service.stop();
        // Wakes the thread that accepts; it looks at the flag then. If that does not get through
        // (no descriptor left, say) the thread is left to end with the next connection.
        if TcpStream::connect(self.addr).is_ok() {
            // A thread's panic has been reported by itself.
            let _ = accept.join();
        }
        let live: Vec<Live> = self.shared.live().drain().map(|(_, live)| live).collect();
        for connection in &live {
            // Fails if the client was faster.
            let _ = connection.stream.shutdown(Shutdown::Both);
        }
        for connection in live {
            let _ = connection.thread.join();
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

/// Closes the handle kept for `stop`, and with it the connection, when its thread ends. An
/// observer's panic ends it too.
struct Leaving<'a> {
    shared: &'a Shared,
    number: u64,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.shared.live().remove(&self.number);
    }
}

impl Shared {
    fn live(&self) -> MutexGuard<'_, HashMap<u64, Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        loop {
            let accepted = listener.accept();
            if self.is_stopping.load(Ordering::SeqCst) {
                return;
            }
            match accepted {
                // What can't be served (no thread, no descriptor) is closed; the client sees that.
                Ok((stream, _)) => drop(self.start(stream)),
                // The client was gone, or descriptors are used up: do not spin on the latter.
                Err(_) => thread::sleep(Duration::from_millis(10)),
            }
        }
    }

    fn start(self: &Arc<Self>, stream: TcpStream) -> io::Result<()> {
        let number = self.service.connected();
        // Held until the connection is entered, so that its thread can't leave before.
        let mut live = self.live();
        if live.len() >= MAX_CONNECTIONS {
            return Ok(());
        }
        let handle = stream.try_clone()?;
        let shared = Arc::clone(self);
        let thread = thread::Builder::new().name(format!("simulator {number}"));
        let thread = thread.spawn(move || {
            // Dropped in reverse: gone is a connection whose handles are closed.
            let presence = Presence::new(&shared.service);
            let _leaving = Leaving { shared: &shared, number };
            let stream = stream;
            let (tls, service) = (shared.tls.clone(), &shared.service);
            // An error is the client's: it went away, or does not trust the CA.
            let _ = connection::serve(&stream, tls, number, service, &presence);
        })?;
        live.insert(number, Live { stream: handle, thread });
        Ok(())
    }
}
