//! Tests the simulator over real sockets.

mod faults;
mod http;
mod logins;
mod proxy;
mod reports;
mod scripts;
mod service;
mod signatures;

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use huaweicloud_sms_simulator::{Script, Simulator};
use serde_json::Value;

/// A timeout that no passing test reaches.
const LONG: Duration = Duration::from_secs(30);
const MINUTE: Duration = Duration::from_secs(60);
const PATH: &str = "/v3/sources/a/command";

fn started(script: Script) -> Simulator {
    Simulator::builder().script(script).start().expect("started")
}

/// Starts a simulator that knows server `a`.
fn with_server(script: Script) -> Simulator {
    started(script.server("a", []))
}

fn connect(simulator: &Simulator) -> TcpStream {
    let stream = TcpStream::connect(simulator.addr()).expect("listening");
    stream.set_read_timeout(Some(LONG)).expect("a limit");
    stream
}

/// Returns a request as documented for ShowCommand.
fn get(path: &str, token: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: h\r\nX-Auth-Token: {token}\r\n\
         Content-Type: application/json\r\n\r\n"
    )
}

/// Returns a request after which the connection closes.
fn closing() -> String {
    get(PATH, "t").replace("Host: h", "Host: h\r\nConnection: close")
}

/// Sends a request. Returns all text until the simulator closes the connection.
fn whole(simulator: &Simulator, request: &str) -> String {
    let mut stream = connect(simulator);
    stream.write_all(request.as_bytes()).expect("sent");
    let mut all = String::new();
    stream.read_to_string(&mut all).expect("closed in time");
    all
}

fn send(simulator: &Simulator, request: &str) -> Response {
    let mut stream = connect(simulator);
    stream.write_all(request.as_bytes()).expect("sent");
    Response::read(&mut stream)
}

struct Response {
    status: u16,
    /// The names are in lower case.
    headers: Vec<(String, String)>,
    body: String,
}

impl Response {
    fn read(stream: &mut impl Read) -> Self {
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).expect("a head");
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).expect("UTF-8");
        let headers = head.lines().skip(1).filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.into()));
        let status = head[9..12].parse().expect("a status");
        let mut response = Self { status, headers: headers.collect(), body: String::new() };
        let length = response.header("content-length").unwrap_or("0").parse().expect("a length");
        stream.take(length).read_to_string(&mut response.body).expect("a body");
        response
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    /// Returns the status and the message of an error of the service, the gateway or IAM.
    fn error(&self) -> (u16, String) {
        let json = self.json();
        let code = json["error_code"].as_str().unwrap_or("IAM");
        let message = json["error_msg"].as_str().or_else(|| json["error"]["message"].as_str());
        (self.status, format!("{code} {}", message.unwrap_or_default()))
    }
}

/// Returns the gateway's error for a rejected credential.
fn unauthenticated(why: &str) -> (u16, String) {
    (401, format!("APIGW.0301 Incorrect IAM authentication information: {why}"))
}
