//! The facade's client and `watch` on smol: no tokio runtime runs. What a runtime has to bring are
//! the four small types below: an executor, a timer, a stream and a connector.
//!
//! `cargo run --example smol_runtime --features smol`

use std::{
    error::Error,
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use huaweicloud_sms::{
    Event, ObtainCommand,
    http::Uri,
    hyper::{Client, Settings, Transport},
};
use hyper::rt::{Executor, Read, ReadBufCursor, Sleep, Timer, Write};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::{
    Client as HyperClient,
    connect::{Connected, Connection},
};
use smol::io::{AsyncRead, AsyncWrite};
use tower_service::Service as TowerService;

mod support;
use support::{Service, print_answer, print_error};

/// For making a connection, without TLS. The whole call has its limit in the settings.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

fn main() -> Result<(), Box<dyn Error>> {
    // One `block_on` for all calls: connections are to be looked after between them, too.
    smol::block_on(poll())
}

fn transport() -> Result<Transport<impl huaweicloud_sms::hyper::Connect + Clone>, Box<dyn Error>> {
    let connector = HttpsConnectorBuilder::new()
        .with_provider_and_platform_verifier(rustls::crypto::ring::default_provider())?
        .https_or_http()
        .enable_http1()
        .wrap_connector(Connector);
    let client = HyperClient::builder(SmolExecutor)
        .pool_timer(SmolTimer)
        .pool_idle_timeout(Settings::IDLE_AGE)
        .http1_max_headers(128)
        .http1_max_buf_size(Settings::MAX_HEAD)
        .retry_canceled_requests(false)
        .build(connector);
    Ok(Transport::with_client(client, Settings::default(), Arc::new(SmolTimer))?)
}

async fn poll() -> Result<(), Box<dyn Error>> {
    let service = Service::find()?;
    let client = Client::new(transport()?);
    let call = ObtainCommand::new(&service.endpoint, &service.server_id);
    let mut watch = client.watch(call, service.token.clone(), service.pace)?;
    loop {
        match watch.next().await {
            Event::Answer(answer) => {
                print_answer(&answer);
                if service.is_last(&answer) {
                    return Ok(());
                }
            }
            Event::Error(error) | Event::LoginError(error) => print_error(&error),
            // Not with a token.
            Event::LoggedIn(_) => {}
            Event::RenewAuth => {
                if let Some(token) = service.new_token() {
                    watch.renew(token);
                }
            }
        }
    }
}

/// Runs what hyper's client runs beside the calls: its connections.
#[derive(Clone)]
struct SmolExecutor;

impl<F: Future<Output: Send> + Send + 'static> Executor<F> for SmolExecutor {
    fn execute(&self, future: F) {
        smol::spawn(future).detach();
    }
}

#[derive(Clone)]
struct SmolTimer;

impl Timer for SmolTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        Box::pin(SmolSleep(smol::Timer::after(duration)))
    }

    fn sleep_until(&self, moment: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(SmolSleep(smol::Timer::at(moment)))
    }
}

struct SmolSleep(smol::Timer);

impl Future for SmolSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(context).map(drop)
    }
}

impl Sleep for SmolSleep {}

/// Connects to the host of the request's address: the client follows no redirect to another.
#[derive(Clone)]
struct Connector;

impl TowerService<Uri> for Connector {
    type Response = Stream;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let port =
            uri.port_u16().unwrap_or(if uri.scheme_str() == Some("http") { 80 } else { 443 });
        let host = format!("{}:{port}", uri.host().unwrap_or_default());
        // hyper's client may go on connecting in the background when the call has ended.
        let late = async {
            smol::Timer::after(CONNECT_LIMIT).await;
            Err(io::ErrorKind::TimedOut.into())
        };
        Box::pin(smol::future::or(
            async move { Ok(Stream(smol::net::TcpStream::connect(host).await?)) },
            late,
        ))
    }
}

/// smol's streams in hyper's terms.
struct Stream(smol::net::TcpStream);

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut cursor: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut buffer = [0; 4096];
        let length = buffer.len().min(cursor.remaining());
        let count = ready!(Pin::new(&mut self.0).poll_read(context, &mut buffer[..length]))?;
        cursor.put_slice(&buffer[..count]);
        Poll::Ready(Ok(()))
    }
}

impl Write for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_close(context)
    }
}
