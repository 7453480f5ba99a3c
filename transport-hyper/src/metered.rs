//! A bound on what comes in for one answer, above TLS.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use huaweicloud_sms_transport::Meter;
use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};

/// A connection that breaks when too much comes for one answer.
pub struct Metered<T> {
    inner: T,
    meter: Meter,
    /// Read here first: hyper's cursor does not tell how much came.
    buffer: Box<[u8; 4096]>,
}

impl<T> Metered<T> {
    pub(crate) fn new(inner: T, meter: Meter) -> Self {
        Self { inner, meter, buffer: Box::new([0; 4096]) }
    }
}

impl<T: Connection> Connection for Metered<T> {
    fn connected(&self) -> Connected {
        self.inner.connected()
    }
}

impl<T: Read + Unpin> Read for Metered<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut wanted: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let room = wanted.remaining().min(this.buffer.len());
        let mut buffer = ReadBuf::new(&mut this.buffer[..room]);
        ready!(Pin::new(&mut this.inner).poll_read(context, buffer.unfilled()))?;
        this.meter.received(buffer.filled().len()).map_err(io::Error::other)?;
        wanted.put_slice(buffer.filled());
        Poll::Ready(Ok(()))
    }
}

impl<T: Write + Unpin> Write for Metered<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.meter.sent();
        Pin::new(&mut this.inner).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.meter.sent();
        Pin::new(&mut this.inner).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(context)
    }
}
