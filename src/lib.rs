//! An unofficial client for the Huawei Cloud **Server Migration Service** (SMS; not text messages).
//!
//! An Agent on a server that is being migrated polls the service for commands. This crate has three parts:
//!
//! * An [`Operation`] builds one request and reads one response, for example [`ObtainCommand`].
//! * A [`Session`] decides what to send and when, without I/O. It signs, logs in, renews, waits and backs
//!   off. If you have your own event loop, this is all you need.
//! * A [`Transport`] or [`AsyncTransport`] maps a request to a response. [`Client`] and [`Watch`]
//!   drive operations and sessions over a blocking transport, [`AsyncClient`] and [`AsyncWatch`] over an
//!   async one.
//!
//! With the feature `ureq`, this program polls for commands and reports their results:
//!
#![cfg_attr(feature = "ureq", doc = "```no_run")]
#![cfg_attr(not(feature = "ureq"), doc = "```ignore")]
//! use huaweicloud_sms::{AccessKey, Answer, CommandResult, Endpoint, Event, ObtainCommand};
//! use huaweicloud_sms::{Pace, ReportResult, ServerId, Settings, ureq};
//! use std::collections::BTreeMap;
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let endpoint = Endpoint::new("https://sms.ap-southeast-3.myhuaweicloud.com")?;
//!     let server_id = ServerId::new("f32ab4d6-d150-4fb3-aa55-edbb5cf9947f")?;
//!     let call = ObtainCommand::new(&endpoint, &server_id);
//!     // `sk` is a file with the secret key.
//!     let secret = std::fs::read_to_string("sk").map_err(|error| format!("sk: {error}"))?;
//!     let key = AccessKey::new("EXAMPLEAK00000000001", secret.trim_end())?;
//!
//!     let client = ureq::Client::from_settings(Settings::default())?;
//!     let mut watch = client.watch(call, key, Pace::default());
//!     while let Some(event) = watch.recv() {
//!         match event {
//!             // The service returns a command until it accepts the report.
//!             Event::Answer(Answer::Command(command)) if watch.pending_report().is_none() => {
//!                 println!("{command:?}"); // In place of this line: carry it out.
//!                 let detail = BTreeMap::from([("msg", "done")]); // Any JSON object.
//!                 let result = CommandResult::Success;
//!                 let report = ReportResult::new(&endpoint, &server_id, command, result, &detail)?;
//!                 watch.report(report).expect("no other report is pending"); // The next `recv` sends it.
//!             }
//!             Event::CredentialRejected(error) => return Err(error.to_string().into()),
//!             event => eprintln!("{event:?}"), // After a failure, the watch tries again.
//!         }
//!     }
//!     Ok(())
//! }
//! ```
//!
//! For the async client, write the [`hyper`] module's `Client` in place of `ureq::Client`, and `watch.recv().await`.
//!
//! Without a feature, bring a transport of your own. A closure is one:
//!
//! ```
//! use huaweicloud_sms::{AuthToken, Client, Endpoint, ObtainCommand, ServerId, http};
//!
//! let client = Client::new(|_request: http::Request<Vec<u8>>| {
//!     // In place of this line: a call of your HTTP client.
//!     Ok::<_, std::io::Error>(http::Response::new(br#"{"command_name":"STOP"}"#.to_vec()))
//! });
//! let endpoint = Endpoint::new("https://sms.ap-southeast-3.myhuaweicloud.com")?;
//! let call = ObtainCommand::new(&endpoint, &ServerId::new("f32ab4d6-d150-4fb3-aa55-edbb5cf9947f")?);
//! let token = AuthToken::new("MIIVYgYJKoZIhvcNAQcCoIIVUzCCFU8CAQEx")?;
//! println!("{:?}", client.send(&call, &token)?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Features
//!
//! No feature is on by default. A feature only adds items, so all of them can be on.
//!
//! * `ureq`: the module [`ureq`], a blocking client over ureq, with TLS by rustls and ring.
//! * `hyper`: the module [`hyper`], an async client over hyper on tokio, with TLS by rustls and ring.
//! * `webpki-roots`: `RootCerts::WebpkiRoots`, Mozilla's root certificates, for images without a trust
//!   store.
//!
//! The modules [`ureq`] and [`hyper`] have the same names, so that you can swap the transport: change the
//! feature and the module's name, and add or remove `.await`.
//!
#![cfg_attr(not(feature = "ureq"), doc = "[`ureq`]: #features")]
#![cfg_attr(not(feature = "hyper"), doc = "[`hyper`]: #features")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod async_client;
mod async_watch;
mod client;
mod clock;
mod error;
#[cfg(feature = "hyper")]
pub mod hyper;
mod shared;
mod stop;
#[cfg(feature = "ureq")]
pub mod ureq;
mod watch;

pub use async_client::AsyncClient;
pub use async_watch::AsyncWatch;
pub use bytes;
pub use client::Client;
pub use clock::{now, timestamp};
pub use error::Error;
pub use huaweicloud_sms_core::{
    AccessKey, Action, Answer, ApiError, ApiErrorKind, AuthToken, Authorize, BodyError,
    BodyProblem, ClockSkew, Command, CommandName, CommandParam, CommandResult, Credential,
    Endpoint, ErrorDetail, Escaped, Event, Fingerprint, IamUser, InvalidInput, IssueToken,
    IssuedToken, JsonType, NoCommand, ObtainCommand, Operation, OtherName, Pace, Permit, Poller,
    Rejections, ReportResult, ResponseError, Scope, ServerId, Session, Signer, StatusError, Step,
    Task, TaskState, Timestamp, Unauthenticated, http,
};
pub use huaweicloud_sms_transport::{AsyncTransport, Transport};
#[cfg(any(feature = "ureq", feature = "hyper"))]
pub use huaweicloud_sms_transport::{
    Phase, Proxy, ProxyMatcher, ProxyUrl, RootCerts, Settings, SettingsError, TransportError,
    TransportErrorKind,
};
pub use watch::Watch;

/// Items that are only for the program `sms-agent`. They may change in any release.
#[cfg(any(feature = "ureq", feature = "hyper"))]
#[doc(hidden)]
pub mod internal {
    pub use huaweicloud_sms_transport::internal::TraceEvent;
}

/// Compiles the README's examples, which need both transports.
#[cfg(all(doctest, feature = "ureq", feature = "hyper"))]
#[doc = include_str!("../README.md")]
struct Readme;
