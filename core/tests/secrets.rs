//! No public value shows the token. (What a server echoes is not ours to know; see the crate docs.)

use huaweicloud_sms_core::{AuthToken, Endpoint, ObtainCommand, Operation, ServerId};

const CANARY: &str = "MIIcanaryTOKENcanary";

#[test]
fn the_token_is_shown_nowhere() {
    let token = AuthToken::new(CANARY).expect("valid");
    let endpoint = Endpoint::new("https://sms.example").expect("valid");
    let call = ObtainCommand::new(&endpoint, &ServerId::new("id").expect("valid"));
    let request = call.request(&token);
    let mut shown = format!("{token:?} {token:#?} {call:?} {request:?} {:?}", request.headers());
    let (parts, _) = request.into_parts();
    shown.push_str(&format!("{parts:?} {:?}", parts.headers.clone()));
    assert!(!shown.contains("canary"), "{shown}");
    assert!(shown.contains("Sensitive") && shown.starts_with("AuthToken(redacted) "), "{shown}");
}

#[test]
fn an_error_does_not_keep_the_body() {
    let endpoint = Endpoint::new("https://sms.example").expect("valid");
    let call = ObtainCommand::new(&endpoint, &ServerId::new("id").expect("valid"));
    for body in [
        r#"{"command_name":5,"x":"canary"}"#,
        r#"{"command_name":"canary","command_name":"canary"}"#,
        r#"{"command_name":"START","command_param":"canary"}"#,
        r#"{"command_name":canary}"#,
        r#"["canary"]"#,
        "canary",
    ] {
        let error = call.parse(&http::Response::new(body)).expect_err(body);
        let shown = format!("{error} {error:?} {error:#?}");
        assert!(!shown.contains("canary"), "{shown}");
        assert!(std::error::Error::source(&error).is_none(), "serde's errors quote the body");
    }
}
