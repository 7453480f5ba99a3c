//! `bench serve`: answers every request alike, in a process of its own, so that its work does not
//! count. `bench CLIENT URL N`: N calls one after another on one connection, through one client;
//! prints the nanoseconds of CPU that a call took. `bench cold ROUNDS [NAME COMMAND]...`: whole
//! programs. `bench/run` and `bench/cold` drive them.
#![allow(clippy::print_stdout, reason = "the figures are the output")]

mod clients;
mod cold;
mod server;

use std::{env, error::Error};

/// What a client is asked for: the request that the operations of the core build, a token of 1 KiB.
fn request(url: &str) -> Result<http::Request<Vec<u8>>, Box<dyn Error>> {
    let mut token = http::HeaderValue::try_from("t".repeat(1024))?;
    token.set_sensitive(true);
    let request = http::Request::get(url)
        .header("x-auth-token", token)
        // Ours would add one; so that all send the same.
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
