//! What building and reading take, beside floors of the same run: cloning a ready request, and a
//! bare `serde_json` parse into an owned struct. Ratios mean something; nanoseconds are the
//! machine's.
#![allow(missing_docs, reason = "the macros of the benchmark harness make public items")]

use divan::{Bencher, black_box};
use huaweicloud_sms_core::{AuthToken, Endpoint, ObtainCommand, Operation, ServerId, http};

fn main() {
    divan::main();
}

const START: &str =
    r#"{"command_name":"START","command_param":{"task_id":"2c0689c860ad4728a497c91ec0844384"}}"#;

fn call() -> ObtainCommand {
    let endpoint = Endpoint::new("https://sms.ap-southeast-3.myhuaweicloud.com").expect("valid");
    let id = ServerId::new("f32ab4d6-d150-4fb3-aa55-edbb5cf9947f").expect("valid");
    ObtainCommand::new(&endpoint, &id)
}

fn token(length: usize) -> AuthToken {
    AuthToken::new(&"t".repeat(length)).expect("valid")
}

#[divan::bench(args = [64, 16_384])]
fn request(bencher: Bencher<'_, '_>, length: usize) {
    let (call, token) = (call(), token(length));
    bencher.bench_local(|| black_box(&call).request(black_box(&token)));
}

#[divan::bench(args = [64, 16_384])]
fn request_floor_clone(bencher: Bencher<'_, '_>, length: usize) {
    let ready = call().request(&token(length));
    bencher.bench_local(|| black_box(&ready).clone());
}

#[divan::bench]
fn parse_start(bencher: Bencher<'_, '_>) {
    let (call, response) = (call(), http::Response::new(START));
    bencher.bench_local(|| black_box(&call).parse(black_box(&response)));
}

#[divan::bench]
fn parse_start_floor_serde_json(bencher: Bencher<'_, '_>) {
    #[derive(serde::Deserialize)]
    struct Body {
        command_name: String,
        command_param: Param,
    }
    #[derive(serde::Deserialize)]
    struct Param {
        task_id: String,
    }
    bencher.bench_local(|| {
        let body: Body = serde_json::from_slice(black_box(START.as_bytes())).expect("valid");
        (body.command_name, body.command_param.task_id)
    });
}

#[divan::bench(args = [
    (200, "{}"),
    (200, r#"{"command_name":null}"#),
    (200, "<html><body>login</body></html>"),
    (404, r#"{"error_code":"SMS.7602","error_msg":"The source server does not exist."}"#),
    (502, "<html><body>Bad Gateway</body></html>"),
])]
fn parse(bencher: Bencher<'_, '_>, (status, body): (u16, &'static str)) {
    let call = call();
    let response = http::Response::builder().status(status).body(body).expect("valid");
    bencher.bench_local(|| black_box(&call).parse(black_box(&response)));
}
