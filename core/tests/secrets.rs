//! Tests that no public value shows a secret. The text of a server may echo one; see the crate docs.

use std::{error::Error, time::Duration};

use huaweicloud_sms_core::{
    AccessKey, AuthToken, Authorize, Endpoint, IamUser, InvalidInput, IssueToken, ObtainCommand,
    Operation, Pace, Scope, ServerId, Session, Timestamp, Unauthenticated, http,
};

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

#[test]
fn a_key_is_shown_by_its_id() {
    let key = AccessKey::new("AK-shown", CANARY).expect("valid");
    let key = key.with_security_token("canary-security-token").expect("valid");
    let key =
        key.with_project_id("project").expect("valid").with_domain_id("domain").expect("valid");
    let endpoint = Endpoint::new("https://sms.example").expect("valid");
    let call = ObtainCommand::new(&endpoint, &ServerId::new("id").expect("valid"));
    let signer = key.signer(Timestamp::MAX);
    let request = call.request(&signer);
    let (parts, _) = call.request(&signer).into_parts();
    let shown = format!(
        "{key:?} {key:#?} {:?} {signer:?} {signer:#?} {request:?} {request:#?} {:?} {parts:?}",
        key.clone(),
        request.headers().clone(),
    );
    assert!(!shown.contains("canary"), "{shown}");
    // A signature is a credential as well, for 15 minutes.
    assert!(!shown.contains("Signature="), "{shown}");
    assert!(shown.starts_with("AccessKey { id: \"AK-shown\", .. } "), "{shown}");

    assert_eq!(key.id(), "AK-shown");

    // The secret key is not sent either. The security token has to be.
    for (name, value) in request.headers() {
        let value = value.to_str().expect("ASCII");
        assert_eq!(value.contains("canary"), name == "x-security-token", "{name}: {value}");
    }
}

/// The test leaves out the request's body, because `Debug` prints its bytes as numbers, as the docs of
/// `IssueToken` say.
#[test]
fn a_password_is_shown_nowhere() {
    let user = IamUser::new("account", "user", CANARY).expect("valid");
    let iam = Endpoint::new("https://iam.example").expect("valid");
    let login = IssueToken::new(&iam, &user, Scope::Account).expect("valid");
    let (parts, _) = login.request(&Unauthenticated).into_parts();
    let shown = format!(
        "{user:?} {user:#?} {:?} {login:?} {login:#?} {:?} {parts:?} {parts:#?}",
        user.clone(),
        login.clone(),
    );
    assert!(!shown.contains("canary"), "{shown}");
    assert!(shown.starts_with(r#"IamUser { domain: "account", name: "user", .. } "#), "{shown}");
    assert!(shown.contains("IssueToken { uri: https://iam.example/"), "{shown}");
}

#[test]
fn an_issued_token_is_shown_nowhere() {
    let user = IamUser::new("account", "user", "password").expect("valid");
    let iam = Endpoint::new("https://iam.example").expect("valid");
    let login = IssueToken::new(&iam, &user, Scope::Account).expect("valid");
    let answer = |status: u16, token: &str, body: &'static str| {
        let response = http::Response::builder().status(status).header("x-subject-token", token);
        login.parse(&response.body(body).expect("valid"))
    };
    const BODY: &str =
        r#"{"token":{"issued_at":"2026-07-06T00:00:00Z","expires_at":"2026-07-07T00:00:00Z"}}"#;
    let issued = answer(201, CANARY, BODY).expect("a token");
    let iam = Endpoint::new("https://iam.example").expect("valid");
    let user = IamUser::new("account", "user", "canary").expect("valid");
    let login = IssueToken::new(&iam, &user, Scope::Account).expect("valid");
    let call = ObtainCommand::new(&iam, &ServerId::new("id").expect("valid"));
    let (now, clock) = (Duration::ZERO, Timestamp::MAX);
    let mut session = Session::new(call, login, Pace::default(), 0, now);
    let action = session.poll(now, clock);
    let response = http::Response::builder().status(201).header("x-subject-token", CANARY);
    let event = session.on_response(now, clock, &response.body(BODY).expect("valid"));
    let json = serde_json::to_string(&event).expect("JSON");
    assert!(json.starts_with(r#"{"event":"logged_in","issued_at":"2026-07-06T"#), "{json}");
    let next = session.poll(now, clock);
    let shown =
        format!("{issued:?} {issued:#?} {session:?} {session:#?} {action:?} {event:?} {next:?}");
    assert!(!shown.contains("canary") && !shown.contains("99, 97, 110"), "{shown}");

    // No error shows an unusable token, or a token under another status.
    for (status, token, body) in [
        (201, "canary canary", BODY),
        (201, CANARY, "{}"),
        (201, CANARY, r#"{"token":{"expires_at":"canary"}}"#),
        (201, CANARY, r#"{"token":{"expires_at":canary}}"#),
        (200, CANARY, BODY),
        (401, CANARY, ""),
    ] {
        let error = answer(status, token, body).expect_err(body);
        let shown = format!("{error} {error:?} {error:#?}");
        assert!(!shown.contains("canary"), "{shown}");
    }
}

#[test]
fn an_error_does_not_repeat_the_rejected_input() {
    fn shown<T>(result: Result<T, InvalidInput>) -> String {
        let error = result.map(drop).expect_err("rejected");
        assert!(error.source().is_none());
        format!("{error} {error:?} {error:#?} {}", error.input())
    }
    let iam = Endpoint::new("https://iam.example").expect("valid");
    let user = IamUser::new("account", "user", "password").expect("valid");
    let scope = |scope| shown(IssueToken::new(&iam, &user, scope));
    let key = || AccessKey::new("id", "secret").expect("valid");
    let long = "canary".repeat(3_000);
    for bad in ["canary\n", "\0canary", &long] {
        for shown in [
            shown(AccessKey::new(bad, "secret")),
            shown(AccessKey::new("id", bad)),
            shown(key().with_security_token(bad)),
            shown(key().with_project_id(bad)),
            shown(key().with_domain_id(bad)),
            shown(AuthToken::new(bad)),
            shown(IamUser::new(bad, "user", "password")),
            shown(IamUser::new("account", bad, "password")),
            shown(IamUser::new("account", "user", bad)),
            scope(Scope::DomainId(bad)),
            scope(Scope::DomainName(bad)),
            scope(Scope::ProjectId(bad)),
            scope(Scope::ProjectName(bad)),
        ] {
            assert!(!shown.contains("canary"), "{shown}");
        }
    }
    assert!(!shown(AccessKey::new("canary,", "secret")).contains("canary"));
}

#[test]
fn every_older_credential_is_replaced() {
    let token = AuthToken::new("new").expect("valid");
    let key = AccessKey::new("id", "secret").expect("valid");
    let mut request = http::Request::get("https://h/").body(Vec::new()).expect("valid");
    for name in ["x-auth-token", "authorization"] {
        request.headers_mut().append(name, "old".parse().expect("valid"));
        request.headers_mut().append(name, "older".parse().expect("valid"));
    }
    let mut signed = request.clone();
    token.authorize(&mut request);
    let tokens: Vec<_> = request.headers().get_all("x-auth-token").iter().collect();
    assert_eq!(tokens, ["new"]);
    assert!(!request.headers().contains_key("authorization"));

    // A temporary key's own headers are removed with it, and so is the length of a body that was cleared.
    let temporary = AccessKey::new("id", "secret").expect("valid");
    let temporary = temporary.with_security_token("canary").expect("valid");
    let mut body = http::Request::post("https://h/").body(b"body".to_vec()).expect("valid");
    temporary.signer(Timestamp::MAX).authorize(&mut body);
    assert_eq!(body.headers()["content-length"], "4");
    body.body_mut().clear();
    token.authorize(&mut body);
    let mut names: Vec<_> = body.headers().keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["host", "x-auth-token"]);

    key.signer(Timestamp::MAX).authorize(&mut signed);
    assert_eq!(signed.headers().get_all("authorization").iter().count(), 1);
    assert!(!signed.headers().contains_key("x-auth-token"));
}
