use core::{fmt, ops::Add, time::Duration};

use super::{
    pace::Pace,
    poller::{Poller, Step},
};
use crate::{
    command::ReportResult,
    error::{ApiErrorKind, ResponseError},
};

/// A report that the service has not accepted yet. It decides when to send it.
///
/// The poller of the call handles rejected credentials. The waits after other errors are counted here, so
/// that polling goes on meanwhile.
pub(super) struct PendingReport<T> {
    pub(super) call: ReportResult,
    poller: Poller<T>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It is sent when it is due.
    Ready,
    /// It was sent, and no outcome was reported.
    UnderWay,
    /// The service may have accepted it, although no response said so. It is sent again only after a poll has
    /// shown that the service holds no other command.
    InDoubt,
}

impl<T: Copy + Ord + Add<Duration, Output = T>> PendingReport<T> {
    pub(super) fn new(call: ReportResult, pace: Pace, seed: u64, now: T) -> Self {
        Self { call, poller: Poller::new(pace, seed, now), state: State::Ready }
    }

    /// Returns the instant at which to send it. Returns `None` if a poll has to come first, or while the
    /// credential is rejected. `calls` is the poller of the call.
    pub(super) fn due(&self, now: T, calls: &Poller<T>) -> Option<T> {
        let due = match self.poller.poll(now) {
            Step::WaitUntil(instant) => instant,
            Step::Send | Step::RenewCredential => now,
        };
        let due = due.max(calls.due_out_of_turn(now)?);
        (self.state == State::Ready).then_some(due)
    }

    pub(super) fn on_start(&mut self, now: T) {
        self.state = State::UnderWay;
        self.poller.on_start(now);
    }

    /// Returns whether it was sent and this is its first outcome.
    pub(super) fn is_under_way(&self) -> bool {
        self.state == State::UnderWay
    }

    /// Records that the service rejected the credential, so it did not accept the report. A new credential
    /// may be sent at once.
    pub(super) fn on_rejected(&mut self, now: T) {
        self.poller = Poller::new(self.poller.pace(), self.poller.random(), now);
        self.state = State::Ready;
    }

    pub(super) fn on_error(&mut self, now: T, error: &ResponseError) {
        self.state = State::InDoubt;
        self.poller.on_error(now, error);
    }

    pub(super) fn on_failure(&mut self, now: T) {
        self.state = State::InDoubt;
        self.poller.on_failure(now);
    }

    /// Records that the service holds no other command, as a poll has shown.
    pub(super) fn on_no_other_command(&mut self) {
        self.state = State::Ready;
    }
}

/// Returns whether the service will never accept the same report. Only the service's own codes count, because
/// the gateway may reject a request that the service never saw.
pub(super) fn is_final(error: &ResponseError) -> bool {
    use ApiErrorKind as Kind;
    let Some(error) = error.api() else { return false };
    match error.kind() {
        Kind::OtherCommand | Kind::InvalidReport | Kind::NoTask => true,
        Kind::InvalidRequest => {
            error.code().is_some_and(|code| code.starts_with("SMS.") || code.starts_with("S3M."))
        }
        _ => false,
    }
}

impl<T: fmt::Debug> fmt::Debug for PendingReport<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingReport")
            .field("call", &self.call)
            .field("state", &self.state)
            .field("poller", &self.poller)
            .finish()
    }
}
