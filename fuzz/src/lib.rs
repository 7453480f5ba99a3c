//! The properties of the parsers, the builders, the poller and the session.
//!
//! Each property is one function of bytes, which panics if the property does not hold. libFuzzer
//! (`fuzz_targets/`), proptest and the replay of committed inputs (`tests/`) all call these functions.
#![forbid(unsafe_code)]

mod answer;
mod issue_token;
mod mutation;
mod poll;
mod poller_model;
mod random;
mod reference;
mod report;
mod report_model;
mod request;
mod response;
mod session;
mod session_model;
mod sign;
mod token;

pub use answer::answer;
pub use issue_token::issue_token;
pub use mutation::mutation;
pub use poll::{ERRORS, error, error_response, poll};
pub use poller_model::{Instant, KEY_LOCK, with_jitter};
pub use random::Random;
pub use report::report;
pub use report_model::command;
pub use request::request;
pub use response::response;
pub use session::session;
pub use session_model::{CheckedSession, Kind, Purpose, Sent, dated, issued};
pub use sign::sign;
pub use token::token;

use huaweicloud_sms_core::{
    Answer, Command, CommandResult, Endpoint, IamUser, InvalidInput, IssueToken, ObtainCommand,
    Operation, ReportResult, ResponseError, Scope, ServerId,
};

use serde::Serialize;

/// A function that panics if its property does not hold for these bytes.
pub type Property = fn(&[u8]);

/// The name of each fuzz target, and its property.
pub const PROPERTIES: [(&str, Property); 10] = [
    ("response", response),
    ("answer", answer),
    ("mutation", mutation),
    ("request", request),
    ("token", token),
    ("poll", poll),
    ("issue_token", issue_token),
    ("sign", sign),
    ("session", session),
    ("report", report),
];

/// Defines the program of a fuzz target. The program does nothing unless cargo-fuzz builds it.
#[macro_export]
macro_rules! target {
    ($property:ident) => {
        #[cfg(fuzzing)]
        libfuzzer_sys::fuzz_target!(|data: &[u8]| huaweicloud_sms_fuzz::$property(data));

        #[cfg(not(fuzzing))]
        fn main() {}
    };
}

fn call() -> ObtainCommand {
    let endpoint = Endpoint::new("https://sms.example").expect("valid");
    ObtainCommand::new(&endpoint, &ServerId::new("id").expect("valid"))
}

fn report_of(
    command: Command,
    result: CommandResult,
    detail: &impl Serialize,
) -> Result<ReportResult, InvalidInput> {
    let endpoint = Endpoint::new("https://sms.example").expect("valid");
    let id = ServerId::new("id").expect("valid");
    ReportResult::new(&endpoint, &id, command, result, detail)
}

fn login() -> IssueToken {
    login_with("password")
}

fn login_with(password: &str) -> IssueToken {
    let endpoint = Endpoint::new("https://iam.example").expect("valid");
    let user = IamUser::new("account", "user", password).expect("valid");
    IssueToken::new(&endpoint, &user, Scope::Account).expect("valid")
}

/// Parses a body as that of a 200.
fn parse(body: impl AsRef<[u8]>) -> Result<Answer, ResponseError> {
    call().parse(&http::Response::new(body))
}
