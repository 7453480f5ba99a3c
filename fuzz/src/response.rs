use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use huaweicloud_sms_core::{Answer, NoCommand, Operation, ResponseError};

use crate::reference;

/// **Properties 1 and 7.** For any status, headers and bytes, `parse` returns. It returns `Ok` only for a 200
/// and an empty 204. The text of an error is bounded and has no control characters. If a `serde_json::Value`
/// reads the same bytes without ambiguity, both agree.
///
/// The input is a status, lines `name: value`, an empty line, and the body.
pub fn response(data: &[u8]) {
    let response = read(data);
    let (status, headers, body) =
        (response.status(), response.headers(), response.body().as_slice());
    let result = crate::call().parse(&response);

    match &result {
        Ok(Answer::NoCommand(NoCommand::NoContent)) => assert!(status == 204 && body.is_empty()),
        Ok(Answer::NoCommand(NoCommand::EmptyBody)) => assert!(status == 200 && body.is_empty()),
        Ok(_) => {
            assert_eq!(status, 200);
            check_object(body);
        }
        Err(error) => {
            assert_eq!(error.status(), status);
            check_text(error);
        }
    }
    if !headers.contains_key("content-encoding") {
        reference::check(status, body, &result);
    }
}

/// Checks that the bytes are one whole JSON object and nothing else.
pub(crate) fn check_object(body: &[u8]) {
    let text = std::str::from_utf8(body).expect("UTF-8");
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    assert!(text.trim_ascii_start().starts_with('{'));
    serde_json::from_str::<serde::de::IgnoredAny>(text).expect("one whole JSON value");
}

pub(crate) fn check_text(error: &ResponseError) {
    let text = error.to_string();
    assert!(!text.chars().any(char::is_control), "{text:?}");
    // Code, message and id at their limits, every character escaped as `\u{10ffff}`.
    assert!(text.len() <= 200 + (255 + 1024 + 255) * 10, "{} bytes", text.len());
    match error {
        ResponseError::Api(error) => {
            let within =
                |text: Option<&str>, limit| text.is_none_or(|t| t.chars().count() <= limit);
            assert!(within(error.code(), 255) && within(error.message(), 1024));
            assert!(within(error.request_id(), 255));
            assert!(within(error.encoded_authorization_message(), 65_535));
            assert!(error.error_param().len() <= 20 && error.details().len() <= 20);
            let _ = (error.kind().advice(), error.retry_after());
        }
        ResponseError::Status(error) => assert!(error.excerpt().chars().count() <= 200),
        _ => {}
    }
}

pub(crate) fn read(data: &[u8]) -> Response<Vec<u8>> {
    let (head, body) = head_and_body(data);
    let mut lines = head.split(|byte| *byte == b'\n');
    let status = lines.next().and_then(|line| StatusCode::from_bytes(line).ok());
    let mut response = Response::new(body.to_vec());
    *response.status_mut() = status.unwrap_or(StatusCode::OK);
    *response.headers_mut() = headers(lines);
    response
}

/// Splits the input at its first empty line.
pub(crate) fn head_and_body(data: &[u8]) -> (&[u8], &[u8]) {
    match data.windows(2).position(|two| two == b"\n\n") {
        Some(end) => (&data[..end], &data[end + 2..]),
        None => (&[], data),
    }
}

/// Parses the first 32 lines `name: value`.
pub(crate) fn headers<'a>(lines: impl Iterator<Item = &'a [u8]>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines.take(32) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let name = HeaderName::from_bytes(&line[..colon]);
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    headers
}
