//! Answers and steps in a script.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::{
    answer::{Answer, Step},
    secret::unhex,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AnswerForm {
    status: Option<u16>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// The body. `null` is a body, too.
    #[serde(default, deserialize_with = "present")]
    json: Option<Value>,
    body: Option<String>,
    raw: Option<String>,
    steps: Option<Vec<StepForm>>,
    silent: Option<bool>,
    times: Option<u32>,
    after_processing: Option<bool>,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl AnswerForm {
    pub(super) fn read_fault(mut self) -> Result<Answer, String> {
        let is_after_processing = self.after_processing.take() == Some(true);
        let answer = self.read()?;
        Ok(if is_after_processing { answer.after_processing() } else { answer })
    }

    pub(super) fn read(self) -> Result<Answer, String> {
        if self.after_processing.is_some() {
            return Err("only a fault has after_processing".into());
        }
        let Self { status, headers, json, body, raw, steps: list, silent, times, .. } = self;
        let is_silent = silent == Some(true);
        let in_place = [raw.is_some(), list.is_some(), is_silent];
        let bodies = [json.is_some(), body.is_some()].into_iter().chain(in_place);
        if bodies.filter(|is_given| *is_given).count() > 1 {
            return Err("json, body, raw, steps and silent exclude each other".into());
        }
        if in_place.contains(&true) && (status.is_some() || !headers.is_empty()) {
            return Err("raw, steps and silent have no status and no headers".into());
        }
        let times = times.unwrap_or(1);
        if !(1..=Answer::MAX_TIMES).contains(&times) {
            return Err(format!("times must be from 1 to {}", Answer::MAX_TIMES));
        }
        let mut answer = match (raw, list) {
            (Some(raw), _) => Answer::raw(raw),
            (None, Some(list)) => Answer::steps(steps(list)?),
            (None, None) if is_silent => Answer::silent(),
            (None, None) => {
                let status = status.unwrap_or(200);
                let body = json.map(|json| json.to_string()).or(body).unwrap_or_default();
                if matches!(status, 204 | 304) && !body.is_empty() {
                    return Err(format!("status {status} has no body"));
                }
                Answer::try_body(status, body).ok_or("status must be from 200 to 599")?
            }
        };
        for (name, value) in &headers {
            let added = answer.reply.add_header(name, value);
            added.map_err(|_| format!("the header {name:?} can't be sent"))?;
        }
        Ok(answer.times(times))
    }
}

/// A step: one of the words, or an object with one member.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum StepForm {
    Send(String),
    SendHex(String),
    Dribble { text: String, pause_ms: u32 },
    Repeat { text: String, times: Option<u32> },
    PauseMs(u32),
    Request,
    Continue,
    Hold,
    Close,
    Cut,
    Reset,
}

impl StepForm {
    fn read(self) -> Result<Step, String> {
        Ok(match self {
            Self::Send(text) => Step::send(text),
            Self::SendHex(digits) => {
                let why = "send_hex takes two hexadecimal digits for each byte";
                Step::Send(unhex(&digits).ok_or(why)?)
            }
            Self::Dribble { text, pause_ms } => Step::dribble(text, pause(pause_ms)?),
            Self::Repeat { text, .. } if text.is_empty() => {
                return Err("an empty text can't be repeated".into());
            }
            Self::Repeat { text, times } => Step::Repeat(text.into(), times),
            Self::PauseMs(milliseconds) => Step::Pause(pause(milliseconds)?),
            Self::Request => Step::Request,
            Self::Continue => Step::Continue,
            Self::Hold => Step::Hold,
            Self::Close => Step::Close,
            Self::Cut => Step::Cut,
            Self::Reset => Step::Reset,
        })
    }
}

pub(super) fn steps(forms: Vec<StepForm>) -> Result<Vec<Step>, String> {
    forms.into_iter().map(StepForm::read).collect()
}

/// The longest pause of a script, in milliseconds.
const MAX_PAUSE: u32 = 60_000;

pub(super) fn pause(milliseconds: u32) -> Result<Duration, String> {
    if milliseconds > MAX_PAUSE {
        return Err(format!("a pause is at most {MAX_PAUSE} ms"));
    }
    Ok(Duration::from_millis(milliseconds.into()))
}
