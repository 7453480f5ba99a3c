//! Sends one call, after a login if the credential is a user.

use huaweicloud_sms::{ClockSkew, Credential, Error, Operation, Unauthenticated};

use crate::{
    args::Call,
    call, clock, credential,
    failure::Failure,
    redactor::{self, Kind},
    retry_after,
    transport::{self, Client},
};

/// Loads the credential and sends the call. `failed` converts an error of the call.
pub(crate) fn send<O: Operation>(
    args: &Call,
    call: &O,
    failed: impl Fn(Error<transport::TransportFailure>) -> Failure,
) -> Result<O::Output, Failure> {
    let loaded = credential::load(args)?;
    let settings = call::settings(&args.connection)?;
    let client = transport::client(args.connection.transport, settings)?;
    let client = client.follow_server_clock(args.follow_server_clock);
    let outcome = send_with(&client, call, &loaded.credential, failed);
    if let Some(skew) = client.clock_skew() {
        clock::warn(skew);
    }
    if let Some(response) = outcome.as_ref().err().and_then(Failure::unredacted_response) {
        retry_after::warn(response, None);
    }
    outcome
}

fn send_with<O: Operation>(
    client: &Client,
    call: &O,
    credential: &Credential,
    failed: impl Fn(Error<transport::TransportFailure>) -> Failure,
) -> Result<O::Output, Failure> {
    let result = match credential {
        Credential::Token(token) => client.send(call, token),
        Credential::Key(key) => {
            let signed_at = client.now();
            let result = client.send(call, &key.signer(signed_at));
            let is_rejected = result.as_ref().is_err_and(|error| error.is_unauthorized());
            // The response had the server's time. If the client follows that clock, it signs differently now.
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
    result.map_err(failed)
}
