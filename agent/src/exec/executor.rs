//! Carries commands out: runs the program, writes the journal and prepares the reports.

use std::{
    env, mem,
    path::PathBuf,
    sync::{
        Arc,
        mpsc::{self, Receiver, Sender},
    },
    time::{Duration, Instant},
};

use huaweicloud_sms::{
    Answer, ApiError, Command, CommandResult, Endpoint, ReportResult, ResponseError, ServerId,
};

use super::{
    detail::Finished,
    environment::Environment,
    left_over,
    plan::{Done, Plan, Step},
    run_id::RunId,
    runner::{KILL_AFTER, Program, Running},
};
use crate::{
    args,
    failure::Failure,
    journal::{self, Entry, Journal},
    redactor,
};

/// The largest number of steps that may wait. It is reached only if the journal cannot be written for long.
const MAX_BACKLOG: usize = 256;
/// How long the agent waits at its end for the end of the program: the time until SIGKILL, and some more.
const END: Duration = Duration::from_secs(20);
/// The shortest time between two attempts of a step that fails.
const RETRY: Duration = Duration::from_secs(1);

pub(crate) struct Executor {
    program: Program,
    endpoint: Endpoint,
    server_id: ServerId,
    plan: Plan,
    journal: Journal,
    /// The error of the next step, and the instant at which it was last tried.
    obstacle: Option<(String, Instant)>,
    running: Option<Running>,
    ended: Sender<Finished>,
    ends: Receiver<Finished>,
    notify: Arc<dyn Fn() + Send + Sync>,
    /// The entries that were written since the last [`take_written`](Self::take_written).
    written: Vec<Entry>,
    /// The command of the rejected report about which a warning was logged.
    warned_of: Option<Command>,
}

impl Executor {
    /// Opens the journal and goes on where it ends. Calls `notify` when the program has ended, from
    /// another thread.
    pub(crate) fn open(
        args: &args::Exec,
        endpoint: Endpoint,
        server_id: ServerId,
        notify: impl Fn() + Send + Sync + 'static,
    ) -> Result<Option<Self>, Failure> {
        let Some((path, program_args)) = args.exec.split_first() else { return Ok(None) };
        let dir = args.state_dir.clone().or_else(state_directory).ok_or(
            "--exec needs a folder for its journal: give --state-dir before --exec, or set STATE_DIRECTORY"
                .to_owned(),
        )?;
        let program = PathBuf::from(path);
        if program.as_os_str().is_empty() {
            return Err("--exec needs the path of a program".to_owned().into());
        }
        if program.components().count() > 1 && !program.exists() {
            log::warn!("the program {} does not exist yet: commands will fail", program.display());
        }
        let (journal, state) = Journal::open(&dir, &server_id)?;
        keep_exit_statuses();
        let program = Program {
            path: program,
            args: program_args.to_vec(),
            timeout: Some(args.exec_timeout).filter(|timeout| !timeout.is_zero()),
            kill_after: KILL_AFTER,
        };
        let (ended, ends) = mpsc::channel();
        Ok(Some(Self {
            program,
            endpoint,
            server_id,
            plan: Plan::new(state, args.on_interrupted, !args.stop_waits),
            journal,
            obstacle: None,
            running: None,
            ended,
            ends,
            notify: Arc::new(notify),
            written: Vec::new(),
            warned_of: None,
        }))
    }

    /// Describes the program and the journal, for people.
    pub(crate) fn description(&self) -> String {
        let (program, dir) = (self.program.path.display(), self.journal.dir().display());
        format!("carrying commands out with {program}, journal in {dir}")
    }

    pub(crate) fn on_answer(&mut self, answer: &Answer) {
        self.plan.on_answer(answer);
        if let Answer::Command(command) = answer {
            let is_known = self.warned_of.as_ref().is_some_and(|known| known.is_same(command));
            if self.plan.is_rejected(command) && !is_known {
                log::warn!(
                    "the service rejected the report of {} and still returns it: it is not run again until \
                     the service returns something else",
                    redactor::shown(command.name.as_str())
                );
                self.warned_of = Some(command.clone());
            }
        }
    }

    /// The service says that it has no task.
    pub(crate) fn on_nothing(&mut self) {
        self.plan.on_nothing();
    }

    pub(crate) fn on_reported(&mut self) {
        self.plan.on_reported();
    }

    pub(crate) fn on_report_rejected(&mut self, error: &ResponseError) {
        // The reason goes into the journal, and the service's message may echo a secret.
        let reason = redactor::shown(&error.to_string());
        match error.api().and_then(ApiError::code) {
            // The request body is too long, or the detail is invalid.
            Some("SMS.6014" | "SMS.6023") => self.plan.on_detail_rejected(reason),
            _ => self.plan.on_report_rejected(reason),
        }
    }

    /// Returns the name of the command whose program runs, for people.
    pub(crate) fn running(&self) -> Option<String> {
        self.plan.running().map(|command| redactor::shown(command.name.as_str()))
    }

    /// Does the steps that are due now. Returns a report for the session.
    ///
    /// # Errors
    /// The journal cannot be written, and too many steps wait.
    pub(crate) fn go_on(&mut self) -> Result<Option<ReportResult>, String> {
        self.take_end();
        if self.obstacle.as_ref().is_some_and(|(_, at)| at.elapsed() < RETRY) {
            return Ok(None);
        }
        while let Some(step) = self.plan.step().cloned() {
            match step {
                Step::Write(entry) => {
                    if let Err(error) = self.append(entry) {
                        return self.on_obstacle(error.to_string()).map(|()| None);
                    }
                }
                Step::EndLeftOver { id, process } => {
                    let kill_after = self.program.kill_after;
                    match left_over::end(&self.run_id(id), process.as_ref(), kill_after) {
                        Ok(true) => log::warn!("run {id}: its left-over processes were ended"),
                        Ok(false) => {}
                        Err(error) => {
                            let error = format!("a left-over process of run {id}: {error}");
                            return self.on_obstacle(error).map(|()| None);
                        }
                    }
                    self.plan.on_done();
                }
                Step::Start { id, command } => {
                    let (ended, notify) = (self.ended.clone(), Arc::clone(&self.notify));
                    let on_end = move |finished| {
                        // The receiver is gone if the agent is ending.
                        let _ = ended.send(finished);
                        notify();
                    };
                    self.plan.on_done();
                    let environment = Environment {
                        run: self.run_id(id),
                        command: &command,
                        server_id: &self.server_id,
                    };
                    match self.program.start(&environment, on_end) {
                        Ok(running) => {
                            self.plan.on_started(id, running.id());
                            self.running = Some(running);
                        }
                        Err(finished) => self.on_end(finished),
                    }
                }
                Step::Stop { reason } => {
                    if let Some(running) = &self.running {
                        running.stop(reason);
                    }
                    self.plan.on_done();
                }
                Step::Report(done) => {
                    self.plan.on_done();
                    if !self.plan.is_due(&done) {
                        continue;
                    }
                    let Done { command, result, detail, .. } = done;
                    let report = ReportResult::new(
                        &self.endpoint,
                        &self.server_id,
                        command,
                        result,
                        &detail,
                    );
                    match report {
                        Ok(report) => return Ok(Some(report)),
                        Err(error) => self.plan.on_report_rejected(error.to_string()),
                    }
                }
            }
        }
        if self.obstacle.take().is_some() {
            log::warn!("commands are carried out again");
        }
        Ok(None)
    }

    /// Returns the entries that were written into the journal since the last call.
    pub(crate) fn take_written(&mut self) -> Vec<Entry> {
        mem::take(&mut self.written)
    }

    /// Writes the entry of the next step.
    fn append(&mut self, entry: Entry) -> Result<(), journal::Error> {
        self.journal.append(&entry)?;
        self.plan.on_done();
        self.written.push(entry);
        Ok(())
    }

    fn run_id(&self, run: u64) -> RunId {
        RunId::new(self.journal.identity(), run)
    }

    fn on_end(&mut self, finished: Finished) {
        let result = if finished.is_success { CommandResult::Success } else { CommandResult::Fail };
        self.plan.on_end(result, finished.detail);
    }

    /// Writes the end of the program into the journal, if it has ended. A command that has ended is not run
    /// again after a crash.
    pub(crate) fn record_end(&mut self) {
        self.take_end();
        self.write();
    }

    fn take_end(&mut self) {
        while let Ok(finished) = self.ends.try_recv() {
            self.running = None;
            self.on_end(finished);
        }
    }

    /// Writes the entries that are due. An entry that cannot be written is left to [`go_on`](Self::go_on). The
    /// entry of a start is left out, because the start follows it immediately.
    fn write(&mut self) {
        while let Some(Step::Write(entry)) = self.plan.step().cloned() {
            let is_start = matches!(entry, Entry::Started { process: None, .. });
            if is_start || self.append(entry).is_err() {
                return;
            }
        }
    }

    /// Notes that the next step failed. It is tried again later.
    fn on_obstacle(&mut self, error: String) -> Result<(), String> {
        if self.plan.backlog() > MAX_BACKLOG {
            return Err(error);
        }
        if self.obstacle.as_ref().is_none_or(|(last, _)| *last != error) {
            log::error!("{error}; until then no command is started or reported");
        }
        self.obstacle = Some((error, Instant::now()));
        Ok(())
    }

    /// Ends the program. Its command counts as interrupted, unless the program has already ended. After this,
    /// the executor starts and reports nothing.
    pub(crate) fn shut_down(&mut self) {
        let Some(running) = self.running.take() else { return self.write() };
        let ended = self.ends.try_recv().ok().or_else(|| {
            running.stop("the agent was interrupted");
            // A program that was stopped has not succeeded.
            self.ends.recv_timeout(END).ok().filter(|finished| finished.is_success)
        });
        if let Some(finished) = ended {
            self.on_end(finished);
        }
        // A run whose end cannot be written now counts as interrupted.
        self.write();
    }
}

/// Makes the system keep the exit status of a program until it is read. A parent may have turned that off.
fn keep_exit_statuses() {
    #[cfg(unix)]
    {
        use std::sync::atomic::AtomicBool;
        // Any handler has this effect. The program starts without it.
        let handler = Arc::new(AtomicBool::new(false));
        if let Err(error) = signal_hook::flag::register(signal_hook::consts::SIGCHLD, handler) {
            log::warn!("SIGCHLD cannot be caught: {error}");
        }
    }
}

/// Returns the first of systemd's state directories.
fn state_directory() -> Option<PathBuf> {
    let dirs = env::var_os("STATE_DIRECTORY").filter(|dirs| !dirs.is_empty())?;
    env::split_paths(&dirs).next()
}
