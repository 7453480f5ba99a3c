//! Tests the request of a login, and how every response of IAM is read.

use std::time::Duration;

use huaweicloud_sms_core::{
    AccessKey, ApiErrorKind, Authorize, BodyProblem, Endpoint, IamUser, InvalidInput, IssueToken,
    IssuedToken, JsonType, Operation, ResponseError, Scope, Timestamp, Unauthenticated, http,
};

const TOKEN: &str = "MIIVYgYJKoZIhvcNAQcCoIIVUzCCFU8CAQEx";
const BODY: &str = r#"{"token":{"issued_at":"2026-07-06T00:00:00.000000Z","expires_at":"2026-07-07T00:00:00.000000Z"}}"#;
const ISSUED: u64 = 1_783_296_000;

fn user() -> IamUser {
    IamUser::new("my-account", "migration", "not-a-real-password").expect("valid")
}

fn login() -> IssueToken {
    let iam = Endpoint::new("https://iam.example").expect("valid");
    IssueToken::new(&iam, &user(), Scope::Account).expect("valid")
}

fn parse(
    status: u16,
    headers: &[(&str, &str)],
    body: impl AsRef<[u8]>,
) -> Result<IssuedToken, ResponseError> {
    let mut response = http::Response::builder().status(status);
    for (name, value) in headers {
        // The value is given as bytes, so that a row can hold text that is not ASCII.
        response = response.header(*name, value.as_bytes());
    }
    login().parse(&response.body(body).expect("valid"))
}

fn problem(result: Result<IssuedToken, ResponseError>) -> BodyProblem {
    match result {
        Err(ResponseError::Body(error)) => error.problem().clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_request_has_the_documented_uri_and_headers() {
    for (endpoint, uri) in [
        ("https://iam.example", "https://iam.example/v3/auth/tokens?nocatalog=true"),
        ("https://iam.example:8443/", "https://iam.example:8443/v3/auth/tokens?nocatalog=true"),
        ("https://h/base/path/", "https://h/base/path/v3/auth/tokens?nocatalog=true"),
    ] {
        let iam = Endpoint::new(endpoint).expect("valid");
        let login = IssueToken::new(&iam, &user(), Scope::Account).expect("valid");
        let request = login.request(&Unauthenticated);
        assert_eq!(request.method(), "POST");
        assert_eq!(request.uri(), uri);
        assert_eq!(login.uri(), uri);
        let mut headers: Vec<_> = request.headers().iter().collect();
        headers.sort_unstable_by_key(|(name, _)| name.as_str());
        let headers: Vec<_> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let json = b"application/json".as_slice();
        let length = request.body().len().to_string();
        let expected = [
            ("accept", json),
            ("content-length", length.as_bytes()),
            ("content-type", json),
            ("host", request.uri().authority().expect("a host").as_str().as_bytes()),
        ];
        assert_eq!(headers, expected);
    }
}

#[test]
fn unauthenticated_removes_an_older_credential() {
    let mut request = login().request(&Unauthenticated);
    for name in ["x-auth-token", "authorization"] {
        request.headers_mut().append(name, "old".parse().expect("valid"));
        request.headers_mut().append(name, "older".parse().expect("valid"));
    }
    Unauthenticated.authorize(&mut request);
    assert_eq!(request.headers(), login().request(&Unauthenticated).headers());
}

#[test]
#[rustfmt::skip]
fn each_scope_has_the_documented_body() {
    let iam = Endpoint::new("https://iam.example").expect("valid");
    for (scope, expected) in [
        (Scope::Account, r#"{"domain":{"name":"my-account"}}"#),
        (Scope::DomainId("d1"), r#"{"domain":{"id":"d1"}}"#),
        (Scope::DomainName("d"), r#"{"domain":{"name":"d"}}"#),
        (Scope::ProjectId("p1"), r#"{"project":{"id":"p1"}}"#),
        (Scope::ProjectName("ap-southeast-3"), r#"{"project":{"name":"ap-southeast-3"}}"#),
    ] {
        let login = IssueToken::new(&iam, &user(), scope).expect("valid");
        let body = String::from_utf8(login.request(&Unauthenticated).into_body()).expect("UTF-8");
        assert_eq!(body, format!(
            r#"{{"auth":{{"identity":{{"methods":["password"],"password":{{"user":{{"domain":{{"name":"my-account"}},"name":"migration","password":"not-a-real-password"}}}}}},"scope":{expected}}}}}"#
        ));
    }
    assert_eq!(Scope::default(), Scope::Account);
}

/// Another JSON parser reads the same text back, at any accepted length.
#[test]
fn every_character_is_encoded_without_loss() {
    let iam = Endpoint::new("https://iam.example").expect("valid");
    let most = |piece: &str| piece.repeat(255);
    for text in [
        "\"".to_owned(),
        "\\".to_owned(),
        r#"a"b\c/d"#.to_owned(),
        r"\u0041\n".to_owned(),
        "Пароль 密码 🔑".to_owned(),
        " leading and trailing ".to_owned(),
        "</script>\u{2028}\u{feff}".to_owned(),
        most("\""),
        most("\\"),
        most("🔑"),
    ] {
        let user = IamUser::new(&text, &text, &text).expect("valid");
        for scope in [Scope::Account, Scope::ProjectName(&text)] {
            let login = IssueToken::new(&iam, &user, scope).expect("valid");
            let body = login.request(&Unauthenticated).into_body();
            let auth: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
            let auth = &auth["auth"];
            let user = &auth["identity"]["password"]["user"];
            assert_eq!(user["domain"]["name"], text);
            assert_eq!(user["name"], text);
            assert_eq!(user["password"], text);
            let scope = auth["scope"].as_object().expect("a scope");
            assert_eq!(scope.len(), 1);
            assert!(scope.values().all(|scope| scope["name"] == text));
        }
    }
}

#[test]
fn reads_a_token() {
    const CATALOG: &str = r#"{"token":{"catalog":[{"endpoints":[{"id":"x","url":"https://h"}],"name":"n","expires_at":"inner","token":{}}],"domain":{"id":"d","name":"n"},"expires_at":"2026-07-07T00:00:00.000000Z","issued_at":"2026-07-06T00:00:00.000000Z","methods":["password"],"roles":[],"user":{"password_expires_at":""}},"expires_at":5}"#;
    let day = Duration::from_secs(24 * 60 * 60);
    for name in ["X-Subject-Token", "x-subject-token", "X-SUBJECT-TOKEN"] {
        for (body, life) in [
            (BODY, day),
            (CATALOG, day),
            // This body has white space, a byte order mark, escapes, and another order.
            (
                "\u{feff} {\"token\" : {\n\"expires\\u005fat\":\"2026-07-06T00:00:01.5Z\",\"issued_at\":\"2026-07-06T00:00:00Z\"}} ",
                Duration::from_millis(1_500),
            ),
        ] {
            let issued = parse(201, &[(name, TOKEN)], body).expect(body);
            assert_eq!(issued.token.reveal(), TOKEN);
            assert_eq!(issued.issued_at.as_unix_time().as_secs(), ISSUED);
            assert_eq!(issued.lifetime(), life, "{body}");
        }
    }
    // This token is as long as a token may be.
    let longest = "t".repeat(16_384);
    let issued = parse(201, &[("x-subject-token", &longest)], BODY).expect("a token");
    assert_eq!(issued.token.reveal(), longest);
}

#[test]
fn the_date_header_replaces_a_missing_issued_at() {
    let date = |issued_at: &str, headers: &[(&str, &str)]| {
        let body =
            format!(r#"{{"token":{{{issued_at}"expires_at":"2026-07-07T00:00:00.000000Z"}}}}"#);
        let headers: Vec<_> = [&[("x-subject-token", TOKEN)], headers].concat();
        parse(201, &headers, body)
    };
    let told = [("date", "Mon, 06 Jul 2026 00:00:00 GMT")];
    for issued_at in ["", r#""issued_at":null,"#] {
        let issued = date(issued_at, &told).expect("a token");
        assert_eq!(issued.issued_at, Timestamp::from_unix_time(Duration::from_secs(ISSUED)));
        for headers in [&[][..], &[("date", "yesterday")]] {
            let missing = BodyProblem::Missing { field: "token.issued_at" };
            assert_eq!(problem(date(issued_at, headers)), missing);
        }
    }
    // A valid `issued_at` counts before the header. An invalid one is an error.
    let issued = date(r#""issued_at":"2026-07-05T00:00:00Z","#, &told).expect("a token");
    assert_eq!(issued.lifetime(), Duration::from_secs(2 * 24 * 60 * 60));
    let invalid = BodyProblem::Invalid { field: "token.issued_at" };
    assert_eq!(problem(date(r#""issued_at":"today","#, &told)), invalid);
}

#[test]
fn a_token_under_another_status_is_rejected() {
    for status in [200, 202, 203, 204, 206, 300, 302, 304, 400, 401, 403, 404, 500, 503] {
        for body in [BODY, "", "{}"] {
            let error = parse(status, &[("x-subject-token", TOKEN)], body).expect_err("no token");
            assert!(matches!(error, ResponseError::Status(_)), "{status}: {error:?}");
            assert_eq!(error.status(), status);
            assert_eq!(error.is_unauthorized(), status == 401);
        }
    }
}

#[test]
fn the_token_header_must_occur_once_and_be_valid() {
    let field = "the header X-Subject-Token";
    let over = "t".repeat(16_385);
    assert_eq!(problem(parse(201, &[], BODY)), BodyProblem::Missing { field });
    assert_eq!(
        problem(parse(201, &[("x-auth-token", TOKEN)], BODY)),
        BodyProblem::Missing { field }
    );
    for other in [TOKEN, "other", ""] {
        let two = [("x-subject-token", TOKEN), ("X-Subject-Token", other)];
        assert_eq!(problem(parse(201, &two, BODY)), BodyProblem::Duplicate { field });
    }
    for value in ["", " ", "a b", "a\tb", " leading", "trailing ", "tökén", "密", &over] {
        let result = parse(201, &[("x-subject-token", value)], BODY);
        assert_eq!(problem(result), BodyProblem::Invalid { field }, "{} bytes", value.len());
    }
}

#[test]
#[rustfmt::skip]
fn rejects_each_malformed_body() {
    let null_or_absent = BodyProblem::Missing { field: "token" };
    let no_expiry = || BodyProblem::Missing { field: "token.expires_at" };
    let unreadable = || BodyProblem::Invalid { field: "token.expires_at" };
    let wrong = |field, expected, found| BodyProblem::WrongType { field, expected, found };
    for (body, expected) in [
        ("", BodyProblem::Truncated),
        (" ", BodyProblem::Truncated),
        ("<html>", BodyProblem::NotJson { line: 1, column: 1, html: true }),
        ("token", BodyProblem::NotJson { line: 1, column: 2, html: false }),
        ("null", BodyProblem::NotAnObject { found: JsonType::Null }),
        ("\"token\"", BodyProblem::NotAnObject { found: JsonType::String }),
        (r#"[{"token":{"issued_at":"2026-07-06T00:00:00Z","expires_at":"2026-07-07T00:00:00Z"}}]"#, BodyProblem::NotAnObject { found: JsonType::Array }),
        ("{}", null_or_absent.clone()),
        (r#"{"token":null}"#, null_or_absent.clone()),
        (r#"{"Token":{"expires_at":"2026-07-07T00:00:00Z"}}"#, null_or_absent),
        (r#"{"token":"t"}"#, wrong("token", JsonType::Object, JsonType::String)),
        (r#"{"token":[]}"#, wrong("token", JsonType::Object, JsonType::Array)),
        (r#"{"token":{}}"#, no_expiry()),
        (r#"{"token":{"expires_at":null}}"#, no_expiry()),
        (r#"{"token":{"issued_at":"2026-07-06T00:00:00Z"}}"#, no_expiry()),
        (r#"{"token":{"expires_at":1783382400}}"#, wrong("token.expires_at", JsonType::String, JsonType::Number)),
        (r#"{"token":{"expires_at":{"at":"2026-07-07T00:00:00Z"}}}"#, wrong("token.expires_at", JsonType::String, JsonType::Object)),
        (r#"{"token":{"issued_at":false,"expires_at":"2026-07-07T00:00:00Z"}}"#, wrong("token.issued_at", JsonType::String, JsonType::Boolean)),
        (r#"{"token":{"expires_at":""}}"#, unreadable()),
        (r#"{"token":{"expires_at":"tomorrow"}}"#, unreadable()),
        (r#"{"token":{"expires_at":"2026-07-07 00:00:00Z"}}"#, unreadable()),
        (r#"{"token":{"expires_at":"2026-07-07T00:00:00+08:00"}}"#, unreadable()),
        (r#"{"token":{"expires_at":"2026-02-30T00:00:00Z"}}"#, unreadable()),
        // These tokens have expired when they are issued.
        (r#"{"token":{"issued_at":"2026-07-06T00:00:00Z","expires_at":"2026-07-06T00:00:00Z"}}"#, unreadable()),
        (r#"{"token":{"issued_at":"2026-07-06T00:00:00Z","expires_at":"2026-07-05T00:00:00Z"}}"#, unreadable()),
        (r#"{"token":{"expires_at":"2026-07-07T00:00:00Z","expires_at":"2026-07-07T00:00:00Z"}}"#, BodyProblem::Duplicate { field: "token.expires_at" }),
        (r#"{"token":{"issued_at":null,"expires_at":"2026-07-07T00:00:00Z","issued_at":null}}"#, BodyProblem::Duplicate { field: "token.issued_at" }),
        (r#"{"token":{"issued_at":"2026-07-06T00:00:00Z","expires_at":"2026-07-07T00:00:00Z"},"token":null}"#, BodyProblem::Duplicate { field: "token" }),
        (r#"{"token":null,"token":{"issued_at":"2026-07-06T00:00:00Z","expires_at":"2026-07-07T00:00:00Z"}}"#, BodyProblem::Duplicate { field: "token" }),
    ] {
        assert_eq!(problem(parse(201, &[("x-subject-token", TOKEN)], body)), expected, "{body}");
    }
    let not_utf8 = parse(201, &[("x-subject-token", TOKEN)], b"{\"token\":\"\xff\"}");
    assert_eq!(problem(not_utf8), BodyProblem::NotUtf8 { offset: 10 });
    let trailing = parse(201, &[("x-subject-token", TOKEN)], format!("{BODY}{BODY}"));
    assert!(matches!(problem(trailing), BodyProblem::NotJson { .. }));
    // An error object under a 201 is rejected as well.
    let error = parse(201, &[("x-subject-token", TOKEN)], r#"{"error":{"code":500,"message":"m"}}"#);
    assert_eq!(problem(error), BodyProblem::Missing { field: "token" });
}

#[test]
fn a_truncated_body_is_a_retryable_error_at_every_length() {
    for end in 0..BODY.len() {
        let result = parse(201, &[("x-subject-token", TOKEN)], &BODY[..end]);
        let error = result.expect_err("truncated");
        assert!(error.is_retryable(), "{end}: {error}");
    }
}

#[test]
fn an_encoded_body_is_not_read() {
    for (coding, is_read) in
        [("gzip", false), ("identity, br", false), ("identity", true), ("", true)]
    {
        let headers = [("x-subject-token", TOKEN), ("content-encoding", coding)];
        let result = parse(201, &headers, BODY);
        match is_read {
            true => assert!(result.is_ok(), "{coding}"),
            false => assert_eq!(problem(result), BodyProblem::ContentEncoding, "{coding}"),
        }
    }
}

/// The table has every known shape of IAM's errors, and how it is read.
#[test]
#[rustfmt::skip]
fn reads_each_error_of_iam() {
    use ApiErrorKind::*;
    let bodies = [
        // g: Keystone's shape, whose code is a number.
        (401, r#"{"error":{"message":"The username or password is wrong.","code":401,"title":"Unauthorized"}}"#, Unauthorized, Some("401"), Some("The username or password is wrong.")),
        (403, r#"{"error":{"message":"m","code":403,"title":"Forbidden"}}"#, Forbidden, Some("403"), Some("m")),
        (400, r#"{"error":{"message":"m","code":400,"title":"Bad Request"}}"#, InvalidRequest, Some("400"), Some("m")),
        (404, r#"{"error":{"message":"m","code":404,"title":"Not Found"}}"#, NotFound, Some("404"), Some("m")),
        (500, r#"{"error":{"message":"m","code":500,"title":"Internal Server Error"}}"#, Unavailable, Some("500"), Some("m")),
        (503, r#"{"error":{"message":"m","code":503,"title":"Service Unavailable"}}"#, Unavailable, Some("503"), Some("m")),
        // h
        (401, r#"{"error":{"code":"IAM.0001","message":"m"}}"#, Unauthorized, Some("IAM.0001"), Some("m")),
        (400, r#"{"code":"IAM.0011","message":"m"}"#, InvalidRequest, Some("IAM.0011"), Some("m")),
        (403, r#"{"errorCode":"c","errorMsg":"m"}"#, Forbidden, Some("c"), Some("m")),
        (403, r#"{"errorCode":"c","errorMessage":"m"}"#, Forbidden, Some("c"), Some("m")),
        // i
        (400, r#"{"error_msg":"m","error_code":"1101"}"#, InvalidRequest, Some("1101"), Some("m")),
        (403, r#"{"error_msg":"m","error_code":"IAM.0007"}"#, Forbidden, Some("IAM.0007"), Some("m")),
        (401, r#"{"error_msg":"m","error_code":"IAM.0062"}"#, Unauthorized, Some("IAM.0062"), Some("m")),
        // j
        (429, r#"{"error":{"code":"APIG.0308","message":"inner","type":"t"},"error_code":"APIG.0308","error_msg":"outer"}"#, Throttled, Some("APIG.0308"), Some("outer")),
        // e
        (401, "{\"error_msg\":\"Incorrect IAM authentication information\",\"error_code\":\"APIGW.0301\"}\n", Unauthorized, Some("APIGW.0301"), Some("Incorrect IAM authentication information")),
        (503, r#"{"error_msg":"m","error_code":"APIGW.0613"}"#, Unavailable, Some("APIGW.0613"), Some("m")),
    ];
    for (status, body, kind, code, message) in bodies {
        let error = parse(status, &[("X-IAM-Trace-Id", "trace")], body).expect_err(body);
        assert_eq!(error.request_id(), Some("trace"), "{body}");
        assert_eq!(error.status(), status);
        let ResponseError::Api(error) = error else { panic!("{body}: {error:?}") };
        assert_eq!((error.kind(), error.code(), error.message()), (kind, code, message), "{body}");
    }
    // The gateway's own id, in the body or as a header, goes before IAM's.
    let body = r#"{"error_msg":"m","error_code":"APIGW.0301","request_id":"body"}"#;
    assert_eq!(parse(401, &[("x-iam-trace-id", "t")], body).expect_err("an error").request_id(), Some("body"));
    let both = [("x-iam-trace-id", "t"), ("x-request-id", "r")];
    assert_eq!(parse(401, &both, body).expect_err("an error").request_id(), Some("r"));
    // k, l: no error object.
    for (status, body) in [(401, ""), (403, "<html>"), (502, "<html>bad gateway</html>"), (503, ""), (407, "proxy")] {
        let error = parse(status, &[("X-IAM-Trace-Id", "trace"), ("retry-after", "7")], body).expect_err("an error");
        assert!(matches!(error, ResponseError::Status(_)), "{error:?}");
        assert_eq!(error.request_id(), Some("trace"));
        assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
        assert_eq!(error.is_unauthorized(), status == 401);
        assert_eq!(error.is_retryable(), status >= 500);
    }
    // The error of an unusable 201 has the id, too.
    let error = parse(201, &[("X-IAM-Trace-Id", "trace")], BODY).expect_err("no header");
    assert_eq!(error.request_id(), Some("trace"));
    assert_eq!(error.to_string(), "status 201, but the header X-Subject-Token is missing [request id trace]");
}

fn rejection<T>(result: Result<T, InvalidInput>) -> String {
    result.map(drop).expect_err("rejected").to_string()
}

#[test]
fn rejects_invalid_users_and_scopes() {
    let iam = Endpoint::new("https://iam.example").expect("valid");
    let scope = |scope| rejection(IssueToken::new(&iam, &user(), scope));
    let over = "ü".repeat(256);
    let control = "has a control character (a line break?) at position";
    for (bad, what) in [
        ("", "is empty".to_owned()),
        (over.as_str(), "is 256 characters long, the limit is 255".to_owned()),
        ("canary\n", format!("{control} 7")),
        ("\r", format!("{control} 1")),
        ("é\0canary", format!("{control} 2")),
        ("canary\u{7f}", format!("{control} 7")),
        ("canary\u{85}", format!("{control} 7")),
    ] {
        let expected = |input: &str| format!("the {input} {what}");
        assert_eq!(rejection(IamUser::new(bad, "n", "p")), expected("account name"));
        assert_eq!(rejection(IamUser::new("d", bad, "p")), expected("user name"));
        assert_eq!(rejection(IamUser::new("d", "n", bad)), expected("password"));
        assert_eq!(scope(Scope::DomainId(bad)), expected("domain id"));
        assert_eq!(scope(Scope::DomainName(bad)), expected("domain name"));
        assert_eq!(scope(Scope::ProjectId(bad)), expected("project id"));
        assert_eq!(scope(Scope::ProjectName(bad)), expected("project name"));
    }
    let longest = "ü".repeat(IamUser::MAX_CHARS);
    assert!(IamUser::new(&longest, &longest, &longest).is_ok());
}

#[test]
fn rejects_invalid_keys() {
    let key = || AccessKey::new("id", "secret").expect("valid");
    let over = |limit: usize| "k".repeat(limit + 1);
    let bad_character =
        "has a character that is not visible ASCII (a space or line break?) at position";
    for (bad, what) in [
        ("", "is empty".to_owned()),
        ("canary\n", format!("{bad_character} 7")),
        ("can ary", format!("{bad_character} 4")),
        ("é", format!("{bad_character} 1")),
        ("canary\0", format!("{bad_character} 7")),
        (&over(255), "is 256 characters long, the limit is 255".to_owned()),
    ] {
        let expected = |input: &str| format!("the {input} {what}");
        assert_eq!(rejection(AccessKey::new(bad, "secret")), expected("access key id"));
        assert_eq!(rejection(AccessKey::new("id", bad)), expected("secret key"));
        assert_eq!(rejection(key().with_project_id(bad)), expected("project id"));
        assert_eq!(rejection(key().with_domain_id(bad)), expected("domain id"));
        if bad.len() < 256 {
            assert_eq!(rejection(key().with_security_token(bad)), expected("security token"));
        }
    }
    let limit = AccessKey::MAX_SECURITY_TOKEN_CHARS;
    assert_eq!(
        rejection(key().with_security_token(&over(limit))),
        "the security token is 16385 characters long, the limit is 16384"
    );
    assert_eq!(
        rejection(AccessKey::new("canary,", "secret")),
        "the access key id has a comma at position 7"
    );
    let longest = "k".repeat(AccessKey::MAX_CHARS);
    let key = AccessKey::new(&longest, &longest).expect("valid");
    assert!(key.with_security_token(&"t".repeat(limit)).is_ok());
}
