//! Implements ureq's `Transport`: the socket, TLS above it, the limits, and the checks before reuse.

use std::{
    fmt,
    io::{self, Read, Write},
    mem,
    net::TcpStream,
    time::{Duration, Instant},
};

use huaweicloud_sms_transport::{
    Settings, TransportError,
    internal::{Cause, ReadLimit, Records, acknowledge_at_once},
};
use rustls::ClientConnection;
use ureq::{
    Error,
    unversioned::transport::{Buffers, LazyBuffers, NextTimeout, Transport},
};

pub(crate) struct Connection {
    pub(crate) socket: Socket,
    pub(crate) tls: Option<ClientConnection>,
    pub(crate) buffers: LazyBuffers,
    pub(crate) read_limit: ReadLimit,
    pub(crate) is_used: bool,
}

impl Transport for Connection {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.read_limit.sent();
        self.socket.set_deadline(*timeout.after);
        if !mem::replace(&mut self.is_used, true) && !self.is_silent() {
            let source = "the server sent bytes before the first request".into();
            return Err(Error::Other(TransportError::from(Cause::Protocol { source }).into()));
        }
        let output = &self.buffers.output()[..amount];
        let sent = match &mut self.tls {
            Some(tls) => {
                let mut stream = rustls::Stream::new(tls, &mut self.socket);
                let sent = stream.write_all(output).and_then(|()| stream.flush());
                acknowledge_at_once(&self.socket.stream);
                sent
            }
            None => self.socket.write_all(output),
        };
        sent.map_err(|error| failed(error, timeout))
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.socket.set_deadline(*timeout.after);
        // ureq parses a head from its start after each piece. So this completes the head first.
        let is_head = self.buffers.input().starts_with(b"HTTP/");
        loop {
            let before = self.buffers.input().len();
            let count = self.receive().map_err(|error| failed(error, timeout))?;
            self.read_limit.received(count).map_err(|error| Error::Other(error.into()))?;
            let input = self.buffers.input();
            let is_partial = is_head && count > 0 && input.len() <= Settings::MAX_HEAD;
            if !is_partial || has_empty_line(&input[before.saturating_sub(2)..]) {
                return Ok(count > 0);
            }
        }
    }

    /// Returns whether the connection has no unread bytes below the HTTP parser. Without this check, an
    /// unrequested response would become the response to the next request, which may be another user's.
    ///
    /// ureq calls this before a connection goes into its pool and before it is reused. ureq itself checks at
    /// most its own buffer ([ureq#1198](https://github.com/algesten/ureq/pull/1198)), and never TLS.
    fn is_open(&mut self) -> bool {
        self.buffers.input().is_empty()
            && self.tls.as_mut().is_none_or(is_drained)
            && self.socket.is_drained()
    }

    fn is_tls(&self) -> bool {
        self.tls.is_some()
    }
}

impl Connection {
    fn receive(&mut self) -> io::Result<usize> {
        let input = self.buffers.input_append_buf();
        let count = match &mut self.tls {
            Some(tls) => rustls::Stream::new(tls, &mut self.socket).read(input)?,
            None => self.socket.read(input)?,
        };
        self.buffers.input_appended(count);
        Ok(count)
    }

    /// Returns whether the server has sent no bytes that would become the first response. Over TLS, this
    /// reads the records of TLS itself, such as session tickets.
    fn is_silent(&mut self) -> bool {
        let Some(tls) = &mut self.tls else { return !self.socket.has_input() };
        while self.socket.has_input() && tls.read_tls(&mut self.socket).is_ok_and(|count| count > 0)
        {
            if tls.process_new_packets().is_err() {
                break;
            }
        }
        // If there is an error, the read of the response returns it.
        tls.process_new_packets().map_or(true, |state| state.plaintext_bytes_to_read() == 0)
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The buffers hold credentials.
        f.debug_struct("Connection").field("is_tls", &self.is_tls()).finish_non_exhaustive()
    }
}

fn has_empty_line(bytes: &[u8]) -> bool {
    bytes.windows(2).any(|end| end == b"\n\n") || bytes.windows(3).any(|end| end == b"\n\r\n")
}

fn failed(error: io::Error, timeout: NextTimeout) -> Error {
    if is_timeout(&error) { Error::Timeout(timeout.reason) } else { Error::Io(error) }
}

/// Returns whether rustls has no plaintext left. [`Records`] detects a part of a record.
fn is_drained(tls: &mut ClientConnection) -> bool {
    let state = tls.process_new_packets();
    state.is_ok_and(|state| state.plaintext_bytes_to_read() == 0 && !state.peer_has_closed())
}

/// A TCP connection whose reads and writes end at one deadline.
pub(crate) struct Socket {
    stream: TcpStream,
    deadline: Option<Instant>,
    records: Option<Records>,
    /// The error after which nothing more can be sent. Bytes that the peer sent before are still read,
    /// because they may be an early response, or a TLS alert with the reason.
    broken: Option<io::Error>,
}

impl Socket {
    pub(crate) fn new(stream: TcpStream, deadline: Instant) -> Self {
        Self { stream, deadline: Some(deadline), records: None, broken: None }
    }

    /// Starts to follow the boundaries of TLS records.
    pub(crate) fn begin_tls(&mut self) {
        self.records = Some(Records::default());
    }

    fn set_deadline(&mut self, limit: Duration) {
        self.deadline = Instant::now().checked_add(limit);
    }

    /// Returns the time until the deadline.
    fn left(&self) -> io::Result<Option<Duration>> {
        let left = self.deadline.map(|at| at.saturating_duration_since(Instant::now()));
        if left == Some(Duration::ZERO) { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
    }

    /// Returns whether the connection is open and has no unread bytes.
    fn is_drained(&self) -> bool {
        self.broken.is_none()
            && self.records.as_ref().is_none_or(Records::is_at_boundary)
            && self.peek().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }

    fn has_input(&self) -> bool {
        self.peek().is_ok_and(|count| count > 0)
    }

    /// Returns the number of unread bytes, at most one, without blocking.
    fn peek(&self) -> io::Result<usize> {
        self.stream.set_nonblocking(true)?;
        let peeked = self.stream.peek(&mut [0]);
        self.stream.set_nonblocking(false)?;
        peeked
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = uninterrupted(|| {
            self.stream.set_read_timeout(self.left()?)?;
            (&self.stream).read(buffer)
        })?;
        if count == 0 {
            self.broken.take().map_or(Ok(()), Err)?;
        }
        if let Some(records) = &mut self.records {
            records.receive(&buffer[..count]);
        }
        Ok(count)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.broken.is_none() {
            let sent = uninterrupted(|| {
                self.stream.set_write_timeout(self.left()?)?;
                (&self.stream).write(bytes)
            });
            match sent {
                Err(error) if !is_timeout(&error) => self.broken = Some(error),
                sent => return sent,
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Repeats a transfer that a signal interrupted. Linux does not restart it if the socket has a timeout (see
/// signal(7)). A timeout of the socket, which is `WouldBlock` on Unix, becomes a `TimedOut` for [`is_timeout`].
fn uninterrupted(mut transfer: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match transfer() {
            Err(error) => match error.kind() {
                io::ErrorKind::Interrupted => {}
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                _ => return Err(error),
            },
            done => return done,
        }
    }
}

/// Returns whether a deadline of this transport has passed. The system's own `TimedOut`, for a silent peer,
/// has an error code.
pub(crate) fn is_timeout(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::TimedOut && error.raw_os_error().is_none()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use huaweicloud_sms_transport::TransportErrorKind;

    use super::*;

    /// Makes a connection over TCP. Returns it and its peer.
    fn connection() -> (Connection, TcpStream) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let stream = TcpStream::connect(listener.local_addr().expect("an address"));
        let (peer, _) = listener.accept().expect("a connection");
        let deadline = Instant::now() + Duration::from_secs(60);
        let connection = Connection {
            socket: Socket::new(stream.expect("a connection"), deadline),
            tls: None,
            buffers: LazyBuffers::new(16, 16),
            read_limit: ReadLimit::new(&Settings::default()),
            is_used: false,
        };
        (connection, peer)
    }

    /// Waits until the peer's bytes have arrived.
    fn wait_for_input(connection: &Connection) {
        connection.socket.stream.peek(&mut [0]).expect("bytes");
    }

    fn receive(connection: &mut Connection) {
        assert!(connection.await_input(NextTimeout::default()).expect("input"));
    }

    #[test]
    fn a_connection_with_unread_bytes_is_not_open() {
        let (mut connection, mut peer) = connection();
        assert!(connection.is_open());
        peer.write_all(b"response").expect("sent");
        wait_for_input(&connection);
        assert!(!connection.is_open(), "in the socket");
        receive(&mut connection);
        assert!(!connection.is_open(), "in the buffer");
        connection.buffers().input_consume(7);
        assert!(!connection.is_open(), "one byte");
        connection.buffers().input_consume(1);
        assert!(connection.is_open());
        drop(peer);
        connection.socket.stream.peek(&mut [0]).expect("the end");
        assert!(!connection.is_open(), "closed");
    }

    #[test]
    fn a_connection_inside_a_record_is_not_open() {
        // A record of 3 bytes, then an empty record.
        let bytes = b"\x17\x03\x03\x00\x03abc\x17\x03\x03\x00\x00";
        let (mut connection, mut peer) = connection();
        connection.socket.begin_tls();
        for (index, byte) in bytes.iter().enumerate() {
            peer.write_all(&[*byte]).expect("sent");
            receive(&mut connection);
            connection.buffers().input_consume(1);
            let end = index + 1;
            assert_eq!(connection.is_open(), end == 8 || end == bytes.len(), "{end}");
        }
    }

    /// Systems other than Linux may drop bytes that arrived before a reset.
    #[test]
    #[cfg(target_os = "linux")]
    fn a_response_that_arrived_before_a_failed_write_is_read() {
        let (mut connection, mut peer) = connection();
        peer.write_all(b"response").expect("sent");
        // A reset follows, because the peer closes the connection with unread bytes.
        connection.socket.write_all(b"request").expect("sent");
        peer.peek(&mut [0]).expect("the request");
        drop(peer);
        while connection.socket.broken.is_none() {
            connection.socket.write_all(b"more").expect("reported when it is read");
        }
        assert!(!connection.is_open());
        let mut response = [0; 9];
        assert_eq!(connection.socket.read(&mut response).expect("the response"), 8);
        let error = connection.socket.read(&mut response).expect_err("no end of a response");
        assert!(error.raw_os_error().is_some(), "{error:?}");
    }

    #[test]
    fn the_rest_of_a_head_is_one_input() {
        let (mut connection, mut peer) = connection();
        peer.write_all(b"HTTP/1.1 200 OK\r\n").expect("sent");
        connection.buffers = LazyBuffers::new(64, 64);
        receive(&mut connection);
        assert_eq!(connection.buffers().input(), b"HTTP/1.1 200 OK\r\n");
        let sender = std::thread::spawn(move || {
            b"x: y\r\n\r\n".iter().for_each(|byte| peer.write_all(&[*byte]).expect("sent"));
            peer.write_all(b"{").expect("sent");
            peer
        });
        receive(&mut connection);
        assert!(connection.buffers().input().starts_with(b"HTTP/1.1 200 OK\r\nx: y\r\n\r\n"));
        drop(sender.join());
    }

    #[test]
    fn finds_an_empty_line() {
        for with in ["\n\n", "\n\r\n", "a\r\n\r\nb", "a\n\n"] {
            assert!(has_empty_line(with.as_bytes()), "{with:?}");
        }
        for without in ["", "\n", "\r\n", "a\nb\n", "a\r\n\r", "a\r\nb"] {
            assert!(!has_empty_line(without.as_bytes()), "{without:?}");
        }
    }

    #[test]
    fn bytes_before_the_first_request_are_an_error() {
        let (mut connection, mut peer) = connection();
        peer.write_all(b"HTTP/1.1 200 OK\r\n").expect("sent");
        wait_for_input(&connection);
        let error = connection.transmit_output(0, NextTimeout::default()).expect_err("rejected");
        let error = crate::error::from_ureq(error, &Settings::default(), None);
        assert_eq!(error.kind(), TransportErrorKind::Protocol, "{error:?}");
    }

    #[test]
    fn a_deadline_ends_reads_and_writes() {
        let (mut connection, _peer) = connection();
        let socket = &mut connection.socket;
        socket.set_deadline(Duration::from_millis(10));
        assert!(is_timeout(&socket.read(&mut [0; 9]).expect_err("silence")));
        assert!(is_timeout(&socket.write(&[0; 9]).expect_err("too late")));
        // No clock can add such a long timeout.
        socket.set_deadline(Duration::MAX);
        assert_eq!(socket.write(&[0; 9]).expect("sent"), 9);
    }
}
