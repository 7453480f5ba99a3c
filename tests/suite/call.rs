use huaweicloud_sms::{
    Answer, AuthToken, Authorize, ClockSkew, Endpoint, Error, NoCommand, ObtainCommand,
    ResponseError, ServerId, SettingsError, http::StatusCode, now,
};
use huaweicloud_sms_simulator::{Answer as Scripted, Simulator};

use super::*;

const TOKEN: &str = "MIIcanaryCANARYcanaryCANARYcanary";

#[test]
fn each_response_becomes_its_answer_or_error() {
    let service = Simulator::builder().token(TOKEN).start().expect("started");
    for answer in [
        Scripted::command("START", Some("2c06")),
        Scripted::body(200, r#"{"command_name":"TASK_HAS_FINISHED"}"#),
        Scripted::body(204, ""),
        Scripted::error(429, "APIGW.0308", "slow down").header("retry-after", "7"),
        Scripted::body(200, "<html>"),
        Scripted::raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"),
    ] {
        service.push("a b", answer);
    }
    let endpoint = Endpoint::cleartext(&service.url()).expect("valid");
    let call = ObtainCommand::new(&endpoint, &ServerId::new("a b").expect("valid"));
    let token = AuthToken::new(TOKEN).expect("valid");
    let client = client();
    let send = || wait!(client.send(&call, &token));

    assert!(matches!(send(), Ok(Answer::Command(command)) if command.name.as_str() == "START"));
    assert!(matches!(send(), Ok(Answer::Task(task)) if task.state.as_str() == "TASK_HAS_FINISHED"));
    assert!(matches!(send(), Ok(Answer::NoCommand(NoCommand::NoContent))));
    let error = send().expect_err("throttled");
    assert!(matches!(error, Error::Response(ResponseError::Api(_))) && error.is_retryable());
    assert_eq!(error.retry_after().map(|wait| wait.as_secs()), Some(7));
    assert_eq!(error.status(), Some(StatusCode::TOO_MANY_REQUESTS));
    assert!(error.request_id().is_some() && !error.is_unauthorized());
    let error = send().expect_err("HTML");
    assert!(matches!(error, Error::Response(ResponseError::Body(_))));
    assert!(error.to_string().contains("HTML"), "transparent");
    let error = send().expect_err("cut");
    assert!(matches!(error, Error::Transport(_)) && error.is_retryable());
    assert!(error.to_string().starts_with("the connection was closed before"), "{error}");
    assert_eq!((error.status(), error.request_id()), (None, None));
    let shown = format!("{error:?}");
    assert!(!shown.contains("canary"), "{shown}");

    let requests = service.requests();
    assert_eq!(requests.len(), 6, "nothing is sent twice");
    for request in requests {
        assert_eq!(request.target, "/v3/sources/a%20b/command");
        assert_eq!(request.header("x-auth-token"), Some(TOKEN.as_bytes()));
        assert_eq!(request.header("accept"), Some(&b"application/json"[..]));
    }
}

#[test]
fn a_credential_can_be_chosen_at_run_time() {
    let service = start(script());
    let (client, key) = (client(), key(SK));
    let signer = key.signer(client.now());
    let dynamic: &dyn Authorize = &signer;
    assert!(wait!(client.send(&call(&service), dynamic)).is_ok());
}

#[test]
fn a_clock_skew_is_measured_and_followed_if_enabled() {
    let client = client();
    let send = |client: &transport::Client, service: &Simulator, secret: &str| {
        let key = key(secret);
        wait!(client.send(&call(service), &key.signer(client.now()))).map_err(|e| e.status())
    };
    let unauthorized = Err(Some(StatusCode::UNAUTHORIZED));

    let service = start(script());
    assert_eq!(client.clock_skew(), None);
    assert!(send(&client, &service, SK).is_ok());
    assert!(!client.clock_skew().expect("a date").is_notable());
    assert_eq!(send(&client, &service, "wrong"), unauthorized);

    let service = start(script().clock_ahead(20 * MINUTE));
    assert_eq!(send(&client, &service, SK), unauthorized);
    let skew = client.clock_skew().expect("a date");
    assert!(skew.exceeds_limit() && skew.is_ahead(), "{skew}");
    assert!(skew.magnitude().abs_diff(20 * MINUTE) <= Duration::from_secs(2), "{skew}");
    assert!(!ClockSkew::between(now(), client.now()).is_notable());
    assert_eq!(send(&client, &service, SK), unauthorized);
    let client = client.follow_server_clock(true);
    assert!(ClockSkew::between(now(), client.now()).exceeds_limit());
    assert!(send(&client, &service, SK).is_ok());
}

#[test]
fn the_clock_of_a_proxy_is_not_the_clock_of_the_service() {
    let old = |answer: Scripted| answer.header("date", "Sun, 06 Nov 1994 08:49:37 GMT");
    let pages = [old(Scripted::body(502, "<html>")), old(Scripted::body(200, "<html>"))];
    let service = start(Script::new().server("a", pages));
    let client = client();
    for status in [502, 200] {
        let error = wait!(client.send(&call(&service), &token("t"))).expect_err("a page");
        assert_eq!(error.status().map(|status| status.as_u16()), Some(status));
    }
    assert_eq!(client.clock_skew(), None);
}

#[test]
fn a_duration_that_no_clock_can_add_is_rejected_when_the_transport_is_made() {
    for (settings, error) in [
        (settings().with_timeout(Duration::MAX), SettingsError::Timeout),
        (settings().with_connect_timeout(Duration::MAX), SettingsError::ConnectTimeout),
        (settings().with_pool_idle_timeout(Duration::MAX), SettingsError::PoolIdleTimeout),
    ] {
        assert_eq!(transport::Client::from_settings(settings).err(), Some(error));
    }
    // The longest accepted durations cause no panic.
    let day = Settings::MAX_TIMEOUT;
    let settings =
        settings().with_timeout(day).with_connect_timeout(day).with_pool_idle_timeout(day);
    let (client, service) =
        (transport::Client::from_settings(settings).expect("a client"), start(script()));
    for _ in 0..2 {
        assert!(wait!(client.send(&call(&service), &key(SK).signer(client.now()))).is_ok());
    }
}
