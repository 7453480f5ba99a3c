//! Runs one workload of the core many times, so that `bench/instructions` can count its instructions.

use std::{env, hint::black_box};

use hmac_sha256::{HMAC, Hash};
use huaweicloud_sms::{
    AccessKey, AuthToken, Endpoint, ObtainCommand, Operation, ServerId, Timestamp, http,
};

const START: &str =
    r#"{"command_name":"START","command_param":{"task_id":"2c0689c860ad4728a497c91ec0844384"}}"#;

/// The lengths of the canonical request and the string to sign of the call below.
const CANONICAL_REQUEST: usize = 288;
const STRING_TO_SIGN: usize = 97;

#[derive(serde::Deserialize)]
struct Body {
    command_name: String,
    command_param: Param,
}

#[derive(serde::Deserialize)]
struct Param {
    task_id: String,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = env::args().skip(1);
    let name = arguments.next().ok_or("which workload?")?;
    let length = arguments.next().ok_or("of what length?")?.parse()?;
    let times: u32 = arguments.next().ok_or("how many times?")?.parse()?;

    let endpoint = Endpoint::new("https://sms.ap-southeast-3.myhuaweicloud.com")?;
    let server_id = ServerId::new("f32ab4d6-d150-4fb3-aa55-edbb5cf9947f")?;
    let token = AuthToken::new(&"t".repeat(length))?;
    let call = ObtainCommand::new(&endpoint, &server_id);
    let ready = call.request(&token);
    let key = AccessKey::new("EXAMPLEAK00000000001", &"s".repeat(40))?;
    let canonical_request = [b'c'; CANONICAL_REQUEST];
    let response = http::Response::new(START);
    for _ in 0..times {
        match name.as_str() {
            "request" => drop(black_box(black_box(&call).request(black_box(&token)))),
            "clone" => drop(black_box(black_box(&ready).clone())),
            "sign" => {
                let signer = black_box(&key).signer(black_box(Timestamp::MAX));
                drop(black_box(black_box(&call).request(&signer)));
            }
            "hashes" => {
                black_box(Hash::hash(black_box(&canonical_request)));
                black_box(HMAC::mac(black_box([b's'; STRING_TO_SIGN]), black_box([b'k'; 40])));
            }
            "parse" => drop(black_box(black_box(&call).parse(black_box(&response))?)),
            "serde_json" => {
                let body: Body = serde_json::from_slice(black_box(START.as_bytes()))?;
                black_box((body.command_name, body.command_param.task_id));
            }
            other => return Err(format!("no workload {other}").into()),
        }
    }
    Ok(())
}
