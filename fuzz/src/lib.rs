//! The properties of the parsers, the builders, the poller and the token cache, each stated once as a
//! function of bytes that panics where the property does not hold. libFuzzer (`fuzz_targets/`), proptest and the replay of
//! committed inputs (`tests/`) all call these.
#![forbid(unsafe_code)]

mod answer;
mod books;
mod issue_token;
mod mutation;
mod poll;
mod random;
mod reference;
mod request;
mod response;
mod sign;
mod token;
mod token_cache;

pub use answer::answer;
pub use books::{Durations, Moment};
pub use issue_token::issue_token;
pub use mutation::mutation;
pub use poll::{ERRORS, Watched, error, poll};
pub use random::Random;
pub use request::request;
pub use response::response;
pub use sign::sign;
pub use token::token;
pub use token_cache::{WatchedTokens, token_cache};

use huaweicloud_sms_core::{
    Answer, Endpoint, IamUser, IssueToken, ObtainCommand, Operation, ResponseError, Scope, ServerId,
};

/// A property: it panics where it does not hold.
pub type Property = fn(&[u8]);

/// Every property by the name of its fuzz target.
pub const PROPERTIES: [(&str, Property); 9] = [
    ("response", response),
    ("answer", answer),
    ("mutation", mutation),
    ("request", request),
    ("token", token),
    ("poll", poll),
    ("issue_token", issue_token),
    ("sign", sign),
    ("token_cache", token_cache),
];

fn call() -> ObtainCommand {
    let endpoint = Endpoint::new("https://sms.example").expect("valid");
    ObtainCommand::new(&endpoint, &ServerId::new("id").expect("valid"))
}

fn login() -> IssueToken {
    let endpoint = Endpoint::new("https://iam.example").expect("valid");
    let user = IamUser::new("account", "user", "password").expect("valid");
    IssueToken::new(&endpoint, &user, Scope::Account).expect("valid")
}

/// Reads a body as that of a 200.
fn parse(body: impl AsRef<[u8]>) -> Result<Answer, ResponseError> {
    call().parse(&http::Response::new(body))
}
