//! Measures clients and programs. `bench/run` and `bench/cold` call these commands:
//!
//! * `bench serve` gives every request the same response. It is a separate process, so its work does not
//!   count.
//! * `bench CLIENT URL N` makes N calls on one connection and prints the CPU nanoseconds of a call.
//! * `bench cold ROUNDS [NAME COMMAND]...` measures whole programs.
#![allow(clippy::print_stdout, reason = "the figures are the output")]

mod clients;
mod cold;
mod server;

use std::{env, error::Error};

/// Makes the request of each call, as the core's operations build it, with a token of 1 KiB.
fn request(url: &str) -> Result<http::Request<Vec<u8>>, Box<dyn Error>> {
    let mut token = http::HeaderValue::try_from("t".repeat(1024))?;
    token.set_sensitive(true);
    let request = http::Request::get(url)
        .header("x-auth-token", token)
        // Our transports would add one. With it, all clients send the same request.
        .header("user-agent", "bench")
        .header("content-type", "application/json")
        .header("accept", "application/json");
    Ok(request.body(Vec::new())?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve"] => Ok(server::serve()?),
        ["cold", rounds, ref programs @ ..] => cold::run(rounds.parse()?, programs),
        [client, url, times] => {
            let nanoseconds = clients::run(client, &request(url)?, times.parse()?)?;
            println!("{nanoseconds}");
            Ok(())
        }
        _ => {
            Err("usage: bench serve | bench CLIENT URL N | bench cold ROUNDS [NAME COMMAND]..."
                .into())
        }
    }
}
