use std::time::Duration;

use arbitrary::{Result, Unstructured};
use http::Response;
use huaweicloud_sms_core::{Operation, Pace, Poller, ResponseError, Step};

use crate::poller_model::PollerModel;

/// **Property 5.** For any events in any order, the poller keeps the invariants of its docs.
pub fn poll(data: &[u8]) {
    // An error only means that the data has ended.
    let _ = events(&mut Unstructured::new(data));
}

fn events(u: &mut Unstructured<'_>) -> Result<()> {
    let mut now = Duration::from_secs(1_000_000);
    let pace = pace(u, 86_400_000)?;
    let mut poller = Poller::new(pace, u.arbitrary()?, now);
    let mut model = PollerModel::new(pace, now);
    assert_eq!(poller.poll(now), Step::Send);
    while !u.is_empty() {
        match (u.int_in_range(0..=7)?, poller.poll(now)) {
            (0, _) => now += Duration::from_millis(u.int_in_range(0..=100_000_000)?),
            (1, Step::WaitUntil(next)) => now = next,
            (2, Step::Send) => {
                poller.on_start(now);
                model.start(now);
            }
            (3, _) => {
                poller.on_answer(now);
                model.answer(now);
            }
            (4, _) => {
                let retry_after = u.arbitrary::<Option<u32>>()?.map(u64::from);
                let error = error(u.choose_index(ERRORS)?, retry_after);
                poller.on_error(now, &error);
                model.error(now, &error);
            }
            (5, _) => {
                poller.on_failure(now);
                model.failure(now);
            }
            (6, _) | (2, Step::RenewCredential) => {
                poller.on_renewed();
                model.renewed();
            }
            (7, _) => {
                poller.decline(now);
                model.decline(now);
            }
            _ => {}
        }
        model.check(now, poller.poll(now));
        assert_eq!(poller.failures(), model.failures);
    }
    Ok(())
}

/// Returns a legal pace with durations of at most `limit` milliseconds.
pub(crate) fn pace(u: &mut Unstructured<'_>, limit: u64) -> Result<Pace> {
    let mut duration = || Ok(Duration::from_millis(u.int_in_range(1..=limit)?));
    let (interval, call_limit, one, other) = (duration()?, duration()?, duration()?, duration()?);
    let pace = Pace::default()
        .with_interval(interval)
        .and_then(|pace| pace.with_call_limit(call_limit))
        .and_then(|pace| pace.with_backoff(one.min(other), one.max(other)));
    let jitter = u.int_in_range(0..=100)?;
    Ok(pace.and_then(|pace| pace.with_jitter(jitter)).expect("a legal pace"))
}

/// Returns an error response. There is one for each kind of error that the poller distinguishes.
/// `retry_after` is in seconds.
///
/// # Panics
/// If the number is not below [`ERRORS`].
#[must_use]
pub fn error_response(number: usize, retry_after: Option<u64>) -> Response<String> {
    let (status, body) = RESPONSES[number];
    let mut response = Response::builder().status(status);
    if let Some(seconds) = retry_after {
        response = response.header("retry-after", seconds);
    }
    response.body(body.to_owned()).expect("valid")
}

/// Returns the error that the core reads from [`error_response`].
///
/// # Panics
/// If the number is not below [`ERRORS`].
#[must_use]
pub fn error(number: usize, retry_after: Option<u64>) -> ResponseError {
    crate::call().parse(&error_response(number, retry_after)).expect_err("an error")
}

/// The number of error responses.
pub const ERRORS: usize = RESPONSES.len();

const RESPONSES: [(u16, &str); 16] = [
    (401, r#"{"error_code":"SMS.6521","error_msg":"m"}"#),
    (401, r#"{"error_code":"APIGW.0307","error_msg":"m"}"#),
    (401, "<html>"),
    (401, r#"{"error_code":"APIGW.0301","error_msg":"failed to reach the limit"}"#),
    (400, r#"{"error_code":"SMS.0205","error_msg":"m"}"#),
    (429, r#"{"error_code":"APIGW.0308","error_msg":"m"}"#),
    (500, r#"{"error_code":"SMS.6000","error_msg":"m"}"#),
    (503, ""),
    (404, r#"{"error_code":"SMS.7602","error_msg":"m"}"#),
    (403, r#"{"error_code":"SMS.6542","error_msg":"m"}"#),
    (400, r#"{"error_code":"SMS.6016","error_msg":"m"}"#),
    (400, r#"{"error_code":"SMS.7606","error_msg":"m"}"#),
    (200, "<html>"),
    (302, ""),
    (403, r#"{"error_code":"SMS.9004","error_msg":"m"}"#),
    (404, r#"{"error_code":"APIGW.0101","error_msg":"m"}"#),
];
