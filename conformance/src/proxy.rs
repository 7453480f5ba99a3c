use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

/// What a test's proxy does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proxying {
    /// Opens tunnels for `Basic dXNlcjpwQHNz` (`user`, `p@ss`), answers 407 to others.
    Tunnel,
    /// Answers this status.
    Refuse(u16),
    /// Reads the request and closes.
    Close,
    /// Reads the request and says nothing.
    Hang,
    /// Answers what is not HTTP.
    Garbage,
    /// Sends an answer of its own behind its 200, as if it came from inside the tunnel.
    Inject,
    /// Answers byte by byte, always in time for a single read, and never ends.
    Dribble,
}

/// A proxy for CONNECT on loopback, recording all bytes that a client sent it in clear.
pub struct TestProxy {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<u8>>>,
}

impl TestProxy {
    /// Starts one; its threads end with their connections, its listener with the process.
    ///
    /// # Panics
    /// If it can't listen.
    #[must_use]
    pub fn start(proxying: Proxying) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&seen);
        thread::spawn(move || {
            for client in listener.incoming().take(64).flatten() {
                let record = Arc::clone(&record);
                // Its errors are the client's to notice.
                thread::spawn(move || drop(serve(client, proxying, &record)));
            }
        });
        Self { address, seen }
    }

    /// `127.0.0.1:port`
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What clients sent, tunnels included.
    #[must_use]
    pub fn seen(&self) -> Vec<u8> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn serve(client: TcpStream, proxying: Proxying, record: &Arc<Mutex<Vec<u8>>>) -> io::Result<()> {
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
    let mut client = client;
    match proxying {
        Proxying::Close => return Ok(()),
        // Until the client goes away.
        Proxying::Hang => return reader.read(&mut [0]).map(drop),
        Proxying::Garbage => return client.write_all(b"SSH-2.0-OpenSSH\r\n\r\n"),
        Proxying::Inject => {
            return client.write_all(
                b"HTTP/1.1 200 Connection established\r\n\r\n\
                  HTTP/1.1 200 OK\r\nContent-Length: 24\r\n\r\n{\"command_name\":\"DELETE\"}",
            );
        }
        Proxying::Dribble => {
            client.write_all(b"HTTP/1.1 200 OK\r\nX: ")?;
            // Ends with the client's side of the connection.
            loop {
                client.write_all(b"x")?;
                thread::sleep(Duration::from_millis(20));
            }
        }
        Proxying::Refuse(status) => {
            return write!(client, "HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n");
        }
        Proxying::Tunnel if !head.contains("Basic dXNlcjpwQHNz") => {
            return write!(client, "HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n");
        }
        Proxying::Tunnel => {}
    }
    let target = head.split(' ').nth(1).unwrap_or_default();
    let mut server = TcpStream::connect(target)?;
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    let (mut from_server, mut to_client) = (server.try_clone()?, client.try_clone()?);
    thread::spawn(move || {
        // Either side's end ends the tunnel.
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
