//! Prints new outcomes of a watch, and counts repeated ones.

use std::io::{self, IsTerminal, Write};

use huaweicloud_sms::Answer;

use crate::{
    args,
    failure::{Failure, Outcome},
    journal::Entry,
    print::{self, Context},
    redactor::{self, Kind},
    seen::Seen,
};

pub(crate) struct Printer {
    format: args::Format,
    server_id: String,
    /// The number of calls that have failed in a row.
    failures: u32,
    /// The time at which the next request is due.
    due: String,
    prints_every: bool,
    prints_once: bool,
    /// The last outcome, and whether it was printed.
    last: Option<(Outcome, bool)>,
    repeated: u64,
    /// The last failed login, until one succeeds.
    login_error: Option<Failure>,
    /// The last failed report, until one is accepted.
    report_error: Option<Failure>,
    seen: Seen,
    /// Whether standard error is a terminal, which shows a line with the present wait.
    is_terminal: bool,
    /// The present length of that line, in characters.
    wait_width: usize,
}

impl Printer {
    pub(crate) fn new(args: &args::Watch) -> Self {
        Self {
            format: args.call.connection.format,
            server_id: args.call.server_id.clone(),
            failures: 0,
            due: now(),
            prints_every: args.every,
            prints_once: args.once_per_command,
            last: None,
            repeated: 0,
            login_error: None,
            report_error: None,
            seen: Seen::default(),
            is_terminal: io::stderr().is_terminal(),
            wait_width: 0,
        }
    }

    /// Prints a line for people, such as a login, to standard error. With JSON, it is only logged.
    pub(crate) fn say(&mut self, text: &str) {
        self.clear_wait();
        if self.format == args::Format::Json {
            log::info!("{}", redactor::shown_line(text));
            return;
        }
        // A closed standard error does not end a watch.
        let _ = writeln!(io::stderr(), "{} {}", now(), redactor::shown_line(text));
    }

    /// Keeps the state of the poller for the next lines.
    pub(crate) fn note(&mut self, failures: u32, due: String) {
        (self.failures, self.due) = (failures, due);
    }

    fn context<'a>(&'a self, time: &'a str) -> Context<'a> {
        Context { time, server_id: &self.server_id, failures: self.failures, due: &self.due }
    }

    /// Prints the outcome of a call if it is new.
    pub(crate) fn print(&mut self, outcome: Outcome) -> io::Result<()> {
        if let Some((last, is_printed)) = &self.last {
            if !self.prints_every && is_same(last, &outcome) {
                // Repetitions of an outcome that was not printed do not count. A reader would take them for
                // repetitions of the last printed one.
                self.repeated += u64::from(*is_printed);
                return Ok(());
            }
        }
        self.print_repeated()?;
        let is_old = match &outcome {
            Ok(Answer::Command(command)) if self.prints_once => self.seen.add(command),
            _ => false,
        };
        if !is_old {
            self.print_now(&outcome)?;
        }
        self.last = Some((outcome, !is_old));
        Ok(())
    }

    /// Prints a failed login or report, unless the last one failed in the same way. The calls may succeed
    /// meanwhile.
    pub(crate) fn print_other_failure(&mut self, failure: Failure) -> io::Result<()> {
        let is_login = failure.is_login();
        let last = if is_login { &self.login_error } else { &self.report_error };
        if last.as_ref().is_none_or(|last| !last.is_same(&failure)) {
            self.print_repeated()?;
            let outcome = Err(failure);
            self.print_now(&outcome)?;
            let last = if is_login { &mut self.login_error } else { &mut self.report_error };
            *last = outcome.err();
        }
        Ok(())
    }

    /// Takes the next failed report for a new one.
    pub(crate) fn reported(&mut self) {
        self.report_error = None;
    }

    /// Prints an entry that was written into the journal.
    pub(crate) fn print_entry(&mut self, entry: &Entry) -> io::Result<()> {
        self.print_repeated()?;
        self.clear_wait();
        print::print_entry(&self.context(&now()), entry, self.format)
    }

    fn print_now(&mut self, outcome: &Outcome) -> io::Result<()> {
        self.clear_wait();
        print::print_at(Some(&self.context(&now())), outcome, self.format)
    }

    /// Withholds this token from now on.
    pub(crate) fn logged_in(&mut self, token: &str) {
        self.login_error = None;
        redactor::keep(Kind::Token, token);
    }

    /// Takes the next outcome for a new one, because there is a new credential.
    pub(crate) fn renewed(&mut self) -> io::Result<()> {
        self.print_repeated()?;
        (self.last, self.login_error) = (None, None);
        Ok(())
    }

    /// Prints the number of repetitions of the last outcome.
    fn print_repeated(&mut self) -> io::Result<()> {
        let count = std::mem::take(&mut self.repeated);
        self.clear_wait();
        match &self.last {
            Some((last, _)) if count > 0 => {
                print::print_repeated(&self.context(&now()), count, last, self.format)
            }
            _ => Ok(()),
        }
    }

    /// Logs the present wait, or shows it on a terminal. An error of standard error does not end the watch.
    pub(crate) fn show_wait(&mut self, logged: &str, status: &str) {
        if !self.is_terminal {
            log::info!("{logged}");
            return;
        }
        let repeated = match self.repeated {
            0 => String::new(),
            count => format!("the same again ({count} x); "),
        };
        self.clear_wait();
        let line = format!("{repeated}{status}");
        let _ = write!(io::stderr(), "{line}");
        self.wait_width = line.chars().count();
    }

    /// Overwrites the line with the wait by spaces, because some consoles of Windows do not know escape
    /// codes.
    pub(crate) fn clear_wait(&mut self) {
        let width = std::mem::take(&mut self.wait_width);
        if width > 0 {
            let _ = write!(io::stderr(), "\r{:width$}\r", "");
        }
    }

    /// Prints the count of repetitions.
    pub(crate) fn end(&mut self) -> io::Result<()> {
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

fn now() -> String {
    huaweicloud_sms::now().to_string()
}
