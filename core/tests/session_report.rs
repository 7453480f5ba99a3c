//! Tests when a session sends a report, and when it drops one.

mod support;

use std::time::Duration;

use huaweicloud_sms_core::{
    Command, CommandParam, CommandResult, Endpoint, ReportResult, ServerId, http,
};

use self::support::{CALL, Driver, LOGIN, REPORT, issued, key, login, response, token};

const START: &str = r#"{"command_name":"START","command_param":{"task_id":"t1"}}"#;
const OTHER_START: &str = r#"{"command_name":"START","command_param":{"task_id":"t2"}}"#;

fn report() -> ReportResult {
    let endpoint = Endpoint::new("https://sms.example").expect("valid");
    let command = Command::new("START", CommandParam::default().with_task_id("t1"));
    let detail = serde_json::json!({"msg": "done"});
    let id = ServerId::new("id").expect("valid");
    ReportResult::new(&endpoint, &id, command, CommandResult::Success, &detail).expect("valid")
}

/// Returns a session whose last answer is START of task t1. It has the report of this command.
fn reporting(mut driver: Driver) -> Driver {
    assert_eq!(driver.poll(), CALL);
    assert_eq!(driver.respond(response(200, START)), "answer");
    driver.session.report(driver.now, report()).expect("no report is pending");
    driver
}

fn with_token() -> Driver {
    reporting(Driver::new(token("t")))
}

fn error(status: u16, code: &str) -> http::Response<&'static str> {
    let body = format!(r#"{{"error_code":"{code}","error_msg":"m"}}"#);
    response(status, body.leak())
}

#[test]
fn sends_a_report_at_once_and_then_waits_out_the_interval() {
    let mut driver = with_token();
    driver.pass(2);
    assert_eq!(driver.poll(), REPORT);
    assert_eq!(driver.request.method(), "POST");
    assert_eq!(driver.header("x-auth-token"), "t");
    assert!(driver.session.is_report());
    assert_eq!(driver.respond(response(200, "{ }")), "reported");
    assert_eq!(driver.session.pending_report(), None);
    assert_eq!(driver.poll(), "waits 8 s");
}

#[test]
fn a_key_signs_the_reports_body() {
    let mut driver = reporting(Driver::new(key("s")));
    assert_eq!(driver.poll(), REPORT);
    assert!(driver.header("authorization").starts_with("SDK-HMAC-SHA256 Access=id"));
    assert_eq!(driver.header("content-length"), driver.request.body().len().to_string());
    assert_eq!(driver.respond(response(204, "")), "reported");
}

#[test]
fn a_users_report_has_the_token_of_the_login() {
    let mut driver = reporting(Driver::logged_in());
    assert_eq!(driver.poll(), REPORT);
    assert_eq!(driver.header("x-auth-token"), "t");
    assert_eq!(driver.session.credential_due(driver.now), None);
    assert_eq!(driver.respond(response(200, "")), "reported");
}

#[test]
fn a_report_comes_before_a_call_that_is_due() {
    let mut driver = with_token();
    driver.pass(10);
    assert_eq!(driver.poll(), REPORT);
    assert_eq!(driver.respond(response(200, "")), "reported");
    assert_eq!(driver.poll(), CALL);
}

#[test]
fn a_second_report_is_returned() {
    let mut driver = with_token();
    assert_eq!(driver.session.report(driver.now, report()), Err(report()));
    assert_eq!(driver.session.pending_report(), Some(&report()));
}

#[test]
fn a_failed_report_is_repeated_after_a_poll_that_returns_the_same_command() {
    let mut driver = with_token();
    assert_eq!(driver.poll(), REPORT);
    driver.session.on_failure(driver.now);
    assert_eq!(driver.poll(), "waits 10 s", "the service may have accepted it");
    driver.pass(10);
    assert_eq!(driver.poll(), CALL);
    assert_eq!(driver.respond(response(200, START)), "answer");
    assert_eq!(driver.poll(), REPORT);
    assert_eq!(driver.respond(response(200, "")), "reported");
}

#[test]
fn a_report_in_doubt_is_repeated_if_the_service_holds_no_command() {
    for (answer, event) in [(response(200, "{}"), "answer"), (error(404, "SMS.7606"), "error")] {
        let mut driver = with_token();
        assert_eq!(driver.poll(), REPORT);
        assert_eq!(driver.respond(response(502, "")), "report error");
        driver.pass(10);
        assert_eq!(driver.poll(), CALL);
        assert_eq!(driver.respond(answer), event);
        driver.pass(10);
        assert_eq!(driver.poll(), REPORT);
        assert_eq!(driver.respond(error(400, "SMS.6021")), "report rejected");
        assert_eq!(driver.session.pending_report(), None);
    }
}

#[test]
fn a_report_is_dropped_if_the_service_holds_another_command() {
    for other in [OTHER_START, r#"{"command_name":"STOP","command_param":{"task_id":"t1"}}"#] {
        let mut driver = with_token();
        assert_eq!(driver.poll(), REPORT);
        driver.session.on_failure(driver.now);
        driver.pass(10);
        assert_eq!(driver.poll(), CALL);
        assert_eq!(driver.respond(response(200, other)), "answer");
        assert_eq!(driver.session.pending_report(), None);
        assert_eq!(driver.poll(), "waits 10 s");
    }
}

#[test]
fn a_lost_outcome_leaves_the_report_in_doubt() {
    let mut driver = with_token();
    assert_eq!(driver.poll(), REPORT);
    driver.pass(30);
    assert_eq!(driver.poll(), CALL);
    assert_eq!(driver.respond(response(200, START)), "answer");
    assert_eq!(driver.poll(), REPORT);
}

#[test]
fn a_failing_report_backs_off_while_polling_goes_on() {
    let mut driver = with_token();
    let mut sent = Vec::new();
    for _ in 0..120 {
        match driver.poll().as_str() {
            REPORT => {
                sent.push(driver.now.as_secs() - 1_000);
                assert_eq!(driver.respond(response(500, "")), "report error");
            }
            CALL => assert_eq!(driver.respond(response(200, START)), "answer"),
            _ => driver.pass(1),
        }
    }
    assert_eq!(sent, [0, 10, 20, 40, 80], "5, 10, 20 and 40 s, after the next poll");
}

#[test]
fn a_report_waits_while_the_service_cannot_be_reached() {
    let mut driver = with_token();
    driver.pass(10);
    assert_eq!(driver.poll(), REPORT);
    assert_eq!(driver.respond(response(200, "")), "reported");
    assert_eq!(driver.poll(), CALL);
    driver.session.on_failure(driver.now);
    driver.session.report(driver.now, report()).expect("no report is pending");
    assert_eq!(driver.poll(), "waits 5 s");
    driver.pass(5);
    assert_eq!(driver.poll(), REPORT);
}

#[test]
fn throttling_of_a_report_delays_the_call() {
    let mut driver = with_token();
    assert_eq!(driver.poll(), REPORT);
    let throttled = http::Response::builder().status(429).header("retry-after", "60");
    assert_eq!(driver.respond(throttled.body("").expect("valid")), "report error");
    assert_eq!(driver.poll(), "waits 60 s");
    driver.pass(60);
    assert_eq!(driver.poll(), CALL);
}

#[test]
fn a_missing_permission_does_not_stop_polling() {
    let mut driver = with_token();
    assert_eq!(driver.poll(), REPORT);
    assert_eq!(driver.respond(error(403, "SMS.9004")), "report error");
    driver.pass(10);
    assert_eq!(driver.poll(), CALL);
    assert_eq!(driver.respond(response(200, START)), "answer");
    assert_eq!(driver.poll(), "waits 10 s");
    assert!(driver.session.pending_report().is_some());
    driver.pass(290);
    assert_eq!(driver.poll(), REPORT);
}

#[test]
fn only_an_error_of_the_service_itself_drops_a_report() {
    for (status, code, event) in [
        (400, "SMS.6020", "report rejected"),
        (400, "SMS.6021", "report rejected"),
        (400, "SMS.6022", "report rejected"),
        (400, "SMS.6023", "report rejected"),
        (400, "SMS.6014", "report rejected"),
        (404, "SMS.7602", "report error"),
        (404, "SMS.7606", "report rejected"),
        (400, "APIGW.0104", "report error"),
        (404, "APIGW.0101", "report error"),
        (503, "APIGW.0613", "report error"),
        (403, "SMS.9004", "report error"),
    ] {
        let mut driver = with_token();
        assert_eq!(driver.poll(), REPORT);
        assert_eq!(driver.respond(error(status, code)), event, "{status} {code}");
        let is_pending = driver.session.pending_report().is_some();
        assert_eq!(is_pending, event == "report error", "{status} {code}");
    }
}

#[test]
fn an_html_page_does_not_accept_a_report() {
    for page in ["<html>Please log in</html>", "\u{feff}<html>Please log in</html>"] {
        let mut driver = with_token();
        assert_eq!(driver.poll(), REPORT);
        assert_eq!(driver.respond(response(200, page)), "report error");
        assert!(driver.session.pending_report().is_some());
    }
}

#[test]
fn a_new_token_is_sent_at_once_with_a_report_that_was_rejected_within_the_interval() {
    let mut driver = with_token();
    driver.pass(2);
    assert_eq!(driver.poll(), REPORT);
    assert_eq!(driver.respond(error(401, "APIGW.0301")), "rejected");
    assert_eq!(driver.poll(), "waits 8 s", "then the pause starts");
    driver.session.renew(token("new"));
    assert_eq!(driver.poll(), REPORT);
    assert_eq!(driver.respond(response(200, "")), "reported");
    assert_eq!(driver.poll(), "waits 8 s");
}

#[test]
fn a_report_does_not_wait_out_the_interval_after_no_task() {
    let mut driver = with_token();
    driver.pass(10);
    assert_eq!(driver.poll(), REPORT);
    assert_eq!(driver.respond(response(200, "")), "reported");
    assert_eq!(driver.poll(), CALL);
    assert_eq!(driver.respond(error(404, "SMS.7606")), "error");
    driver.session.report(driver.now, report()).expect("no report is pending");
    assert_eq!(driver.poll(), REPORT);
}

#[test]
fn an_accepted_report_ends_the_row_of_rejections() {
    let mut driver = with_token();
    driver.pass(10);
    assert_eq!(driver.poll(), REPORT);
    assert_eq!(driver.respond(error(401, "APIGW.0301")), "rejected");
    driver.session.renew(token("new"));
    assert_eq!(driver.poll(), REPORT);
    assert_eq!(driver.respond(response(200, "")), "reported");
    assert_eq!(driver.poll(), CALL);
    assert_eq!(driver.respond(error(401, "APIGW.0301")), "rejected");
    driver.session.renew(token("newer"));
    assert_eq!(driver.poll(), CALL, "it is a first rejection");
}

#[test]
fn retry_after_delays_the_call_by_no_more_than_it_says() {
    for (status, code, event) in
        [(403, "SMS.9004", "report error"), (400, "SMS.6021", "report rejected")]
    {
        let mut driver = with_token();
        assert_eq!(driver.poll(), REPORT);
        let mut response = error(status, code);
        response.headers_mut().insert("retry-after", 20.into());
        assert_eq!(driver.respond(response), event);
        assert_eq!(driver.poll(), "waits 20 s");
        driver.pass(20);
        assert_eq!(driver.poll(), CALL);
    }
}

#[test]
fn a_repeated_response_does_not_count_for_the_next_report() {
    for second in [response(200, ""), error(400, "SMS.6021"), error(401, "APIGW.0301")] {
        let mut driver = with_token();
        assert_eq!(driver.poll(), REPORT);
        assert_eq!(driver.respond(response(200, "")), "reported");
        driver.session.report(driver.now, report()).expect("no report is pending");
        driver.respond(second);
        assert!(driver.session.pending_report().is_some());
    }
}

#[test]
fn a_rejected_token_keeps_the_report_for_the_new_one() {
    let mut driver = with_token();
    driver.pass(10);
    assert_eq!(driver.poll(), REPORT);
    assert_eq!(driver.respond(error(401, "APIGW.0301")), "rejected");
    driver.session.renew(token("new"));
    assert_eq!(driver.poll(), REPORT);
    assert_eq!(driver.header("x-auth-token"), "new");
    assert_eq!(driver.respond(response(200, "")), "reported");
}

#[test]
fn a_report_waits_for_the_pause_of_a_rejected_token() {
    let mut driver = with_token();
    driver.pass(10);
    assert_eq!(driver.poll(), REPORT);
    assert_eq!(driver.respond(error(401, "APIGW.0301")), "rejected");
    assert_eq!(driver.poll(), "waits 300 s");
    driver.pass(300);
    assert_eq!(driver.poll(), REPORT);
}

#[test]
fn a_token_rejected_with_a_report_is_replaced_by_a_login() {
    let mut driver = reporting(Driver::logged_in());
    driver.pass(10);
    assert_eq!(driver.poll(), REPORT);
    assert_eq!(driver.respond(error(401, "APIGW.0307")), "report error");
    assert_eq!(driver.poll(), LOGIN);
    assert_eq!(driver.respond(issued("t2")), "logged in");
    assert_eq!(driver.poll(), REPORT);
    assert_eq!(driver.header("x-auth-token"), "t2");
}

#[test]
fn a_report_waits_for_the_first_login() {
    let mut driver = Driver::new(login("p"));
    driver.session.report(driver.now, report()).expect("no report is pending");
    assert_eq!(driver.poll(), LOGIN);
    driver.session.on_failure(driver.now);
    assert_eq!(driver.poll(), "waits 5 s");
    driver.pass(5);
    assert_eq!(driver.poll(), LOGIN);
    assert_eq!(driver.respond(issued("t")), "logged in");
    assert_eq!(driver.poll(), REPORT);
}

#[test]
fn a_rejection_of_another_session_counts_for_a_report() {
    let mut driver = with_token();
    driver.pass(10);
    assert!(driver.session.credential_due(driver.now).is_some());
    let error = huaweicloud_sms_core::ResponseError::from_response(&error(401, "APIGW.0301"));
    let event = driver.session.on_rejected_elsewhere(driver.now, error);
    assert!(matches!(event, huaweicloud_sms_core::Event::CredentialRejected(_)));
    assert_eq!(driver.poll(), "waits 300 s");
    assert_eq!(Duration::from_secs(1_010), driver.now);
}
