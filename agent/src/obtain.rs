//! `sms-agent obtain`: one call, after a login if the credential is a user.

use std::process::ExitCode;

use huaweicloud_sms::{ClockSkew, Credential, Error, ObtainCommand, Unauthenticated};

use crate::{
    args::Call,
    call, clock, credential,
    failure::{Failure, Outcome},
    redactor::{self, Kind},
    report, retry_after,
    transport::{self, Client},
};

pub(crate) fn run(args: &Call) -> ExitCode {
    let loaded = credential::load(args).map_err(Failure::Input);
    let outcome = loaded.and_then(|loaded| obtain(args, &loaded.credential));
    if let Err(Failure::Call(Error::Response(error)) | Failure::Login(Error::Response(error))) =
        &outcome
    {
        retry_after::warn(error, None);
    }
    report::print(&outcome, args.connection.format).into()
}

fn obtain(args: &Call, credential: &Credential) -> Outcome {
    let (call, settings) = call::prepare(args).map_err(Failure::Input)?;
    let client = transport::client(args.connection.transport, settings).map_err(Failure::Input)?;
    let client = client.follow_server_clock(args.follow_server_clock);
    let outcome = send(&client, &call, credential);
    if let Some(skew) = client.clock_skew() {
        clock::warn(skew);
    }
    outcome
}

fn send(client: &Client, call: &ObtainCommand, credential: &Credential) -> Outcome {
    let result = match credential {
        Credential::Token(token) => client.send(call, token),
        Credential::Key(key) => {
            let signed_at = client.now();
            let result = client.send(call, &key.signer(signed_at));
            let is_rejected = result.as_ref().is_err_and(|error| error.is_unauthorized());
            // The response held the server's time. A client that follows it signs differently now.
            let skew = ClockSkew::between(signed_at, client.now());
            if is_rejected && skew.may_exceed_limit() {
                log::info!(
                    "the clock may be the reason; signing once more with the service's time"
                );
                client.send(call, &key.signer(client.now()))
            } else {
                result
            }
        }
        Credential::Login(login) => {
            let issued = client.send(login, &Unauthenticated).map_err(Failure::Login)?;
            redactor::keep(Kind::Token, issued.token.reveal());
            log::info!("logged in, until {} by IAM's clock", issued.expires_at);
            client.send(call, &issued.token)
        }
        _ => unreachable!("a loaded credential is one of these"),
    };
    result.map_err(Failure::Call)
}
