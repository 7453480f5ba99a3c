//! `sms-agent obtain`: one call, and a login before it where that is how it is asked.

use std::process::ExitCode;

use huaweicloud_sms::{Answer, ClockSkew, Credential, Error, ObtainCommand, Unauthenticated};

use crate::{
    args::Call,
    call, clock, credential,
    redactor::Redactor,
    report::{self, Failure, Outcome},
    transport::Client,
};

pub(crate) fn run(args: &Call) -> ExitCode {
    let (outcome, redactor) = match credential::load(args) {
        Ok(loaded) => {
            let mut redactor = loaded.redactor();
            (obtain(args, &loaded.credential, &mut redactor), redactor)
        }
        Err(message) => (Err(Failure::Input(message)), Redactor::default()),
    };
    report::print(&outcome, args.connection.format, &redactor).into()
}

fn obtain(args: &Call, credential: &Credential, redactor: &mut Redactor) -> Outcome {
    let (call, settings) = call::prepare(args).map_err(Failure::Input)?;
    let client = Client::new(args.connection.transport, settings, args.follow_server_clock)
        .map_err(Failure::Input)?;
    let answer = ask(&client, &call, credential, redactor);
    if let Some(skew) = client.clock_skew() {
        clock::warn(skew);
    }
    answer
}

fn ask(
    client: &Client,
    call: &ObtainCommand,
    credential: &Credential,
    redactor: &mut Redactor,
) -> Result<Answer, Failure> {
    let get = || log::info!("GET {}", call.uri());
    match credential {
        Credential::Token(token) => {
            get();
            client.send(call, token).map_err(Failure::Call)
        }
        Credential::Key(key) => {
            get();
            let signed_at = client.now();
            let result = client.send(call, &key.at(signed_at));
            let is_refused =
                matches!(&result, Err(Error::Response(error)) if error.is_unauthorized());
            // The refusal has told the service's time, so that the next signature is another one.
            let skew = ClockSkew::between(signed_at, client.now());
            if is_refused && skew.explains_refusal() {
                log::info!("refused over the clock; once more, by the service's");
                return client.send(call, &key.at(client.now())).map_err(Failure::Call);
            }
            result.map_err(Failure::Call)
        }
        Credential::Login(login) => {
            log::info!("POST {}", login.uri());
            let issued = client.send(login, &Unauthenticated).map_err(Failure::Login)?;
            redactor.add(issued.token.reveal());
            log::info!("logged in, until {} by IAM's clock", issued.expires_at);
            get();
            client.send(call, &issued.token).map_err(Failure::Call)
        }
    }
}
