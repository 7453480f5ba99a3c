use std::time::Duration;

use arbitrary::{Result, Unstructured};
use http::{Response, StatusCode};
use huaweicloud_sms_core::{ClockSkew, Timestamp};

use crate::{
    poll::{ERRORS, error_response, pace},
    session_model::{CheckedSession, Kind, dated, issued},
};

/// **Property 8.** Whatever happens, and in whatever order: calls and logins keep the poller's
/// invariants and take turns; one request is under way at a time; no expired or rejected token is sent,
/// no rejected credential within its pause, and each request is complete; a token is renewed before it
/// expires; `due` agrees with `poll`; and a signature has the timestamp that it should have.
pub fn session(data: &[u8]) {
    // Ends where the data does.
    let _ = events(&mut Unstructured::new(data));
}

fn events(u: &mut Unstructured<'_>) -> Result<()> {
    const KINDS: [Kind; 3] = [Kind::Token, Kind::Key, Kind::User];
    let limit = duration(u)?.as_millis().clamp(1, 86_400_000) as u64;
    let (kind, pace) = (*u.choose(&KINDS)?, pace(u, limit)?);
    let mut session = CheckedSession::new(kind, pace, u.arbitrary()?, u.arbitrary()?);
    let mut tokens = 0;
    while !u.is_empty() {
        match u.int_in_range(0..=12)? {
            0 => session.pass(duration(u)?),
            1 => {
                if let Err(instant) = session.poll() {
                    session.pass(instant - session.now());
                }
            }
            2 | 3 => drop(session.poll()),
            4 => respond(u, &mut session, Response::new("{}".to_owned()))?,
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
            _ => session.set_clock_skew(ClockSkew::between(timestamp(u)?, timestamp(u)?)),
        }
    }
    Ok(())
}

fn respond(
    u: &mut Unstructured<'_>,
    session: &mut CheckedSession,
    response: Response<String>,
) -> Result<()> {
    session.respond(&if u.arbitrary()? { dated(response, timestamp(u)?) } else { response });
    Ok(())
}

/// Milliseconds or minutes as likely as days.
fn duration(u: &mut Unstructured<'_>) -> Result<Duration> {
    let bits = u.int_in_range(0..=28)?;
    Ok(Duration::from_millis(u.int_in_range(0..=1 << bits)?))
}

/// In this century or the next.
fn timestamp(u: &mut Unstructured<'_>) -> Result<Timestamp> {
    Ok(Timestamp::from_unix_time(Duration::from_secs(u.arbitrary::<u32>()?.into())))
}
