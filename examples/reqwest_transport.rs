//! Polls with the async client over reqwest. Any HTTP client can be the transport.
//!
//! `cargo run --example reqwest_transport --features reqwest`
#![allow(clippy::print_stdout, reason = "an example's purpose")]

use std::{
    io,
    process::ExitCode,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use huaweicloud_sms::{
    AsyncClient, AsyncTransport, Pace,
    http::{Request, Response},
};
use huaweicloud_sms_examples::{Failure, describe, environment, exit};

struct Reqwest(reqwest::Client);

impl AsyncTransport for Reqwest {
    type Error = io::Error;

    async fn execute(&self, request: Request<Vec<u8>>) -> io::Result<Response<Bytes>> {
        let request = request.try_into().map_err(io::Error::other)?;
        let response = self.0.execute(request).await.map_err(io::Error::other)?;
        let (parts, body) = Response::<reqwest::Body>::from(response).into_parts();
        let body = Limited::new(body, 256 * 1024).collect().await.map_err(io::Error::other)?;
        Ok(Response::from_parts(parts, body.to_bytes()))
    }

    async fn sleep_until(&self, instant: Instant) {
        tokio::time::sleep_until(instant.into()).await;
    }
}

fn main() -> ExitCode {
    exit(start())
}

fn start() -> Result<(), Failure> {
    // reqwest uses the process's crypto provider. A program sets it, a library never does.
    let _ = rustls::crypto::ring::default_provider().install_default();
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(poll())
}

async fn poll() -> Result<(), Failure> {
    let reqwest = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none()) // reqwest would send the credential to another host.
        .retry(reqwest::retry::never()) // The session decides when to send again.
        .timeout(Duration::from_secs(30))
        .pool_idle_timeout(Duration::from_secs(20)) // Before servers close the connection.
        .build()?;
    let client = AsyncClient::new(Reqwest(reqwest));
    let mut watch = client.watch(environment::call()?, environment::credential()?, Pace::default());
    while let Some(event) = watch.recv().await {
        println!("{}", describe(event)?);
    }
    Ok(())
}
