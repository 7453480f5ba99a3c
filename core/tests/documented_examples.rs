//! Tests the examples of the pages
//! [ShowCommand](https://support.huaweicloud.com/intl/en-us/api-sms/ShowCommand.html) and
//! [UpdateCommandResult](https://support.huaweicloud.com/intl/en-us/api-sms/UpdateCommandResult.html).

use huaweicloud_sms_core::{
    Answer, ApiErrorKind, AuthToken, Command, CommandName, CommandParam, CommandResult, Endpoint,
    ObtainCommand, Operation, ReportResult, ResponseError, ServerId, http,
};

const SERVER_ID: &str = "f32ab4d6-d150-4fb3-aa55-edbb5cf9947f";

fn call() -> ObtainCommand {
    let endpoint = Endpoint::new("https://sms.ap-southeast-3.myhuaweicloud.com").expect("valid");
    ObtainCommand::new(&endpoint, &ServerId::new(SERVER_ID).expect("valid"))
}

fn response(status: u16, body: &'static str) -> http::Response<&'static [u8]> {
    http::Response::builder().status(status).body(body.as_bytes()).expect("valid")
}

#[test]
fn builds_the_documented_request() {
    let request = call().request(&AuthToken::new("a-token").expect("valid"));
    assert_eq!(request.method(), http::Method::GET);
    assert_eq!(
        request.uri(),
        "https://sms.ap-southeast-3.myhuaweicloud.com/v3/sources/\
         f32ab4d6-d150-4fb3-aa55-edbb5cf9947f/command"
    );
    assert_eq!(request.headers().len(), 4);
    assert_eq!(request.headers()["host"], "sms.ap-southeast-3.myhuaweicloud.com");
    assert_eq!(request.headers()["x-auth-token"], "a-token");
    assert!(request.headers()["x-auth-token"].is_sensitive());
    assert_eq!(request.headers()["content-type"], "application/json");
    assert_eq!(request.headers()["accept"], "application/json");
    assert!(request.body().is_empty());
}

#[test]
fn reads_the_documented_command() {
    let body = r#"{ "command_name" : "START", "command_param" : { "task_id" : "2c0689c860ad4728a497c91ec0844384" } }"#;
    let Ok(Answer::Command(command)) = call().parse(&response(200, body)) else {
        panic!("not a command")
    };
    assert_eq!(command.name, CommandName::Start);
    assert_eq!(command.param.task_id.as_deref(), Some("2c0689c860ad4728a497c91ec0844384"));
    assert_eq!(command.param.bucket, None);
    assert_eq!(command.param.object, None);
    assert!(!command.lacks_task_id());
}

/// ShowCommand documents two fields for every error status. `SMS.9004` is its later example for 403.
#[test]
fn reads_the_documented_error_of_each_status() {
    for (status, code, message, kind) in [
        (400, "SMS.9001", "Invalid parameters.", ApiErrorKind::InvalidRequest),
        (401, "SMS.6521", "Token authentication failed.", ApiErrorKind::Unauthorized),
        (403, "SMS.9004", "The policy denies the action.", ApiErrorKind::Forbidden),
        (404, "SMS.7602", "The source server does not exist.", ApiErrorKind::ServerUnknown),
        (500, "SMS.6000", "Service error.", ApiErrorKind::Unavailable),
    ] {
        let body = format!(r#"{{"error_code":"{code}","error_msg":"{message}"}}"#);
        let response = http::Response::builder().status(status).body(body).expect("valid");
        let Err(ResponseError::Api(error)) = call().parse(&response) else {
            panic!("{status}: not an API error")
        };
        assert_eq!(error.status(), status);
        assert_eq!(error.code(), Some(code));
        assert_eq!(error.message(), Some(message));
        assert_eq!(error.kind(), kind);
        assert!(!error.is_truncated());
        assert_eq!(error.to_string(), format!("status {status}, {code}: {message}"));
    }
}

/// The example is the 403 of the editions since 2025.
#[test]
fn reads_every_member_of_a_documented_403() {
    let body = r#"{
        "error_code": "SMS.9004",
        "error_msg": "denied",
        "encoded_authorization_message": "XXXXXX",
        "error_param": ["first", "second"],
        "details": [{ "error_code": "SMS.9004", "error_msg": "by policy" }]
    }"#;
    let Err(ResponseError::Api(error)) = call().parse(&response(403, body)) else {
        panic!("not an API error")
    };
    assert_eq!(error.encoded_authorization_message(), Some("XXXXXX"));
    assert_eq!(error.error_param(), ["first", "second"]);
    assert_eq!(error.details().len(), 1);
    assert_eq!(error.details()[0].code.as_deref(), Some("SMS.9004"));
    assert_eq!(error.details()[0].message.as_deref(), Some("by policy"));
}

#[test]
fn knows_every_documented_name() {
    for (name, expected) in [
        ("START", Some(CommandName::Start)),
        ("STOP", Some(CommandName::Stop)),
        ("SYNC", Some(CommandName::Sync)),
        ("DELETE", Some(CommandName::Delete)),
        ("SKIP", Some(CommandName::Skip)),
        ("PREMIGRATE", Some(CommandName::Premigrate)),
        ("UPLOAD_LOG", Some(CommandName::UploadLog)),
        ("RSET_LOG_ACL", Some(CommandName::RsetLogAcl)),
        ("TASK_NOT_STARTED", None),
        ("TASK_HAS_STOPPED", None),
        ("TASK_HAS_FINISHED", None),
    ] {
        let body = format!(r#"{{"command_name":"{name}","command_param":{{"task_id":"t"}}}}"#);
        match (call().parse(&http::Response::new(body)), expected) {
            (Ok(Answer::Command(command)), Some(expected)) => {
                assert_eq!(command.name, expected);
                assert_eq!(command.name.as_str(), name);
                assert_eq!(command.name.to_string(), name);
            }
            (Ok(Answer::Task(task)), None) => {
                assert_eq!(task.state.as_str(), name);
                assert_eq!(task.state.to_string(), name);
                assert_eq!(task.param.task_id.as_deref(), Some("t"));
            }
            (other, _) => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn a_command_without_its_task_is_returned_and_flagged() {
    let lacks = |body: &'static str| match call().parse(&response(200, body)) {
        Ok(Answer::Command(command)) => command.lacks_task_id(),
        other => panic!("{body}: {other:?}"),
    };
    for name in ["START", "STOP", "SYNC", "DELETE", "SKIP", "PREMIGRATE"] {
        let of = |param: &str| lacks(format!(r#"{{"command_name":"{name}"{param}}}"#).leak());
        assert!(of(""), "{name}");
        assert!(of(r#","command_param":null"#), "{name}");
        assert!(of(r#","command_param":{"bucket":"b"}"#), "{name}");
        assert!(of(r#","command_param":{"task_id":null}"#), "{name}");
        assert!(of(r#","command_param":{"task_id":""}"#), "{name}");
        assert!(!of(r#","command_param":{"task_id":"t"}"#), "{name}");
    }
    for name in ["UPLOAD_LOG", "RSET_LOG_ACL", "SOMETHING_NEW"] {
        assert!(!lacks(format!(r#"{{"command_name":"{name}"}}"#).leak()), "{name}");
    }
}

#[test]
fn limits_are_counted_in_characters() {
    let name = |length: usize| format!(r#"{{"command_name":"{}"}}"#, "é".repeat(length));
    let Ok(Answer::Command(command)) = call().parse(&http::Response::new(name(255))) else {
        panic!("255 characters are allowed")
    };
    assert_eq!(command.name.as_str(), "é".repeat(255));
    let error = call().parse(&http::Response::new(name(256))).expect_err("256 are not");
    assert_eq!(
        error.to_string(),
        "status 200, but command_name is 256 characters long, the limit is 255"
    );
    for field in ["task_id", "bucket"] {
        let param = |length: usize| {
            format!(
                r#"{{"command_name":"START","command_param":{{"{field}":"{}"}}}}"#,
                "服".repeat(length)
            )
        };
        assert!(call().parse(&http::Response::new(param(255))).is_ok());
        let error = call().parse(&http::Response::new(param(256))).expect_err("256 are not");
        assert_eq!(
            error.to_string(),
            format!(
                "status 200, but command_param.{field} is 256 characters long, the limit is 255"
            )
        );
    }
    // No edition limits `object`.
    let object = "o".repeat(3000);
    let body =
        format!(r#"{{"command_name":"UPLOAD_LOG","command_param":{{"object":"{object}"}}}}"#);
    let Ok(Answer::Command(command)) = call().parse(&http::Response::new(body)) else {
        panic!("not a command")
    };
    assert_eq!(command.param.object, Some(object));
}

#[test]
fn an_error_is_truncated_at_its_limits_and_marked() {
    let read = |body: String| {
        let response = http::Response::builder().status(500).body(body).expect("valid");
        match call().parse(&response) {
            Err(ResponseError::Api(error)) => *error,
            other => panic!("{other:?}"),
        }
    };
    let message = |length: usize| read(format!(r#"{{"error_msg":"{}"}}"#, "服".repeat(length)));
    assert_eq!(message(1024).message().map(|text| text.chars().count()), Some(1024));
    assert!(!message(1024).is_truncated());
    assert_eq!(message(1025).message(), Some("服".repeat(1024).as_str()));
    assert!(message(1025).is_truncated());
    assert!(message(1025).to_string().ends_with(" (truncated)"));

    let code = read(format!(r#"{{"error_code":"{}"}}"#, "c".repeat(256)));
    assert_eq!(code.code(), Some("c".repeat(255).as_str()));
    assert!(code.is_truncated());

    let reason = read(format!(r#"{{"encoded_authorization_message":"{}"}}"#, "x".repeat(65_536)));
    assert_eq!(reason.encoded_authorization_message().map(str::len), Some(65_535));
    assert!(reason.is_truncated());

    let items = |count: usize| {
        let params = vec![r#""p""#; count].join(",");
        let details = vec![r#"{"error_code":"d"}"#; count].join(",");
        read(format!(r#"{{"error_code":"c","error_param":[{params}],"details":[{details}]}}"#))
    };
    assert_eq!((items(20).error_param().len(), items(20).details().len()), (20, 20));
    assert!(!items(20).is_truncated());
    assert_eq!((items(21).error_param().len(), items(21).details().len()), (20, 20));
    assert!(items(21).is_truncated());
}

#[test]
fn every_form_of_no_command_has_its_own_words() {
    let mut names = std::collections::BTreeSet::new();
    let mut words = std::collections::BTreeSet::new();
    for (status, body, name, text) in [
        (204, "", "no_content", "status 204 (no content)"),
        (200, "", "empty_body", "the body is empty"),
        (200, "{}", "empty_object", "the answer is {}"),
        (200, r#"{"x":1}"#, "missing_name", "command_name is missing"),
        (200, r#"{"command_name":null}"#, "null_name", "command_name is null"),
        (200, r#"{"command_name":""}"#, "empty_name", "command_name is empty"),
    ] {
        let Ok(Answer::NoCommand(why)) = call().parse(&response(status, body)) else {
            panic!("{status} {body}")
        };
        assert_eq!((why.as_str(), why.to_string().as_str()), (name, text));
        assert!(names.insert(name) && words.insert(text));
    }
}

#[test]
fn an_unknown_name_is_shown_without_its_control_characters() {
    let body = r#"{"command_name":"NEW\u001b[2J"}"#;
    let Ok(Answer::Command(command)) = call().parse(&response(200, body)) else {
        panic!("not a command")
    };
    assert_eq!(command.name.as_str(), "NEW\u{1b}[2J");
    assert_eq!(command.name.to_string(), "NEW\\u{1b}[2J");
    assert!(command.param.is_empty());
}

#[test]
fn the_call_has_the_documented_uri() {
    let expected =
        format!("https://sms.ap-southeast-3.myhuaweicloud.com/v3/sources/{SERVER_ID}/command");
    assert_eq!(call().uri(), expected.as_str());
}

/// The example is that of UpdateCommandResult.
#[test]
fn builds_the_documented_report() {
    let endpoint = Endpoint::new("https://sms.ap-southeast-3.myhuaweicloud.com").expect("valid");
    let id = ServerId::new(SERVER_ID).expect("valid");
    let command = Command::new("START", CommandParam::default());
    let detail = serde_json::json!({"msg": "xxx"});
    let report = ReportResult::new(&endpoint, &id, command, CommandResult::Success, &detail);
    let report = report.expect("valid");
    let request = report.request(&AuthToken::new("a-token").expect("valid"));
    assert_eq!(request.method(), http::Method::POST);
    assert_eq!(
        request.uri(),
        "https://sms.ap-southeast-3.myhuaweicloud.com/v3/sources/\
         f32ab4d6-d150-4fb3-aa55-edbb5cf9947f/command_result"
    );
    assert_eq!(request.headers()["host"], "sms.ap-southeast-3.myhuaweicloud.com");
    assert_eq!(request.headers()["x-auth-token"], "a-token");
    assert_eq!(request.headers()["content-type"], "application/json");
    assert_eq!(request.headers()["content-length"], "73");
    assert_eq!(
        request.body(),
        br#"{"command_name":"START","result":"success","result_detail":{"msg":"xxx"}}"#
    );
}

/// The editions document the body of a 200 as a string, as `{ }`, or not at all.
#[test]
fn every_2xx_but_an_html_page_accepts_the_report() {
    let endpoint = Endpoint::new("https://sms.example").expect("valid");
    let id = ServerId::new("id").expect("valid");
    let command = Command::new("STOP", CommandParam::default());
    let detail = serde_json::Map::new();
    let report = ReportResult::new(&endpoint, &id, command, CommandResult::Fail, &detail);
    let report = report.expect("valid");
    for (status, body) in [(200, "{ }"), (200, ""), (200, "\"ok\""), (201, "x"), (204, "")] {
        assert_eq!(report.parse(&response(status, body)), Ok(()), "{status} {body}");
    }
    for (status, body) in [(200, " <html>"), (302, ""), (400, "{}"), (500, "")] {
        assert!(report.parse(&response(status, body)).is_err(), "{status} {body}");
    }
}

#[test]
fn commands_are_the_same_by_name_and_task() {
    let command = |name: &str, task: &str, bucket: Option<&str>| {
        let param = CommandParam::default().with_task_id(task);
        Command::new(name, bucket.map_or(param.clone(), |bucket| param.with_object(bucket, "")))
    };
    let start = command("START", "a", None);
    assert!(start.is_same(&command("START", "a", Some("b"))));
    assert!(!start.is_same(&command("START", "b", None)));
    assert!(!start.is_same(&command("STOP", "a", None)));
    let upload = command("UPLOAD_LOG", "", Some("b"));
    assert!(upload.is_same(&upload.clone()));
    assert!(!upload.is_same(&command("UPLOAD_LOG", "", Some("c"))));
    assert!(!upload.is_same(&command("UPLOAD_LOG", "a", Some("b"))));
}
