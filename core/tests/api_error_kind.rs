//! Tests the kind of an error, which depends on the status first, then on the code.

use huaweicloud_sms_core::{
    ApiErrorKind::{self, *},
    Endpoint, ObtainCommand, Operation, ResponseError, ServerId, http,
};

fn error(status: u16, body: String) -> ResponseError {
    let endpoint = Endpoint::new("https://sms.example").expect("valid");
    let call = ObtainCommand::new(&endpoint, &ServerId::new("id").expect("valid"));
    let response = http::Response::builder().status(status).body(body).expect("valid");
    call.parse(&response).expect_err("an error")
}

fn kind(status: u16, code: &str) -> ApiErrorKind {
    match error(status, format!(r#"{{"error_code":"{code}","error_msg":"m"}}"#)) {
        ResponseError::Api(error) => error.kind(),
        other => panic!("{status} {code}: {other:?}"),
    }
}

#[test]
#[rustfmt::skip]
fn the_status_decides_before_the_code() {
    for (status, codes, expected) in [
        (401, &["APIGW.0301", "APIG.0301", "SMS.6521", "SMS.7602", "1101", "SMS.6000"][..], Unauthorized),
        (401, &["APIGW.0307", "APIG.0307"], TokenExpired),
        (401, &["SMS.0205"], ClockSkew),
        (403, &["SMS.9004", "APIGW.0302", "SMS.6521", "SMS.7602", "x"], Forbidden),
        (403, &["SMS.6524", "SMS.6525", "SMS.6528", "SMS.6529", "SMS.6542"], AccountRestricted),
        (404, &["SMS.7602", "SMS.6030", "SMS.0507", "S3M.7602"], ServerUnknown),
        (404, &["SMS.7606"], NoTask),
        (404, &["SMS.6021"], OtherCommand),
        (404, &["APIGW.0101", "x", "SMS.6521"], NotFound),
        (429, &["APIGW.0308", "x", "SMS.6521"], Throttled),
        (408, &["x"], Unavailable),
        (500, &["SMS.6521", "x", "APIGW.0601"], Unavailable),
        (503, &["APIGW.0613"], Unavailable),
        (599, &["x"], Unavailable),
        // The service's own list has every code under 400.
        (400, &["SMS.6521", "SMS.6522", "SMS.0202", "APIG.0301", "APIGW.0303", "APIGW.0305", "APIGW.0311"], Unauthorized),
        (400, &["SMS.0205"], ClockSkew),
        (400, &["APIGW.0307"], TokenExpired),
        (400, &["SMS.0204", "SMS.6523", "SMS.6527", "SMS.9003", "SMS.9004", "APIGW.0302", "APIGW.0304", "APIGW.0306", "APIGW.0310", "APIGW.0401", "APIGW.0801", "APIGW.0802"], Forbidden),
        (400, &["SMS.6524", "SMS.6525", "SMS.6528", "SMS.6529", "SMS.6542", "APIG.0501", "APIG.0502"], AccountRestricted),
        (400, &["SMS.7602", "SMS.6030", "SMS.0507"], ServerUnknown),
        (400, &["SMS.7606"], NoTask),
        (400, &["SMS.6021", "S3M.6021"], OtherCommand),
        (400, &["SMS.6020", "SMS.6022", "SMS.6023"], InvalidReport),
        (400, &["APIGW.0101", "APIGW.0103", "APIGW.0106"], NotFound),
        (400, &["APIGW.0308"], Throttled),
        (400, &["SMS.6000", "SMS.6301", "APIGW.0202", "APIGW.0203", "APIGW.0601", "APIGW.0605", "APIGW.0606", "APIGW.0608", "APIGW.0609", "APIGW.0610", "APIGW.0611", "APIGW.0612", "APIGW.0613", "APIGW.0705"], Unavailable),
        (400, &["SMS.9001", "SMS.0308", "IAM.6521", "6521", "sms.6521", "SMS.65210", "", "APIGW.9999"], InvalidRequest),
        (413, &["APIGW.0201"], InvalidRequest),
        // An error object under a 200.
        (200, &["SMS.6521"], Unauthorized),
    ] {
        for code in codes {
            if status == 200 && code.is_empty() { continue }
            assert_eq!(kind(status, code), expected, "{status} {code}");
        }
    }
}

#[test]
fn each_kind_says_whether_to_retry_or_renew() {
    let all = [
        (Unauthorized, false, true),
        (TokenExpired, false, true),
        (ClockSkew, false, true),
        (KeyLocked, false, true),
        (Forbidden, false, false),
        (AccountRestricted, false, false),
        (ServerUnknown, false, false),
        (NoTask, false, false),
        (NotFound, false, false),
        (Throttled, true, false),
        (Unavailable, true, false),
        (InvalidRequest, false, false),
    ];
    let mut advices = std::collections::BTreeSet::new();
    for (kind, retryable, unauthorized) in all {
        assert_eq!(kind.is_retryable(), retryable, "{kind:?}");
        assert_eq!(kind.is_unauthorized(), unauthorized, "{kind:?}");
        let advice = kind.advice();
        assert!(!advice.is_empty() && !advice.contains('\n') && !advice.contains("  "), "{advice}");
        assert!(advices.insert(advice), "each kind has its own: {advice}");
    }
    assert!(
        KeyLocked.advice().contains("5 minutes") && ServerUnknown.advice().contains("register")
    );
}

#[test]
fn each_response_error_says_whether_to_retry_or_renew() {
    for (status, body, retryable, unauthorized) in [
        (401, r#"{"error_code":"APIGW.0301"}"#, false, true),
        (429, r#"{"error_code":"APIGW.0308"}"#, true, false),
        (401, "<html>", false, true),
        (407, "", false, false),
        (408, "", true, false),
        (429, "", true, false),
        (499, "", false, false),
        (500, "", true, false),
        (999, "", true, false),
        (302, "", false, false),
        (200, "{", true, false),
        (200, "<html>", false, false),
        (200, "[]", false, false),
    ] {
        let error = error(status, body.into());
        assert_eq!(error.is_retryable(), retryable, "{status} {body}");
        assert_eq!(error.is_unauthorized(), unauthorized, "{status} {body}");
        assert_eq!(error.status(), status);
    }
}

/// The texts are from the gateway's FAQ (apig-faq-0003 and its copies for other services).
#[test]
fn the_gateways_texts_decide_the_kind_under_code_0301() {
    let kind = |status: u16, code: &str, text: &str| {
        let body = format!(
            r#"{{"error_msg":"Incorrect IAM authentication information: {text}","error_code":"{code}","request_id":"1"}}"#
        );
        match error(status, body) {
            ResponseError::Api(error) => error.kind(),
            other => panic!("{other:?}"),
        }
    };
    for (text, expected) in [
        ("AK access failed to reach the limit,forbidden.", KeyLocked),
        ("token expires, expires_at: 2026-11-24T00:00:00.000000Z", TokenExpired),
        ("verify aksk signature fail, signature expired", ClockSkew),
        ("verify aksk signature fail", Unauthorized),
        ("decrypt token fail", Unauthorized),
        ("x-auth-token not found", Unauthorized),
        ("Get secretKey failed", Unauthorized),
    ] {
        assert_eq!(kind(401, "APIG.0301", text), expected, "{text}");
        assert_eq!(kind(401, "APIGW.0301", text), expected, "{text}");
        // The text does not decide under another code or status.
        assert_eq!(kind(401, "SMS.6521", text), Unauthorized, "{text}");
        assert_eq!(kind(403, "APIGW.0301", text), Forbidden, "{text}");
        assert_eq!(kind(500, "APIGW.0301", text), Unavailable, "{text}");
    }
}
