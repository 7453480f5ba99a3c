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
    interrupt,
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
        let reason = match event {
            Event::Answer(answer) => printer.print(Ok(answer), &watch, &token)?,
            Event::Error(error) => printer.print(Err(Failure::Call(error)), &watch, &token)?,
            Event::RenewAuth => {
                match renewed(&token, args) {
                    Some(new) => {
                        watch.renew(new.auth.clone());
                        token = new;
                    }
                    None => watch.keep(),
                }
                "the token was refused".into()
            }
        };
        if let Step::WaitUntil(moment) = watch.poller().poll(Instant::now()) {
            let wait = moment.saturating_duration_since(Instant::now());
            let status = format!("next call in {} s: {reason}", wait.as_secs_f64().ceil());
            printer.show_wait(&status);
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
        _ if error.is_unauthorized() => "the token was refused".into(),
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
    seen: Seen,
    /// Whether people look on, and see a line with the present wait.
    is_terminal: bool,
    /// How long that line is now, in characters.
    wait_width: usize,
}

impl<'a> Printer<'a> {
    fn new(args: &'a args::Watch) -> Self {
        let is_terminal = io::stderr().is_terminal();
        Self { args, last: None, repeated: 0, seen: Seen::default(), is_terminal, wait_width: 0 }
    }

    /// Prints an outcome if it is new, and says why the next call waits.
    fn print(&mut self, outcome: Outcome, watch: &Watch, token: &Token) -> io::Result<String> {
        let reason = reason(&outcome, watch.poller().failures());
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
            let redactor = Redactor::new(&token.text);
            report::print_at(Some(&now()), &outcome, self.args.call.format, &redactor)?;
        }
        self.last = Some((outcome, !is_old));
        Ok(reason)
    }

    /// What was counted since the last new answer.
    fn print_repeated(&mut self) -> io::Result<()> {
        let count = std::mem::take(&mut self.repeated);
        if count == 0 {
            return Ok(());
        }
        self.clear_wait();
        match &self.last {
            Some((last, _)) => report::print_repeated(&now(), count, last, self.args.call.format),
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
