//! The traits between `huaweicloud-sms` and an HTTP client: [`Transport`] and [`AsyncTransport`].
//!
//! A transport maps an `http::Request` to an `http::Response`. It knows nothing of the Server
//! Migration Service.
//!
//! ```
//! use huaweicloud_sms_transport::{Transport, http::{Request, Response}};
//!
//! // A closure is a transport. In place of its body: a call of your HTTP client.
//! let transport = |_request: Request<Vec<u8>>| {
//!     Ok::<_, std::io::Error>(Response::new(b"{}".to_vec()))
//! };
//! let request = Request::get("https://sms.example/").body(Vec::new())?;
//! assert_eq!(transport.execute(request)?.body(), b"{}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The examples of the items here import `huaweicloud_sms`, which re-exports them. If you depend on this crate
//! alone, write `huaweicloud_sms_transport` instead.
//!
//! # Features
//!
//! No feature is on by default.
//!
//! * `adapter`: the code that the transports over ureq and hyper share. It has `Settings`, `TransportError`,
//!   `Proxy`, `RootCerts`, and `ProxyMatcher`, which reads the environment's proxy.
//! * `platform-verifier`: the operating system's trust store, `RootCerts::Platform`.
//! * `webpki-roots`: Mozilla's root certificates, compiled in, `RootCerts::WebpkiRoots`.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod seam;

#[cfg(feature = "adapter")]
mod acknowledge;
#[cfg(feature = "adapter")]
mod addresses;
#[cfg(feature = "adapter")]
mod advice;
#[cfg(feature = "adapter")]
mod check_request;
#[cfg(feature = "adapter")]
mod error;
#[cfg(feature = "adapter")]
mod no_proxy;
#[cfg(feature = "adapter")]
mod pem;
#[cfg(feature = "adapter")]
mod proxy;
#[cfg(feature = "adapter")]
mod proxy_matcher;
#[cfg(feature = "adapter")]
mod read_limit;
#[cfg(feature = "adapter")]
mod records;
#[cfg(feature = "adapter")]
mod response;
#[cfg(feature = "adapter")]
mod root_certs;
#[cfg(feature = "adapter")]
mod settings;
#[cfg(feature = "adapter")]
mod tls;
#[cfg(feature = "adapter")]
mod tls_problem;
#[cfg(feature = "adapter")]
mod trace;
#[cfg(feature = "adapter")]
mod traced_verifier;
#[cfg(feature = "adapter")]
mod tunnel;

pub use bytes;
pub use http;
pub use seam::{AsyncTransport, Transport};

#[cfg(feature = "adapter")]
pub use {
    error::{Phase, TransportError, TransportErrorKind},
    proxy::{Proxy, ProxyUrl},
    proxy_matcher::ProxyMatcher,
    root_certs::RootCerts,
    settings::{Settings, SettingsError},
};

/// Items that are only for the adapters of this project. They may change in any release.
#[cfg(feature = "adapter")]
#[doc(hidden)]
pub mod internal {
    pub use crate::{
        acknowledge::acknowledge_at_once,
        addresses::{ATTEMPT_DELAY, Resolve, literal, look_up, system_resolver, target},
        check_request::check_request,
        error::{Cause, Source, find},
        read_limit::{ReadLimit, ReadLimitExceeded},
        records::Records,
        response::complete,
        tls::TlsConfig,
        trace::{Observe, Trace, TraceEvent},
        tunnel::{Tunnel, TunnelError},
    };
}

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
