//! One request of the diagnosis, and its outcome.

use std::time::{Duration, Instant};

use huaweicloud_sms::{
    Authorize, ClockSkew, Error, Operation, Settings, TransportErrorKind as Kind, Unauthenticated,
    http::Uri,
};

use super::{
    step::Step,
    trail::{Recorder, Trail},
};
use crate::{
    args::Transport,
    failure::Failure,
    transport::{self, Client, TransportFailure},
};

pub(super) struct Sent<T> {
    pub(super) uri: Uri,
    pub(super) started: Instant,
    pub(super) ended: Instant,
    pub(super) trail: Trail,
    pub(super) result: Result<T, Failure>,
}

/// A client whose connections are observed.
pub(super) struct Observed {
    client: Client,
    recorder: Recorder,
}

impl Observed {
    pub(super) fn new(transport: Transport, settings: &Settings) -> Result<Self, Failure> {
        let recorder = Recorder::default();
        let client = transport::client(transport, recorder.observe(settings.clone()))?;
        Ok(Self { client, recorder })
    }

    /// Sends a request once. `failed` converts an error.
    pub(super) fn send<O: Operation>(
        &self,
        call: &O,
        auth: &dyn Authorize,
        failed: impl FnOnce(Error<TransportFailure>) -> Failure,
    ) -> Sent<O::Output> {
        let uri = call.request(&Unauthenticated).uri().clone();
        let started = Instant::now();
        let result = self.client.send(call, auth).map_err(failed);
        Sent { uri, started, ended: Instant::now(), trail: self.recorder.take(), result }
    }

    pub(super) fn clock_skew(&self) -> Option<ClockSkew> {
        self.client.clock_skew()
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

    /// Returns the duration of the part of the request that ended at `end`.
    pub(super) fn since_last(&self, end: Instant) -> Duration {
        self.trail.since_last(self.started, end)
    }

    /// Returns the step of making the connection that failed, if one did.
    pub(super) fn failed_step(&self, is_proxied: bool) -> Option<Step> {
        let error = &self.failure()?.transport()?.error;
        match error.kind() {
            Kind::Dns => return Some(Step::Name),
            Kind::Proxy => return Some(Step::Proxy),
            // With TLS 1.3, a peer may reject the client after the handshake.
            Kind::Tls => return Some(Step::Tls),
            // The look-up timed out or could not begin.
            Kind::Timeout | Kind::Connect | Kind::Other if self.trail.is_empty() => {
                return Some(Step::Name);
            }
            Kind::Timeout | Kind::Connect | Kind::Other => {}
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
