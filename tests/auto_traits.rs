//! Tests that the public types can be sent to and shared among threads, and have a `Debug`.

use std::{fmt::Debug, time::Instant};

use huaweicloud_sms as sms;

fn check<T: Debug + Send + Sync>() {}

#[test]
fn public_types_are_send_and_sync_and_have_debug() {
    type Closure = fn(sms::http::Request<Vec<u8>>) -> Result<sms::http::Response<Vec<u8>>, Error>;
    type Error = std::io::Error;

    check::<sms::AccessKey>();
    check::<sms::Action<Instant>>();
    check::<sms::Answer>();
    check::<sms::ApiError>();
    check::<sms::ApiErrorKind>();
    check::<sms::AuthToken>();
    check::<sms::BodyError>();
    check::<sms::BodyProblem>();
    check::<sms::Client<Closure>>();
    check::<sms::ClockSkew>();
    check::<sms::Command>();
    check::<sms::CommandName>();
    check::<sms::CommandParam>();
    check::<sms::Credential>();
    check::<sms::Endpoint>();
    check::<sms::Error<Error>>();
    check::<sms::ErrorDetail>();
    check::<sms::Escaped<'_>>();
    check::<sms::Event<sms::Answer, sms::Error<Error>>>();
    check::<sms::Fingerprint>();
    check::<sms::IamUser>();
    check::<sms::InvalidInput>();
    check::<sms::IssueToken>();
    check::<sms::IssuedToken>();
    check::<sms::JsonType>();
    check::<sms::NoCommand>();
    check::<sms::ObtainCommand>();
    check::<sms::OtherName>();
    check::<sms::Pace>();
    check::<sms::Permit<Instant>>();
    check::<sms::Poller<Instant>>();
    check::<sms::Rejections<Instant>>();
    check::<sms::ResponseError>();
    check::<sms::Scope<'_>>();
    check::<sms::ServerId>();
    check::<sms::Session<sms::ObtainCommand, Instant>>();
    check::<sms::Signer<'_>>();
    check::<sms::StatusError>();
    check::<sms::Step<Instant>>();
    check::<sms::Task>();
    check::<sms::TaskState>();
    check::<sms::Timestamp>();
    check::<sms::Unauthenticated>();
    check::<sms::Watch<Closure, sms::ObtainCommand>>();
}

#[cfg(any(feature = "ureq", feature = "hyper"))]
#[test]
fn types_of_the_transports_are_send_and_sync_and_have_debug() {
    check::<sms::Phase>();
    check::<sms::Proxy>();
    check::<sms::ProxyMatcher>();
    check::<sms::ProxyUrl>();
    check::<sms::RootCerts>();
    check::<sms::Settings>();
    check::<sms::SettingsError>();
    check::<sms::TransportError>();
    check::<sms::TransportErrorKind>();
}

#[cfg(feature = "ureq")]
#[test]
fn types_over_ureq_are_send_and_sync_and_have_debug() {
    check::<sms::ureq::Transport>();
    check::<sms::ureq::Client>();
    check::<sms::ureq::Watch<sms::ObtainCommand>>();
}

#[cfg(feature = "hyper")]
#[test]
fn types_over_hyper_are_send_and_have_debug() {
    fn check_send<T: Debug + Send>() {}

    check::<sms::hyper::Transport>();
    check::<sms::hyper::Client>();
    // The watch holds the future of a call, so it is not `Sync`.
    check_send::<sms::hyper::Watch<sms::ObtainCommand>>();
}
