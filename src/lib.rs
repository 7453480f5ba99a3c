//! An unofficial client for the Huawei Cloud **Server Migration Service** (SMS; not text messages).
//!
//! An Agent on a server that is being migrated polls the service for commands. Three ideas:
//!
//! * An [`Operation`] builds one request and reads one response, for example [`ObtainCommand`].
//! * A [`Session`] decides what to send and when, without I/O: it signs, logs in, renews, waits and backs
//!   off. If you have your own event loop, this is all you need.
//! * A [`Transport`] or [`AsyncTransport`] maps a request to a response. [`Client`] and [`Watch`]
//!   drive operations and sessions over a blocking one, [`AsyncClient`] and [`AsyncWatch`] over an
//!   async one.
//!
//! ```
//! use huaweicloud_sms::{AuthToken, Client, Endpoint, Event, ObtainCommand, Pace, ServerId, http};
//!
//! let endpoint = Endpoint::new("https://sms.ap-southeast-3.myhuaweicloud.com")?;
//! let call = ObtainCommand::new(&endpoint, &ServerId::new("f32ab4d6-d150-4fb3-aa55-edbb5cf9947f")?);
//! let token = AuthToken::new("MIIVYgYJKoZIhvcNAQcCoIIVUzCCFU8CAQEx")?;
//!
//! // In place of this closure: a transport of the feature `ureq`, or your HTTP client.
//! let client = Client::new(|_request: http::Request<Vec<u8>>| {
//!     Ok::<_, std::io::Error>(http::Response::new(br#"{"command_name":"STOP"}"#.to_vec()))
//! });
//! let mut watch = client.watch(call, token, Pace::default());
//! while let Some(event) = watch.recv() {
//!     if let Event::Answer(answer) = event {
//!         println!("{answer:?}");
//!         break;
//!     }
//! }
//! # Ok::<(), huaweicloud_sms::InvalidInput>(())
//! ```
//!
//! # Features
//!
//! None is on by default. They only add, and all of them can be on.
//!
//! * `ureq`: the module `ureq`, a blocking client over ureq, with TLS by rustls and ring.
//! * `hyper`: the module `hyper`, an async client over hyper on tokio, with TLS by rustls and ring.
//! * `webpki-roots`: `RootCerts::WebpkiRoots`, Mozilla's root certificates, for images without a trust
//!   store.
//!
//! The modules have the same names, so that you can swap the transport: change the feature, the
//! module's name, and add or remove `.await`.

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

/// For the program `sms-agent` only: anything in here may change in any release.
#[cfg(any(feature = "ureq", feature = "hyper"))]
#[doc(hidden)]
pub mod internal {
    pub use huaweicloud_sms_transport::internal::TraceEvent;
}

/// Compiles the README's examples, which need both transports.
#[cfg(all(doctest, feature = "ureq", feature = "hyper"))]
#[doc = include_str!("../README.md")]
struct Readme;
