//! A simulated proxy on loopback, for tests of clients that connect through one.
//!
//! ```
//! use huaweicloud_sms_simulator::proxy::{ProxyBehavior, SimulatedProxy};
//!
//! let proxy = SimulatedProxy::start(ProxyBehavior::Tunnel)?;
//! let url = format!("http://user:p%40ss@{}", proxy.addr());
//! // Make a request through `url`, then look at what the proxy received in clear:
//! assert!(proxy.received().is_empty());
//! # Ok::<(), huaweicloud_sms_simulator::Error>(())
//! ```

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use crate::Error;

/// The number of connections that a proxy accepts in its life.
const MAX_CONNECTIONS: usize = 64;

/// The behavior of a [`SimulatedProxy`] upon a CONNECT request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyBehavior {
    /// Opens a tunnel for the user `user` with the password `p@ss`. Sends a 407 to all others.
    Tunnel,
    /// Opens a tunnel for anyone, and sends this response in place of a plain 200.
    TunnelAfter(&'static str),
    /// Sends a 407 with this header.
    Challenge(&'static str),
    /// Sends a response with this status.
    Reject(u16),
    /// Reads the request and closes the connection.
    Close,
    /// Reads the request and never responds.
    Hang,
    /// Sends bytes that are not HTTP.
    Garbage,
    /// Sends a 200 and right behind it a forged response of the service, without opening a tunnel.
    Inject,
    /// Sends an endless header, byte by byte, with short pauses.
    Dribble,
}

/// A proxy that understands CONNECT and records all bytes that clients send it.
///
/// It serves the first 64 connections, each until either side closes it. It listens until the
/// process ends.
#[derive(Debug)]
pub struct SimulatedProxy {
    addr: SocketAddr,
    received: Arc<Mutex<Vec<u8>>>,
}

impl SimulatedProxy {
    /// Starts a proxy on 127.0.0.1, at a port that the system chooses.
    ///
    /// # Errors
    /// [`Error::Start`] if it cannot listen, or cannot start its thread.
    pub fn start(behavior: ProxyBehavior) -> Result<Self, Error> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let addr = listener.local_addr()?;
        let received = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&received);
        thread::Builder::new().spawn(move || {
            for client in listener.incoming().take(MAX_CONNECTIONS).flatten() {
                let record = Arc::clone(&record);
                // The client gets the errors of its connection.
                thread::spawn(move || drop(serve(client, behavior, &record)));
            }
        })?;
        Ok(Self { addr, received })
    }

    /// Returns the address that it listens on.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Returns all bytes that clients sent: their CONNECT requests, and the bytes through the tunnels.
    #[must_use]
    pub fn received(&self) -> Vec<u8> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn serve(
    mut client: TcpStream,
    behavior: ProxyBehavior,
    record: &Arc<Mutex<Vec<u8>>>,
) -> io::Result<()> {
    let keep = |bytes: &[u8]| {
        record.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
    };
    let mut reader = BufReader::new(client.try_clone()?);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(());
        }
    }
    keep(head.as_bytes());
    match behavior {
        ProxyBehavior::Close => return Ok(()),
        // Returns when the client closes the connection.
        ProxyBehavior::Hang => return reader.read(&mut [0]).map(drop),
        ProxyBehavior::Garbage => return client.write_all(b"SSH-2.0-OpenSSH\r\n\r\n"),
        ProxyBehavior::Inject => {
            return client.write_all(
                b"HTTP/1.1 200 Connection established\r\n\r\n\
                  HTTP/1.1 200 OK\r\nContent-Length: 24\r\n\r\n{\"command_name\":\"DELETE\"}",
            );
        }
        ProxyBehavior::Dribble => {
            client.write_all(b"HTTP/1.1 200 OK\r\nX: ")?;
            // Ends when the client closes the connection.
            loop {
                client.write_all(b"x")?;
                thread::sleep(Duration::from_millis(20));
            }
        }
        ProxyBehavior::Reject(status) => {
            return write!(client, "HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n");
        }
        ProxyBehavior::Challenge(header) => {
            return write!(client, "HTTP/1.1 407 No\r\n{header}\r\nContent-Length: 0\r\n\r\n");
        }
        ProxyBehavior::Tunnel if !head.contains("Basic dXNlcjpwQHNz") => {
            return write!(client, "HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n");
        }
        ProxyBehavior::Tunnel | ProxyBehavior::TunnelAfter(_) => {}
    }
    let target = head.split(' ').nth(1).unwrap_or_default();
    let mut server = TcpStream::connect(target)?;
    let opened = match behavior {
        ProxyBehavior::TunnelAfter(response) => response,
        _ => "HTTP/1.1 200 Connection established\r\n\r\n",
    };
    client.write_all(opened.as_bytes())?;
    let (mut from_server, mut to_client) = (server.try_clone()?, client.try_clone()?);
    thread::spawn(move || {
        // The tunnel ends when either side closes it.
        let _ = io::copy(&mut from_server, &mut to_client);
        let _ = to_client.shutdown(std::net::Shutdown::Both);
    });
    let mut buffer = [0; 4096];
    loop {
        let count = reader.read(&mut buffer)?;
        if count == 0 {
            return server.shutdown(std::net::Shutdown::Both);
        }
        keep(&buffer[..count]);
        server.write_all(&buffer[..count])?;
    }
}
