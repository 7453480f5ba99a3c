//! Decides which command is run, stopped and reported. It does no I/O.

use std::{collections::VecDeque, mem};

use huaweicloud_sms::{Answer, Command, CommandName, CommandResult};
use serde_json::{Map, Value, json};

use super::process_id::ProcessId;
use crate::journal::{Entry, Progress, State};

/// A step to do. The executor does the steps in order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// Write this into the journal.
    Write(Entry),
    /// End the processes that are left of a run before the restart. The process is known if the run has
    /// certainly begun.
    EndLeftOver { id: u64, process: Option<ProcessId> },
    /// Start the program.
    Start { id: u64, command: Command },
    /// End the program that runs.
    Stop { reason: &'static str },
    /// Report this result.
    Report(Done),
}

/// A command whose result the service has not accepted.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Done {
    pub(crate) id: u64,
    pub(crate) command: Command,
    pub(crate) result: CommandResult,
    pub(crate) detail: Map<String, Value>,
}

/// The treatment of a command that was being carried out when the agent ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum OnInterrupted {
    /// Report it as failed.
    ReportFailure,
    /// Run it again.
    RunAgain,
}

/// The commands in progress.
///
/// The service holds one command and returns it until its result is reported. So a command that comes again
/// is the same one, unless it was reported meanwhile. If another command comes, the service does not wait for
/// the results of the earlier ones any more.
#[derive(Debug)]
pub(crate) struct Plan {
    stop_overtakes: bool,
    next_id: u64,
    running: Option<(u64, Command)>,
    /// Whether a STOP ends the running command. If the service returns this command again, it is a new one.
    is_stopping: bool,
    /// The command to run next.
    waiting: Option<(u64, Command)>,
    /// The results to report, in the order in which the commands finished. If `is_reporting`, the session has
    /// the first one.
    unreported: VecDeque<Done>,
    is_reporting: bool,
    /// Whether the agent was restarted and does not know yet what the service holds.
    awaits_answer: bool,
    /// The command whose report was rejected. It is not run again as long as the service returns it.
    rejected: Option<Command>,
    /// The command of the last answer.
    held: Option<Command>,
    steps: VecDeque<Step>,
}

impl Plan {
    /// Goes on where the journal ends.
    pub(crate) fn new(state: State, on_interrupted: OnInterrupted, stop_overtakes: bool) -> Self {
        let mut plan = Self {
            stop_overtakes,
            next_id: state.next_id,
            running: None,
            is_stopping: false,
            waiting: None,
            unreported: VecDeque::new(),
            is_reporting: false,
            awaits_answer: true,
            rejected: state.rejected,
            held: None,
            steps: VecDeque::new(),
        };
        let mut open = state.open.into_iter().peekable();
        while let Some((id, command, progress)) = open.next() {
            if let Progress::Started { process } = &progress {
                let process = process.clone();
                plan.steps.push_back(Step::EndLeftOver { id, process });
            }
            if open.peek().is_some() {
                // The later command shows that the service does not hold this one any more.
                plan.drop_superseded(id);
                continue;
            }
            match (progress, on_interrupted) {
                (Progress::Finished { result, detail }, _) => {
                    plan.unreported.push_back(Done { id, command, result, detail });
                }
                (Progress::Started { .. }, OnInterrupted::ReportFailure) => {
                    plan.fail_interrupted(id, command);
                }
                (Progress::Received | Progress::Started { .. }, _) => plan.wait(id, command),
            }
        }
        plan
    }

    /// Returns the step to do now. It stays the same until it is [done](Self::on_done).
    pub(crate) fn step(&self) -> Option<&Step> {
        self.steps.front()
    }

    /// The step was done.
    pub(crate) fn on_done(&mut self) {
        self.steps.pop_front();
    }

    /// The service answered.
    pub(crate) fn on_answer(&mut self, answer: &Answer) {
        match answer {
            Answer::Command(command) => self.on_command(command),
            Answer::Task(_) | Answer::NoCommand(_) => self.on_nothing(),
        }
    }

    /// The service holds no command. A command that it returned before is still carried out, because the API
    /// reference does not say whether reading a command consumes it.
    pub(crate) fn on_nothing(&mut self) {
        if self.rejected.take().is_some() {
            self.write(Entry::Cleared);
        }
        self.held = None;
        self.awaits_answer = false;
        self.go_on();
    }

    fn on_command(&mut self, command: &Command) {
        self.awaits_answer = false;
        self.held = Some(command.clone());
        self.drop_results(|done| !done.command.is_same(command));
        if self.rejected.as_ref().is_some_and(|rejected| !rejected.is_same(command)) {
            self.rejected = None;
        }
        let is = |known: &Option<(u64, Command)>| {
            known.as_ref().is_some_and(|(_, known)| known.is_same(command))
        };
        if is(&self.running) && !self.is_stopping {
            self.drop_waiting("the service returned to the command that is running");
        } else if !is(&self.waiting) && self.unreported.is_empty() && self.rejected.is_none() {
            let id = self.next_id;
            self.next_id += 1;
            self.write(Entry::Received { id, command: command.clone() });
            self.wait(id, command.clone());
            if self.stop_overtakes && self.running.as_ref().is_some_and(|(_, r)| stops(command, r))
            {
                self.is_stopping = true;
                self.steps.push_back(Step::Stop { reason: "the service sent STOP for its task" });
            }
        }
        self.go_on();
    }

    /// The program was started.
    pub(crate) fn on_started(&mut self, id: u64, process: &ProcessId) {
        // This step comes first, because a restarted agent needs the entry to end the process.
        self.steps.push_front(Step::Write(Entry::Started { id, process: Some(process.clone()) }));
    }

    /// The program ended, or could not be started.
    pub(crate) fn on_end(&mut self, result: CommandResult, detail: Map<String, Value>) {
        if let Some((id, command)) = self.running.take() {
            self.finish(Done { id, command, result, detail });
            self.go_on();
        }
    }

    /// The service accepted the report.
    pub(crate) fn on_reported(&mut self) {
        if let Some(done) = self.take_reported() {
            self.write(Entry::Reported { id: done.id });
            self.go_on();
        }
    }

    /// The service rejects the detail of the report. The result is reported once more without the detail,
    /// because the API reference does not document the limits of a detail.
    pub(crate) fn on_detail_rejected(&mut self, reason: String) {
        let note = json!({"msg": "the service rejected the detail of this result"});
        let Value::Object(note) = note else { unreachable!("it is an object") };
        match self.unreported.front_mut() {
            Some(done) if self.is_reporting && done.detail != note => {
                done.detail = note;
                self.steps.push_back(Step::Report(done.clone()));
            }
            _ => self.on_report_rejected(reason),
        }
    }

    /// The service will never accept the report.
    pub(crate) fn on_report_rejected(&mut self, reason: String) {
        if let Some(done) = self.take_reported() {
            // If the service has returned something else since, it has accepted an earlier report or dropped
            // the command. Then the next command that looks the same is a new one.
            let is_rejected = self.held.as_ref().is_some_and(|held| held.is_same(&done.command));
            self.write(Entry::Dropped { id: done.id, reason, is_rejected });
            self.rejected = is_rejected.then_some(done.command);
            self.go_on();
        }
    }

    /// Returns whether this report is still to be sent. The service may have returned another command
    /// meanwhile.
    pub(crate) fn is_due(&self, done: &Done) -> bool {
        self.is_reporting && self.unreported.front().is_some_and(|first| first.id == done.id)
    }

    /// Returns the command that runs.
    pub(crate) fn running(&self) -> Option<&Command> {
        self.running.as_ref().map(|(_, command)| command)
    }

    /// Returns whether this command is not run because its report was rejected and the service still returns
    /// it.
    pub(crate) fn is_rejected(&self, command: &Command) -> bool {
        self.rejected.as_ref().is_some_and(|rejected| rejected.is_same(command))
    }

    /// Returns the number of steps that wait, for example because the journal cannot be written.
    pub(crate) fn backlog(&self) -> usize {
        self.steps.len()
    }

    fn take_reported(&mut self) -> Option<Done> {
        let is_reporting = mem::take(&mut self.is_reporting);
        if is_reporting { self.unreported.pop_front() } else { None }
    }

    /// Drops the results of commands that the service does not hold any more. A report has only the name of
    /// its command, so the service would take it for a report of the command that it holds.
    fn drop_results(&mut self, is_superseded: impl Fn(&Done) -> bool) {
        for done in mem::take(&mut self.unreported) {
            if !is_superseded(&done) {
                self.unreported.push_back(done);
                continue;
            }
            // The dropped result was the one that the session has.
            self.is_reporting = false;
            self.drop_superseded(done.id);
        }
    }

    fn drop_superseded(&mut self, id: u64) {
        let reason = "the service returned another command".into();
        self.write(Entry::Dropped { id, reason, is_rejected: false });
    }

    fn wait(&mut self, id: u64, command: Command) {
        self.drop_waiting("the service returned another command before this one was run");
        self.waiting = Some((id, command));
    }

    fn drop_waiting(&mut self, reason: &str) {
        if let Some((id, _)) = self.waiting.take() {
            let reason = reason.into();
            self.write(Entry::Dropped { id, reason, is_rejected: false });
        }
    }

    fn fail_interrupted(&mut self, id: u64, command: Command) {
        let detail = json!({"msg": "the agent ended while the program was running"});
        let Value::Object(detail) = detail else { unreachable!("it is an object") };
        self.finish(Done { id, command, result: CommandResult::Fail, detail });
    }

    fn finish(&mut self, done: Done) {
        let Done { id, result, detail, .. } = done.clone();
        self.write(Entry::Finished { id, result, detail });
        self.unreported.push_back(done);
    }

    /// Starts the command and makes the report that are due now.
    fn go_on(&mut self) {
        if self.awaits_answer {
            return;
        }
        if self.running.is_some() || self.waiting.is_some() {
            // These commands are newer than those that have finished.
            self.drop_results(|_| true);
        }
        if self.running.is_none() {
            if let Some((id, command)) = self.waiting.take() {
                // The entry is written before the start, so that a restarted agent knows that the run may
                // have begun.
                self.write(Entry::Started { id, process: None });
                self.steps.push_back(Step::Start { id, command: command.clone() });
                self.running = Some((id, command));
                self.is_stopping = false;
            }
        }
        if let (false, Some(done)) = (self.is_reporting, self.unreported.front()) {
            self.is_reporting = true;
            self.steps.push_back(Step::Report(done.clone()));
        }
    }

    fn write(&mut self, entry: Entry) {
        self.steps.push_back(Step::Write(entry));
    }
}

/// Returns whether `stop` is a STOP for the task of the START `start`.
fn stops(stop: &Command, start: &Command) -> bool {
    let task = &stop.param.task_id;
    (&stop.name, &start.name) == (&CommandName::Stop, &CommandName::Start)
        && task.as_deref().is_some_and(|task| !task.is_empty())
        && *task == start.param.task_id
}

#[cfg(test)]
mod tests;
