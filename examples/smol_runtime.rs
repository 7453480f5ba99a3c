//! Polls with the async client on smol, over bare hyper connections. No tokio runtime runs.
//!
//! `cargo run --example smol_runtime --features smol`
#![allow(clippy::print_stdout, reason = "an example's purpose")]

use std::{
    io,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_rustls::TlsConnector;
use http_body_util::{BodyExt, Full, Limited};
use huaweicloud_sms::{
    AsyncClient, AsyncTransport, Pace,
    http::{Request, Response},
};
use huaweicloud_sms_examples::{Failure, describe, environment, exit};
use hyper::client::conn::http1;
use rustls::{ClientConfig, pki_types::ServerName};
use rustls_platform_verifier::BuilderVerifierExt;
use smol::{Timer, future, net::TcpStream};
use smol_hyper::rt::FuturesIo;

/// The timeout of one request and its response, with the look-up and the handshake.
const LIMIT: Duration = Duration::from_secs(30);

/// Opens a connection for each request.
struct Smol(TlsConnector);

impl AsyncTransport for Smol {
    type Error = io::Error;

    async fn execute(&self, request: Request<Vec<u8>>) -> io::Result<Response<Bytes>> {
        let limit = async {
            Timer::after(LIMIT).await;
            Err(io::ErrorKind::TimedOut.into())
        };
        future::or(self.exchange(request), limit).await
    }

    async fn sleep_until(&self, instant: Instant) {
        Timer::at(instant).await;
    }
}

impl Smol {
    async fn exchange(&self, mut request: Request<Vec<u8>>) -> io::Result<Response<Bytes>> {
        let uri = std::mem::take(request.uri_mut());
        // hyper writes the whole URI, but the request line must have only path and query.
        *request.uri_mut() =
            uri.path_and_query().map(|path| path.clone().into()).unwrap_or_default();
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let is_tls = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let tcp = TcpStream::connect((&*host, port)).await?;
        if !is_tls {
            return send(tcp, request).await;
        }
        let name = ServerName::try_from(host).map_err(io::Error::other)?;
        send(self.0.connect(name, tcp).await?, request).await
    }
}

async fn send<S>(stream: S, request: Request<Vec<u8>>) -> io::Result<Response<Bytes>>
where
    S: smol::io::AsyncRead + smol::io::AsyncWrite + Send + Unpin + 'static,
{
    let handshake = http1::handshake(FuturesIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(io::Error::other)?;
    // Dropping the task closes the connection.
    let _connection = smol::spawn(connection);
    let response = sender.send_request(request.map(|body| Full::new(Bytes::from(body)))).await;
    let (parts, body) = response.map_err(io::Error::other)?.into_parts();
    let body = Limited::new(body, 256 * 1024).collect().await.map_err(io::Error::other)?;
    Ok(Response::from_parts(parts, body.to_bytes()))
}

fn main() -> ExitCode {
    exit(poll())
}

fn poll() -> Result<(), Failure> {
    let config =
        ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
            .with_safe_default_protocol_versions()?
            .with_platform_verifier()?
            .with_no_client_auth();
    let client = AsyncClient::new(Smol(TlsConnector::from(Arc::new(config))));
    let mut watch = client.watch(environment::call()?, environment::credential()?, Pace::default());
    smol::block_on(async {
        while let Some(event) = watch.recv().await {
            println!("{}", describe(event)?);
        }
        Ok(())
    })
}
