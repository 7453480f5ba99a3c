//! The properties of the parser, the builder and the poller, each stated once as a function of bytes that
//! panics where the property does not hold. libFuzzer (`fuzz_targets/`), proptest and the replay of
//! committed inputs (`tests/`) all call these.
#![forbid(unsafe_code)]

mod answer;
mod mutation;
mod poll;
mod reference;
mod request;
mod response;
mod token;

pub use answer::answer;
pub use mutation::mutation;
pub use poll::{Durations, ERRORS, Moment, Watched, error, poll};
pub use request::request;
pub use response::response;
pub use token::token;

use huaweicloud_sms_core::{Answer, Endpoint, ObtainCommand, Operation, ResponseError, ServerId};

/// A property: it panics where it does not hold.
pub type Property = fn(&[u8]);

/// Every property by the name of its fuzz target.
pub const PROPERTIES: [(&str, Property); 6] = [
    ("response", response),
    ("answer", answer),
    ("mutation", mutation),
    ("request", request),
    ("token", token),
    ("poll", poll),
];

fn call() -> ObtainCommand {
    let endpoint = Endpoint::new("https://sms.example").expect("valid");
    ObtainCommand::new(&endpoint, &ServerId::new("id").expect("valid"))
}

/// Reads a body as that of a 200.
fn parse(body: impl AsRef<[u8]>) -> Result<Answer, ResponseError> {
    call().parse(&http::Response::new(body))
}
