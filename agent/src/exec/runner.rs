//! Runs the operator's program for one command.

use std::{
    ffi::OsString,
    fmt::Display,
    io::{self, ErrorKind, Write},
    path::PathBuf,
    process::{self, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use super::{
    detail::{End, Finished},
    environment::Environment,
    group::Group,
    left_over,
    output::{self, Output},
    pipe::Over,
    process_id::ProcessId,
    run_id::RunId,
    standard_error,
};

/// The time from SIGTERM to SIGKILL for the processes of a group.
pub(crate) const KILL_AFTER: Duration = Duration::from_secs(10);
/// The longest wait for output after the program has ended, if another process has the pipe.
const OUTPUT: Duration = Duration::from_secs(1);
/// The time from SIGTERM to SIGKILL for the processes that a program leaves behind.
const LEFT_BEHIND: Duration = Duration::from_secs(1);
/// The time that the system may take to end a process after SIGKILL.
pub(super) const KILLED: Duration = Duration::from_secs(5);
/// The first pause between two looks at a run. The pauses grow up to `LAST_LOOK`.
const FIRST_LOOK: Duration = Duration::from_millis(2);
const LAST_LOOK: Duration = Duration::from_millis(200);

/// The operator's program.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// The path of the program. A name without a separator is looked up in `PATH`.
    pub(crate) path: PathBuf,
    pub(crate) args: Vec<OsString>,
    /// The time limit of a run.
    pub(crate) timeout: Option<Duration>,
    /// The time from SIGTERM to SIGKILL, usually [`KILL_AFTER`].
    pub(crate) kill_after: Duration,
}

impl Program {
    /// Starts the program, without a shell, and calls `on_end` when the run is over.
    ///
    /// The command is in the environment and, as JSON on one line, on standard input. The run is over when
    /// the program has ended. Then the run's thread
    ///
    /// * reads the rest of the output. It waits for another process that keeps the pipe open for 1 s at most.
    /// * sends SIGTERM, and 1 s later SIGKILL, to the processes that the program left behind in its group. A
    ///   process that left the group (`setsid`) goes on. On Windows the whole job is ended.
    /// * calls `on_end`. No process of the group runs then, except for one that the system did not end within
    ///   5 s of SIGKILL.
    ///
    /// A program that runs longer than its limit, or is [stopped](Running::stop), gets SIGTERM with its whole
    /// group, and after `kill_after` SIGKILL; on Windows it is ended at once.
    ///
    /// # Errors
    ///
    /// The program could not be started. `on_end` is not called.
    pub(crate) fn start(
        &self,
        environment: &Environment<'_>,
        on_end: impl FnOnce(Finished) + Send + 'static,
    ) -> Result<Running, Finished> {
        self.try_start(environment, on_end).map_err(|error| {
            let why = self.not_started(&error);
            log::warn!("{why}");
            Finished::not_started(&why)
        })
    }

    fn try_start(
        &self,
        environment: &Environment<'_>,
        on_end: impl FnOnce(Finished) + Send + 'static,
    ) -> io::Result<Running> {
        let mut line = serde_json::to_vec(environment.command)?;
        line.push(b'\n');
        let over = Over::new()?;
        let mut child = process::Command::new(&self.path);
        child.args(&self.args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        environment.set(&mut child);
        let mut group = Group::spawn(&mut child)?;
        let started = Instant::now();
        let id = ProcessId::of(group.leader.id());

        let leader = &mut group.leader;
        let (Some(stdin), Some(stdout), Some(stderr)) =
            (leader.stdin.take(), leader.stdout.take(), leader.stderr.take())
        else {
            unreachable!("all three are pipes")
        };
        let mut stdin = over.pipe(stdin)?;
        let (stdout, stderr) = (over.pipe(stdout)?, over.pipe(stderr)?);
        let output = Arc::new(Mutex::new(Output::default()));
        // The channel is disconnected when both outputs have ended.
        let (is_open, outputs) = mpsc::channel::<()>();
        spawn("program-stdin", move || {
            // A program need not read its input, so an error is ignored.
            let _ = stdin.write_all(&line);
        })?;
        let (captured, is_open_too) = (Arc::clone(&output), is_open.clone());
        spawn("program-stdout", move || {
            warn_of(output::read(stdout, &captured), "standard output");
            drop(is_open_too);
        })?;
        let name = self.path.file_name().unwrap_or(self.path.as_os_str());
        let name = name.to_string_lossy().into_owned();
        spawn("program-stderr", move || {
            warn_of(standard_error::log(stderr, &name), "standard error");
            drop(is_open);
        })?;

        let (stop, stops) = mpsc::channel();
        let run = Run {
            id: environment.run.clone(),
            group,
            over,
            output,
            outputs,
            stops,
            _stop: stop.clone(),
            deadline: self.timeout.and_then(|timeout| started.checked_add(timeout)),
            timeout: self.timeout.unwrap_or_default(),
            kill_after: self.kill_after,
        };
        spawn("program", move || run.supervise(on_end))?;
        Ok(Running { id, stop })
    }

    fn not_started(&self, error: &io::Error) -> String {
        let path = self.path.display();
        let why: &dyn Display = match error.kind() {
            ErrorKind::NotFound if self.path.exists() => {
                &"the interpreter that its first line names does not exist"
            }
            ErrorKind::NotFound => &"it does not exist",
            ErrorKind::PermissionDenied => {
                &"it is not an executable file, or this user may not execute it"
            }
            _ => error,
        };
        format!("the program {path} cannot be started: {why}")
    }
}

/// A program that was started. Dropping this does not end it.
#[derive(Debug)]
pub(crate) struct Running {
    id: ProcessId,
    stop: Sender<String>,
}

impl Running {
    /// Returns the process, for [`left_over::end`].
    pub(crate) fn id(&self) -> &ProcessId {
        &self.id
    }

    /// Asks for the end of the program, and returns at once. The reason completes "the program was ended:
    /// ...". This has no effect on a program that is already ending.
    pub(crate) fn stop(&self, reason: &str) {
        // The run may be over.
        let _ = self.stop.send(reason.into());
    }
}

/// A program that runs.
struct Run {
    id: RunId,
    group: Group,
    over: Over,
    output: Arc<Mutex<Output>>,
    outputs: Receiver<()>,
    stops: Receiver<String>,
    /// Keeps `stops` connected.
    _stop: Sender<String>,
    timeout: Duration,
    deadline: Option<Instant>,
    kill_after: Duration,
}

impl Run {
    fn supervise(mut self, on_end: impl FnOnce(Finished)) {
        let cause = self.wait_for_end();
        let limit = match cause {
            Some(_) => self.kill_after,
            None => {
                // The remaining processes may still write. Both errors, disconnect and timeout, end the wait.
                let _ = self.outputs.recv_timeout(OUTPUT);
                LEFT_BEHIND
            }
        };
        let status = self.end_group(limit);
        drop(self.over);
        // Now both threads read the rest of the output, and end.
        let _ = self.outputs.recv_timeout(OUTPUT);
        let output = self.output.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let is_running = status.is_none();
        let end = match (cause, status) {
            (_, None) => End::Unknown("the system did not end it".into()),
            (Some(cause), _) => cause,
            (None, Some(Ok(status))) => End::Status(status),
            (None, Some(Err(error))) => End::Unknown(error.to_string()),
        };
        on_end(Finished::new(&end, &output));
        if is_running {
            // Without this, the leader would stay a zombie.
            let _ = self.group.reap();
        }
    }

    /// Waits until the program has ended or has to end. Returns the reason if it has to end.
    fn wait_for_end(&mut self) -> Option<End> {
        let mut pause = FIRST_LOOK;
        loop {
            if self.group.has_leader_ended() {
                return None;
            }
            let left = self.deadline.map(|end| end.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Some(End::TimedOut { seconds: self.timeout.as_secs_f64() });
            }
            match self.stops.recv_timeout(left.unwrap_or(pause).min(pause)) {
                Ok(reason) => return Some(End::Stopped { reason }),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
            pause = (pause * 2).min(LAST_LOOK);
        }
    }

    /// Ends every process of the group, with SIGTERM and after this limit with SIGKILL. Returns the exit
    /// status of the program, or `None` if the system cannot end it.
    fn end_group(&mut self, limit: Duration) -> Option<io::Result<process::ExitStatus>> {
        let kill_at = Instant::now() + limit;
        let had_ended = self.group.has_leader_ended();
        self.group.ask_to_end();
        // Commands such as `timeout` make a group of their own.
        left_over::ask_rest_to_end(&self.id, self.group.leader.id());
        if !wait_until(kill_at, || self.group.has_leader_ended()) {
            self.group.kill();
            if !wait_until(Instant::now() + KILLED, || self.group.has_leader_ended()) {
                log::warn!("a program still runs after SIGKILL");
                return None;
            }
        }
        if !had_ended {
            // Sent again, because processes that were started meanwhile have not got the signal.
            self.group.ask_to_end();
        }
        let status = self.group.reap();
        if !wait_until(kill_at, || self.group.is_empty()) {
            self.group.kill();
            if !wait_until(Instant::now() + KILLED, || self.group.is_empty()) {
                log::warn!("a process that a program started still runs after SIGKILL");
            }
        }
        let limit = kill_at.saturating_duration_since(Instant::now());
        if let Err(error) = left_over::end_rest(&self.id, limit) {
            log::warn!("a process that a program started: {error}");
        }
        Some(status)
    }
}

/// Waits until `is_so` returns true. Returns `false` at the deadline.
pub(super) fn wait_until(deadline: Instant, mut is_so: impl FnMut() -> bool) -> bool {
    let mut pause = FIRST_LOOK;
    loop {
        if is_so() {
            return true;
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        thread::sleep(pause.min(left));
        pause = (pause * 2).min(LAST_LOOK);
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name(name.into()).spawn(run).map(drop)
}

fn warn_of(result: io::Result<()>, what: &str) {
    if let Err(error) = result {
        log::warn!("the {what} of the program cannot be read: {error}");
    }
}

#[cfg(all(test, unix))]
mod tests;
