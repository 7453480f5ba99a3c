//! A model of a report: when a `Session` may send it, computed from the events alone.

use huaweicloud_sms_core::{
    Answer, ApiErrorKind, Command, CommandParam, CommandResult, Pace, ReportResult, ResponseError,
};
use serde_json::{Value, json};

use crate::poller_model::{Instant, PollerModel};

#[derive(Debug)]
pub(crate) struct ReportModel {
    command: Command,
    /// Distinguishes this report from others of the same command.
    number: u64,
    /// The waits after its own failures.
    pub(crate) poller: PollerModel,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Ready,
    UnderWay,
    /// It waits for a poll that shows which command the service holds.
    InDoubt,
}

impl ReportModel {
    pub(crate) fn new(command: Command, number: u64, pace: Pace, now: Instant) -> Self {
        Self { command, number, poller: PollerModel::new(pace, now), state: State::Ready }
    }

    /// Returns the report of this model.
    pub(crate) fn report(&self) -> ReportResult {
        let detail = json!({"number": self.number});
        crate::report_of(self.command.clone(), CommandResult::Fail, &detail).expect("valid")
    }

    /// Returns the instants between which the report is due. `calls` is the poller of the call.
    pub(crate) fn is_due(&self, calls: &PollerModel) -> Option<(Instant, Instant)> {
        let (earliest, latest) = calls.out_of_turn();
        (self.state == State::Ready && !calls.wants_renewal())
            .then_some((earliest.max(self.poller.earliest), latest.max(self.poller.latest)))
    }

    pub(crate) fn start(&mut self, now: Instant) {
        self.state = State::UnderWay;
        self.poller.start(now);
    }

    pub(crate) fn is_under_way(&self) -> bool {
        self.state == State::UnderWay
    }

    pub(crate) fn error(&mut self, now: Instant, error: &ResponseError) {
        self.state = State::InDoubt;
        self.poller.error(now, error);
    }

    pub(crate) fn failure(&mut self, now: Instant) {
        self.state = State::InDoubt;
        self.poller.failure(now);
    }

    /// The service rejected the credential of the report, so it did not accept the report.
    pub(crate) fn reject(&mut self, pace: Pace, now: Instant) {
        self.state = State::Ready;
        self.poller = PollerModel::new(pace, now);
    }

    /// A poll was answered. `None` is the error that there is no task. Returns whether the report is kept.
    pub(crate) fn on_answer(&mut self, answer: Option<&Answer>) -> bool {
        self.state = State::Ready;
        let Some(Answer::Command(command)) = answer else { return true };
        json!(command) == json!(self.command)
    }

    /// Checks that a body is that of this report.
    pub(crate) fn check_body(&self, body: &[u8]) {
        let body: Value = serde_json::from_slice(body).expect("JSON");
        let (name, number) = (self.command.name.as_str(), self.number);
        let expected =
            json!({"command_name": name, "result": "fail", "result_detail": {"number": number}});
        assert_eq!(body, expected);
    }
}

/// Returns whether the service says that it will never accept the report.
pub(crate) fn is_final(error: &ResponseError) -> bool {
    use ApiErrorKind::{InvalidReport, InvalidRequest, NoTask, OtherCommand};
    let Some(error) = error.api() else { return false };
    let is_of_the_service = error
        .code()
        .is_some_and(|code| ["SMS.", "S3M."].contains(&code.get(..4).unwrap_or_default()));
    match error.kind() {
        OtherCommand | InvalidReport | NoTask => true,
        InvalidRequest => is_of_the_service,
        _ => false,
    }
}

/// Returns a command for the task of this number.
#[must_use]
pub fn command(name: &str, task: u64) -> Command {
    Command::new(name, CommandParam::default().with_task_id(&format!("t{task}")))
}
