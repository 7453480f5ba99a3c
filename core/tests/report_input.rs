//! Tests that an invalid report is rejected before anything is sent.

use std::collections::BTreeMap;

use huaweicloud_sms_core::{
    Command, CommandParam, CommandResult, Endpoint, InvalidInput, ReportResult, ServerId,
};
use serde_json::json;

fn report(name: &str, detail: &impl serde::Serialize) -> Result<ReportResult, InvalidInput> {
    let endpoint = Endpoint::new("https://sms.example").expect("valid");
    let id = ServerId::new("id").expect("valid");
    let command = Command::new(name, CommandParam::default());
    ReportResult::new(&endpoint, &id, command, CommandResult::Fail, detail)
}

fn problem(name: &str, detail: &impl serde::Serialize) -> String {
    report(name, detail).expect_err("it can't be reported").to_string()
}

#[test]
fn accepts_documented_and_unknown_names() {
    for name in
        ["START", "STOP", "SYNC", "DELETE", "UPLOAD_LOG", "RSET_LOG_ACL", "REBOOT", "task_x", "\n"]
    {
        let report = report(name, &json!({})).expect("it can be reported");
        assert_eq!(report.command().name.as_str(), name);
    }
    assert!(report(&"x".repeat(255), &json!({})).is_ok());
}

#[test]
fn rejects_names_that_a_report_cannot_have() {
    for name in ["SKIP", "PREMIGRATE", "TASK_NOT_STARTED", "TASK_HAS_STOPPED", "TASK_HAS_FINISHED"]
    {
        let expected = "the command's name can't be reported: the service accepts no result of it";
        assert_eq!(problem(name, &json!({})), expected, "{name}");
    }
    assert_eq!(problem("", &json!({})), "the command's name is empty");
    let expected = "the command's name is 256 characters long, the limit is 255";
    assert_eq!(problem(&"x".repeat(256), &json!({})), expected);
}

#[test]
fn the_detail_must_be_an_object() {
    for detail in [json!(null), json!("{}"), json!([{}]), json!(1), json!(true)] {
        assert_eq!(problem("START", &detail), "the result detail is not a JSON object", "{detail}");
    }
    let no_keys = BTreeMap::from([((1, 2), 3)]);
    assert_eq!(problem("START", &no_keys), "the result detail can't be serialized as JSON");
}

#[test]
fn the_detail_has_at_most_64_kib() {
    let detail = |length: usize| json!({"m": "x".repeat(length - r#"{"m":""}"#.len())});
    assert!(report("START", &detail(65_536)).is_ok());
    let expected = "the result detail is 65537 bytes long, the limit is 65536";
    assert_eq!(problem("START", &detail(65_537)), expected);
}

#[test]
fn results_are_the_words_of_the_service() {
    for result in [CommandResult::Success, CommandResult::Fail] {
        assert_eq!(result.as_str().parse(), Ok(result));
        assert_eq!(json!(result), result.to_string());
    }
    for word in ["", "Success", "failed", "success "] {
        let error = word.parse::<CommandResult>().expect_err("no such word");
        assert_eq!(error.to_string(), "the result is neither success nor fail");
    }
}

#[test]
fn debug_does_not_show_the_detail() {
    let report = report("START", &json!({"msg": "private"})).expect("valid");
    let shown = format!("{report:?}");
    assert!(shown.contains("Start") && !shown.contains("private"), "{shown}");
}
