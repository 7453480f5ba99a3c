//! Tests which requests a session sends, and when. Its invariants are in `fuzz/`.

mod support;

use std::time::Duration;

use huaweicloud_sms_core::{
    ClockSkew, Credential, Event, ObtainCommand, ResponseError, Session, Timestamp, http,
};

use self::support::{CALL, Driver, LOGIN, Response, issued, key, login, response, token};

#[test]
fn polls_at_the_interval_with_a_token() {
    let mut driver = Driver::new(token("t"));
    for _ in 0..3 {
        assert_eq!(driver.poll(), CALL);
        assert_eq!(driver.header("x-auth-token"), "t");
        assert_eq!(driver.respond(response(200, "{}")), "answer");
        assert_eq!(driver.poll(), "waits 10 s");
        driver.pass(10);
    }
}

#[test]
fn a_lost_outcome_waits_for_the_call_limit() {
    let mut driver = Driver::new(token("t"));
    assert_eq!(driver.poll(), CALL);
    assert_eq!(driver.poll(), "waits 30 s");
    driver.pass(30);
    assert_eq!(driver.poll(), CALL);
}

#[test]
fn a_failure_is_retried_after_the_backoff() {
    let mut driver = Driver::new(token("t"));
    for wait in [5, 10, 20] {
        assert_eq!(driver.poll(), CALL);
        driver.session.on_failure(driver.now);
        assert_eq!(driver.poll(), format!("waits {wait} s"));
        driver.pass(wait);
    }
    assert_eq!(driver.session.poller().failures(), 3);
}

#[test]
fn a_rejected_token_pauses_and_is_tried_again() {
    let mut driver = Driver::new(token("old"));
    for pause in [300, 600, 1200] {
        assert_eq!(driver.poll(), CALL);
        assert_eq!(driver.respond(response(401, "")), "rejected");
        assert_eq!(driver.poll(), format!("waits {pause} s"));
        driver.pass(pause);
    }
}

#[test]
fn a_date_in_retry_after_is_compared_with_the_arrival_by_the_server_clock() {
    let credentials = || [Credential::from(token("t")), login("p").into()];
    for (ahead, wait) in [(0, 120), (60, 60)] {
        for mut driver in credentials().map(Driver::new) {
            // The clock shows 00:16:40.
            let ours = driver.clock();
            let theirs = ours.as_unix_time() + Duration::from_secs(ahead);
            let skew = ClockSkew::between(ours, Timestamp::from_unix_time(theirs));
            driver.session.set_clock_skew(skew);
            driver.poll();
            let response = http::Response::builder().status(503);
            let response = response.header("retry-after", "Mon, 06 Jul 2026 00:18:40 GMT");
            driver.respond(response.body("").expect("valid"));
            assert_eq!(driver.poll(), format!("waits {wait} s"));
        }
    }
}

#[test]
fn a_new_credential_is_tried_at_once_and_a_second_one_after_the_pause() {
    let mut driver = Driver::new(token("old"));
    assert_eq!(driver.poll(), CALL);
    assert_eq!(driver.respond(response(401, "")), "rejected");
    driver.session.renew(token("new"));
    assert_eq!(driver.poll(), CALL);
    assert_eq!(driver.header("x-auth-token"), "new");
    assert_eq!(driver.respond(response(401, "")), "rejected");
    driver.session.renew(token("newer"));
    assert_eq!(driver.poll(), "waits 300 s");
}

#[test]
fn a_new_credential_ends_the_pause_after_a_first_rejection() {
    let mut driver = Driver::new(token("old"));
    assert_eq!(driver.poll(), CALL);
    assert_eq!(driver.respond(response(401, "")), "rejected");
    assert_eq!(driver.poll(), "waits 300 s");
    driver.pass(60);
    driver.session.renew(token("new"));
    assert_eq!(driver.poll(), CALL);
    assert_eq!(driver.respond(response(200, "{}")), "answer");
    assert_eq!(driver.poll(), "waits 10 s");
}

#[test]
fn a_rejection_without_a_new_password_pauses_the_login() {
    let mut driver = Driver::new(login("p"));
    assert_eq!(driver.poll(), LOGIN);
    assert_eq!(driver.respond(response(401, "")), "rejected");
    assert_eq!(driver.poll(), "waits 300 s");
    driver.pass(60);
    driver.session.renew(login("new"));
    assert_eq!(driver.poll(), LOGIN);
    assert_eq!(driver.respond(issued("t")), "logged in");
    assert_eq!(driver.poll(), CALL);
}

#[test]
fn a_due_login_and_due_calls_take_turns() {
    let mut driver = Driver::logged_in();
    for _ in 0..4 {
        assert_eq!(driver.poll(), CALL);
        driver.respond(response(200, "{}"));
        driver.pass(11);
    }
    // At 44 s, the login is due a second later.
    driver.pass(1);
    assert_eq!(driver.poll(), LOGIN);
    // The login fails. When both are due again, the call is first. Its token is valid for 15 s more.
    assert_eq!(driver.respond(response(503, "")), "login error");
    driver.pass(5);
    assert_eq!(driver.poll(), CALL);
    driver.respond(response(200, "{}"));
    assert_eq!(driver.poll(), LOGIN);
}

#[test]
fn a_rejection_of_the_old_key_does_not_count_against_the_new_one() {
    let mut driver = Driver::new(key("old"));
    assert_eq!(driver.poll(), CALL);
    // The call that is under way was signed by the old key.
    driver.session.renew(key("new"));
    assert_eq!(driver.respond(response(401, "")), "error");
    assert_eq!(driver.poll(), CALL);
    assert_eq!(driver.respond(response(401, "")), "rejected");
    assert_eq!(driver.poll(), "waits 300 s");
}

#[test]
fn a_rejection_of_the_old_password_does_not_count_against_the_new_one() {
    let mut driver = Driver::new(login("old"));
    assert_eq!(driver.poll(), LOGIN);
    driver.session.renew(login("new"));
    assert_eq!(driver.respond(response(401, "")), "login error");
    assert_eq!(driver.poll(), LOGIN);
    assert_eq!(driver.respond(issued("t")), "logged in");
}

#[test]
fn a_rejected_token_of_a_login_is_replaced_by_a_login() {
    let mut driver = Driver::logged_in();
    assert_eq!(driver.poll(), CALL);
    assert_eq!(driver.respond(response(401, "")), "error");
    // Two logins are at least the interval apart.
    assert_eq!(driver.poll(), "waits 10 s");
    driver.pass(10);
    assert_eq!(driver.poll(), LOGIN);
    assert_eq!(driver.respond(issued("new")), "logged in");
    assert_eq!(driver.poll(), CALL);
    assert_eq!(driver.header("x-auth-token"), "new");
}

#[test]
fn a_new_password_logs_in_after_the_token_of_the_old_one_was_rejected() {
    let mut driver = Driver::logged_in();
    assert_eq!(driver.poll(), CALL);
    driver.session.renew(login("new"));
    assert_eq!(driver.respond(response(401, "")), "error");
    driver.pass(10);
    assert_eq!(driver.poll(), LOGIN);
    driver.respond(issued("t"));
    assert_eq!(driver.poll(), CALL);
}

#[test]
fn a_rejected_token_waits_for_the_login_that_is_paused() {
    let mut driver = Driver::logged_in();
    assert_eq!(driver.poll(), CALL);
    driver.respond(response(200, "{}"));
    // The renewal is rejected and pauses.
    driver.pass(45);
    assert_eq!(driver.poll(), LOGIN);
    assert_eq!(driver.respond(response(401, "")), "rejected");
    // The token, valid for 15 s more, is rejected before it expires.
    assert_eq!(driver.poll(), CALL);
    assert_eq!(driver.respond(response(401, "")), "error");
    assert_eq!(driver.poll(), "waits 300 s");
}

#[test]
fn an_expired_token_is_not_sent() {
    let mut driver = Driver::logged_in();
    driver.pass(60);
    assert_eq!(driver.poll(), LOGIN);
    driver.session.on_failure(driver.now);
    assert_eq!(driver.poll(), "waits 5 s");
}

#[test]
fn another_kind_of_credential_can_follow() {
    let mut driver = Driver::new(token("old"));
    assert_eq!(driver.poll(), CALL);
    assert_eq!(driver.respond(response(401, "")), "rejected");
    driver.session.renew(key("s"));
    assert_eq!(driver.poll(), CALL);
    assert!(driver.header("authorization").starts_with("SDK-HMAC-SHA256 Access=id"));
    assert_eq!(driver.respond(response(200, "{}")), "answer");
    driver.session.renew(login("p"));
    assert_eq!(driver.poll(), LOGIN);
    assert_eq!(driver.respond(issued("t")), "logged in");
    driver.pass(10);
    assert_eq!(driver.poll(), CALL);
    assert_eq!(driver.header("x-auth-token"), "t");
}

#[test]
fn a_login_that_another_credential_replaced_changes_nothing() {
    for (response, event) in [(issued("t"), "logged in"), (response(401, ""), "login error")] {
        let mut driver = Driver::new(login("p"));
        assert_eq!(driver.poll(), LOGIN);
        driver.session.renew(key("s"));
        assert_eq!(driver.respond(response), event);
        assert_eq!(driver.poll(), CALL);
        assert!(driver.request.headers().contains_key("authorization"));
    }
}

#[test]
fn a_new_credential_waits_for_the_request_that_is_under_way() {
    let mut driver = Driver::new(login("p"));
    assert_eq!(driver.poll(), LOGIN);
    driver.session.renew(key("s"));
    assert_eq!(driver.poll(), "waits 30 s");
    driver.pass(30);
    assert_eq!(driver.poll(), CALL);
    driver.session.renew(login("p"));
    assert_eq!(driver.poll(), "waits 30 s");
}

#[test]
fn a_call_that_is_due_waits_for_the_login_that_is_under_way() {
    let mut driver = Driver::logged_in();
    assert_eq!(driver.poll(), CALL);
    driver.respond(response(200, "{}"));
    driver.pass(45);
    assert_eq!(driver.poll(), LOGIN);
    // The call is due, and the token is valid for 15 s more.
    assert_eq!(driver.poll(), "waits 30 s");
    driver.session.on_failure(driver.now);
    assert_eq!(driver.poll(), CALL);
}

#[test]
fn the_pause_after_two_rejected_passwords_outlasts_another_credential() {
    let mut driver = Driver::new(login("p"));
    for password in ["q", "r"] {
        assert_eq!(driver.poll(), LOGIN);
        assert_eq!(driver.respond(response(401, "")), "rejected");
        driver.session.renew(key("s"));
        driver.session.renew(login(password));
    }
    assert_eq!(driver.poll(), "waits 300 s");
}

#[test]
fn the_token_of_a_replaced_user_is_not_sent() {
    let mut driver = Driver::logged_in();
    driver.session.renew(key("s"));
    driver.session.renew(login("p"));
    assert_eq!(driver.poll(), "waits 10 s");
    driver.pass(10);
    assert_eq!(driver.poll(), LOGIN);
    driver.session.renew(key("s"));
    assert_eq!(driver.respond(issued("t")), "logged in");
    driver.session.renew(login("p"));
    driver.pass(10);
    assert_eq!(driver.poll(), LOGIN);
}

/// Returns the rejection of a signature by a service whose clock is `ahead` seconds ahead of the driver's.
fn rejects(driver: &Driver, ahead: u64) -> Response {
    let theirs = driver.clock().as_unix_time() + Duration::from_secs(ahead);
    let theirs = Timestamp::from_unix_time(theirs).to_string();
    let date = format!("Mon, {} Jul 2026 {} GMT", &theirs[8..10], &theirs[11..19]);
    let body = r#"{"error_code":"APIGW.0301","error_msg":"verify aksk signature fail"}"#;
    let response = http::Response::builder().status(401).header("date", date);
    response.body(body).expect("valid")
}

#[test]
fn a_followed_clock_is_corrected_once_and_again_when_it_jumps() {
    let mut driver = Driver::new(key("s"));
    driver.session = driver.session.follow_server_clock(true);
    for ahead in [20 * 60, 60 * 60] {
        assert_eq!(driver.poll(), CALL);
        let response = rejects(&driver, ahead);
        assert_eq!(driver.respond(response), "error");
        assert_eq!(driver.poll(), CALL);
        let signed = driver.session.clock_skew().map(ClockSkew::magnitude);
        assert!(signed.is_some_and(|skew| skew.as_secs().abs_diff(ahead) <= 1), "{signed:?}");
        assert_eq!(driver.respond(self::response(200, "{}")), "answer");
        driver.pass(10);
    }
    // The clock does not explain the rejection of a wrong secret.
    assert_eq!(driver.poll(), CALL);
    let response = rejects(&driver, 60 * 60);
    assert_eq!(driver.respond(response), "rejected");
}

#[test]
fn a_clock_is_followed_only_if_enabled_and_beyond_the_limit() {
    for (is_followed, ahead) in [(false, 20 * 60), (true, 10 * 60)] {
        let mut driver = Driver::new(key("s"));
        driver.session = driver.session.follow_server_clock(is_followed);
        assert_eq!(driver.poll(), CALL);
        let response = rejects(&driver, ahead);
        assert_eq!(driver.respond(response), "rejected");
        assert_eq!(driver.poll(), "waits 300 s");
    }
}

#[test]
fn a_known_skew_corrects_the_first_signature() {
    let mut driver = Driver::new(key("s"));
    driver.session = driver.session.follow_server_clock(true);
    let ours = driver.clock();
    let theirs = Timestamp::from_unix_time(ours.as_unix_time() + Duration::from_secs(3_600));
    driver.session.set_clock_skew(ClockSkew::between(ours, theirs));
    assert_eq!(driver.poll(), CALL);
    let date: String = theirs.to_string().replace(['-', ':'], "");
    assert_eq!(driver.header("x-sdk-date"), date);
}

#[test]
fn the_clock_of_a_proxy_is_not_the_clock_of_the_service() {
    let mut driver = Driver::new(key("s"));
    assert_eq!(driver.poll(), CALL);
    let page =
        http::Response::builder().status(502).header("date", "Sun, 06 Nov 1994 08:49:37 GMT");
    driver.respond(page.body("<html>").expect("valid"));
    assert_eq!(driver.session.clock_skew(), None);
}

#[test]
fn a_rejection_elsewhere_counts_like_its_own() {
    let rejected = || ResponseError::from_response(&response(401, ""));
    for credential in [Credential::from(token("t")), key("s").into(), login("p").into()] {
        let fingerprint = credential.fingerprint();
        let mut driver = Driver::new(credential);
        for pause in [300, 600] {
            assert_eq!(driver.session.credential_due(driver.now), Some(fingerprint));
            let event = driver.session.on_rejected_elsewhere(driver.now, rejected());
            assert!(matches!(event, Event::CredentialRejected(_)));
            assert_eq!(driver.session.credential_due(driver.now), None);
            assert_eq!(driver.poll(), format!("waits {pause} s"));
            driver.pass(pause);
        }
        let new = Credential::from(token("new"));
        driver.session.renew(new.clone());
        assert_eq!(driver.session.credential_due(driver.now), Some(new.fingerprint()));
        assert_eq!(driver.poll(), CALL);
    }
    // No other session has the token of a login.
    let mut driver = Driver::logged_in();
    assert_eq!(driver.session.credential_due(driver.now), None);
    assert_eq!(driver.poll(), CALL);
}

#[test]
fn a_rejection_elsewhere_is_not_explained_by_a_clock_that_is_followed_already() {
    let mut driver = Driver::new(key("s"));
    driver.session = driver.session.follow_server_clock(true);
    let ours = driver.clock();
    let theirs = Timestamp::from_unix_time(ours.as_unix_time() + Duration::from_secs(3_600));
    driver.session.set_clock_skew(ClockSkew::between(ours, theirs));
    let rejected = ResponseError::from_response(&response(401, ""));
    let event = driver.session.on_rejected_elsewhere(driver.now, rejected);
    assert!(matches!(event, Event::CredentialRejected(_)));
    assert_eq!(driver.poll(), "waits 300 s");
}

#[test]
fn a_session_is_small_and_can_be_sent() {
    fn assert_send_sync<T: Send + Sync>() {}
    assert_send_sync::<Session<ObtainCommand, std::time::Instant>>();
    let size = size_of::<Session<ObtainCommand, std::time::Instant>>();
    assert!(size <= 512, "{size}");
}

#[test]
fn a_token_of_a_user_that_was_replaced_is_not_used() {
    for via_token in [false, true] {
        let mut driver = Driver::new(login("a"));
        assert_eq!(driver.poll(), LOGIN);
        if via_token {
            driver.session.renew(token("t"));
        }
        driver.session.renew(login("b"));
        assert_eq!(driver.respond(issued("of-a")), "logged in");
        driver.pass(10);
        assert_eq!(driver.poll(), LOGIN);
        assert_eq!(driver.respond(issued("of-b")), "logged in");
        assert_eq!(driver.poll(), CALL);
        assert_eq!(driver.header("x-auth-token"), "of-b");
    }
}

#[test]
fn the_date_of_a_response_that_is_read_late_is_ignored() {
    let mut driver = Driver::new(token("t"));
    assert_eq!(driver.poll(), CALL);
    driver.pass(31);
    let response = http::Response::builder().header("date", "Mon, 06 Jul 2026 00:00:00 GMT");
    driver.respond(response.body("{}").expect("valid"));
    assert_eq!(driver.session.clock_skew(), None);
}

#[test]
fn retry_after_counts_with_any_error() {
    let no_task = r#"{"error_code":"SMS.7606","error_msg":"m"}"#;
    for (status, body) in [(400, no_task), (200, "<html>")] {
        let mut driver = Driver::new(token("t"));
        assert_eq!(driver.poll(), CALL);
        let response = http::Response::builder().status(status).header("retry-after", "3600");
        assert_eq!(driver.respond(response.body(body).expect("valid")), "error");
        assert_eq!(driver.poll(), "waits 3600 s");
    }
}
