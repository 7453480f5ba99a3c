//! Implements hyper's connection: the socket, TLS above it, and the limit of received bytes for one response.

use std::{
    io::{self, Read as _},
    pin::Pin,
    task::{Context, Poll, ready},
};

use huaweicloud_sms_transport::internal::{ReadLimit, Records, acknowledge_at_once};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{self, Connected};
use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;

/// A TCP connection. It reads all bytes that have arrived, even if its runtime has not run since. It also reads
/// them if it cannot send any more.
pub(crate) struct Socket {
    tcp: TcpStream,
    /// The boundaries of the TLS records. It is `None` without TLS.
    records: Option<Records>,
    /// The error after which nothing more can be sent. Bytes that the peer sent before are still read,
    /// because they may be an early response, or a TLS alert with the reason. hyper and rustls would drop
    /// them.
    broken: Option<io::Error>,
}

impl Socket {
    pub(crate) fn new(tcp: TcpStream, is_tls: bool) -> Self {
        Self { tcp, records: is_tls.then(Records::default), broken: None }
    }

    fn poll_receive(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Poll::Ready(received) = Pin::new(&mut self.tcp).poll_read(context, buffer) {
            return Poll::Ready(received);
        }
        // hyper reads before it sends a request, and does not send it if unexpected bytes have arrived. But
        // tokio knows only the bytes that its driver has seen, and the driver runs between tasks. So this
        // reads from the socket directly.
        match (&*SockRef::from(&self.tcp)).read(buffer.initialize_unfilled()) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
            received => Poll::Ready(received.map(|count| buffer.advance(count))),
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(self.poll_receive(context, buffer))?;
        let received = &buffer.filled()[before..];
        if let Some(records) = &mut self.records {
            records.receive(received);
        }
        let is_end = received.is_empty();
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
                    if self.records.is_some() {
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
    /// Whether everything that hyper wrote was sent.
    is_sent: bool,
    /// Whether bytes were received since the request. If both are true, the next write begins another request.
    is_answered: bool,
    /// Bytes are read into this buffer first, because hyper's cursor does not show how many were received.
    buffer: Box<[u8; 4096]>,
    is_used: bool,
    /// An error before the first request, such as the alert of a server that wants a client certificate.
    /// It is kept for that request, because hyper would drop it with the connection.
    early: Option<io::Error>,
}

/// A [`Socket`], or TLS over one.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {
    fn socket(&self) -> &Socket;
}

impl Stream for Socket {
    fn socket(&self) -> &Socket {
        self
    }
}

impl Stream for TlsStream<Socket> {
    fn socket(&self) -> &Socket {
        self.get_ref().0
    }
}

impl Connection {
    pub(crate) fn new(inner: impl Stream + 'static, limit: ReadLimit) -> Self {
        Self {
            inner: Box::new(inner),
            limit,
            is_sent: false,
            is_answered: false,
            buffer: Box::new([0; 4096]),
            is_used: false,
            early: None,
        }
    }

    /// Checks that no TLS record has begun before the next request. A response in such a record would become
    /// the response to that request.
    fn check_boundary(&self) -> io::Result<()> {
        if self.inner.socket().records.as_ref().is_none_or(Records::is_at_boundary) {
            return Ok(());
        }
        let problem = "the server had sent a part of a TLS record before the request";
        Err(io::Error::new(io::ErrorKind::ConnectionAborted, problem))
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
        this.is_answered = true;
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
        if this.is_sent && std::mem::take(&mut this.is_answered) {
            this.check_boundary()?;
        }
        this.is_sent = false;
        this.limit.sent();
        this.is_used = true;
        if this.early.is_some() {
            // The same task reads and writes, so it will read the error.
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
        ready!(Pin::new(&mut *this.inner).poll_flush(context))?;
        this.is_sent = true;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.get_mut().inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Write as _, net};

    use bytes::Bytes;
    use http::Request;
    use http_body_util::Empty;
    use huaweicloud_sms_transport::{Settings, TransportErrorKind};

    use super::*;
    use crate::error;

    #[test]
    fn bytes_before_the_first_request_are_an_error() {
        let listener = net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let tcp = net::TcpStream::connect(listener.local_addr().expect("an address"));
        let tcp = tcp.expect("a connection");
        let (mut peer, _) = listener.accept().expect("a connection");
        peer.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").expect("sent");
        tcp.peek(&mut [0]).expect("bytes");
        tcp.set_nonblocking(true).expect("set");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let error = runtime.expect("a runtime").block_on(async {
            let settings = Settings::default();
            let socket = Socket::new(TcpStream::from_std(tcp).expect("a socket"), false);
            let connection = Connection::new(socket, ReadLimit::new(&settings));
            let made = hyper::client::conn::http1::handshake(connection).await;
            let (mut sender, connection) = made.expect("a connection");
            tokio::spawn(connection);
            let request = Request::get("/").body(Empty::<Bytes>::new()).expect("a request");
            let error = sender.send_request(request).await.expect_err("rejected");
            error::from_hyper(error, &settings)
        });
        assert_eq!(error.kind(), TransportErrorKind::Protocol, "{error:?}");
    }
}
