use std::time::Duration;

use arbitrary::{Result, Unstructured};
use http::{Response, StatusCode};
use huaweicloud_sms_core::{ClockSkew, Timestamp};
use serde_json::json;

use crate::{
    command,
    poll::{ERRORS, error_response, pace},
    session_model::{CheckedSession, Kind, dated, issued},
};

/// **Property 8.** For any events in any order:
///
/// * Calls and logins keep the poller's invariants and take turns. One request is under way at a time.
/// * The session sends no expired or rejected token, and no rejected credential within its pause. Each request
///   is complete. A token is renewed before it expires. A signature has the right timestamp.
/// * `due` agrees with `poll`.
/// * A report goes before a call. It waits for each backoff and pause, but for no interval. The session sends
///   it again only after a poll has shown that the service holds no other command. It drops the report only
///   after an answer with another command, after the service's own codes, or when the service accepts the report.
pub fn session(data: &[u8]) {
    // An error only means that the data has ended.
    let _ = events(&mut Unstructured::new(data));
}

fn events(u: &mut Unstructured<'_>) -> Result<()> {
    const KINDS: [Kind; 3] = [Kind::Token, Kind::Key, Kind::User];
    let limit = duration(u)?.as_millis().clamp(1, 86_400_000) as u64;
    let (kind, pace) = (*u.choose(&KINDS)?, pace(u, limit)?);
    let mut session = CheckedSession::new(kind, pace, u.arbitrary()?, u.arbitrary()?);
    let mut tokens = 0;
    while !u.is_empty() {
        match u.int_in_range(0..=15)? {
            0 => session.pass(duration(u)?),
            1 => {
                if let Err(instant) = session.poll() {
                    session.pass(instant - session.now());
                }
            }
            2 | 3 => drop(session.poll()),
            4 => {
                let response = answer(*u.choose(&ANSWERS)?);
                respond(u, &mut session, response)?;
            }
            5 => {
                let response = error_response(
                    u.choose_index(ERRORS)?,
                    u.arbitrary::<Option<u32>>()?.map(u64::from),
                );
                respond(u, &mut session, response)?;
            }
            6 => {
                let life = Duration::from_secs(duration(u)?.as_secs() + 1);
                let response = issued(tokens, timestamp(u)?, life);
                tokens += 1;
                respond(u, &mut session, response)?;
            }
            7 => {
                let mut response = Response::new(u.arbitrary::<&[u8]>()?.to_vec());
                *response.status_mut() =
                    StatusCode::from_u16(u.int_in_range(100..=599)?).expect("a status");
                session.respond(&response);
            }
            8 => session.fail(),
            9 => session.renew(*u.choose(&KINDS)?),
            10 => session.decline(),
            11 => session.set_clock(timestamp(u)?.as_unix_time()),
            12 => {
                let (name, task) = *u.choose(&COMMANDS)?;
                session.report(command(name, task));
            }
            13 => {
                let (status, code) = *u.choose(&REPORT_ERRORS)?;
                let mut response = Response::builder().status(status);
                if let Some(seconds) = u.arbitrary::<Option<u16>>()? {
                    response = response.header("retry-after", seconds);
                }
                let body = format!(r#"{{"error_code":"{code}","error_msg":"m"}}"#);
                respond(u, &mut session, response.body(body).expect("valid"))?;
            }
            // A poll and its answer, as most sessions have them.
            14 => {
                let _ = session.poll();
                let response = answer(*u.choose(&ANSWERS)?);
                session.respond(&response);
            }
            _ => session.set_clock_skew(ClockSkew::between(timestamp(u)?, timestamp(u)?)),
        }
    }
    Ok(())
}

const COMMANDS: [(&str, u64); 3] = [("START", 0), ("START", 1), ("STOP", 0)];
/// No command, a command, or a task's state.
const ANSWERS: [Option<(&str, u64)>; 5] =
    [None, Some(COMMANDS[0]), Some(COMMANDS[1]), Some(COMMANDS[2]), Some(("TASK_HAS_STOPPED", 0))];
const REPORT_ERRORS: [(u16, &str); 10] = [
    (400, "SMS.6020"),
    (400, "SMS.6021"),
    (404, "SMS.6021"),
    (500, "SMS.6021"),
    (400, "SMS.6022"),
    (400, "SMS.6023"),
    (400, "SMS.6016"),
    (400, "S3M.6010"),
    (400, "APIGW.0105"),
    (403, "APIGW.0302"),
];

fn answer(command: Option<(&str, u64)>) -> Response<String> {
    Response::new(match command {
        None => "{}".to_owned(),
        Some((name, task)) => json!(crate::command(name, task)).to_string(),
    })
}

fn respond(
    u: &mut Unstructured<'_>,
    session: &mut CheckedSession,
    response: Response<String>,
) -> Result<()> {
    session.respond(&if u.arbitrary()? { dated(response, timestamp(u)?) } else { response });
    Ok(())
}

/// Returns a duration. Milliseconds and minutes are as likely as days.
fn duration(u: &mut Unstructured<'_>) -> Result<Duration> {
    let bits = u.int_in_range(0..=28)?;
    Ok(Duration::from_millis(u.int_in_range(0..=1 << bits)?))
}

/// Returns a timestamp in this century or the next.
fn timestamp(u: &mut Unstructured<'_>) -> Result<Timestamp> {
    Ok(Timestamp::from_unix_time(Duration::from_secs(u.arbitrary::<u32>()?.into())))
}
