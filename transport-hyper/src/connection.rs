//! A connection: the socket, and above TLS the limit of what is received for one response.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use huaweicloud_sms_transport::internal::{ReadLimit, acknowledge_at_once};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{self, Connected};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// A TCP connection that is read to its end, even if nothing more can be sent.
pub(crate) struct Socket {
    tcp: TcpStream,
    is_tls: bool,
    /// Why nothing more can be sent. What the peer sent before may still be read: an early response, or a
    /// TLS alert that tells the reason. hyper and rustls would drop it.
    broken: Option<io::Error>,
}

impl Socket {
    pub(crate) fn new(tcp: TcpStream, is_tls: bool) -> Self {
        Self { tcp, is_tls, broken: None }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.tcp).poll_read(context, buffer))?;
        let is_end = buffer.filled().len() == before;
        Poll::Ready(self.broken.take_if(|_| is_end).map_or(Ok(()), Err))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.broken.is_none() {
            match ready!(Pin::new(&mut self.tcp).poll_write(context, bytes)) {
                Err(error) => self.broken = Some(error),
                sent => {
                    if self.is_tls {
                        acknowledge_at_once(&self.tcp);
                    }
                    return Poll::Ready(sent);
                }
            }
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(context)
    }
}

pub(crate) struct Connection {
    inner: Box<dyn Stream>,
    limit: ReadLimit,
    /// Read here first: hyper's cursor does not tell how much was received.
    buffer: Box<[u8; 4096]>,
    is_used: bool,
    /// An error before the first request, such as the alert of a server that wants a client certificate.
    /// It is kept for that request: hyper would drop it with the connection.
    early: Option<io::Error>,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Connection {
    pub(crate) fn new(
        inner: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        limit: ReadLimit,
    ) -> Self {
        Self {
            inner: Box::new(inner),
            limit,
            buffer: Box::new([0; 4096]),
            is_used: false,
            early: None,
        }
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
        if this.early.is_some() {
            let error = this.early.take_if(|_| this.is_used);
            return error.map_or(Poll::Pending, |error| Poll::Ready(Err(error)));
        }
        let room = wanted.remaining().min(this.buffer.len());
        let mut buffer = ReadBuf::new(&mut this.buffer[..room]);
        match ready!(Pin::new(&mut *this.inner).poll_read(context, &mut buffer)) {
            Err(error) if !this.is_used => {
                this.early = Some(error);
                return Poll::Pending;
            }
            read => read?,
        }
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
        this.is_used = true;
        if this.early.is_some() {
            // One task reads and writes.
            context.waker().wake_by_ref();
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut *this.inner).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.early.is_some() {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut *this.inner).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.get_mut().inner).poll_shutdown(context)
    }
}
