//! Tests of logins, and of the tokens that they issue.

use std::time::Duration;

use huaweicloud_sms_simulator::{Answer, Script, Simulator};
use serde_json::{Value, json};

use crate::{MINUTE, PATH, Response, get, send, unauthenticated, with_server};

const TOKENS: &str = "/v3/auth/tokens";

fn login(target: &str, body: &str) -> String {
    format!(
        "POST {target} HTTP/1.1\r\nHost: h\r\nContent-Type: application/json;charset=utf8\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Returns the body of a login.
fn body(password: &str, scope: Value) -> String {
    let user = json!({ "name": "u", "password": password, "domain": { "name": "d" } });
    let identity = json!({ "methods": ["password"], "password": { "user": user } });
    json!({ "auth": { "identity": identity, "scope": scope } }).to_string()
}

pub(crate) fn log_in(simulator: &Simulator, password: &str, scope: Value) -> Response {
    send(simulator, &login(TOKENS, &body(password, scope)))
}

pub(crate) fn issued_token(simulator: &Simulator) -> String {
    let response = log_in(simulator, "p", json!({ "domain": { "name": "d" } }));
    assert_eq!(response.status, 201, "{}", response.body);
    response.header("x-subject-token").expect("a token").to_owned()
}

#[test]
fn a_login_issues_a_token() {
    let simulator = with_server(Script::new().user("d", "u", "p"));
    let scope = json!({ "project": { "name": "ap-southeast-3" } });
    let response = log_in(&simulator, "p", scope);
    assert_eq!(response.status, 201);
    assert!(response.header("x-iam-trace-id").is_some_and(|id| !id.is_empty()));
    let token = response.header("x-subject-token").expect("a token");
    assert!(token.starts_with("MII") && token.len() > 200, "{token}");
    assert_eq!(send(&simulator, &get(PATH, token)).status, 200);
    let json = response.json();
    let issued = &json["token"];
    assert_eq!(issued["methods"], json!(["password"]));
    assert_eq!(
        (&issued["user"]["name"], &issued["user"]["domain"]["name"]),
        (&json!("u"), &json!("d"))
    );
    assert_eq!(issued["roles"], json!([]));
    assert_eq!(issued["catalog"].as_array().map(Vec::len), Some(1));
    for timestamp in [&issued["expires_at"], &issued["issued_at"]] {
        let timestamp = timestamp.as_str().expect("a timestamp");
        assert_eq!(timestamp.len(), "2019-02-13T06:52:13.855000Z".len(), "{timestamp}");
        assert!(timestamp.ends_with('Z') && timestamp.as_bytes()[10] == b'T', "{timestamp}");
    }
    let another = issued_token(&simulator);
    assert_ne!(token, another);
    // The new token does not revoke the old one.
    assert_eq!(send(&simulator, &get(PATH, token)).status, 200);
    assert_eq!(
        send(&simulator, &get(PATH, "t")).error().1,
        "SMS.6521 Token authentication failed."
    );
    // `Debug` of requests shows no token.
    assert!(!format!("{:?}", simulator.requests()).contains("MII"));
}

#[test]
fn tokens_have_the_requested_scope_and_catalog() {
    let simulator = with_server(Script::new().user("d", "u", "p"));
    let token = |target: &str, scope| {
        let response = send(&simulator, &login(target, &body("p", scope)));
        assert_eq!(response.status, 201);
        response.json()["token"].clone()
    };
    let scoped = token(TOKENS, json!({ "project": { "id": "0123" }, "domain": { "name": "d" } }));
    assert_eq!(scoped["project"]["id"], "0123");
    assert_eq!(scoped["domain"], Value::Null);
    let scoped = token(TOKENS, json!({ "domain": { "name": "d" } }));
    assert_eq!((&scoped["domain"]["name"], &scoped["project"]), (&json!("d"), &Value::Null));
    let id = &scoped["domain"]["id"];
    assert_eq!(id.as_str().map(str::len), Some(32));
    // Without a scope, a token is for the user's account.
    let unscoped = token(TOKENS, Value::Null);
    assert_eq!(&unscoped["domain"]["id"], id);
    for (query, has_catalog) in [
        ("?nocatalog=true", false),
        ("?x=1&nocatalog=0", false),
        ("?nocatalog=", true),
        ("?nocatalog", true),
        ("?other=1", true),
    ] {
        let token = token(&format!("{TOKENS}{query}"), Value::Null);
        assert_eq!(token.get("catalog").is_some(), has_catalog, "{query}");
    }
}

#[test]
fn invalid_logins_are_rejected() {
    let simulator = with_server(Script::new().user("d", "u", "p"));
    let right = body("p", Value::Null);
    let wrong = (401, "IAM The username or password is wrong.".to_owned());
    for (old, new) in [("\"p\"", "\"P\""), ("\"u\"", "\"U\""), ("\"d\"", "\"D\"")] {
        let response = send(&simulator, &login(TOKENS, &right.replace(old, new)));
        assert_eq!(response.error(), wrong);
        let error = json!({ "message": "The username or password is wrong.", "code": 401,
                            "title": "Unauthorized" });
        assert_eq!(response.json(), json!({ "error": error }));
        assert!(response.header("x-iam-trace-id").is_some());
        assert!(response.header("x-subject-token").is_none());
    }
    for body in [
        String::new(),
        "{}".into(),
        "[]".into(),
        right.replace("[\"password\"]", "[\"token\"]"),
        right.replace("[\"password\"]", "\"password\""),
        right.replace("\"u\"", "1"),
        right.replace("null", "{}"),
        right.replace("null", r#"{"project":{}}"#),
        right.replace("null", r#"{"project":{"name":"x"},"domain":{}}"#),
        right.replace("}", ""),
    ] {
        let response = send(&simulator, &login(TOKENS, &body));
        let error = &response.json()["error"];
        assert_eq!((response.status, &error["code"]), (400, &json!(400)), "{body}");
        assert_eq!(error["title"], "Bad Request");
    }
    for content_type in ["", "Content-Type: text/plain\r\n"] {
        let request = login(TOKENS, &right);
        let request =
            request.replace("Content-Type: application/json;charset=utf8\r\n", content_type);
        assert_eq!(send(&simulator, &request).status, 400);
    }
    let get = login(TOKENS, &right).replace("POST", "GET");
    assert!(send(&simulator, &get).body.contains("APIGW.0101"));
}

#[test]
fn issued_tokens_are_accepted_besides_the_given_one() {
    let script = Script::new().server("a", []).user("d", "u", "p");
    let builder = Simulator::builder().token("given").base_path("/base").script(script);
    let simulator = builder.start().expect("started");
    let body = body("p", Value::Null);
    assert!(send(&simulator, &login(TOKENS, &body)).body.contains("APIGW.0101"));
    let response = send(&simulator, &login(&format!("/base{TOKENS}"), &body));
    let token = response.header("x-subject-token").expect("a token");
    for (token, status) in [(token, 200), ("given", 200), ("other", 401)] {
        let request = get(PATH, token).replace(PATH, &format!("/base{PATH}"));
        assert_eq!(send(&simulator, &request).status, status);
    }
    simulator.revoke_tokens();
    let request = get(PATH, "given").replace(PATH, &format!("/base{PATH}"));
    assert_eq!(send(&simulator, &request).status, 200);
}

#[test]
fn tokens_expire() {
    let simulator = with_server(Script::new().user("d", "u", "p"));
    let response = log_in(&simulator, "p", Value::Null);
    let token = response.header("x-subject-token").expect("a token");
    simulator.advance(23 * 60 * MINUTE);
    assert_eq!(send(&simulator, &get(PATH, token)).status, 200);
    simulator.advance(60 * MINUTE);
    let expires_at =
        response.json()["token"]["expires_at"].as_str().expect("a timestamp").to_owned();
    let expired = unauthenticated(&format!("token expires, expires_at: {expires_at}"));
    assert_eq!(send(&simulator, &get(PATH, token)).error(), expired);
    assert_eq!(send(&simulator, &get(PATH, &issued_token(&simulator))).status, 200);

    let simulator = with_server(Script::new().user("d", "u", "p").token_life(Duration::ZERO));
    let error = send(&simulator, &get(PATH, &issued_token(&simulator))).error();
    assert!(error.1.contains("token expires"), "{error:?}");
}

#[test]
fn tokens_can_be_revoked_and_passwords_changed() {
    let simulator = with_server(Script::new().user("d", "u", "p"));
    let old = issued_token(&simulator);
    simulator.set_password("d", "u", "q");
    assert_eq!(log_in(&simulator, "p", Value::Null).status, 401);
    assert_eq!(send(&simulator, &get(PATH, &old)).status, 200);
    simulator.revoke_tokens();
    assert_eq!(send(&simulator, &get(PATH, &old)).error(), unauthenticated("decrypt token fail"));
    let response = log_in(&simulator, "q", Value::Null);
    let new = response.header("x-subject-token").expect("a token");
    assert_eq!(send(&simulator, &get(PATH, new)).status, 200);

    // The simulator accepts any token until it has a user.
    let simulator = with_server(Script::new());
    assert_eq!(send(&simulator, &get(PATH, "t")).status, 200);
    simulator.set_password("d", "u", "p");
    assert_eq!(send(&simulator, &get(PATH, "t")).status, 401);
    assert_eq!(send(&simulator, &get(PATH, &issued_token(&simulator))).status, 200);
}

#[test]
fn scripted_answers_to_logins_come_first() {
    let unavailable = Answer::error(503, "APIGW.0613", "IAM is unavailable.");
    let script = Script::new().user("d", "u", "p").login([unavailable.times(2)]);
    let simulator = with_server(script);
    simulator.push_login(
        Answer::json(201, json!({})).header("X-Subject-Token", "t").header("X-IAM-Trace-Id", "i"),
    );
    let mut seen = Vec::new();
    for _ in 0..4 {
        // The body does not matter.
        let response = send(&simulator, &login(TOKENS, "garbage"));
        seen.push((response.status, response.header("x-subject-token").map(str::to_owned)));
        let trace = response.header("x-iam-trace-id").expect("an id");
        assert_eq!(trace == "i", response.status == 201, "{trace}");
    }
    let expected = [(503, None), (503, None), (201, Some("t".to_owned())), (400, None)];
    assert_eq!(seen, expected);
}
