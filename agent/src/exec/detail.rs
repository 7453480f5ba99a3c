//! Makes the report of a program's run: `result` and `result_detail`.
//!
//! | the program | `result` | `result_detail` |
//! |---|---|---|
//! | printed one JSON object of at most 64 KiB and 64 levels, and exited | `success` if its status is 0, else `fail` | that object |
//! | exited with 0 | `success` | `output` |
//! | exited with another status | `fail` | `msg`, `exit_status`, `output` |
//! | was ended by a signal | `fail` | `msg`, `signal`, `output` |
//! | was ended at its time limit | `fail` | `msg`, `timed_out`, `output` |
//! | was ended for another reason, such as a STOP | `fail` | `msg`, `stopped`, `output` |
//! | could not be started | `fail` | `msg` |
//!
//! `output` is the program's standard output. If it is truncated, the detail also has `output_truncated` and
//! `output_bytes`. Bytes that are not UTF-8 are replaced. A detail with `msg` has no `output` if the program
//! printed nothing.
//!
//! A string or a name that contains a secret of the agent is withheld as a whole. The whole output is withheld
//! if a secret is split over several strings. The detail has at most 64 KiB as JSON.

use std::process::ExitStatus;

use serde_json::{Map, Value, json};

use super::output::{MAX, Output};
use crate::redactor::{WITHHELD, contains_secret};

/// The largest number of levels of an object. The journal and the request add levels to it, and `serde_json`
/// reads at most 127.
const MAX_DEPTH: usize = 64;

/// The result of a command.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Finished {
    pub(crate) is_success: bool,
    /// The `result_detail`. It has at most 64 KiB as JSON, and no secret of the agent.
    pub(crate) detail: Map<String, Value>,
}

/// The end of a program's run.
#[derive(Debug)]
pub(super) enum End {
    Status(ExitStatus),
    TimedOut {
        seconds: f64,
    },
    Stopped {
        reason: String,
    },
    /// The end is unknown for this reason.
    Unknown(String),
}

impl Finished {
    /// Returns the failure of a command for which no program ran.
    pub(crate) fn not_started(why: &str) -> Self {
        Self { is_success: false, detail: failure(why, None, &Output::default()) }
    }

    pub(super) fn new(end: &End, output: &Output) -> Self {
        let (message, member) = match end {
            End::Status(status) => {
                let is_success = status.success();
                if let (Some(detail), true) = (object(output), status.code().is_some()) {
                    return Self { is_success, detail };
                }
                if is_success {
                    return Self { is_success, detail: with_output(Map::new(), output) };
                }
                match (status.code(), signal(*status)) {
                    (Some(code), _) => (
                        format!("the program ended with exit status {code}"),
                        Some(("exit_status", json!(code))),
                    ),
                    (None, Some(signal)) => (
                        format!("the program was ended by signal {signal}"),
                        Some(("signal", json!(signal))),
                    ),
                    (None, None) => (format!("the program ended: {status}"), None),
                }
            }
            End::TimedOut { seconds } => (
                format!("the program was ended: it ran longer than its limit of {seconds} s"),
                Some(("timed_out", json!(true))),
            ),
            End::Stopped { reason } => {
                (format!("the program was ended: {reason}"), Some(("stopped", json!(true))))
            }
            End::Unknown(why) => (format!("how the program ended is unknown: {why}"), None),
        };
        Self { is_success: false, detail: failure(&message, member, output) }
    }
}

fn failure(message: &str, member: Option<(&str, Value)>, output: &Output) -> Map<String, Value> {
    let message = if contains_secret(message.as_bytes()) { WITHHELD } else { message };
    let mut detail = Map::from_iter([("msg".to_owned(), message.into())]);
    detail.extend(member.map(|(name, value)| (name.to_owned(), value)));
    match output.head.is_empty() {
        true => detail,
        false => with_output(detail, output),
    }
}

/// Parses the output. Returns `None` if it is not one object.
fn object(output: &Output) -> Option<Map<String, Value>> {
    if output.is_truncated() {
        return None;
    }
    let mut detail: Map<String, Value> = serde_json::from_slice(&output.head).ok()?;
    if depth(detail.values()) > MAX_DEPTH {
        return None;
    }
    let mut texts = String::new();
    withhold(&mut detail, &mut texts);
    let json = json(&detail);
    if contains_secret(&json) || contains_secret(texts.as_bytes()) {
        return Some(Map::from_iter([("output".to_owned(), WITHHELD.into())]));
    }
    // The JSON may be longer than the output, because 1e15 is written as 1000000000000000.0, for example.
    (json.len() <= MAX).then_some(detail)
}

/// Returns the largest number of objects and arrays that are nested in one another.
fn depth<'a>(values: impl IntoIterator<Item = &'a Value>) -> usize {
    let depth = |value: &'a Value| match value {
        Value::Array(values) => depth(values),
        Value::Object(members) => depth(members.values()),
        _ => 0,
    };
    1 + values.into_iter().map(depth).max().unwrap_or_default()
}

fn json(detail: &Map<String, Value>) -> Vec<u8> {
    serde_json::to_vec(detail).expect("a map of JSON values serializes")
}

/// Withholds each name and string that contains a secret. Adds the other strings to `texts`.
fn withhold(members: &mut Map<String, Value>, texts: &mut String) {
    *members = std::mem::take(members)
        .into_iter()
        .map(|(name, mut value)| {
            withhold_in(&mut value, texts);
            (if contains_secret(name.as_bytes()) { WITHHELD.into() } else { name }, value)
        })
        .collect();
}

fn withhold_in(value: &mut Value, texts: &mut String) {
    match value {
        Value::String(text) if contains_secret(text.as_bytes()) => *text = WITHHELD.into(),
        Value::String(text) => texts.push_str(text),
        Value::Array(values) => values.iter_mut().for_each(|value| withhold_in(value, texts)),
        Value::Object(members) => withhold(members, texts),
        _ => {}
    }
}

/// Adds as much of the output as fits into the detail.
fn with_output(mut detail: Map<String, Value>, output: &Output) -> Map<String, Value> {
    if contains_secret(&output.head) {
        detail.insert("output".into(), WITHHELD.into());
        return detail;
    }
    let head = match std::str::from_utf8(&output.head) {
        // The output was cut within its last character.
        Err(error) if error.error_len().is_none() && output.is_truncated() => {
            &output.head[..error.valid_up_to()]
        }
        _ => &output.head,
    };
    let text = String::from_utf8_lossy(head);
    detail.insert("output".into(), "".into());
    let all = fitting(&text, MAX - json(&detail).len());
    if all.len() == text.len() && !output.is_truncated() {
        detail.insert("output".into(), all.into());
        return detail;
    }
    detail.insert("output_truncated".into(), true.into());
    detail.insert("output_bytes".into(), output.bytes.into());
    let some = fitting(&text, MAX - json(&detail).len());
    detail.insert("output".into(), some.into());
    detail
}

/// Returns the longest beginning of a text that has at most `room` bytes as JSON.
fn fitting(text: &str, room: usize) -> &str {
    let mut used = 0;
    let end = text.char_indices().find(|(_, character)| {
        used += match character {
            '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
            '\0'..='\u{1f}' => 6,
            other => other.len_utf8(),
        };
        used > room
    });
    end.map_or(text, |(end, _)| &text[..end])
}

#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> Option<i32> {
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::redactor::{self, Kind};

    fn printed(text: &[u8]) -> Output {
        let output = std::sync::Mutex::default();
        super::super::output::read(text, &output).expect("read");
        output.into_inner().expect("unpoisoned")
    }

    fn success(text: impl AsRef<[u8]>) -> Value {
        let end = End::Status(ExitStatus::default());
        let finished = Finished::new(&end, &printed(text.as_ref()));
        assert!(finished.is_success);
        finished.detail.into()
    }

    #[test]
    fn one_object_is_the_detail() {
        assert_eq!(
            success(" {\"a\":[1,null,{\"b\":\"é\"}]}\r\n"),
            json!({"a": [1, null, {"b": "é"}]})
        );
        assert_eq!(success("{}"), json!({}));
    }

    #[test]
    fn anything_else_is_an_output() {
        let deep = |levels| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
        assert!(success(deep(MAX_DEPTH - 1))["a"].is_array());
        for text in [
            "",
            "done\n",
            "[1]",
            "{}{}",
            "{\"a\":1e400}",
            "{\"a\":",
            "null",
            &deep(MAX_DEPTH),
            &deep(1000),
        ] {
            assert_eq!(success(text), json!({"output": text}), "{text}");
        }
        assert_eq!(success(b"a\xff\xe9b\xe2\x82"), json!({"output": "a\u{fffd}\u{fffd}b\u{fffd}"}));
    }

    #[test]
    fn an_output_is_cut_at_a_character_and_marked() {
        let text = "€".repeat(MAX);
        let detail = success(&text);
        let output = detail["output"].as_str().expect("a string");
        assert!(text.starts_with(output) && output.len() > MAX - 100);
        assert_eq!(detail["output_truncated"], json!(true));
        assert_eq!(detail["output_bytes"], json!(3 * MAX));
        // The object is longer than the limit, so it is an output.
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(MAX));
        assert_eq!(success(&long)["output_truncated"], json!(true));
    }

    #[test]
    fn an_output_that_grows_as_json_is_cut_too() {
        let zeros = vec![0; MAX];
        let detail = success(&zeros);
        assert_eq!(detail["output_bytes"], json!(MAX));
        let length = serde_json::to_vec(&detail).expect("JSON").len();
        assert!((MAX - 5..=MAX).contains(&length), "{length}");
        let numbers = format!("{{\"a\":[{}1]}}", "1e15,".repeat(MAX / 6));
        assert_eq!(success(&numbers), json!({"output": numbers}));
    }

    #[test]
    fn withholds_strings_and_names_with_a_secret() {
        redactor::keep(Kind::Credential, "Zk4!vQ-8tRp2Lw");
        let detail = success(
            r#"{"a":"x Zk4!vQ-8tRp2Lw","b":[{"c":"wms0IXZRLTh0UnAyTHc="},"kept"],"Zk4!vQ-8tRp2Lw":1}"#,
        );
        assert_eq!(detail["a"], WITHHELD);
        assert_eq!(detail["b"][1], "kept");
        assert_eq!(detail[WITHHELD], 1);
        for text in [
            "a line, then Zk4!vQ-8tRp2Lw",
            r#"{"a":"Zk4!vQ-","b":"8tRp2Lw"}"#,
            r#"{"a":[90,107,52,33,118,81,45,56,116,82,112,50,76,119]}"#,
        ] {
            assert_eq!(success(text), json!({"output": WITHHELD}), "{text}");
        }
        let finished = Finished::not_started("the program /Zk4!vQ-8tRp2Lw cannot be started");
        assert_eq!(Value::from(finished.detail), json!({"msg": WITHHELD}));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]
        #[test]
        fn every_detail_is_within_the_limit(
            pieces in prop::collection::vec((any::<Vec<u8>>(), 1..1000_usize), 0..4),
            message in ".{0,40}",
        ) {
            let text: Vec<u8> = pieces.iter().flat_map(|(piece, count)| piece.repeat(*count)).collect();
            let output = printed(&text[..text.len().min(4 * MAX)]);
            for end in [End::Status(ExitStatus::default()), End::Stopped { reason: message }] {
                let finished = Finished::new(&end, &output);
                prop_assert!(json(&finished.detail).len() <= MAX);
            }
        }
    }
}
