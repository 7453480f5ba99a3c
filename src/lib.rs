// The README's examples use both transports.
#![cfg_attr(all(feature = "ureq", feature = "hyper"), doc = include_str!("../README.md"))]
#![cfg_attr(
    not(all(feature = "ureq", feature = "hyper")),
    doc = "Unofficial client for the Huawei Cloud Server Migration Service (SMS); see README.md."
)]

#[cfg(feature = "hyper")]
pub mod hyper;
#[cfg(feature = "ureq")]
pub mod ureq;
#[cfg(any(feature = "ureq", feature = "hyper"))]
mod watch;

pub use huaweicloud_sms_core::*;
#[cfg(any(feature = "ureq", feature = "hyper"))]
pub use watch::Event;

/// Why a call gave no answer: it did not get through, or what came back is no answer.
///
/// `T` is the transport's error, `TransportError` in both modules.
#[derive(Debug, thiserror::Error)]
pub enum Error<T> {
    /// No response came: see the transport's error.
    #[error(transparent)]
    Transport(T),
    /// A response came that is not a successful answer.
    #[error(transparent)]
    Response(#[from] ResponseError),
}
