//! Prints an outcome: for people, or as one JSON object on one line.

use std::{
    fmt::Write as _,
    io::{self, Write},
};

use huaweicloud_sms::{Answer, ApiError, CommandName, CommandParam, ResponseError};
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::{
    args::Format,
    exit::Exit,
    failure::{Failure, Outcome},
    journal::Entry,
    redactor,
};

/// Prints an outcome: answers to standard output and, in text, errors to standard error.
pub(crate) fn print(outcome: &Outcome, format: Format) -> Exit {
    let written = print_at(None, outcome, format);
    match outcome {
        Ok(Answer::Command(_) | Answer::Task(_)) => Exit::Answer.if_written(written),
        Ok(Answer::NoCommand(_)) => Exit::NoCommand.if_written(written),
        // The exit status shows the failure even if its message is lost.
        Err(failure) => failure.exit(),
    }
}

/// The members that a watch adds to a JSON line. Text gets only the time.
#[derive(Serialize)]
pub(crate) struct Context<'a> {
    pub(crate) time: &'a str,
    pub(crate) server_id: &'a str,
    /// The number of calls that have failed in a row.
    pub(crate) failures: u32,
    /// The time at which the next request is due.
    pub(crate) due: &'a str,
}

/// Prints an outcome as [`print()`] does, with the time in front.
pub(crate) fn print_at(
    context: Option<&Context<'_>>,
    outcome: &Outcome,
    format: Format,
) -> io::Result<()> {
    match outcome {
        Ok(Answer::Command(command)) if command.lacks_task_id() => {
            log::warn!("{} came without a task_id", command.name);
        }
        _ => {}
    }
    match format {
        Format::Json => writeln!(io::stdout(), "{}", json(context, outcome)),
        Format::Text => print_text(context, outcome.is_err(), &text(outcome)),
    }
}

/// Prints the number of repetitions of the last outcome, to the same output.
pub(crate) fn print_repeated(
    context: &Context<'_>,
    count: u64,
    last: &Outcome,
    format: Format,
) -> io::Result<()> {
    match format {
        Format::Json => {
            let members = vec![("answer", "repeated".into()), ("count", count.into())];
            writeln!(io::stdout(), "{}", line(Some(context), Members(members)))
        }
        Format::Text => {
            print_text(Some(context), last.is_err(), &format!("the same again ({count} x)"))
        }
    }
}

/// A member that is left out.
const NOTHING: (&str, Value) = ("", Value::Null);

/// Prints an entry that was written into the journal.
pub(crate) fn print_entry(context: &Context<'_>, entry: &Entry, format: Format) -> io::Result<()> {
    let (id, state, text, more) = match entry {
        Entry::Received { id, command } => {
            let name = redactor::shown(command.name.as_str());
            (id, "received", format!("received {name}"), ("command_name", name.into()))
        }
        // These entries say nothing new to an operator.
        Entry::Started { process: Some(_), .. } | Entry::Cleared => return Ok(()),
        Entry::Started { id, process: None } => (id, "started", "started".into(), NOTHING),
        Entry::Finished { id, result, detail } => {
            let message = detail.get("msg").and_then(Value::as_str).map(redactor::shown);
            let message = message.map(|message| format!(": {message}")).unwrap_or_default();
            (id, "finished", format!("{result}{message}"), ("result", result.as_str().into()))
        }
        Entry::Reported { id } => (id, "reported", "reported".into(), NOTHING),
        Entry::Dropped { id, reason, .. } => {
            let reason = redactor::shown(reason);
            (id, "dropped", format!("dropped: {reason}"), ("reason", reason.into()))
        }
    };
    match format {
        Format::Text => print_text(Some(context), false, &format!("run {id}: {text}")),
        Format::Json => {
            let run = [("answer", "run".into()), ("run", (*id).into()), ("state", state.into())];
            let members = run.into_iter().chain([more]).collect();
            writeln!(io::stdout(), "{}", line(Some(context), Members(members)))
        }
    }
}

fn print_text(context: Option<&Context<'_>>, is_error: bool, text: &str) -> io::Result<()> {
    let (time, space) = context.map_or(("", ""), |context| (context.time, " "));
    if is_error {
        // A closed standard error does not end a watch.
        let _ = writeln!(io::stderr(), "{time}{space}{text}");
        return Ok(());
    }
    writeln!(io::stdout(), "{time}{space}{text}")
}

/// Formats an outcome for people.
pub(crate) fn text(outcome: &Outcome) -> String {
    match outcome {
        Ok(answer) => match withheld(answer) {
            Answer::Command(command) => format!("command {}{}", command.name, param(command.param)),
            Answer::Task(task) => format!("task {}{}", task.state, param(task.param)),
            Answer::NoCommand(why) => format!("nothing to do: {why}"),
        },
        Err(failure) => {
            let causes = failure.causes().join(": ");
            let cause = (!causes.is_empty()).then(|| format!("cause: {causes}"));
            let lines = cause.into_iter().chain(failure.advice());
            let lines: String = lines.map(|line| format!("\n  {line}")).collect();
            format!("error: {}{lines}", failure.message())
        }
    }
}

fn param(param: CommandParam) -> String {
    let values = [("task_id", param.task_id), ("bucket", param.bucket), ("object", param.object)];
    let lines = values.into_iter().filter_map(|(name, value)| {
        // The value is quoted and escaped as in JSON, because it may be empty or hold any character.
        let value = only_visible(&Value::from(value?).to_string());
        Some(format!("\n  {name:<8} {value}"))
    });
    lines.collect()
}

fn json(context: Option<&Context<'_>>, outcome: &Outcome) -> String {
    match outcome {
        Ok(answer) => line(context, withheld(answer)),
        Err(failure) => line(context, Members(members(failure))),
    }
}

fn members(failure: &Failure) -> Vec<(&'static str, Value)> {
    let response = failure.response();
    let response = response.as_ref();
    let api = response.and_then(ResponseError::api);
    let transport = failure.transport();
    let retry_after = response.and_then(ResponseError::retry_after);
    let causes = failure.causes();
    vec![
        ("answer", "error".into()),
        ("kind", failure.kind().into()),
        ("reason", failure.reason().into()),
        ("during", failure.during().into()),
        ("status", response.map(|error| error.status().as_u16()).into()),
        ("error_code", api.and_then(ApiError::code).into()),
        ("error_msg", api.and_then(ApiError::message).into()),
        ("request_id", response.and_then(ResponseError::request_id).into()),
        ("retry_after", retry_after.map(|wait| wait.as_secs()).into()),
        ("address", transport.map(|failure| failure.address.as_str()).into()),
        ("proxy", transport.and_then(|failure| failure.error.proxy()).into()),
        ("message", failure.message().into()),
        ("causes", if causes.is_empty() { Value::Null } else { causes.into() }),
        ("advice", failure.advice().into()),
    ]
}

/// Members of a JSON object, in this order. Those that are null are left out.
struct Members(Vec<(&'static str, Value)>);

impl Serialize for Members {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let members = self.0.iter().filter(|(_, value)| !value.is_null());
        serializer.collect_map(members.map(|(name, value)| (name, value)))
    }
}

pub(crate) fn line(context: Option<&Context<'_>>, content: impl Serialize) -> String {
    #[derive(Serialize)]
    struct Line<'a, T> {
        #[serde(flatten)]
        context: Option<&'a Context<'a>>,
        #[serde(flatten)]
        content: T,
    }
    match serde_json::to_string(&Line { context, content }) {
        Ok(json) => only_visible(&json),
        Err(error) => unreachable!("strings and numbers serialize: {error}"),
    }
}

/// Returns the answer with texts that may be shown.
fn withheld(answer: &Answer) -> Answer {
    let mut answer = answer.clone();
    let (name, param) = match &mut answer {
        Answer::Command(command) => (Some(&mut command.name), &mut command.param),
        Answer::Task(task) => (None, &mut task.param),
        Answer::NoCommand(_) => return answer,
    };
    let params = [&mut param.task_id, &mut param.bucket, &mut param.object].map(Option::as_mut);
    let texts = name.iter().map(|name| name.as_str());
    let texts: Vec<&str> = texts.chain(params.iter().flatten().map(|text| text.as_str())).collect();
    let mut shown = redactor::withhold(&texts).into_iter();
    if let Some(name) = name {
        *name = CommandName::from(&*shown.next().unwrap_or_default());
    }
    for text in params.into_iter().flatten() {
        *text = shown.next().unwrap_or_default();
    }
    answer
}

/// Escapes the characters that JSON allows in a string but a terminal would obey or hide. These are the
/// control characters that `serde_json` does not escape (U+007F to U+009F), direction marks and the like.
fn only_visible(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for character in json.chars() {
        if redactor::is_hidden(character) && character != ' ' {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a `String` cannot fail.
                let _ = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(character);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_escapes_every_character_that_a_terminal_would_obey() {
        let json = only_visible("\"a\u{7f}\u{9b}\u{202e}é服\u{e0001}\"");
        assert_eq!(json, "\"a\\u007f\\u009b\\u202eé服\\udb40\\udc01\"");
        assert_eq!(
            serde_json::from_str::<String>(&json).expect("valid JSON"),
            "a\u{7f}\u{9b}\u{202e}é服\u{e0001}"
        );
    }
}
