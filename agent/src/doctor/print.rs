//! Prints the diagnosis: a line for each check, or one JSON object.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use huaweicloud_sms::Escaped;
use serde::Serialize;

use super::{
    check::{Check, Verdict},
    diagnosis::Diagnosis,
    step::Step,
};
use crate::{args::Format, exit::Exit, print, redactor};

pub(super) fn print(diagnosis: &Diagnosis, format: Format) -> ExitCode {
    let written = match format {
        Format::Text => diagnosis.checks().try_for_each(|(step, check)| {
            let line = line(step, &Shown::new(step, check));
            writeln!(io::stdout(), "{line}")
        }),
        Format::Json => writeln!(io::stdout(), "{}", json(diagnosis)),
    };
    match diagnosis.failed() {
        // The exit status shows the failure even if its message is lost.
        Some(step) => ExitCode::from(step as u8),
        None => Exit::Answer.if_written(written).into(),
    }
}

/// A check from whose texts secrets are withheld. The texts are not escaped.
#[derive(Serialize)]
struct Shown {
    name: &'static str,
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
}

impl Shown {
    fn new(step: Step, check: &Check) -> Self {
        let found = Some(check.found.as_str()).filter(|found| !found.is_empty());
        let reason = check.reason.as_deref();
        // A remedy, and the reason to skip a check, contain no text from outside.
        let is_ours = check.verdict == Verdict::Skipped;
        let texts = [found, reason.filter(|_| !is_ours)];
        let there: Vec<&str> = texts.iter().copied().flatten().collect();
        let mut shown = redactor::withhold(&there).into_iter();
        let [found, withheld] = texts.map(|text| text.and_then(|_| shown.next()));
        let reason = if is_ours { check.reason.clone() } else { withheld };
        let remedy = check.remedy.clone();
        let seconds = check.time.map(|time| (time.as_secs_f64() * 1e3).round() / 1e3);
        let (name, verdict) = (step.name(), check.verdict.word());
        Self { name, verdict, found, reason, remedy, seconds }
    }
}

fn line(step: Step, check: &Shown) -> String {
    let remedy = check.remedy.as_ref().map(|remedy| format!("remedy: {remedy}"));
    let texts: Vec<_> =
        [&check.found, &check.reason, &remedy].into_iter().flatten().map(String::as_str).collect();
    let time = check.seconds.map(|seconds| format!(" [{seconds:.3} s]")).unwrap_or_default();
    let texts = texts.join("; ");
    format!("{:<7} {:<13} {}{time}", check.verdict, step.name(), Escaped(&texts))
}

fn json(diagnosis: &Diagnosis) -> String {
    #[derive(Serialize)]
    struct Doctor {
        answer: &'static str,
        failed: Option<&'static str>,
        steps: Vec<Shown>,
    }
    print::line(
        None,
        Doctor {
            answer: "doctor",
            failed: diagnosis.failed().map(Step::name),
            steps: diagnosis.checks().map(|(step, check)| Shown::new(step, check)).collect(),
        },
    )
}
