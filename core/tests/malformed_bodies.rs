//! Tests every known shape of a body, one row each. A row says how the core reads it, and how the official
//! Python SDK (3.1.219) reads it, as measured or according to its source.

use std::time::Duration;

use huaweicloud_sms_core::{
    Answer, Endpoint, ObtainCommand, Operation, ResponseError, ServerId, Timestamp, http,
};

fn parse(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Result<Answer, ResponseError> {
    let endpoint = Endpoint::new("https://sms.example").expect("valid");
    let call = ObtainCommand::new(&endpoint, &ServerId::new("id").expect("valid"));
    let mut response = http::Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    call.parse(&response.body(body).expect("valid"))
}

/// Writes an outcome on one line.
fn outcome(result: &Result<Answer, ResponseError>) -> String {
    match result {
        Ok(Answer::Command(command)) => {
            format!("command {}", serde_json::to_string(command).expect("serialises"))
        }
        Ok(Answer::Task(task)) => {
            format!("task {}", serde_json::to_string(task).expect("serialises"))
        }
        Ok(Answer::NoCommand(nothing)) => format!("nothing: {}", nothing.as_str()),
        Err(ResponseError::Api(error)) => format!("api error: {error}"),
        Err(ResponseError::Status(error)) => format!("status error: {error}"),
        Err(ResponseError::Body(error)) => format!("body error: {error}"),
        Err(other) => panic!("a new kind of error: {other}"),
    }
}

#[track_caller]
fn check(table: &[(u16, &str, &str, &str)]) {
    for (status, body, ours, _sdk) in table {
        assert_eq!(outcome(&parse(*status, &[], body.as_bytes())), *ours, "{status} {body}");
    }
}

const NONE: &str = "no command, no error";

#[test]
#[rustfmt::skip]
fn classifies_each_body_of_a_success() {
    check(&[
        // status, body, ours, the SDK's
        (200, r#"{"command_name":"START","command_param":{"task_id":"2c06"}}"#, r#"command {"command_name":"START","command_param":{"task_id":"2c06"}}"#, "START, 2c06"),
        (200, r#"{"command_name":"START","command_param":{"task_id":"2c06","bucket":"b"}}"#, r#"command {"command_name":"START","command_param":{"task_id":"2c06","bucket":"b"}}"#, "both"),
        (200, r#"{"command_name":"UPLOAD_LOG","command_param":{"bucket":"b","object":""}}"#, r#"command {"command_name":"UPLOAD_LOG","command_param":{"bucket":"b","object":""}}"#, "object dropped"),
        (200, r#"{"command_name":"TASK_NOT_STARTED"}"#, r#"task {"command_name":"TASK_NOT_STARTED"}"#, "TASK_NOT_STARTED"),
        (200, r#"{"command_name":"TASK_NOT_KNOWN"}"#, r#"command {"command_name":"TASK_NOT_KNOWN"}"#, "TASK_NOT_KNOWN"),
        (200, r#"{"command_name":"start"}"#, r#"command {"command_name":"start"}"#, "start"),
        (200, r#"{"command_name":" START"}"#, r#"command {"command_name":" START"}"#, " START"),
        (200, r#"{"command_name":"\u0053TART"}"#, r#"command {"command_name":"START"}"#, "START"),
        (200, r#"{"command\u005fname":"START"}"#, r#"command {"command_name":"START"}"#, "START"),
        // Each form of no command.
        (204, "", "nothing: no_content", NONE),
        (200, "", "nothing: empty_body", NONE),
        (200, "{}", "nothing: empty_object", NONE),
        (200, "{ }", "nothing: empty_object", NONE),
        (200, r#"{"command_param":{}}"#, "nothing: missing_name", NONE),
        (200, r#"{"Command_Name":"START"}"#, "nothing: missing_name", NONE),
        (200, r#"{"command_name":null}"#, "nothing: null_name", NONE),
        (200, r#"{"command_name":null,"command_param":null}"#, "nothing: null_name", NONE),
        (200, r#"{"command_name":""}"#, "nothing: empty_name", "empty name"),
        // Each form of absent parameters.
        (200, r#"{"command_name":"STOP","command_param":null}"#, r#"command {"command_name":"STOP"}"#, "no parameters"),
        (200, r#"{"command_name":"STOP","command_param":{}}"#, r#"command {"command_name":"STOP"}"#, "no parameters"),
        (200, r#"{"command_name":"STOP","command_param":{"task_id":null}}"#, r#"command {"command_name":"STOP"}"#, "no task_id"),
        (200, r#"{"command_name":"STOP","command_param":{"task_id":""}}"#, r#"command {"command_name":"STOP","command_param":{"task_id":""}}"#, "empty task_id"),
        // Unknown members change nothing.
        (200, r#"{"x":{"y":[1,null]},"command_name":"STOP","z":1e3,"command_param":{"k":[[]],"task_id":"t"}}"#, r#"command {"command_name":"STOP","command_param":{"task_id":"t"}}"#, "extra dropped"),
        (200, r#"{"x":1,"x":2,"command_name":"STOP"}"#, r#"command {"command_name":"STOP"}"#, "extra dropped"),
        (200, "\u{feff}{\"command_name\":\"STOP\"}", r#"command {"command_name":"STOP"}"#, "accepted"),
        (200, " \t\r\n{ \"command_name\" : \"STOP\" }\r\n", r#"command {"command_name":"STOP"}"#, "accepted"),
        // These bodies are not an answer.
        (200, "null", "body error: status 200, but the body is null instead of an object", NONE),
        (200, "[]", "body error: status 200, but the body is an array instead of an object", NONE),
        (200, r#"["START",{"task_id":"t"}]"#, "body error: status 200, but the body is an array instead of an object", NONE),
        (200, r#""""#, "body error: status 200, but the body is a string instead of an object", NONE),
        (200, r#""START""#, "body error: status 200, but the body is a string instead of an object", NONE),
        (200, "true", "body error: status 200, but the body is a boolean instead of an object", NONE),
        (200, "-7", "body error: status 200, but the body is a number instead of an object", NONE),
        (200, "7", "body error: status 200, but the body is a number instead of an object", NONE),
        (200, "7.5", "body error: status 200, but the body is a number instead of an object", NONE),
        (200, " ", "body error: status 200, but the body ends before its JSON does", NONE),
        (200, "\u{feff}", "body error: status 200, but the body ends before its JSON does", NONE),
        (200, "<!DOCTYPE html><html>login</html>", "body error: status 200, but the body is an HTML page (a proxy's login?) instead of JSON", NONE),
        (200, "\n <html>", "body error: status 200, but the body is an HTML page (a proxy's login?) instead of JSON", NONE),
        (200, r#"{"command_name":"START","#, "body error: status 200, but the body ends before its JSON does", NONE),
        (200, r#"{"command_name":"START""#, "body error: status 200, but the body ends before its JSON does", NONE),
        (200, r#"{"command_name":"STA"#, "body error: status 200, but the body ends before its JSON does", NONE),
        (200, r#"{"command_name" : "START" "command_param" : {}}"#, "body error: status 200, but the body is not JSON (line 1, column 27)", NONE),
        (200, r#"{"command_name":NaN}"#, "body error: status 200, but the body is not JSON (line 1, column 17)", NONE),
        (200, "{'command_name':'START'}", "body error: status 200, but the body is not JSON (line 1, column 2)", NONE),
        (200, r#"{"command_name":"START"}{}"#, "body error: status 200, but the body is not JSON (line 1, column 25)", NONE),
        (200, "{\"command_name\":\"START\"}\0", "body error: status 200, but the body is not JSON (line 1, column 25)", NONE),
        (200, "{\"command_name\":\"STA\nRT\"}", "body error: status 200, but the body is not JSON (line 2, column 0)", NONE),
        // Wrong types.
        (200, r#"{"command_name":5}"#, "body error: status 200, but command_name is a number instead of a string", "'5'"),
        (200, r#"{"command_name":-5}"#, "body error: status 200, but command_name is a number instead of a string", "'-5'"),
        (200, r#"{"command_name":0.5}"#, "body error: status 200, but command_name is a number instead of a string", "'0.5'"),
        (200, r#"{"command_name":true}"#, "body error: status 200, but command_name is a boolean instead of a string", "'True'"),
        (200, r#"{"command_name":{"a":1}}"#, "body error: status 200, but command_name is an object instead of a string", "\"{'a': 1}\""),
        (200, r#"{"command_name":["START"]}"#, "body error: status 200, but command_name is an array instead of a string", "\"['START']\""),
        (200, r#"{"command_name":"START","command_param":"x"}"#, "body error: status 200, but command_param is a string instead of an object", "empty parameters"),
        (200, r#"{"command_name":"START","command_param":[]}"#, "body error: status 200, but command_param is an array instead of an object", "empty parameters"),
        (200, r#"{"command_name":"START","command_param":["x"]}"#, "body error: status 200, but command_param is an array instead of an object", "sends the request again"),
        (200, r#"{"command_name":"START","command_param":false}"#, "body error: status 200, but command_param is a boolean instead of an object", "empty parameters"),
        (200, r#"{"command_name":"START","command_param":{"task_id":7}}"#, "body error: status 200, but command_param.task_id is a number instead of a string", "'7'"),
        (200, r#"{"command_name":"START","command_param":{"bucket":[]}}"#, "body error: status 200, but command_param.bucket is an array instead of a string", "'[]'"),
        (200, r#"{"command_name":"START","command_param":{"object":{}}}"#, "body error: status 200, but command_param.object is an object instead of a string", "dropped"),
        // A null name does not excuse a wrong type of the parameters.
        (200, r#"{"command_name":null,"command_param":7}"#, "body error: status 200, but command_param is a number instead of an object", NONE),
        // Doubled members.
        (200, r#"{"command_name":"STOP","command_name":"START"}"#, "body error: status 200, but command_name is there twice", "the last"),
        (200, r#"{"command_name":null,"command_name":"START"}"#, "body error: status 200, but command_name is there twice", "the last"),
        (200, r#"{"command_name":"START","command\u005fname":"START"}"#, "body error: status 200, but command_name is there twice", "the last"),
        (200, r#"{"command_name":"STOP","command_param":null,"command_param":{}}"#, "body error: status 200, but command_param is there twice", "the last"),
        (200, r#"{"command_name":"STOP","command_param":{"task_id":"a","task_id":"a"}}"#, "body error: status 200, but command_param.task_id is there twice", "the last"),
        // An error of syntax goes before a wrong type.
        (200, r#"{"command_name":5,"command_param":"#, "body error: status 200, but the body ends before its JSON does", NONE),
        // An error object under a 200.
        (200, r#"{"error_code":"SMS.6000","error_msg":"m"}"#, "api error: status 200, SMS.6000: m", NONE),
        (200, r#"{"command_name":"","error_msg":"m"}"#, "api error: status 200: m", NONE),
        (200, r#"{"error_code":null,"error_msg":""}"#, "nothing: missing_name", NONE),
        (200, r#"{"error_code":"SMS.6000","command_name":"STOP"}"#, r#"command {"command_name":"STOP"}"#, "STOP"),
        // Other statuses of success, and redirects.
        (204, "{}", "body error: status 204, but there is a body", NONE),
        (202, "", "status error: unexpected status 202 (Accepted); the body is empty", NONE),
        (206, r#"{"command_name":"START"}"#, r#"status error: unexpected status 206 (Partial Content); the body starts with: {"command_name":"START"}"#, "START"),
        (302, "", "status error: status 302 (Found), a redirect, which is never followed; the body is empty", NONE),
        (302, r#"{"command_name":"START"}"#, r#"status error: status 302 (Found), a redirect, which is never followed; the body starts with: {"command_name":"START"}"#, "START"),
        (304, "", "status error: status 304 (Not Modified), a redirect, which is never followed; the body is empty", NONE),
        (307, r#"{"error_code":"X","error_msg":"m"}"#, r#"status error: status 307 (Temporary Redirect), a redirect, which is never followed; the body starts with: {"error_code":"X","error_msg":"m"}"#, NONE),
        (101, "", "status error: status 101 (Switching Protocols); the body is empty", NONE),
    ]);
}

#[test]
#[rustfmt::skip]
fn classifies_each_body_of_an_error() {
    const RAW: &str = "the status as code, the raw body as message";
    check(&[
        // status, body, ours, the SDK's. The letters number the known shapes; IAM's are in `issue_token.rs`.
        /* a */ (400, r#"{"error_code":"SMS.9001","error_msg":"bad"}"#, "api error: status 400, SMS.9001: bad", "code, message"),
        /* b */ (400, r#"{"error_code":"SMS.6103","error_msg":"bad","error_param":[]}"#, "api error: status 400, SMS.6103: bad", "error_param dropped"),
        /* c */ (400, r#"{"error_code":"SMS.0212","error_msg":"bad","error_param":"[]"}"#, "api error: status 400, SMS.0212: bad", "error_param dropped"),
        /* c */ (400, r#"{"error_code":"SMS.0212","error_msg":"bad","error_params":""}"#, "api error: status 400, SMS.0212: bad", "error_params dropped"),
        /* d */ (403, r#"{"error_code":"SMS.9004","error_msg":"no","encoded_authorization_message":"XX","details":[{"error_code":"d","error_msg":"m"}],"error_param":["p"]}"#, "api error: status 403, SMS.9004: no", "code, message, encoded"),
        /* e */ (401, "{\"error_msg\":\"Incorrect IAM authentication information: x-auth-token not found\",\"error_code\":\"APIGW.0301\",\"request_id\":\"5c91c93b0f46a1d4b1e3f0b0c3d2a1e0\"}\n", "api error: status 401, APIGW.0301: Incorrect IAM authentication information: x-auth-token not found [request id 5c91c93b0f46a1d4b1e3f0b0c3d2a1e0]", "request id lost"),
        /* f */ (404, r#"{"error_msg":"no API","error_code":"APIG.0101","request_id":"1"}"#, "api error: status 404, APIG.0101: no API [request id 1]", "request id lost"),
        /* g */ (401, r#"{"error":{"message":"The username or password is wrong.","code":401,"title":"Unauthorized"}}"#, "api error: status 401, 401: The username or password is wrong.", "integer code"),
        /* h */ (403, r#"{"error":{"code":"EPS.0003","message":"no"}}"#, "api error: status 403, EPS.0003: no", "code, message"),
        /* h */ (400, r#"{"code":"X.1","message":"m"}"#, "api error: status 400, X.1: m", "code, message"),
        /* h */ (400, r#"{"errorCode":"X.1","errorMsg":"m"}"#, "api error: status 400, X.1: m", "code, message"),
        /* h */ (400, r#"{"errorCode":"X.1","errorMessage":"m"}"#, "api error: status 400, X.1: m", RAW),
        /* i */ (400, r#"{"error_code":"1101","error_msg":"m"}"#, "api error: status 400, 1101: m", "code, message"),
        /* i */ (403, r#"{"error_code":"IAM.0007","error_msg":"m"}"#, "api error: status 403, IAM.0007: m", "code, message"),
        /* j */ (429, r#"{"error":{"code":"APIG.0308","message":"inner","type":"t"},"error_code":"APIGW.0308","error_msg":"outer"}"#, "api error: status 429, APIGW.0308: outer", "everything lost"),
        /* k */ (502, "<html>\r\n<body>Bad Gateway</body></html>", "status error: status 502 (Bad Gateway); the body starts with: <html>\\r\\n<body>Bad Gateway</body></html>", RAW),
        /* k */ (407, "Proxy Authentication Required", "status error: status 407 (Proxy Authentication Required); the body starts with: Proxy Authentication Required", RAW),
        /* k */ (494, "\u{1b}[2Jgone\u{9b}", "status error: status 494; the body starts with: \\u{1b}[2Jgone\\u{9b}", RAW),
        /* l */ (500, "", "status error: status 500 (Internal Server Error); the body is empty", "empty message"),
        /* m */ (400, r#"{"error_code":"S3M.9001","error_msg":"bad"}"#, "api error: status 400, S3M.9001: bad", "code, message"),
        // The code or the message is missing, null, empty or of another type.
        (400, r#"{"error_code":"X"}"#, "api error: status 400, X", RAW),
        (400, r#"{"error_msg":"m"}"#, "api error: status 400: m", RAW),
        (400, r#"{"error_code":null,"error_msg":"m"}"#, "api error: status 400: m", RAW),
        (400, r#"{"error_code":7,"error_msg":"m"}"#, "api error: status 400, 7: m", "7"),
        (400, r#"{"error_code":-7,"error_msg":1.5}"#, "api error: status 400, -7: 1.5", "-7"),
        (400, r#"{"error_code":"","error_msg":""}"#, "api error: status 400", "empty"),
        (400, r#"{"error_code":{"a":1},"error_msg":["m"],"message":"m"}"#, "api error: status 400: m", "objects"),
        (400, r#"{"details":[{"error_code":"d"}]}"#, "api error: status 400", RAW),
        (400, r#"{"error":"invalid"}"#, "api error: status 400: invalid", RAW),
        (400, r#"{"error":5,"error_msg":"m"}"#, "api error: status 400: m", RAW),
        (400, r#"{"error":["x"],"details":5,"error_param":{},"error_msg":"m"}"#, "api error: status 400: m", RAW),
        (400, r#"{"error":{"error":{"code":"deep"},"details":[{"code":"d"}],"error_param":["p"],"code":"c"}}"#, "api error: status 400, c", "deep"),
        (400, r#"{"error":{"code":"first"},"error":{"code":"second"}}"#, "api error: status 400, first", "second"),
        (400, r#"{"error":{"error":{"code":"deep"}}}"#, r#"status error: status 400 (Bad Request); the body starts with: {"error":{"error":{"code":"deep"}}}"#, "deep"),
        (400, r#"{"error":{}}"#, r#"status error: status 400 (Bad Request); the body starts with: {"error":{}}"#, RAW),
        (400, r#"{"error_code":null,"error_msg":null}"#, r#"status error: status 400 (Bad Request); the body starts with: {"error_code":null,"error_msg":null}"#, RAW),
        (400, r#"{"request_id":"1"}"#, r#"status error: status 400 (Bad Request); the body starts with: {"request_id":"1"}"#, RAW),
        // The precedence of the code and of the message, each on its own.
        (400, r#"{"message":"4","errorMessage":"3","errorMsg":"2","error_msg":"1","code":"c4","errorCode":"c2","error_code":"c1"}"#, "api error: status 400, c1: 1", "c1"),
        (400, r#"{"message":"4","errorMessage":"3","errorMsg":"2","code":"c4","errorCode":"c2"}"#, "api error: status 400, c2: 2", "c2"),
        (400, r#"{"message":"4","errorMessage":"3","code":"c4"}"#, "api error: status 400, c4: 3", "c4"),
        (400, r#"{"error":{"error_code":"n1","code":"n4","message":"n"},"message":"4"}"#, "api error: status 400, n1: 4", "varies"),
        (400, r#"{"error_code":"","code":"c4","error_msg":"m"}"#, "api error: status 400, c4: m", "empty"),
        (400, r#"{"error_code":"first","error_code":"second"}"#, "api error: status 400, first", "second"),
        (400, r#"{"error_code":null,"error_code":"second"}"#, "api error: status 400, second", "second"),
        // The body is JSON, but not an error object.
        (500, "[]", "status error: status 500 (Internal Server Error); the body starts with: []", RAW),
        (500, r#""text""#, r#"status error: status 500 (Internal Server Error); the body starts with: "text""#, RAW),
        // The body is the beginning of an object. Its complete members count.
        (400, r#"{"error_code":"X","error_msg":"cut"#, "api error: status 400, X (truncated)", RAW),
        (401, r#"{"error_code":"X","error_msg":"m","trace":"xxx"#, "api error: status 401, X: m (truncated)", RAW),
        (401, r#"{"trace":"xxx"#, "api error: status 401 (truncated)", RAW),
        (401, " {", "api error: status 401 (truncated)", RAW),
        (401, r#"{"error":{"code":"c"},"x"#, "api error: status 401, c (truncated)", RAW),
        (401, r#"["x"#, r#"status error: status 401 (Unauthorized); the body starts with: ["x"#, RAW),
        (302, r#"{"error_code":"X","error_msg":"cut"#, r#"status error: status 302 (Found), a redirect, which is never followed; the body starts with: {"error_code":"X","error_msg":"cut"#, NONE),
        (404, r#"{"command_name":"START"}"#, r#"status error: status 404 (Not Found); the body starts with: {"command_name":"START"}"#, RAW),
        // A message can't steer the terminal.
        (400, "{\"error_code\":\"\\u001b[2J\",\"error_msg\":\"a\\r\\nb\\u202e\"}", "api error: status 400, \\u{1b}[2J: a\\r\\nb\\u{202e}", "raw"),
        (999, r#"{"error_code":"X"}"#, "api error: status 999, X", RAW),
        (503, r#"{"error_code":"APIGW.0613","error_msg":"IAM unavailable","request_id":"1"}"#, "api error: status 503, APIGW.0613: IAM unavailable [request id 1]", "code, message"),
    ]);
}

#[test]
fn rejects_a_body_that_is_not_utf8() {
    for body in [
        &b"{\"command_name\":\"\xc6\xf4\xb6\xaf\"}"[..],
        b"{\"x\":\"\xff\",\"command_name\":\"STOP\"}",
    ] {
        let error = parse(200, &[], body).expect_err("not UTF-8");
        assert!(error.to_string().contains("not UTF-8"), "{error}");
    }
    let error =
        parse(500, &[], b"{\"error_code\":\"X\",\"error_msg\":\"\xff\"}").expect_err("error");
    assert!(matches!(error, ResponseError::Status(_)));
    assert!(error.to_string().contains('\u{fffd}'), "{error}");
    // Only the end of the body is missing.
    let error = parse(500, &[], b"{\"error_code\":\"X\",\"error_msg\":\"\xc3");
    assert_eq!(outcome(&error), "api error: status 500, X (truncated)");
}

/// `Content-Type` is ignored, because proxies and old services mislabel JSON.
#[test]
fn accepts_any_content_type() {
    for content_type in ["text/html", "application/octet-stream", "application/json;charset=UTF-8"]
    {
        let headers = [("content-type", content_type)];
        assert!(parse(200, &headers, br#"{"command_name":"STOP"}"#).is_ok(), "{content_type}");
    }
}

#[test]
fn encoded_bodies_are_not_read() {
    let body = br#"{"command_name":"STOP","error_code":"X"}"#;
    for plain in ["identity", "IDENTITY", "", " , identity", "utf-8", "UTF8", "none", "x-unknown"] {
        assert!(parse(200, &[("content-encoding", plain)], body).is_ok(), "{plain}");
    }
    for encoded in ["gzip", "br", "identity, gzip", "X-GZIP", "zstd"] {
        let headers = [("content-encoding", encoded)];
        assert_eq!(
            outcome(&parse(200, &headers, body)),
            "body error: status 200, but the body is encoded (Content-Encoding), which the request did not accept"
        );
        assert_eq!(
            outcome(&parse(500, &headers, body)),
            "status error: status 500 (Internal Server Error); the body is encoded (Content-Encoding)"
        );
    }
    // The header occurs twice.
    let headers = [("content-encoding", "identity"), ("content-encoding", "gzip")];
    assert!(parse(200, &headers, body).is_err());
}

#[test]
fn the_request_id_has_three_sources_in_their_order() {
    let in_body = br#"{"error_code":"X","request_id":"body"}"#;
    let nested = br#"{"error":{"code":"X","request_id":"nested"}}"#;
    let id = |headers: &[(&str, &str)], body: &[u8]| {
        parse(429, headers, body).expect_err("error").request_id().map(str::to_owned)
    };
    let (x, iam) = (("X-Request-Id", "header"), ("X-IAM-Trace-Id", "iam"));
    assert_eq!(id(&[x, iam], in_body).as_deref(), Some("header"));
    assert_eq!(id(&[iam], in_body).as_deref(), Some("body"));
    assert_eq!(id(&[iam], nested).as_deref(), Some("nested"));
    assert_eq!(id(&[iam], br#"{"error_code":"X"}"#).as_deref(), Some("iam"));
    assert_eq!(id(&[], br#"{"error_code":"X"}"#), None);
    assert_eq!(id(&[("x-request-id", " ")], in_body).as_deref(), Some("body"));
    assert_eq!(id(&[("x-request-id", "\u{e9}")], in_body).as_deref(), Some("\u{e9}"));
    assert_eq!(id(&[x], b"<html>").as_deref(), Some("header"), "also without an error object");
    assert_eq!(id(&[("x-request-id", &"i".repeat(300))], in_body).map(|id| id.len()), Some(255));
    let error = parse(200, &[x], b"[]").expect_err("error");
    assert_eq!(error.request_id(), Some("header"));
    assert!(error.to_string().ends_with(" [request id header]"), "{error}");
}

#[test]
fn reads_retry_after_in_seconds_and_as_a_date() {
    const DATE: (&str, &str) = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
    let wait = |headers: &[(&str, &str)]| {
        for body in [&br#"{"error_code":"X"}"#[..], b"<html>"] {
            let error = parse(503, headers, body).expect_err("error");
            let again = parse(429, headers, body).expect_err("error");
            assert_eq!(error.retry_after(), again.retry_after());
        }
        parse(503, headers, b"").expect_err("error").retry_after()
    };
    let seconds = |count| Some(Duration::from_secs(count));
    assert_eq!(wait(&[]), None);
    assert_eq!(wait(&[("retry-after", "7")]), seconds(7));
    assert_eq!(wait(&[("retry-after", " 0 ")]), seconds(0));
    assert_eq!(wait(&[("retry-after", "99999999999999999999999")]), seconds(86_400));
    for bad in ["", "-1", "+1", "1.", "soon"] {
        let headers = [("retry-after", bad), DATE];
        assert_eq!(wait(&headers), None, "{bad}");
        let error = parse(503, &headers, b"").expect_err("error");
        assert_eq!(error.ignored_retry_after(), Some(bad));
        let error = error.map_texts(|_| "withheld".into());
        assert_eq!(error.ignored_retry_after(), Some("withheld"));
    }
    assert_eq!(wait(&[("retry-after", "1.5")]), seconds(2));
    assert_eq!(wait(&[("retry-after", "7"), ("retry-after", "9")]), seconds(9));
    let date = ("retry-after", "Sun, 06 Nov 1994 08:50:37 GMT");
    assert_eq!(wait(&[date, DATE]), seconds(60));
    assert_eq!(wait(&[date]), None, "no clock to compare it with");
    let clock = Timestamp::from_unix_time(Duration::from_secs(784_111_777));
    for body in [&br#"{"error_code":"X"}"#[..], b"<html>"] {
        let arrived = |headers: &[(&str, &str)]| {
            parse(503, headers, body).expect_err("error").arrived_at(clock)
        };
        assert_eq!(arrived(&[date]).retry_after(), seconds(60));
        assert_eq!(arrived(&[]).retry_after(), None);
    }
    assert_eq!(wait(&[("retry-after", "Sun, 06 Nov 1994 08:00:00 GMT"), DATE]), seconds(0));
    assert_eq!(wait(&[("retry-after", "Mon, 06 Nov 1995 08:00:00 GMT"), DATE]), seconds(86_400));
    let body_error = parse(200, &[("retry-after", "7")], b"[]").expect_err("error");
    assert_eq!(body_error.retry_after(), seconds(7));
}

#[test]
fn reads_the_lists_of_an_error_up_to_their_limits() {
    let read = |body: &str| match parse(400, &[], body.as_bytes()) {
        Err(ResponseError::Api(error)) => *error,
        other => panic!("{body}: {other:?}"),
    };
    let params = |json: &str| {
        read(&format!(r#"{{"error_code":"X","error_param":{json}}}"#)).error_param().to_vec()
    };
    assert_eq!(params(r#"["a","",3]"#), ["a", "", "3"]);
    assert_eq!(params(r#"["a",null,{},[],true]"#), ["a"]);
    assert_eq!(params(r#""[]""#), ["[]"]);
    for none in ["[]", "null", "7", "{}", "true"] {
        assert_eq!(params(none), Vec::<String>::new(), "{none}");
    }
    let long = "x".repeat(65_536);
    let cut = read(&format!(r#"{{"error_code":"X","error_param":["{long}"]}}"#));
    assert_eq!((cut.error_param()[0].len(), cut.is_truncated()), (65_535, true));
    let cut = read(&format!(r#"{{"error_code":"X","error_param":"{long}"}}"#));
    assert_eq!((cut.error_param()[0].len(), cut.is_truncated()), (65_535, true));
    let cut = read(&format!(r#"{{"details":[{{"error_msg":"{long}"}}]}}"#));
    assert_eq!(cut.details()[0].message.as_ref().map(String::len), Some(65_535));
    assert!(cut.is_truncated());
    let cut = read(&format!(r#"{{"error":{{"message":"{}"}}}}"#, &long[..1025]));
    assert_eq!((cut.message().map(str::len), cut.is_truncated()), (Some(1024), true));
    let cut = read(&format!(r#"{{"error":"{}"}}"#, &long[..1025]));
    assert_eq!((cut.message().map(str::len), cut.is_truncated()), (Some(1024), true));
    let whole = read(&format!(r#"{{"error":{{"message":"{}"}}}}"#, &long[..1024]));
    assert!(!whole.is_truncated());

    let error =
        read(r#"{"details":[7,{},{"error_msg":"m"},{"code":"c","message":"x"}],"error_code":"X"}"#);
    let details: Vec<_> =
        error.details().iter().map(|d| (d.code.as_deref(), d.message.as_deref())).collect();
    assert_eq!(details, [(None, Some("m")), (Some("c"), Some("x"))]);
    assert!(!error.is_truncated());
    assert!(read(r#"{"details":{},"error_code":"X"}"#).details().is_empty());

    // Fuzzing found that doubled lists added up past their limit.
    let doubled = r#"{"error_param":[],"error_param":["a"],"error_params":["b"],"details":[{"code":"c"}],"details":[{"code":"d"}]}"#;
    assert_eq!(read(doubled).error_param(), ["a"]);
    assert_eq!(read(doubled).details().len(), 1);
    assert_eq!(read(doubled).details()[0].code.as_deref(), Some("c"));
}
