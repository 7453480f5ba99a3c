//! Both clients against the simulated service: the same program but for `use` and `.await`.
#![cfg(any(feature = "ureq", feature = "hyper"))]

use huaweicloud_sms::{
    Answer, AuthToken, Endpoint, Error, Nothing, ObtainCommand, ResponseError, ServerId,
};
use huaweicloud_sms_simulator::{Answer as Scripted, Simulator};

const TOKEN: &str = "MIIcanaryCANARYcanaryCANARYcanary";

fn service() -> Simulator {
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
    service
}

fn call(service: &Simulator) -> ObtainCommand {
    let endpoint = Endpoint::cleartext(&service.url()).expect("valid");
    ObtainCommand::new(&endpoint, &ServerId::new("a b").expect("valid"))
}

fn token() -> AuthToken {
    AuthToken::new(TOKEN).expect("valid")
}

/// What the answers of `service` have to become, in their order.
fn check<T: std::error::Error + 'static>(
    service: &Simulator,
    mut send: impl FnMut() -> Result<Answer, Error<T>>,
) {
    assert!(matches!(send(), Ok(Answer::Command(command)) if command.name.as_str() == "START"));
    assert!(matches!(send(), Ok(Answer::Task(task)) if task.state.as_str() == "TASK_HAS_FINISHED"));
    assert!(matches!(send(), Ok(Answer::Nothing(Nothing::NoContent))));
    let Err(Error::Response(error)) = send() else { panic!("not an error of the response") };
    assert!(matches!(error, ResponseError::Api(_)) && error.is_retryable());
    assert_eq!(error.retry_after().map(|wait| wait.as_secs()), Some(7));
    let error = send().expect_err("HTML");
    assert!(matches!(error, Error::Response(ResponseError::Body(_))));
    assert!(error.to_string().contains("HTML"), "transparent");
    let error = send().expect_err("cut");
    assert!(matches!(error, Error::Transport(_)));
    assert_eq!(error.to_string(), "the connection was closed before the answer was complete");
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

#[cfg(feature = "ureq")]
#[test]
fn blocking() {
    use huaweicloud_sms::ureq::{Client, Proxy, Settings, Transport, TransportError};

    let service = service();
    let client =
        Client::new(Transport::new(Settings::default().proxy(Proxy::None)).expect("a transport"));
    let call = call(&service);
    check::<TransportError>(&service, || client.send(&call, &token()));
}

#[cfg(feature = "hyper")]
#[test]
fn asynchronous() {
    use huaweicloud_sms::hyper::{Client, Proxy, Settings, Transport, TransportError};

    fn is_send<T: Send>(value: T) -> T {
        value
    }
    let service = service();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let client =
        Client::new(Transport::new(Settings::default().proxy(Proxy::None)).expect("a transport"));
    let call = call(&service);
    check::<TransportError>(&service, || runtime.block_on(is_send(client.send(&call, &token()))));
}
