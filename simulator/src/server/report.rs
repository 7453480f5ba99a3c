//! The report of a command's result:
//! [UpdateCommandResult](https://support.huaweicloud.com/intl/en-us/api-sms/UpdateCommandResult.html).

use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::{
    answer::{Reply, rejection},
    report::Report,
    script::Commands,
};

/// The largest body of a report. The service's limit is not documented.
const MAX_BODY: usize = 512 * 1024;

/// The largest `command_name`, in characters, as documented.
const MAX_NAME: usize = 255;

/// The names of `ShowCommand` that no edition of the report's documentation has.
const UNREPORTABLE: [&str; 5] =
    ["SKIP", "PREMIGRATE", "TASK_NOT_STARTED", "TASK_HAS_STOPPED", "TASK_HAS_FINISHED"];

/// An error's code and message.
type Problem = (&'static str, &'static str);

/// Drops the held command if the report is about it. Returns the response and the record of the report.
pub(super) fn take(
    commands: &mut Commands,
    (number, server_id): (u64, String),
    body: &[u8],
) -> (Reply, Report) {
    let (members, problem) = match object(body) {
        Ok(members) => (members, None),
        Err(problem) => (Map::new(), Some(problem)),
    };
    let text = |name| members.get(name).and_then(Value::as_str).map(str::to_owned);
    let mut report = Report {
        number,
        server_id,
        held: commands.held(),
        name: text("command_name"),
        result: text("result"),
        detail: members.get("result_detail").filter(|detail| detail.is_object()).cloned(),
        error_code: None,
    };
    let reply = match problem.or_else(|| mistake(&report, commands.need_delivery)) {
        None => {
            commands.take();
            Reply::json(StatusCode::OK, &json!({}))
        }
        Some((code, message)) => {
            report.error_code = Some(code);
            rejection::service(StatusCode::BAD_REQUEST, code, message)
        }
    };
    (reply, report)
}

fn object(body: &[u8]) -> Result<Map<String, Value>, Problem> {
    if body.is_empty() {
        return Err(("SMS.6012", "The request body is empty."));
    }
    if body.len() > MAX_BODY {
        return Err(("SMS.6014", "The request body is too long."));
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(("SMS.6011", "The request body is invalid.")),
        Err(error) if error.is_eof() => Err(("SMS.6013", "The request body is incomplete.")),
        Err(_) => Err(("SMS.6010", "The request body is not in JSON format.")),
    }
}

/// Returns the reason to reject a report whose body is an object.
fn mistake(report: &Report, needs_delivery: bool) -> Option<Problem> {
    let is_name = |name: &&str| !name.is_empty() && name.chars().count() <= MAX_NAME;
    let Some(name) = report.name.as_deref().filter(is_name) else {
        return Some(("SMS.6020", "The command name is missing."));
    };
    if !matches!(report.result.as_deref(), Some("success" | "fail")) {
        return Some(("SMS.6022", "The command result is invalid."));
    }
    if report.detail.is_none() {
        return Some(("SMS.6023", "The details of the command result are invalid."));
    }
    let is_held = report
        .held
        .as_ref()
        .is_some_and(|held| held.name() == name && (held.deliveries > 0 || !needs_delivery));
    if !is_held || UNREPORTABLE.contains(&name) {
        return Some(("SMS.6021", "The command from the Agent does not match that of SMS."));
    }
    None
}
