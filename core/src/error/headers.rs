use alloc::string::String;
use core::time::Duration;

use http::{HeaderMap, header};

use crate::{text::truncate, time::http_date};

/// Whether the body is encoded, so that it cannot be read. An empty value and `identity` do not count.
pub(crate) fn is_encoded(headers: &HeaderMap) -> bool {
    headers.get_all(header::CONTENT_ENCODING).iter().any(|value| {
        value.as_bytes().split(|byte| *byte == b',').any(|coding| {
            let coding = coding.trim_ascii();
            !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity")
        })
    })
}

/// The request's id: from the gateway's header, else from the body, else from IAM's header.
pub(crate) fn request_id(headers: &HeaderMap, in_body: Option<String>) -> Option<String> {
    const MAX_CHARS: usize = 255;
    let header = |name| {
        let text =
            headers.get(name).and_then(|value| core::str::from_utf8(value.as_bytes()).ok())?;
        Some(truncate(text.trim_ascii(), MAX_CHARS).0).filter(|text| !text.is_empty())
    };
    header("x-request-id")
        .or(in_body.filter(|id| !id.is_empty()))
        .or_else(|| header("x-iam-trace-id"))
}

/// Reads `Retry-After`: seconds, or a date, which is compared with the response's own `Date`.
///
/// The result is capped, so that it can be added to any instant.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    const MAX: Duration = Duration::from_secs(24 * 60 * 60);
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim_ascii);
    let value = text(header::RETRY_AFTER)?;
    let wait = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number that does not fit means a long wait.
        Duration::from_secs(value.parse().unwrap_or(u64::MAX))
    } else {
        let until = http_date::seconds_since_epoch(value)?;
        let now = http_date::seconds_since_epoch(text(header::DATE)?)?;
        Duration::from_secs(u64::try_from(until - now).unwrap_or(0))
    };
    Some(wait.min(MAX))
}
