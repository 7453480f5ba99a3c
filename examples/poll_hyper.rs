//! Async: the facade's `watch` over hyper, on tokio.
//!
//! `cargo run --example poll_hyper --features hyper`

use std::error::Error;

use huaweicloud_sms::{
    Event, ObtainCommand,
    hyper::{Client, Proxy, Settings, Transport},
};

mod support;
use support::{Service, print_answer, print_error};

fn main() -> Result<(), Box<dyn Error>> {
    // One `block_on` for all calls: connections are to be looked after between them, too.
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(poll())
}

async fn poll() -> Result<(), Box<dyn Error>> {
    let service = Service::find()?;
    let mut settings = Settings::default(); // 30 s, 256 KiB, no redirects, the system's trust store.
    if service.is_simulated() {
        settings = settings.proxy(Proxy::None);
    }
    let client = Client::new(Transport::new(settings)?);
    let call = ObtainCommand::new(&service.endpoint, &service.server_id);
    let mut watch = client.watch(call, service.token.clone(), service.pace)?;
    loop {
        // Cancel-safe, so it may stand in a `select!`; dropping the watch ends it.
        match watch.next().await {
            Event::Answer(answer) => {
                print_answer(&answer);
                if service.is_last(&answer) {
                    return Ok(());
                }
            }
            Event::Error(error) | Event::LoginError(error) => print_error(&error),
            // Not with a token.
            Event::LoggedIn(_) => {}
            Event::RenewAuth => {
                if let Some(token) = service.new_token() {
                    watch.renew(token);
                }
            }
        }
    }
}
