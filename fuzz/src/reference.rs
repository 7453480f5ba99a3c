//! A second, simple reading of responses, by `serde_json::Value`. It is compared with that of the core.

use std::{fmt, time::Duration};

use http::{Response, StatusCode};
use huaweicloud_sms_core::{Answer, IssuedToken, ResponseError, Timestamp};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use time::{Date, Month};

use crate::answer::print;

/// The members of an object, with doubled ones.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnObject;
        impl<'de> Visitor<'de> for AnObject {
            type Value = Members;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(AnObject)
    }
}

impl Members {
    /// Returns the value of a member that occurs at most once.
    fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(member, _)| member == name).map(|(_, value)| value)
    }

    fn has_doubled(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.0.iter().filter(|(member, _)| member == name).count() > 1)
    }
}

/// Compares a result with the simple reading, if the body is an object and unambiguous.
pub(crate) fn check(status: StatusCode, body: &[u8], result: &Result<Answer, ResponseError>) {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let Ok(members) = serde_json::from_slice::<Members>(body) else { return };
    match status.as_u16() {
        200 => success(&members, result),
        400.. => error(&members, result),
        _ => assert!(result.is_err()),
    }
}

fn success(members: &Members, result: &Result<Answer, ResponseError>) {
    let name = members.get("command_name");
    let param = members.get("command_param");
    if members.has_doubled(&["command_name", "command_param"]) {
        assert!(result.is_err());
        return;
    }
    let is_short = |text: &str| text.chars().count() <= 255;
    let param_is_right = match param {
        None | Some(Value::Null) => true,
        Some(Value::Object(param)) => {
            ["task_id", "bucket", "object"].iter().all(|field| match param.get(*field) {
                None | Some(Value::Null) => true,
                Some(Value::String(text)) => is_short(text) || *field == "object",
                Some(_) => false,
            })
        }
        Some(_) => false,
    };
    let name_is_right = match name {
        None | Some(Value::Null) => true,
        Some(Value::String(name)) => is_short(name),
        Some(_) => false,
    };
    if !name_is_right || !param_is_right {
        assert!(matches!(result, Err(ResponseError::Body(_))), "{result:?}");
        return;
    }
    let says = |value: &Value| match value {
        Value::String(text) => !text.is_empty(),
        Value::Number(_) => true,
        _ => false,
    };
    let is_error =
        members.0.iter().any(|(k, v)| (k == "error_code" || k == "error_msg") && says(v));
    match name.and_then(Value::as_str) {
        Some(name) if !name.is_empty() => {
            // The core rejects a member that is doubled inside `command_param`. A `Value` does not see it.
            let Ok(answer) = result else { return };
            let printed = print(answer);
            assert_eq!(printed["command_name"], name);
            for field in ["task_id", "bucket", "object"] {
                let plain = param.map_or(&Value::Null, |param| &param[field]);
                assert_eq!(&printed["command_param"][field], plain);
            }
        }
        _ if is_error => assert!(matches!(result, Err(ResponseError::Api(_))), "{result:?}"),
        _ => match result {
            Ok(Answer::NoCommand(why)) => {
                let expected = match name {
                    None if members.0.is_empty() => "empty_object",
                    None => "missing_name",
                    Some(Value::Null) => "null_name",
                    Some(_) => "empty_name",
                };
                assert_eq!(why.as_str(), expected);
            }
            Ok(other) => panic!("invented: {other:?}"),
            Err(_) => {}
        },
    }
}

const CODES: [&str; 3] = ["error_code", "errorCode", "code"];
const MESSAGES: [&str; 4] = ["error_msg", "errorMsg", "errorMessage", "message"];

fn error(members: &Members, result: &Result<Answer, ResponseError>) {
    let Err(ResponseError::Api(error)) = result else {
        assert!(matches!(result, Err(ResponseError::Status(_))), "{result:?}");
        let says = |name: &&str| matches!(members.get(name), Some(Value::String(_)));
        assert!(!CODES.iter().any(&says), "lost: {result:?}");
        assert!(!MESSAGES.iter().any(&says), "lost: {result:?}");
        return;
    };
    let first = |names: &[&str]| -> Option<String> {
        names.iter().find_map(|name| match members.get(name)? {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            Value::Number(number) if !number.is_f64() => Some(number.to_string()),
            _ => None,
        })
    };
    let is_float = |name: &&str| members.get(name).is_some_and(Value::is_f64);
    if !members.has_doubled(&CODES) && !CODES.iter().any(is_float) {
        if let Some(code) = first(&CODES) {
            assert_eq!(error.code(), Some(code.chars().take(255).collect::<String>().as_str()));
        }
    }
    if !members.has_doubled(&MESSAGES) && !MESSAGES.iter().any(is_float) {
        if let Some(message) = first(&MESSAGES) {
            let message: String = message.chars().take(1024).collect();
            assert_eq!(error.message(), Some(message.as_str()));
        }
    }
}

/// Compares a login with the simple reading, if the body is an object. The core rejects a member that is
/// doubled inside `token`. A `Value` does not see it.
pub(crate) fn check_token(
    response: &Response<Vec<u8>>,
    result: &Result<IssuedToken, ResponseError>,
) {
    let body = response.body().as_slice();
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let Ok(members) = serde_json::from_slice::<Members>(body) else { return };
    match (plain_token(response, &members), result) {
        (Some((issued_at, expires_at)), Ok(issued)) => {
            let seconds = |time: Timestamp| time.as_unix_time();
            assert_eq!(
                (seconds(issued.issued_at), seconds(issued.expires_at)),
                (issued_at, expires_at)
            );
        }
        (Some(_), Err(ResponseError::Body(error))) => {
            let problem = error.problem().to_string();
            assert!(problem.ends_with("is there twice"), "rejected: {problem}");
        }
        (Some(_), Err(error)) => panic!("rejected: {error}"),
        (None, Ok(issued)) => panic!("invented: {issued:?}"),
        (None, Err(_)) => {}
    }
}

/// Reads the times at which the token was issued and expires.
fn plain_token(response: &Response<Vec<u8>>, members: &Members) -> Option<(Duration, Duration)> {
    let headers = response.headers();
    let mut tokens = headers.get_all("x-subject-token").iter();
    let token = tokens.next().filter(|_| tokens.next().is_none())?.as_bytes();
    let is_legal = response.status() == 201
        && (1..=16_384).contains(&token.len())
        && token.iter().all(u8::is_ascii_graphic)
        && !members.has_doubled(&["token"]);
    let token = members.get("token").filter(|_| is_legal)?.as_object()?;
    let issued_at = match token.get("issued_at") {
        None | Some(Value::Null) => Timestamp::from_date_header(headers)?.as_unix_time(),
        Some(time) => plain_time(time.as_str()?)?,
    };
    let expires_at = plain_time(token.get("expires_at")?.as_str()?)?;
    // A token that has expired when it arrives is rejected.
    (expires_at > issued_at).then_some((issued_at, expires_at))
}

/// Reads a time such as `2019-02-13T06:52:13.855000Z` by the crate `time`.
pub(crate) fn plain_time(text: &str) -> Option<Duration> {
    let text = text.strip_suffix('Z')?;
    let (text, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_form = text.len() == 19
        && text.bytes().zip(*b"0000-00-00T00:00:00").all(|(byte, form)| match form {
            b'0' => byte.is_ascii_digit(),
            form => byte == form,
        });
    let is_fraction =
        (1..=9).contains(&fraction.len()) && fraction.bytes().all(|b| b.is_ascii_digit());
    if !is_form || !is_fraction {
        return None;
    }
    let number = |at: usize| text[at..at + 2].parse::<u8>().ok();
    let (month, second) = (Month::try_from(number(5)?).ok()?, number(17)?);
    let date = Date::from_calendar_date(text[..4].parse().ok()?, month, number(8)?).ok()?;
    let time = date.with_hms(number(11)?, number(14)?, second.min(59)).ok()?.assume_utc();
    // A leap second is the first second of the next minute.
    let seconds = u64::try_from(time.unix_timestamp()).ok()? + u64::from(second == 60);
    let nanos = format!("{fraction:0<9}").parse().ok()?;
    let last = Timestamp::MAX.as_unix_time();
    let time = Duration::new(seconds, nanos);
    (second <= 60).then_some(if seconds > last.as_secs() { last } else { time })
}
