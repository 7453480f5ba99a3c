//! Sans-IO core of an unofficial client for the Huawei Cloud **Server Migration Service** (SMS;
//! not text messages).
//!
//! An Agent on a server that is being migrated asks the service what to do:
//! `GET /v3/sources/{server_id}/command`. This crate builds that request and reads the answer. It
//! does no I/O, reads no clock, draws no random number and logs nothing; how the bytes travel is
//! yours to choose.
//!
//! ```text
//! ServerId, Endpoint ─► ObtainCommand ─ request(&auth) ─► http::Request ──► your HTTP client
//!                            ▲                                                   │
//! Poller: when? ─────────────┘   Answer │ ResponseError ◄── parse(&response) ◄── http::Response
//! ```
//!
//! `auth` is an [`AuthToken`], or an [`AccessKey`] at a moment, which signs. A user's token is what
//! [`IssueToken`] answers, another such operation; a [`TokenCache`] keeps it and says when to log in.
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
//!     Answer::Nothing(why) => println!("nothing to do: {why}"),
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What it promises
//!
//! * **It never invents a command.** Only a 200 whose body is one whole JSON object can be one.
//!   HTML, a truncated body, an array, a wrong type, a doubled member: each is an error that says
//!   so. The ways of saying "no command" stay apart as [`Nothing`].
//! * **It never loses a reason.** Every error object that the service, its gateway or IAM sends
//!   becomes an [`ApiError`] with status, code, message and request id.
//! * **It never shows a token, a key or a password**: not in `Debug`, not in an error. It can't keep a
//!   server from echoing one in an error message; whoever prints one should search it for his own
//!   secrets.
//! * **It locks no key**: a [`Poller`] and a [`TokenCache`] leave alone what was refused.
//! * **It is bounded**: memory in proportion to the bytes given, no recursion over them.
//!
//! What the HTTP client must do: send the request as it is, follow no redirect (the token would
//! follow too), treat no status as an error, limit size and time, and hand over the body undecoded.
#![no_std]

extern crate alloc;

mod access_key;
mod answer;
mod api_error;
mod auth;
mod calendar;
mod clock_skew;
mod command_name;
mod endpoint;
mod error_body;
mod http_date;
mod iam_user;
mod invalid_input;
mod issue_token;
mod json;
mod obtain_command;
mod operation;
mod poll;
mod response_error;
mod secret;
mod server_id;
mod sign;
mod success_body;
mod text;
mod timestamp;
mod token_body;
mod token_cache;

pub use access_key::{AccessKey, Signer};
pub use answer::{Answer, Command, CommandParam, Nothing, Task, TaskState};
pub use api_error::{ApiError, ApiErrorKind, ErrorDetail};
pub use auth::{AuthToken, Authorize, Unauthenticated};
pub use clock_skew::ClockSkew;
pub use command_name::{CommandName, OtherName};
pub use endpoint::Endpoint;
pub use http;
pub use iam_user::{IamUser, Scope};
pub use invalid_input::InvalidInput;
pub use issue_token::{IssueToken, IssuedToken};
pub use json::JsonType;
pub use obtain_command::ObtainCommand;
pub use operation::Operation;
pub use poll::{Pace, Poller, Step};
pub use response_error::{BodyError, BodyProblem, ResponseError, StatusError};
pub use server_id::ServerId;
pub use text::Escaped;
pub use timestamp::Timestamp;
pub use token_cache::TokenCache;
