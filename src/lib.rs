// The README's examples use both transports.
#![cfg_attr(all(feature = "ureq", feature = "hyper"), doc = include_str!("../README.md"))]
#![cfg_attr(
    not(all(feature = "ureq", feature = "hyper")),
    doc = "Unofficial client for the Huawei Cloud Server Migration Service (SMS); see README.md."
)]

mod clock;
mod credential;
#[cfg(feature = "hyper")]
pub mod hyper;
#[cfg(any(feature = "ureq", feature = "hyper"))]
mod server_clock;
#[cfg(feature = "ureq")]
pub mod ureq;
#[cfg(any(feature = "ureq", feature = "hyper"))]
mod watch;

pub use clock::now;
pub use credential::Credential;
pub use huaweicloud_sms_core::*;

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

/// What a watch has to say. `A` is what a call answers, `T` the transport's error.
#[derive(Debug)]
pub enum Event<A, T> {
    /// A call was answered. The same command may come again until its result is reported.
    Answer(A),
    /// A call was not answered, or by an error. The watch goes on: how long it waits now is in
    /// `Watch::due`.
    Error(Error<T>),
    /// A login was answered by a token, which the watch sends from now on. For the log.
    LoggedIn(IssuedToken),
    /// A login was not answered, or by an error. The watch goes on, with its old token as long as that
    /// is good.
    LoginError(Error<T>),
    /// The token, key or password was refused. Get a new one and hand it over with `Watch::renew`; if
    /// there is none say so with `Watch::keep`, or just go on: it asks again after a pause, and at worst
    /// tries the old one.
    RenewAuth,
}
