//! A connection, and the limit of what is received for one response, above TLS.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use huaweicloud_sms_transport::internal::ReadLimit;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{self, Connected};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

pub(crate) struct Connection {
    inner: Box<dyn Stream>,
    limit: ReadLimit,
    /// Read here first: hyper's cursor does not tell how much was received.
    buffer: Box<[u8; 4096]>,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Connection {
    pub(crate) fn new(
        inner: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        limit: ReadLimit,
    ) -> Self {
        Self { inner: Box::new(inner), limit, buffer: Box::new([0; 4096]) }
    }
}

impl connect::Connection for Connection {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Read for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut wanted: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let room = wanted.remaining().min(this.buffer.len());
        let mut buffer = ReadBuf::new(&mut this.buffer[..room]);
        ready!(Pin::new(&mut *this.inner).poll_read(context, &mut buffer))?;
        this.limit.received(buffer.filled().len()).map_err(io::Error::other)?;
        wanted.put_slice(buffer.filled());
        Poll::Ready(Ok(()))
    }
}

impl Write for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.limit.sent();
        Pin::new(&mut *this.inner).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.get_mut().inner).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.get_mut().inner).poll_shutdown(context)
    }
}
