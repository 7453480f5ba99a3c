//! `sms-agent watch`: polls until it is interrupted, and prints new answers.

use std::{
    io,
    process::{self, ExitCode},
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use huaweicloud_sms::{
    Answer, ApiError, ApiErrorKind, Credential, Error, Event, ObtainCommand, Pace, ResponseError,
    Step, Timestamp,
};

use crate::{
    args, call, clock,
    credential::{self, Loaded},
    exec::executor::Executor,
    failure::{Failure, Outcome},
    interrupt, print,
    printer::Printer,
    retry_after,
    systemd::{self, Notifier},
    transport::{self, Client, Execute, TransportFailure},
    waker::{Sleeper, Waker},
};

/// The time in which an interrupted process must print the count of repetitions.
const GRACE: Duration = Duration::from_millis(800);
/// The time in which an interrupted process must end the program. It is longer than the time until SIGKILL.
const SHUT_DOWN: Duration = Duration::from_secs(25);
/// At a SIGHUP, printing is stuck if it takes longer than this.
const STUCK: Duration = Duration::from_secs(2);
/// The time that systemd's watchdog allows for a round besides its wait and its call.
const MARGIN: Duration = Duration::from_secs(5);
/// The interval at which the credential's file is read during the pause after a rejection.
const LOOK: Duration = Duration::from_secs(5);

pub(crate) fn run(args: &args::Watch) -> ExitCode {
    let watcher = match Watcher::start(args) {
        Ok(watcher) => watcher,
        Err(failure) => return print::print(&Err(failure), args.call.connection.format).into(),
    };
    let error = watcher.run();
    log::error!("{error}");
    systemd::stopping();
    ExitCode::FAILURE
}

/// The reason why a sleep ended.
enum Awake {
    Due,
    Woken,
    NewCredential(Box<Loaded>),
}

struct Watcher<'a> {
    args: &'a args::Watch,
    client: Client,
    watch: huaweicloud_sms::Watch<Execute, ObtainCommand>,
    loaded: Loaded,
    /// Whether the credential was rejected, and no credential was accepted since.
    is_rejected: bool,
    printer: Arc<Mutex<Printer>>,
    /// Carries the commands out, with `--exec`.
    executor: Arc<Mutex<Option<Executor>>>,
    notifier: Notifier,
    waker: Arc<Waker>,
    sleeper: Sleeper,
    clock: clock::Watch,
    /// The reason why the next call waits.
    call_waits: String,
    /// The reason why the next login waits.
    login_waits: &'static str,
}

impl<'a> Watcher<'a> {
    fn start(args: &'a args::Watch) -> Result<Self, Failure> {
        // A signal may arrive from now on.
        let (waker, sleeper) = Waker::new();
        let waker = Arc::new(waker);
        let printer = Arc::new(Mutex::new(Printer::new(args)));
        let executor = Arc::new(Mutex::new(None));
        end_at_interrupt(Arc::clone(&printer), Arc::clone(&executor))?;
        let carries_out = !args.exec.exec.is_empty();
        catch_hangups(Arc::clone(&printer), Arc::clone(&waker), carries_out)?;

        let loaded = credential::load(&args.call)?;
        let (endpoint, server_id) = call::target(&args.call)?;
        let call = ObtainCommand::new(&endpoint, &server_id);
        let settings = call::settings(&args.call.connection)?;
        let first_backoff = Duration::from_secs(5).min(args.max_backoff);
        let pace = Pace::default()
            .with_interval(args.interval)
            .and_then(|pace| pace.with_backoff(first_backoff, args.max_backoff))
            .and_then(|pace| {
                pace.with_max_retry_after(args.max_retry_after.unwrap_or(args.max_backoff))
            })
            .map_err(|error| error.to_string())?;
        let client = transport::client(args.call.connection.transport, settings)?
            .follow_server_clock(args.call.follow_server_clock);
        let how = if matches!(loaded.credential, Credential::Login(_)) { "as" } else { "with" };
        let (who, interval) = (loaded.who(), args.interval.as_secs_f64());
        let on_end = on_program_end(Arc::clone(&executor), Arc::clone(&waker));
        *lock(&executor) = Executor::open(&args.exec, endpoint, server_id, on_end)?;
        lock(&printer).say(&format!("polling {} {how} {who}, every {interval} s", call.uri()));
        if let Some(executor) = lock(&executor).as_ref() {
            lock(&printer).say(&executor.description());
        }
        Ok(Self {
            args,
            watch: client.watch(call, loaded.credential.clone(), pace),
            client,
            loaded,
            is_rejected: false,
            printer,
            executor,
            notifier: Notifier::start(),
            waker,
            sleeper,
            clock: clock::Watch::default(),
            call_waits: String::new(),
            login_waits: "",
        })
    }

    /// Polls until it can no longer print answers or carry out commands. Returns the error.
    fn run(mut self) -> String {
        let error = loop {
            if let Err(error) = self.carry_out().and_then(|()| self.step().map_err(not_printed)) {
                break error;
            }
        };
        // The agent must not leave a program behind.
        self.with_executor(Executor::shut_down);
        error
    }

    /// Does the steps of the commands that are due now, and hands a report to the session.
    fn carry_out(&mut self) -> Result<(), String> {
        let (report, written) = match lock(&self.executor).as_mut() {
            Some(executor) => (executor.go_on()?, executor.take_written()),
            None => return Ok(()),
        };
        if let Some(report) = report {
            let is_free = self.watch.report(report).is_ok();
            debug_assert!(is_free, "the session drops a report when the plan does");
        }
        if !written.is_empty() {
            self.note();
        }
        // The lock of the executor is released here, because standard output may be stuck.
        let mut printer = lock(&self.printer);
        let printed = written.iter().try_for_each(|entry| printer.print_entry(entry));
        printed.map_err(not_printed)
    }

    fn with_executor(&self, then: impl FnOnce(&mut Executor)) {
        lock(&self.executor).as_mut().map(then);
    }

    /// Sends the next request once it is due. Returns earlier if a step of a command is due.
    fn step(&mut self) -> io::Result<()> {
        let due = self.watch.due().max(Instant::now());
        self.notifier.expect_by(due + self.args.call.connection.timeout + MARGIN);
        match self.sleep_until_due() {
            Awake::Due => {}
            Awake::Woken => return Ok(()),
            Awake::NewCredential(new) => return self.renew(*new),
        }
        let Some(event) = self.watch.recv() else { unreachable!("the client is not shut down") };
        self.note();
        self.warn_of_retry_after(&event);
        let is_user = matches!(self.loaded.credential, Credential::Login(_));
        match event {
            Event::Answer(answer) => {
                self.is_rejected &= is_user;
                self.with_executor(|executor| executor.on_answer(&answer));
                self.print(Ok(answer))?;
            }
            Event::Error(error) => {
                if kind(&error) == Some(ApiErrorKind::NoTask) {
                    self.with_executor(Executor::on_nothing);
                }
                self.print(Err(Failure::Call(error)))?;
            }
            Event::Reported => {
                self.is_rejected &= is_user;
                self.with_executor(Executor::on_reported);
                lock(&self.printer).reported();
            }
            Event::ReportError(error) => {
                lock(&self.printer).print_other_failure(Failure::Report(error))?;
            }
            Event::ReportRejected(error) => {
                self.with_executor(|executor| executor.on_report_rejected(&error));
                lock(&self.printer).print_other_failure(Failure::Report(error.into()))?;
            }
            Event::LoggedIn(issued) => {
                self.is_rejected = false;
                let mut printer = lock(&self.printer);
                printer.logged_in(issued.token.reveal());
                let (who, until) = (self.loaded.who(), issued.expires_at);
                printer.say(&format!("logged in as {who}, until {until} by IAM's clock"));
                self.login_waits = "before the token expires";
            }
            Event::LoginError(error) => {
                self.login_waits = "the login failed";
                lock(&self.printer).print_other_failure(Failure::Login(error))?;
            }
            Event::CredentialRejected(error) => {
                let reloaded = credential::reload(&self.args.call, &self.loaded);
                if reloaded.is_err() {
                    // Declines before the next line is printed, because that line shows the pause.
                    self.watch.decline();
                    self.note();
                }
                if is_user {
                    self.login_waits = "the password was rejected";
                    lock(&self.printer).print_other_failure(Failure::Login(error.into()))?;
                } else {
                    self.print(Err(Failure::Call(error.into())))?;
                }
                self.is_rejected = true;
                match reloaded {
                    Ok(new) => self.renew(new)?,
                    Err(why) => {
                        let (what, next) = (self.loaded.what(), time_after(self.wait()));
                        log::warn!(
                            "the {what} was rejected, and {why}; the next call is at {next}"
                        );
                    }
                }
            }
            _ => {}
        }
        self.show_wait();
        Ok(())
    }

    /// Sleeps until a request or a step of a command is due. Reads the credential's file at a SIGHUP, and
    /// after a rejection every few seconds.
    fn sleep_until_due(&self) -> Awake {
        let wait = self.wait();
        if wait.is_zero() && !self.waker.has_hung_up() {
            return Awake::Due;
        }
        self.sleeper.sleep(if self.is_rejected { wait.min(LOOK) } else { wait });
        let is_asked = self.waker.take_hangup();
        if is_asked || self.is_rejected {
            match credential::reload(&self.args.call, &self.loaded) {
                Ok(new) => return Awake::NewCredential(Box::new(new)),
                Err(why) if is_asked => {
                    log::warn!("SIGHUP: no new {}: {why}", self.loaded.what())
                }
                Err(_) => {}
            }
        }
        Awake::Woken
    }

    /// Passes the state of the poller to the printer, because each line shows it.
    fn note(&self) {
        let due = time_after(self.wait()).to_string();
        lock(&self.printer).note(self.watch.poller().failures(), due);
    }

    /// Returns the time until the next request.
    fn wait(&self) -> Duration {
        self.watch.due().saturating_duration_since(Instant::now())
    }

    fn warn_of_retry_after(&self, event: &Event<Answer, Error<TransportFailure>>) {
        let error = match event {
            Event::Error(Error::Response(error))
            | Event::LoginError(Error::Response(error))
            | Event::ReportError(Error::Response(error)) => error,
            Event::CredentialRejected(error) | Event::ReportRejected(error) => error,
            _ => return,
        };
        lock(&self.printer).clear_wait();
        retry_after::warn(error, Some(self.watch.poller().pace().max_retry_after()));
    }

    fn renew(&mut self, new: Loaded) -> io::Result<()> {
        log::info!("the file has a new {}", new.what());
        lock(&self.printer).renewed()?;
        self.watch.renew(new.credential.clone());
        self.loaded = new;
        Ok(())
    }

    fn print(&mut self, outcome: Outcome) -> io::Result<()> {
        self.call_waits = reason(&outcome, self.watch.poller().failures(), self.loaded.sent());
        lock(&self.printer).print(outcome)
    }

    fn show_wait(&mut self) {
        if let Some(skew) = self.client.clock_skew() {
            lock(&self.printer).clear_wait();
            self.clock.note(skew);
        }
        let (now, due) = (Instant::now(), self.watch.due());
        let wait = due.saturating_duration_since(now);
        if !wait.is_zero() {
            let is_call = self.watch.poller().poll(now) == Step::WaitUntil(due);
            let is_report = self.watch.pending_report().is_some();
            let (what, why) = match (is_call, is_report) {
                (true, _) => ("call", self.call_waits.as_str()),
                (_, true) => ("report", "the last one failed"),
                _ => ("login", self.login_waits),
            };
            let running = lock(&self.executor).as_ref().and_then(Executor::running);
            let running = running.map(|name| format!("{name} is running; ")).unwrap_or_default();
            // A time of day stays right until the next call. A number of seconds would not.
            let time = time_after(wait).to_string().split_off("2026-07-06T".len());
            let status = format!("{running}next {what} at {time}: {why}");
            let seconds = wait.as_secs_f64().ceil();
            let logged = format!("next {what} in {seconds} s, at {time}: {why}");
            lock(&self.printer).show_wait(&logged, &status);
            systemd::status(&status);
        }
    }
}

/// Ends the process at an interruption, also during a call. Before that, it ends a running program, and
/// prints the count of repetitions.
fn end_at_interrupt(
    printer: Arc<Mutex<Printer>>,
    executor: Arc<Mutex<Option<Executor>>>,
) -> Result<(), Failure> {
    let on_interrupt = move || {
        systemd::stopping();
        // A log or an output that nobody reads must not delay the end of the process.
        let exit_after = |limit| {
            thread::Builder::new().spawn(move || {
                thread::sleep(limit);
                process::exit(0);
            })
        };
        let last_resort = exit_after(SHUT_DOWN);
        if last_resort.is_err() {
            process::exit(0);
        }
        // While this has the lock, no step is done.
        let mut executor = lock(&executor);
        if let Some(executor) = executor.as_mut() {
            executor.shut_down();
        }
        let timer = exit_after(GRACE);
        let mut printer = lock(&printer);
        if timer.is_ok() && printer.end().is_err() {
            log::warn!("the last repetitions could not be printed");
        }
        process::exit(0);
    };
    interrupt::catch(on_interrupt).map_err(signals_failed)
}

/// Writes the end of a program into the journal at once, because a call or a stuck output may hold up the
/// loop of the watch.
fn on_program_end(
    executor: Arc<Mutex<Option<Executor>>>,
    waker: Arc<Waker>,
) -> impl Fn() + Send + Sync + 'static {
    move || {
        lock(&executor).as_mut().map(Executor::record_end);
        waker.wake();
    }
}

/// Ends the process at a SIGHUP only if it is stuck because nobody reads its output. The reader may have been
/// the terminal that hung up. A SIGHUP never ends a process that carries commands out.
fn catch_hangups(
    printer: Arc<Mutex<Printer>>,
    waker: Arc<Waker>,
    carries_out: bool,
) -> Result<(), Failure> {
    let on_hangup = move || {
        waker.hang_up();
        if carries_out {
            return;
        }
        let (printed, is_printed) = mpsc::channel();
        let printer = Arc::clone(&printer);
        let waiter = thread::Builder::new().spawn(move || {
            drop(lock(&printer));
            // The receiver may have given up.
            let _ = printed.send(());
        });
        if waiter.is_ok() && is_printed.recv_timeout(STUCK).is_err() {
            systemd::stopping();
            process::exit(1);
        }
    };
    interrupt::catch_hangups(on_hangup).map_err(signals_failed)
}

fn not_printed(error: io::Error) -> String {
    format!("the answers cannot be printed: {error}")
}

fn signals_failed(error: impl std::fmt::Display) -> Failure {
    Failure::Resource(format!("signals cannot be caught: {error}"))
}

fn time_after(wait: Duration) -> Timestamp {
    Timestamp::from_unix_time(huaweicloud_sms::now().as_unix_time() + wait)
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn kind(error: &Error<TransportFailure>) -> Option<ApiErrorKind> {
    error.response().and_then(ResponseError::api).map(ApiError::kind)
}

/// Returns the reason why the next call waits, in a few words. `sent` names the credential of the call.
fn reason(outcome: &Outcome, failures: u32, sent: &str) -> String {
    let in_a_row = match failures {
        1 => "a failure".into(),
        count => format!("{count} failures in a row"),
    };
    let error = match outcome {
        Ok(_) => return "the interval".into(),
        Err(Failure::Call(Error::Response(error))) => error,
        Err(_) => return in_a_row,
    };
    match error.api().map(ApiError::kind) {
        Some(ApiErrorKind::NoTask) => "the interval".into(),
        Some(ApiErrorKind::Throttled) => "throttled".into(),
        Some(ApiErrorKind::KeyLocked) => "the key is locked".into(),
        Some(ApiErrorKind::ClockSkew) => "this server's clock is wrong".into(),
        _ if error.is_unauthorized() => format!("the {sent} was rejected"),
        Some(kind) if !kind.is_retryable() => "rejected until something is changed".into(),
        _ => in_a_row,
    }
}
