//! Any other client is ten lines: here reqwest, in `execute`. The rest is the loop around a
//! `Poller`, which is the same for all of them.
//!
//! `cargo run --example reqwest_transport --features reqwest`

use std::{
    error::Error,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use huaweicloud_sms_core::{
    ObtainCommand, Operation, Poller, Step,
    http::{Request, Response},
};

mod support;
use support::{Service, print_answer, print_error};

/// For a whole call.
const LIMIT: Duration = Duration::from_secs(30);
const MAX_BODY: usize = 256 * 1024;

type BoxError = Box<dyn Error + Send + Sync>;

/// A client that leaves requests and responses as they are.
fn client(service: &Service) -> reqwest::Result<reqwest::Client> {
    let builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none()) // The token would follow.
        .retry(reqwest::retry::never()) // When to ask again is the poller's business.
        .pool_idle_timeout(Duration::from_secs(20)); // Before servers close it.
    if service.is_simulated() { builder.no_proxy() } else { builder }.build()
}

async fn execute(
    client: &reqwest::Client,
    request: Request<Vec<u8>>,
) -> Result<Response<Bytes>, BoxError> {
    let response: Response<reqwest::Body> = client.execute(request.try_into()?).await?.into();
    let (parts, body) = response.into_parts();
    let body = Limited::new(body, MAX_BODY).collect().await?.to_bytes();
    Ok(Response::from_parts(parts, body))
}

fn main() -> Result<(), Box<dyn Error>> {
    // reqwest takes the provider of the process; only a program, never a library, sets it.
    rustls::crypto::ring::default_provider().install_default().map_err(|_| "set already")?;
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(poll())
}

async fn poll() -> Result<(), Box<dyn Error>> {
    let service = Service::find()?;
    let client = client(&service)?;
    let call = ObtainCommand::new(&service.endpoint, &service.server_id);
    let mut token = service.token.clone();
    // A seed that differs from agent to agent keeps them from asking all at once.
    let seed = u64::from(std::process::id());
    let mut poller = Poller::new(service.pace.call_limit(LIMIT), seed, Instant::now())?;
    loop {
        let now = Instant::now();
        match poller.poll(now) {
            Step::WaitUntil(moment) => tokio::time::sleep_until(moment.into()).await,
            Step::RenewAuth => match service.new_token() {
                Some(new) => {
                    token = new;
                    poller.on_auth_renewed();
                }
                None => poller.on_auth_kept(now),
            },
            Step::Obtain => {
                poller.on_start(now);
                let call_of_client = execute(&client, call.request(&token));
                let result = tokio::time::timeout(LIMIT, call_of_client).await;
                let now = Instant::now();
                match result.unwrap_or_else(|late| Err(late.into())).map(|r| call.parse(&r)) {
                    Ok(Ok(answer)) => {
                        poller.on_answer(now);
                        print_answer(&answer);
                        if service.is_last(&answer) {
                            return Ok(());
                        }
                    }
                    Ok(Err(error)) => {
                        poller.on_error(now, &error);
                        print_error(&error);
                    }
                    Err(error) => {
                        poller.on_failure(now);
                        print_error(&*error);
                    }
                }
            }
        }
    }
}
