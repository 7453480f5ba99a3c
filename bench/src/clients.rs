//! The clients that are measured. Each sends the same request and has to return the same body.

use std::{
    error::Error,
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use bytes::Bytes;
use cpu_time::ProcessTime;
use http::Request;
use http_body_util::{BodyExt, Full};
use huaweicloud_sms_transport::{AsyncTransport, Proxy, RootCerts, Settings, Transport};
use huaweicloud_sms_transport_hyper::HyperTransport;
use huaweicloud_sms_transport_ureq::UreqTransport;
use hyper::client::conn::http1;
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioIo},
};
use tokio::runtime::{Builder, Runtime};

/// The body of the server's response.
pub(crate) const BODY: &str =
    r#"{"command_name":"START","command_param":{"task_id":"2c0689c860ad4728a497c91ec0844384"}}"#;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Runs a client. Returns the CPU time of a call in nanoseconds, without the warm-up.
pub(crate) fn run(client: &str, request: &Request<Vec<u8>>, times: u32) -> Outcome<u64> {
    match client {
        "raw" => raw(request, times),
        "ureq-bare" => ureq_bare(request, times),
        "ureq" => ureq(request, times),
        "hyper-bare" => on_tokio(hyper_bare(request, times)),
        "hyper" => on_tokio(hyper(request, times)),
        "conn-bare" => on_tokio(conn_bare(request, times)),
        "reqwest-blocking" => reqwest_blocking(request, times),
        "reqwest" => on_tokio(reqwest_async(request, times)),
        other => Err(format!("no client {other}").into()),
    }
}

/// Counts the CPU time of all threads of this process, from the end of the warm-up.
struct Meter {
    times: u32,
    start: ProcessTime,
}

impl Meter {
    const WARM_UP: u32 = 10;

    fn new(times: u32) -> Self {
        Self { times, start: ProcessTime::now() }
    }

    /// Returns the calls to make, warm-up first.
    fn calls(&mut self) -> impl Iterator<Item = ()> + '_ {
        (0..self.times + Self::WARM_UP).map(|index| {
            if index == Self::WARM_UP {
                self.start = ProcessTime::now();
            }
        })
    }

    fn per_call(&self) -> Outcome<u64> {
        let nanoseconds = self.start.elapsed().as_nanos() / u128::from(self.times.max(1));
        Ok(u64::try_from(nanoseconds)?)
    }
}

fn check(body: &[u8]) -> Outcome<()> {
    if body == BODY.as_bytes() { Ok(()) } else { Err("another body".into()) }
}

fn on_tokio(run: impl Future<Output = Outcome<u64>>) -> Outcome<u64> {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .map(|runtime: Runtime| runtime.block_on(run))?
}

/// Returns the default settings, with the timeout of 30 s.
fn settings() -> Settings {
    // The calls do not use TLS. `RootCerts::Platform` needs no certificate.
    Settings::default().with_proxy(Proxy::Direct).with_root_certs(RootCerts::Platform)
}

/// Makes the calls with a socket and a parser only. This is the floor.
fn raw(request: &Request<Vec<u8>>, times: u32) -> Outcome<u64> {
    let authority = request.uri().authority().ok_or("no host")?.as_str();
    let mut stream = TcpStream::connect(authority)?;
    stream.set_nodelay(true)?;
    let mut head = Vec::new();
    let mut input = [0; 8192];
    let mut meter = Meter::new(times);
    for () in meter.calls() {
        head.clear();
        write!(head, "GET {} HTTP/1.1\r\nhost: {authority}\r\n", request.uri().path())?;
        for (name, value) in request.headers() {
            head.extend_from_slice(name.as_str().as_bytes());
            head.extend_from_slice(b": ");
            head.extend_from_slice(value.as_bytes());
            head.extend_from_slice(b"\r\n");
        }
        head.extend_from_slice(b"\r\n");
        stream.write_all(&head)?;
        let mut read = 0;
        loop {
            let count = stream.read(&mut input[read..])?;
            if count == 0 {
                return Err("closed".into());
            }
            read += count;
            let mut headers = [httparse::EMPTY_HEADER; 32];
            let mut response = httparse::Response::new(&mut headers);
            let httparse::Status::Complete(end) = response.parse(&input[..read])? else { continue };
            let length = response.headers.iter().find(|header| header.name == "Content-Length");
            let length: usize = std::str::from_utf8(length.ok_or("no length")?.value)?.parse()?;
            if read >= end + length {
                check(&input[end..end + length])?;
                break;
            }
        }
    }
    meter.per_call()
}

/// Makes the calls with ureq, without a timeout.
fn ureq_bare(request: &Request<Vec<u8>>, times: u32) -> Outcome<u64> {
    let agent = ureq::Agent::config_builder().proxy(None).build().new_agent();
    let mut meter = Meter::new(times);
    for () in meter.calls() {
        let (parts, _) = request.clone().into_parts();
        let mut response = agent.run(Request::from_parts(parts, ()))?;
        check(&response.body_mut().read_to_vec()?)?;
    }
    meter.per_call()
}

fn ureq(request: &Request<Vec<u8>>, times: u32) -> Outcome<u64> {
    let transport = UreqTransport::new(settings())?;
    let mut meter = Meter::new(times);
    for () in meter.calls() {
        check(transport.execute(request.clone())?.body())?;
    }
    meter.per_call()
}

/// Makes the calls with hyper-util's client, without a timeout.
async fn hyper_bare(request: &Request<Vec<u8>>, times: u32) -> Outcome<u64> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let mut meter = Meter::new(times);
    for () in meter.calls() {
        let request = request.clone().map(|body| Full::new(Bytes::from(body)));
        check(&client.request(request).await?.into_body().collect().await?.to_bytes())?;
    }
    meter.per_call()
}

async fn hyper(request: &Request<Vec<u8>>, times: u32) -> Outcome<u64> {
    let transport = HyperTransport::new(settings())?;
    let mut meter = Meter::new(times);
    for () in meter.calls() {
        check(transport.execute(request.clone()).await?.body())?;
    }
    meter.per_call()
}

/// Makes the calls on hyper's connection, without a client.
async fn conn_bare(request: &Request<Vec<u8>>, times: u32) -> Outcome<u64> {
    let authority = request.uri().authority().ok_or("no host")?.as_str();
    let stream = tokio::net::TcpStream::connect(authority).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let mut bare = request.clone();
    bare.headers_mut().insert("host", authority.parse()?);
    *bare.uri_mut() = request.uri().path().parse()?;
    let mut meter = Meter::new(times);
    for () in meter.calls() {
        let request = bare.clone().map(|body| Full::new(Bytes::from(body)));
        sender.ready().await?;
        let response = sender.send_request(request).await?;
        check(&response.into_body().collect().await?.to_bytes())?;
    }
    meter.per_call()
}

fn reqwest_blocking(request: &Request<Vec<u8>>, times: u32) -> Outcome<u64> {
    let client = reqwest::blocking::Client::builder().no_proxy().build()?;
    let mut meter = Meter::new(times);
    for () in meter.calls() {
        let request = request.clone().try_into()?;
        check(&client.execute(request)?.bytes()?)?;
    }
    meter.per_call()
}

async fn reqwest_async(request: &Request<Vec<u8>>, times: u32) -> Outcome<u64> {
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build()?;
    let mut meter = Meter::new(times);
    for () in meter.calls() {
        let request = request.clone().try_into()?;
        check(&client.execute(request).await?.bytes().await?)?;
    }
    meter.per_call()
}
