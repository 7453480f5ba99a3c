//! A connection's bytes below TLS, and how the connection ends.

use std::{
    cell::{Cell, RefCell},
    io::{self, Read, Write},
    net::{Shutdown, TcpStream},
    time::Duration,
};

use super::service::ConnectionGuard;

/// The way in which the simulator ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Closes TLS, then TCP.
    Close,
    /// Closes TCP only.
    Cut,
    /// Resets TCP.
    Reset,
}

/// Collects bytes for one write.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) is_on: Cell<bool>,
    /// The number of bytes that are sent now. The rest waits for the next write.
    pub(super) limit: Cell<Option<usize>>,
    bytes: RefCell<Vec<u8>>,
}

impl Batch {
    pub(super) fn len(&self) -> usize {
        self.bytes.borrow().len()
    }
}

/// A TCP stream that writes at the script's pace.
pub(super) struct Wire<'a> {
    pub(super) tcp: &'a TcpStream,
    /// The pause before each byte, if bytes are sent on their own.
    pub(super) trickle: Option<Duration>,
    pub(super) batch: &'a Batch,
    pub(super) guard: &'a ConnectionGuard<'a>,
}

impl Wire<'_> {
    /// Ends the connection below TLS.
    pub(super) fn end(&mut self, end: End) -> io::Result<()> {
        if end == End::Reset {
            // The reset follows when the last handle is closed. It discards all unsent bytes.
            return socket2::SockRef::from(self.tcp).set_linger(Some(Duration::ZERO));
        }
        self.tcp.shutdown(Shutdown::Write)?;
        self.guard.closed();
        // TCP resets a connection that is closed with unread bytes, and then the client may lose the
        // response. So the simulator reads some bytes before it closes the connection.
        self.tcp.read(&mut [0; 8192]).map(drop)
    }
}

impl Read for Wire<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.tcp.read(buffer)
    }
}

impl Write for Wire<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.batch.is_on.get() {
            return self.batch.bytes.borrow_mut().write(bytes);
        }
        let waiting = self.batch.bytes.take();
        self.tcp.write_all(&waiting)?;
        let Some(pause) = self.trickle else { return self.tcp.write(bytes) };
        self.guard.service.pause(pause)?;
        self.tcp.write(&bytes[..bytes.len().min(1)])
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.batch.is_on.get() {
            let mut bytes = self.batch.bytes.take();
            let rest = bytes.split_off(self.batch.limit.get().unwrap_or(bytes.len()));
            self.write_all(&bytes)?;
            self.batch.bytes.replace(rest);
        }
        self.tcp.flush()
    }
}
