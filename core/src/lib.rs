//! Sans-IO core of an unofficial client for the Huawei Cloud **Server Migration Service** (SMS;
//! not text messages).
//!
//! An Agent on a server that is being migrated polls the service for commands:
//! `GET /v3/sources/{server_id}/command`. This crate builds the requests, reads the responses and
//! decides what to send and when. It does no I/O, reads no clock, draws no random number and logs nothing.
//!
//! ```text
//!            Endpoint, ServerId, Credential, Pace
//!                          │
//!                          ▼
//!   now, clock  ──►     Session  ── Action::Send(http::Request) ──►  your HTTP client
//!   (you pass)             ▲                                              │
//!                          └──── http::Response, or a failure ◄───────────┘
//!                          │
//!                          ▼
//!        Event: Answer | Error | LoggedIn | LoginError | CredentialRejected
//!               | Reported | ReportError | ReportRejected
//! ```
//!
//! * An [`Operation`] builds one request and reads one response: [`ObtainCommand`], [`ReportResult`],
//!   [`IssueToken`], or one of your own.
//! * A [`Session`] polls an operation for months: it signs, logs in, renews, waits, backs off, and
//!   carries the report of a command's result.
//!
//! The crate `huaweicloud-sms` contains this one and drives it over an HTTP client. The examples of the items
//! here import `huaweicloud_sms`. If you depend on this crate alone, write `huaweicloud_sms_core` instead.
//!
//! # One call
//!
//! ```
//! use huaweicloud_sms_core::{Answer, AuthToken, Endpoint, ObtainCommand, Operation, ServerId, http};
//!
//! let endpoint = Endpoint::new("https://sms.ap-southeast-3.myhuaweicloud.com")?;
//! let server_id = ServerId::new("f32ab4d6-d150-4fb3-aa55-edbb5cf9947f")?;
//! let token = AuthToken::new("MIIVYgYJKoZIhvcNAQcCoIIVUzCCFU8CAQEx")?;
//!
//! let call = ObtainCommand::new(&endpoint, &server_id);
//! let request: http::Request<Vec<u8>> = call.request(&token);
//! assert_eq!(request.uri().path(), "/v3/sources/f32ab4d6-d150-4fb3-aa55-edbb5cf9947f/command");
//!
//! // Send it with any HTTP client, collect the body, and:
//! let response = http::Response::new(
//!     r#"{"command_name":"START","command_param":{"task_id":"2c0689c860ad4728a497c91ec0844384"}}"#,
//! );
//! match call.parse(&response)? {
//!     Answer::Command(command) => {
//!         assert_eq!(command.name.as_str(), "START");
//!         assert_eq!(command.param.task_id.as_deref(), Some("2c0689c860ad4728a497c91ec0844384"));
//!     }
//!     Answer::Task(task) => println!("the task is in state {}", task.state),
//!     Answer::NoCommand(why) => println!("nothing to do: {why}"),
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Guarantees
//!
//! * **It never invents a command.** Only a 200 whose body is one whole JSON object can be a command.
//!   HTML, a truncated body, an array, a wrong type and a doubled member are distinct errors.
//!   Each form of "no command" is a variant of [`NoCommand`].
//! * **It never loses a reason.** Every error object of the service, its gateway or IAM becomes an
//!   [`ApiError`] with status, code, message and request id.
//! * **It never shows a token, a key or a password** in a `Debug` or an error. But a server may echo one in
//!   an error message. Search such a text for your secrets before you print it.
//! * **It does not lock an access key.** A [`Session`] pauses after a rejection. Several sessions share
//!   their rejected credentials in [`Rejections`].
//! * **It is bounded.** Its memory is proportional to the given bytes, and it does not recurse over them.
//!
//! # Your HTTP client
//!
//! It must send the request unchanged, limit size and time, and return the body undecoded. It must not follow
//! a redirect, which would send the credential to another host, nor treat a status as an error.
//!
//! See the [API reference](https://support.huaweicloud.com/intl/en-us/api-sms/ShowCommand.html) of the
//! service.

// With `no_std` the compiler rejects any use of a socket, file, clock or thread. The crate still needs a
// target with std, because `http` does.
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod auth;
mod body_problem;
mod command;
mod endpoint;
mod error;
mod invalid_input;
mod json;
mod operation;
mod server_id;
mod session;
mod text;
mod time;
mod token;

pub use auth::{AccessKey, AuthToken, Authorize, Fingerprint, Signer, Unauthenticated};
pub use body_problem::{BodyProblem, JsonType};
pub use command::{
    Answer, Command, CommandName, CommandParam, CommandResult, NoCommand, ObtainCommand, OtherName,
    ReportResult, Task, TaskState,
};
pub use endpoint::Endpoint;
pub use error::{ApiError, ApiErrorKind, BodyError, ErrorDetail, ResponseError, StatusError};
pub use http;
pub use invalid_input::InvalidInput;
pub use operation::Operation;
pub use server_id::ServerId;
pub use session::{Action, Credential, Event, Pace, Permit, Poller, Rejections, Session, Step};
pub use text::Escaped;
pub use time::{ClockSkew, Timestamp};
pub use token::{IamUser, IssueToken, IssuedToken, Scope};

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
