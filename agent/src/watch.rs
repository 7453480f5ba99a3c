//! `sms-agent watch`: asks again and again, and prints what is new.

use std::{
    collections::{HashSet, VecDeque},
    io::{self, IsTerminal, Write},
    process::{self, ExitCode},
    thread,
    time::{Duration, Instant, SystemTime},
};

use huaweicloud_sms::{Answer, ApiErrorKind, Command, Error, Event, Pace, ResponseError, Step};
use huaweicloud_sms_transport::Error as TransportError;

use crate::{
    args, call, clock,
    credential::{self, Loaded},
    exit::Exit,
    interrupt,
    redactor::{Recent, Redactor},
    report::{self, Failure, Outcome},
    systemd::Notifier,
    transport::{Client, Watch},
};

/// How long an interrupted process may take to end by itself.
const GRACE: Duration = Duration::from_millis(800);
/// How many commands are remembered for `--once-per-command`.
const MAX_SEEN: usize = 4096;

pub(crate) fn run(args: &args::Watch) -> ExitCode {
    let format = args.call.connection.format;
    let started =
        credential::load(&args.call).and_then(|loaded| Ok((start(args, &loaded)?, loaded)));
    let (watch, loaded) = match started {
        Ok(started) => started,
        Err(message) => {
            return report::print(&Err(Failure::Input(message)), format, &Redactor::default())
                .into();
        }
    };
    match follow(watch, loaded, args) {
        Ok(()) => Exit::Answer.into(),
        Err(error) => {
            log::error!("the answers cannot be printed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn start(args: &args::Watch, loaded: &Loaded) -> Result<Watch, String> {
    let (call, settings) = call::prepare(&args.call)?;
    log::info!("GET {}, with a {}", call.uri(), loaded.what());
    let first_backoff = Duration::from_secs(5).min(args.max_backoff);
    let pace = Pace::default().interval(args.interval).backoff(first_backoff, args.max_backoff);
    let follow_server_clock = args.call.follow_server_clock;
    let client = Client::new(args.call.connection.transport, settings, follow_server_clock)?;
    let watch = Watch::new(client, call, loaded.credential.clone(), pace)?;
    let stop = watch.stopper();
    let on_interrupt = move || {
        stop();
        thread::sleep(GRACE);
        // What still holds the process up (an output that nobody reads) does so no longer.
        process::exit(0);
    };
    interrupt::catch(on_interrupt).map_err(|error| format!("signals cannot be caught: {error}"))?;
    Ok(watch)
}

/// Until it is interrupted, or the answers cannot be printed any more.
fn follow(mut watch: Watch, mut loaded: Loaded, args: &args::Watch) -> io::Result<()> {
    let notifier = Notifier::start();
    let mut printer = Printer::new(args, &loaded);
    let mut clock = clock::Watch::default();
    // Why the next call and the next login wait.
    let (mut call_waits, mut login_waits) = (String::new(), String::new());
    loop {
        notifier.expect_by(watch.due().max(Instant::now()) + args.call.connection.timeout + GRACE);
        let Some(event) = watch.next() else { return printer.end() };
        let failures = watch.poller().failures();
        match event {
            Event::Answer(answer) => call_waits = printer.print(Ok(answer), failures, &loaded)?,
            Event::Error(error) => {
                call_waits = printer.print(Err(Failure::Call(error)), failures, &loaded)?;
            }
            Event::LoggedIn(issued) => {
                log::info!("logged in, until {} by IAM's clock", issued.expires_at);
                printer.logged_in(issued.token.reveal());
                login_waits = "before the token expires".into();
            }
            Event::LoginError(error) => login_waits = printer.print_login_error(error)?,
            Event::RenewAuth => match renewed(&loaded, &args.call) {
                Some(new) => {
                    watch.renew(new.credential.clone());
                    printer.renewed(&new)?;
                    loaded = new;
                }
                None => watch.keep(),
            },
        }
        if let Some(skew) = watch.clock_skew() {
            printer.clear_wait();
            clock.note(skew);
        }
        let due = watch.due();
        let now = Instant::now();
        let wait = due.saturating_duration_since(now).as_secs_f64().ceil();
        if wait > 0.0 {
            let is_call = watch.poller().poll(now) == Step::WaitUntil(due);
            let (what, why) = if is_call { ("call", &call_waits) } else { ("login", &login_waits) };
            let status = format!("next {what} in {wait} s: {why}");
            printer.show_wait(&status);
            notifier.status(&status);
        }
    }
}

/// The credential of the file, if it is another one by now.
fn renewed(old: &Loaded, args: &args::Call) -> Option<Loaded> {
    let what = old.what();
    if credential::file_of(args).is_none() {
        log::warn!("the {what} was refused, and only one in a file can be replaced");
        return None;
    }
    match credential::load(args) {
        Ok(new) if !new.is_same(old) => {
            log::info!("the file has a new {}", new.what());
            Some(new)
        }
        Ok(_) => {
            log::warn!("the {what} was refused, and its file still has the same");
            None
        }
        Err(message) => {
            log::warn!("the {what} was refused, and {message}");
            None
        }
    }
}

/// Why the next call waits, in a few words.
fn reason(outcome: &Outcome, failures: u32, what: &str) -> String {
    let Err(Failure::Call(Error::Response(error))) = outcome else {
        return match outcome {
            Ok(_) => "the interval".into(),
            Err(_) => in_a_row(failures),
        };
    };
    let kind = match error {
        ResponseError::Api(error) => Some(error.kind()),
        _ => None,
    };
    match kind {
        Some(ApiErrorKind::NoTask) => "the interval".into(),
        Some(ApiErrorKind::Throttled) => "throttled".into(),
        Some(ApiErrorKind::KeyLocked) => "the key is locked".into(),
        Some(ApiErrorKind::ClockSkew) => "this server's clock is wrong".into(),
        _ if error.is_unauthorized() => format!("the {what} was refused"),
        Some(kind) if !kind.is_retryable() => "refused until something is changed".into(),
        _ => in_a_row(failures),
    }
}

fn in_a_row(failures: u32) -> String {
    match failures {
        1 => "a failure".into(),
        count => format!("{count} failures in a row"),
    }
}

/// Prints what is new, and counts what is not.
struct Printer<'a> {
    args: &'a args::Watch,
    /// The last outcome, and whether it was printed.
    last: Option<(Outcome, bool)>,
    repeated: u64,
    /// The last failed login, until one succeeds.
    login_error: Option<Failure>,
    seen: Seen,
    secrets: Recent,
    /// Whether people look on, and see a line with the present wait.
    is_terminal: bool,
    /// How long that line is now, in characters.
    wait_width: usize,
}

impl<'a> Printer<'a> {
    fn new(args: &'a args::Watch, loaded: &Loaded) -> Self {
        let secrets = Recent::new(loaded.secrets());
        Self {
            args,
            last: None,
            repeated: 0,
            login_error: None,
            seen: Seen::default(),
            secrets,
            is_terminal: io::stderr().is_terminal(),
            wait_width: 0,
        }
    }

    /// Prints an outcome if it is new, and says why the next call waits.
    fn print(&mut self, outcome: Outcome, failures: u32, loaded: &Loaded) -> io::Result<String> {
        let reason = reason(&outcome, failures, loaded.proof());
        if let Some((last, is_printed)) = &self.last {
            if is_same(last, &outcome) && !self.args.every {
                // What was not printed is not counted either: it would be taken for what was.
                self.repeated += u64::from(*is_printed);
                return Ok(reason);
            }
        }
        self.print_repeated()?;
        let is_old = match &outcome {
            Ok(Answer::Command(command)) if self.args.once_per_command => self.seen.add(command),
            _ => false,
        };
        if !is_old {
            self.clear_wait();
            self.print_now(&outcome)?;
        }
        self.last = Some((outcome, !is_old));
        Ok(reason)
    }

    fn print_now(&self, outcome: &Outcome) -> io::Result<()> {
        report::print_at(
            Some(&now()),
            outcome,
            self.args.call.connection.format,
            &self.secrets.redactor(),
        )
    }

    /// A failed login, unless the one before failed in the same way. It is beside the answers, which may
    /// go on: the old token may be good still.
    fn print_login_error(&mut self, error: Error<TransportError>) -> io::Result<String> {
        let failure = Failure::Login(error);
        let is_refused = failure.response().is_some_and(ResponseError::is_unauthorized);
        if self.login_error.as_ref().is_none_or(|last| !last.is_same(&failure)) {
            self.print_repeated()?;
            self.clear_wait();
            let outcome = Err(failure);
            self.print_now(&outcome)?;
            self.login_error = outcome.err();
        }
        Ok(if is_refused { "the password was refused".into() } else { "the login failed".into() })
    }

    /// From now on the new token is kept out of what is printed, too.
    fn logged_in(&mut self, token: &str) {
        self.login_error = None;
        self.secrets.add_token(token);
    }

    /// From now on so is another credential, and what is said of it is new.
    fn renewed(&mut self, loaded: &Loaded) -> io::Result<()> {
        self.print_repeated()?;
        (self.last, self.login_error) = (None, None);
        self.secrets.add_credential(loaded.secrets());
        Ok(())
    }

    /// What was counted since the last new answer.
    fn print_repeated(&mut self) -> io::Result<()> {
        let count = std::mem::take(&mut self.repeated);
        if count == 0 {
            return Ok(());
        }
        self.clear_wait();
        match &self.last {
            Some((last, _)) => {
                report::print_repeated(&now(), count, last, self.args.call.connection.format)
            }
            None => Ok(()),
        }
    }

    /// Shows the present wait; that it can't be shown is no reason to end.
    fn show_wait(&mut self, status: &str) {
        if !self.is_terminal {
            log::info!("{status}");
            return;
        }
        let again = match self.repeated {
            0 => String::new(),
            count => format!("the same again ({count} x); "),
        };
        self.clear_wait();
        let line = format!("{again}{status}");
        let _ = write!(io::stderr(), "{line}");
        self.wait_width = line.chars().count();
    }

    /// Overwrites the line with the wait: not every console of Windows knows a terminal's codes.
    fn clear_wait(&mut self) {
        let width = std::mem::take(&mut self.wait_width);
        if width > 0 {
            // As with the line itself.
            let _ = write!(io::stderr(), "\r{:width$}\r", "");
        }
    }

    fn end(mut self) -> io::Result<()> {
        self.clear_wait();
        self.print_repeated()
    }
}

fn is_same(one: &Outcome, other: &Outcome) -> bool {
    match (one, other) {
        (Ok(one), Ok(other)) => one == other,
        (Err(one), Err(other)) => one.is_same(other),
        _ => false,
    }
}

/// The commands that came, the newest of them.
#[derive(Default)]
struct Seen {
    known: HashSet<(String, String)>,
    in_order: VecDeque<(String, String)>,
}

impl Seen {
    /// Whether this command came before, for this task. Without a task there is nothing to tell it by.
    fn add(&mut self, command: &Command) -> bool {
        let Some(task_id) = &command.param.task_id else { return false };
        let key = (command.name.as_str().to_owned(), task_id.clone());
        if !self.known.insert(key.clone()) {
            return true;
        }
        self.in_order.push_back(key);
        if self.in_order.len() > MAX_SEEN {
            if let Some(oldest) = self.in_order.pop_front() {
                self.known.remove(&oldest);
            }
        }
        false
    }
}

fn now() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}
