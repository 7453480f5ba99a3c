//! `sms-agent watch`: asks again and again, and prints what is new.

use std::{
    collections::{HashSet, VecDeque},
    io::{self, IsTerminal, Write},
    process::{self, ExitCode},
    thread,
    time::{Duration, Instant, SystemTime},
};

use huaweicloud_sms::{Answer, ApiErrorKind, Command, Error, Event, Pace, ResponseError, Step};

use crate::{
    args, call,
    exit::Exit,
    report::{self, Failure, Outcome},
    secret::{self, Redactor, Token},
    systemd::Notifier,
    transport::Watch,
};

/// How long an interrupted process may take to end by itself.
const GRACE: Duration = Duration::from_millis(800);
/// How many commands are remembered for `--once-per-command`.
const MAX_SEEN: usize = 4096;

pub(crate) fn run(args: &args::Watch) -> ExitCode {
    let format = args.call.format;
    let started = secret::token(args.call.token_file.as_deref())
        .and_then(|token| Ok((start(args, &token)?, token)));
    let (watch, token) = match started {
        Ok(started) => started,
        Err(message) => {
            return report::print(&Err(Failure::Input(message)), format, &Redactor::new("")).into();
        }
    };
    match follow(watch, token, args) {
        Ok(()) => Exit::Answer.into(),
        Err(error) => {
            log::error!("the answers cannot be printed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn start(args: &args::Watch, token: &Token) -> Result<Watch, String> {
    let (call, settings) = call::prepare(&args.call)?;
    log::info!("GET {}", call.uri());
    let first_backoff = Duration::from_secs(5).min(args.max_backoff);
    let pace = Pace::default().interval(args.interval).backoff(first_backoff, args.max_backoff);
    let watch = Watch::new(args.call.transport, settings, call, token.auth.clone(), pace)?;
    let stop = watch.stopper();
    // SIGINT, SIGTERM and SIGHUP; Ctrl-C, Ctrl-Break and the console's end on Windows.
    let on_signal = move || {
        stop();
        thread::sleep(GRACE);
        // What still holds the process up (an output that nobody reads) does so no longer.
        process::exit(0);
    };
    ctrlc::set_handler(on_signal).map_err(|error| format!("signals cannot be caught: {error}"))?;
    Ok(watch)
}

/// Until it is interrupted, or the answers cannot be printed any more.
fn follow(mut watch: Watch, mut token: Token, args: &args::Watch) -> io::Result<()> {
    let notifier = Notifier::start();
    let mut printer = Printer::new(args);
    loop {
        let now = Instant::now();
        let wake_up = match watch.poller().poll(now) {
            Step::WaitUntil(moment) => moment,
            Step::Obtain | Step::RenewAuth => now,
        };
        notifier.expect_by(wake_up + args.call.timeout + GRACE);
        let Some(event) = watch.next() else { return printer.end() };
        let outcome = match event {
            Event::Answer(answer) => Ok(answer),
            Event::Error(error) => Err(Failure::Call(error)),
            Event::RenewAuth => {
                if let Some(new) = renewed(&token, args) {
                    watch.renew(new.auth.clone());
                    token = new;
                }
                continue;
            }
        };
        let reason = reason(&outcome, watch.poller().failures());
        printer.print(outcome, &Redactor::new(&token.text))?;
        if let Step::WaitUntil(moment) = watch.poller().poll(Instant::now()) {
            let wait = moment.saturating_duration_since(Instant::now());
            let status = format!("next call in {} s: {reason}", wait.as_secs_f64().ceil());
            printer.show_wait(&status)?;
            notifier.status(&status);
        }
    }
}

/// The token of the file, if it is another one by now.
fn renewed(old: &Token, args: &args::Watch) -> Option<Token> {
    let path = args.call.token_file.as_deref().filter(|path| path.as_os_str() != "-");
    let Some(path) = path else {
        log::warn!("the token was refused, and only one in a --token-file can be replaced");
        return None;
    };
    match secret::token(Some(path)) {
        Ok(new) if new.text != old.text => {
            log::info!("the token file has a new token");
            Some(new)
        }
        Ok(_) => {
            log::warn!("the token was refused, and the token file still has the same");
            None
        }
        Err(message) => {
            log::warn!("the token was refused, and {message}");
            None
        }
    }
}

/// Why the next call waits, in a few words.
fn reason(outcome: &Outcome, failures: u32) -> String {
    match outcome {
        Ok(_) => "the interval".into(),
        Err(Failure::Call(Error::Response(ResponseError::Api(error)))) => match error.kind() {
            ApiErrorKind::NoTask => "the interval".into(),
            ApiErrorKind::Throttled => "throttled".into(),
            ApiErrorKind::KeyLocked => "the key is locked".into(),
            kind if kind.is_unauthorized() => "the token was refused".into(),
            kind if kind.is_retryable() => in_a_row(failures),
            _ => "refused until something is changed".into(),
        },
        Err(_) => in_a_row(failures),
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
    last: Option<Outcome>,
    repeated: u64,
    seen: Seen,
    /// Whether people look on, and see a line with the present wait.
    is_terminal: bool,
}

impl<'a> Printer<'a> {
    fn new(args: &'a args::Watch) -> Self {
        let is_terminal = io::stderr().is_terminal();
        Self { args, last: None, repeated: 0, seen: Seen::default(), is_terminal }
    }

    fn print(&mut self, outcome: Outcome, redactor: &Redactor<'_>) -> io::Result<()> {
        let is_again = self.last.as_ref().is_some_and(|last| is_same(last, &outcome));
        if is_again && !self.args.every {
            self.repeated += 1;
            return Ok(());
        }
        self.print_repeated()?;
        let is_old = match &outcome {
            Ok(Answer::Command(command)) if self.args.once_per_command => self.seen.add(command),
            _ => false,
        };
        if !is_old {
            self.clear_wait()?;
            report::print_at(Some(&now()), &outcome, self.args.call.format, redactor)?;
        }
        self.last = Some(outcome);
        Ok(())
    }

    /// What was counted since the last new answer.
    fn print_repeated(&mut self) -> io::Result<()> {
        match std::mem::take(&mut self.repeated) {
            0 => Ok(()),
            count => {
                self.clear_wait()?;
                report::print_repeated(&now(), count, self.args.call.format)
            }
        }
    }

    fn show_wait(&self, status: &str) -> io::Result<()> {
        if !self.is_terminal {
            log::info!("{status}");
            return Ok(());
        }
        let again = match self.repeated {
            0 => String::new(),
            count => format!("the same again ({count} x); "),
        };
        self.clear_wait()?;
        write!(io::stderr(), "{again}{status}")
    }

    /// Takes the line with the wait away.
    fn clear_wait(&self) -> io::Result<()> {
        if !self.is_terminal {
            return Ok(());
        }
        io::stderr().write_all(b"\r\x1b[K")
    }

    fn end(mut self) -> io::Result<()> {
        self.clear_wait()?;
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
    known: HashSet<(String, Option<String>)>,
    in_order: VecDeque<(String, Option<String>)>,
}

impl Seen {
    /// Whether this command came before, for this task.
    fn add(&mut self, command: &Command) -> bool {
        let key = (command.name.as_str().to_owned(), command.param.task_id.clone());
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
