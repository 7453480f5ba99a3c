//! Blocking: the facade's `watch` over ureq. Nothing else is needed.
//!
//! `cargo run --example poll_ureq --features ureq`

use std::error::Error;

use huaweicloud_sms::{
    Event, ObtainCommand,
    ureq::{Client, Proxy, Settings, Transport},
};

mod support;
use support::{Service, print_answer, print_error};

fn main() -> Result<(), Box<dyn Error>> {
    let service = Service::find()?;
    let mut settings = Settings::default(); // 30 s, 256 KiB, no redirects, the system's trust store.
    if service.is_simulated() {
        settings = settings.proxy(Proxy::None);
    }
    let client = Client::new(Transport::new(settings)?);
    let call = ObtainCommand::new(&service.endpoint, &service.server_id);
    let mut watch = client.watch(call, service.token.clone(), service.pace)?;
    // Another thread would end it with `client.shutdown()`.
    while let Some(event) = watch.next() {
        match event {
            Event::Answer(answer) => {
                print_answer(&answer);
                if service.is_last(&answer) {
                    break;
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
    Ok(())
}
