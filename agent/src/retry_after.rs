//! Warnings about `Retry-After`.

use std::time::Duration;

use huaweicloud_sms::ResponseError;

use crate::redactor;

/// A longer wait causes a warning.
const LONG: Duration = Duration::from_secs(60 * 60);

/// Warns if the response asks for a long wait, or has an invalid `Retry-After`. `limit` is the longest wait
/// of the caller.
pub(crate) fn warn(error: &ResponseError, limit: Option<Duration>) {
    if let Some(ignored) = error.ignored_retry_after() {
        let ignored = redactor::shown(ignored);
        log::warn!("Retry-After is neither seconds nor a date, and is ignored: \"{ignored}\"");
    }
    let Some(wait) = error.retry_after().filter(|wait| *wait > LONG) else { return };
    let limit = match limit.filter(|limit| *limit < wait) {
        Some(limit) => format!("; waiting {} s (--max-retry-after)", limit.as_secs_f64()),
        None => String::new(),
    };
    log::warn!("the service asks to wait {} s (Retry-After){limit}", wait.as_secs());
}
