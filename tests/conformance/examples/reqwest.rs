//! Runs the conformance table on reqwest and prints the rows that it fails. A word after `--` picks the
//! rows whose names contain it.
//!
//! `cargo run -p huaweicloud-sms-transport-conformance --example reqwest --features reqwest`
#![allow(clippy::print_stdout, reason = "prints the table")]

use std::{env, error::Error, io, time::Instant};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use huaweicloud_sms_transport::{AsyncTransport, Proxy, RootCerts, Settings};
use huaweicloud_sms_transport_conformance::{Blocking, run};
use reqwest::{Body, Certificate, Client, redirect, retry};

struct Reqwest {
    client: Client,
    max_body: usize,
}

impl AsyncTransport for Reqwest {
    type Error = io::Error;

    async fn execute(&self, request: Request<Vec<u8>>) -> io::Result<Response<Bytes>> {
        let request = request.try_into().map_err(io::Error::other)?;
        let response = self.client.execute(request).await.map_err(io::Error::other)?;
        let (parts, body) = Response::<Body>::from(response).into_parts();
        let body = Limited::new(body, self.max_body).collect().await.map_err(io::Error::other)?;
        Ok(Response::from_parts(parts, body.to_bytes()))
    }

    async fn sleep_until(&self, instant: Instant) {
        tokio::time::sleep_until(instant.into()).await;
    }
}

fn start(settings: Settings) -> Blocking<Reqwest> {
    let mut builder = Client::builder()
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .connect_timeout(settings.connect_timeout().min(settings.timeout() * 9 / 10))
        .pool_idle_timeout(settings.pool_idle_timeout())
        .timeout(settings.timeout());
    if let RootCerts::Pem(pem) = settings.root_certs() {
        builder = builder.tls_certs_only(Certificate::from_pem_bundle(pem).expect("certificates"));
    }
    builder = match settings.proxy() {
        Proxy::Url(url) => builder.proxy(reqwest::Proxy::all(url.expose()).expect("a URL")),
        _ => builder.no_proxy(),
    };
    let client = builder.build().expect("valid settings");
    Blocking::new(Reqwest { client, max_body: settings.max_body() })
}

/// Returns the kind of an error, as far as its sources tell.
fn kind(error: &io::Error) -> String {
    let mut kind = "error";
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        kind = match error.downcast_ref::<reqwest::Error>() {
            Some(error) if error.is_timeout() && error.is_connect() => {
                return "timeout connect".into();
            }
            Some(error) if error.is_timeout() => return "timeout".into(),
            Some(error) if error.is_connect() => "connect",
            _ => kind,
        };
        kind = match error.downcast_ref::<hyper::Error>() {
            Some(error) if error.is_incomplete_message() => "closed",
            Some(error) if error.to_string().contains("too large") => "too large head",
            Some(error) if error.is_parse() => "protocol",
            _ => kind,
        };
        // The errors of hyper-util's tunnel and of the look-up have no public type.
        kind = match error.to_string() {
            text if text.contains("tunnel") => "proxy",
            text if text.contains("dns error") => "dns",
            _ => kind,
        };
        if error.is::<LengthLimitError>() {
            kind = "too large body";
        }
        if error.is::<rustls::Error>() {
            kind = "tls";
        }
        // The `source` of an `io::Error` is not the error that it wraps.
        let io_error = error.downcast_ref::<io::Error>();
        if let Some(io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof) =
            io_error.filter(|_| kind == "error").map(io::Error::kind)
        {
            kind = "closed";
        }
        next = match io_error.and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    kind.into()
}

fn main() {
    // reqwest uses the crypto provider of the process.
    rustls::crypto::ring::default_provider().install_default().expect("the first provider");
    let word = env::args().nth(1).unwrap_or_default();
    println!("{}", run("reqwest", &word, start, kind));
}
