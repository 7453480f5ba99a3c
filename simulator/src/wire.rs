//! A connection's bytes below TLS, and how it ends.

use std::{
    cell::{Cell, RefCell},
    io::{self, Read, Write},
    net::{Shutdown, TcpStream},
    time::Duration,
};

use crate::service::{Presence, Service};

/// How this side ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// In order, TLS included.
    Close,
    /// In order, but for TLS.
    Cut,
    /// By a reset.
    Reset,
}

/// Collects what is to be sent in one write.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) is_on: Cell<bool>,
    bytes: RefCell<Vec<u8>>,
}

/// TCP, at the script's pace.
pub(crate) struct Wire<'a> {
    pub(crate) tcp: &'a TcpStream,
    /// The pause before each byte, if they are sent one by one.
    pub(crate) trickle: Option<Duration>,
    pub(crate) batch: &'a Batch,
    pub(crate) service: &'a Service,
    pub(crate) presence: &'a Presence<'a>,
}

impl Wire<'_> {
    /// Ends the connection; TLS has been seen to.
    pub(crate) fn end(&mut self, end: End) -> io::Result<()> {
        if end == End::Reset {
            // Takes effect when the last handle is closed, with all that was not yet sent lost.
            return socket2::SockRef::from(self.tcp).set_linger(Some(Duration::ZERO));
        }
        self.tcp.shutdown(Shutdown::Write)?;
        self.presence.closed();
        // Closed with something unread, TCP would reset in place of what was sent last. A client
        // that sends on gets that reset.
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
        let Some(pause) = self.trickle else { return self.tcp.write(bytes) };
        self.service.pause(pause)?;
        self.tcp.write(&bytes[..bytes.len().min(1)])
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.batch.is_on.get() {
            let bytes = self.batch.bytes.take();
            self.write_all(&bytes)?;
        }
        self.tcp.flush()
    }
}
