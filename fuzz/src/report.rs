use std::time::Duration;

use http::Response;
use huaweicloud_sms_core::{
    AccessKey, AuthToken, Command, CommandParam, CommandResult, Endpoint, Operation, ReportResult,
    ServerId, Timestamp, Unauthenticated,
};
use serde_json::{Value, json};

use crate::{
    request::check_uri,
    response::{check_text, head_and_body, read},
    sign,
};

/// **Property 11.** For any id, name and detail, a report is rejected for a documented reason, or its request
/// is right. Then it has the documented URI, another parser reads the same name, result and detail from its
/// body, and its signature verifies by an independent reading. For any response, `parse` returns. It returns
/// `Ok` only for a 2xx that is not an HTML page.
///
/// The input has these lines: an id, a name, a result, a number of bytes, an empty line, and the detail. The
/// detail is lengthened by that number of bytes. The same input is also parsed as a response.
pub fn report(data: &[u8]) {
    let (head, detail) = head_and_body(data);
    let mut lines = head.split(|byte| *byte == b'\n');
    let mut text = || std::str::from_utf8(lines.next().unwrap_or_default()).unwrap_or_default();
    let (id, name, result, more) = (text(), text(), text(), text());
    let Ok(id) = ServerId::new(if id.is_empty() { "id" } else { id }) else { return };
    let result = result.parse().unwrap_or(CommandResult::Fail);
    let text = || Value::String(String::from_utf8_lossy(detail).into_owned());
    let mut detail: Value = serde_json::from_slice(detail).unwrap_or_else(|_| text());
    if let (Ok(more), Value::Object(members)) = (more.parse::<u32>(), &mut detail) {
        members.insert("more".to_owned(), "x".repeat(more as usize % 70_000).into());
    }
    if let Some(report) = check_new(&id, name, result, &detail) {
        check_parse(&report, &read(data));
    }
}

/// The names for which no edition of the API reference accepts a report.
const UNREPORTABLE: [&str; 5] =
    ["SKIP", "PREMIGRATE", "TASK_NOT_STARTED", "TASK_HAS_STOPPED", "TASK_HAS_FINISHED"];

fn check_new(
    id: &ServerId,
    name: &str,
    result: CommandResult,
    detail: &Value,
) -> Option<ReportResult> {
    let json = detail.to_string();
    let is_valid = (1..=255).contains(&name.chars().count())
        && !UNREPORTABLE.contains(&name)
        && detail.is_object()
        && json.len() <= 64 * 1024;
    let endpoint = Endpoint::new("https://sms.example:8443/base").expect("valid");
    let command = Command::new(name, CommandParam::default());
    let report = match ReportResult::new(&endpoint, id, command, result, detail) {
        Ok(report) => report,
        Err(error) => {
            let text = error.to_string();
            assert!(!is_valid, "rejected: {text}");
            assert!(text.len() <= 200 && !text.chars().any(char::is_control), "{text:?}");
            return None;
        }
    };
    assert!(is_valid, "accepted: {name:?} {json}");
    assert_eq!((report.command().name.as_str(), report.result()), (name, result));

    let request = report.request(&AuthToken::new("canary").expect("valid"));
    assert_eq!(request.method(), "POST");
    check_uri(&endpoint, id, request.uri(), "/command_result");
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    assert_eq!(header("content-length"), Some(request.body().len().to_string().as_str()));
    assert_eq!(header("content-type"), Some("application/json"));
    assert_eq!(header("x-auth-token"), Some("canary"));
    let body: Value = serde_json::from_slice(request.body()).expect("JSON");
    // Parsed again, so that numbers have the form that another parser gives them.
    let detail: Value = serde_json::from_str(&json).expect("JSON");
    let expected =
        json!({"command_name": name, "result": result.as_str(), "result_detail": detail});
    assert_eq!(body, expected);

    let now = Timestamp::from_unix_time(Duration::from_secs(1_783_296_000));
    let signer = AccessKey::new("id", "secret").expect("valid");
    let signed = report.request(&signer.signer(now));
    sign::check("id", "secret", now, &report.request(&Unauthenticated), &signed);
    assert_eq!(signed.body(), request.body());
    Some(report)
}

fn check_parse(report: &ReportResult, response: &Response<Vec<u8>>) {
    let (status, body) = (response.status(), response.body());
    let text = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let is_page = text.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'<');
    match report.parse(response) {
        Ok(()) => assert!((200..300).contains(&status.as_u16()) && !is_page),
        Err(error) => {
            assert!(!(200..300).contains(&status.as_u16()) || is_page, "{error}");
            assert_eq!(error.status(), status);
            check_text(&error);
        }
    }
}
