//! One request of the diagnosis, and what became of it.

use std::time::{Duration, Instant};

use huaweicloud_sms::{
    Authorize, Error, Operation, TransportErrorKind as Kind, Unauthenticated, http::Uri,
};

use super::{
    step::Step,
    trail::{Recorder, Trail},
};
use crate::{
    failure::Failure,
    transport::{Client, TransportFailure},
};

pub(super) struct Sent<T> {
    pub(super) uri: Uri,
    pub(super) started: Instant,
    pub(super) ended: Instant,
    pub(super) trail: Trail,
    pub(super) result: Result<T, Failure>,
}

impl<T: Send> Sent<T> {
    /// Sends a request once. `failed` says what a failure is one of.
    pub(super) fn send<O: Operation<Output = T>>(
        client: &Client,
        recorder: &Recorder,
        call: &O,
        auth: &dyn Authorize,
        failed: impl FnOnce(Error<TransportFailure>) -> Failure,
    ) -> Self {
        let uri = call.request(&Unauthenticated).uri().clone();
        let started = Instant::now();
        let result = client.send(call, auth).map_err(failed);
        Self { uri, started, ended: Instant::now(), trail: recorder.take(), result }
    }
}

impl<T> Sent<T> {
    pub(super) fn failure(&self) -> Option<&Failure> {
        self.result.as_ref().err()
    }

    pub(super) fn is_https(&self) -> bool {
        self.uri.scheme_str() == Some("https")
    }

    pub(super) fn time(&self) -> Duration {
        self.ended.saturating_duration_since(self.started)
    }

    /// The part of the making of the connection that failed, if one did.
    pub(super) fn failed_step(&self, is_proxied: bool) -> Option<Step> {
        let error = &self.failure()?.transport()?.error;
        match error.kind() {
            Kind::Dns => return Some(Step::Name),
            Kind::Proxy => return Some(Step::Proxy),
            // Over TLS 1.3 a peer may end TLS after the handshake.
            Kind::Tls => return Some(Step::Tls),
            Kind::Timeout | Kind::Connect | Kind::Other if !self.trail.is_empty() => {}
            Kind::Timeout if error.phase() == Some(huaweicloud_sms::Phase::Connect) => {
                return Some(Step::Name);
            }
            Kind::Connect => return Some(Step::Tcp),
            _ => return None,
        }
        let Trail { connected, tunnelled, secured, .. } = &self.trail;
        match (connected, tunnelled, secured) {
            (None, ..) | (_, None, _) if is_proxied => Some(Step::Proxy),
            (None, ..) => Some(Step::Tcp),
            (.., None) if self.is_https() => Some(Step::Tls),
            _ => None,
        }
    }
}
