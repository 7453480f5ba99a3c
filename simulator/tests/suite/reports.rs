//! Tests of commands that are held until their results are reported, and of the record of the reports.

use std::{io::Write, time::Duration};

use huaweicloud_sms_simulator::{Answer, Command, Script, Simulator, Step};
use serde_json::{Value, json};

use crate::{
    LONG, PATH, connect,
    faults::rest,
    get, send,
    signatures::{ToSign, to_sign},
    started, unauthenticated,
};

const RESULT_PATH: &str = "/v3/sources/a/command_result";

fn post(path: &str, token: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: h\r\nX-Auth-Token: {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn body(name: &str) -> String {
    json!({ "command_name": name, "result": "success", "result_detail": { "msg": "x" } })
        .to_string()
}

/// Reports a success. Returns the status, and the error code if there is one.
fn report(simulator: &Simulator, name: &str) -> (u16, Option<String>) {
    let response = send(simulator, &post(RESULT_PATH, "t", &body(name)));
    (response.status, response.json()["error_code"].as_str().map(str::to_owned))
}

fn accepted() -> (u16, Option<String>) {
    (200, None)
}

fn rejected(code: &str) -> (u16, Option<String>) {
    (400, Some(code.into()))
}

/// Obtains a command. Returns its name, or `None` if the service holds no command.
fn obtain(simulator: &Simulator) -> Option<String> {
    send(simulator, &get(PATH, "t")).json()["command_name"].as_str().map(str::to_owned)
}

/// Starts a simulator that holds these commands for server `a`.
fn holding(names: &[&str]) -> Simulator {
    started(Script::new().commands("a", names.iter().map(|name| Command::new(name, Some("t")))))
}

#[test]
fn a_command_is_delivered_until_its_result_is_reported() {
    let param = json!({ "bucket": "b", "object": "", "more": [1] });
    let upload = json!({ "command_name": "UPLOAD_LOG", "command_param": param });
    let script = Script::new()
        .commands("a", [Command::new("START", Some("t")), Command::json(upload.clone())])
        .commands("a", [Command::new("LATER_NAME", None), Command::new("LATER_NAME", None)])
        .idle("a", Answer::command("TASK_HAS_FINISHED", None));
    let simulator = started(script);
    for _ in 0..3 {
        let start = json!({ "command_name": "START", "command_param": { "task_id": "t" } });
        assert_eq!(send(&simulator, &get(PATH, "t")).json(), start);
    }
    assert_eq!(report(&simulator, "UPLOAD_LOG"), rejected("SMS.6021"));
    assert_eq!(report(&simulator, "START"), accepted());
    assert_eq!(report(&simulator, "START"), rejected("SMS.6021"));
    assert_eq!(send(&simulator, &get(PATH, "t")).json(), upload);
    assert_eq!(report(&simulator, "UPLOAD_LOG"), accepted());
    for _ in 0..2 {
        assert_eq!(obtain(&simulator).as_deref(), Some("LATER_NAME"));
        assert_eq!(report(&simulator, "LATER_NAME"), accepted());
    }
    assert_eq!(obtain(&simulator).as_deref(), Some("TASK_HAS_FINISHED"));
    // The service does not hold an idle answer.
    assert_eq!(report(&simulator, "TASK_HAS_FINISHED"), rejected("SMS.6021"));
    assert_eq!(simulator.deliveries("a"), [3, 1, 1, 1]);
    assert!(simulator.deliveries("unknown").is_empty());
    assert!(simulator.wait_for_accepted_reports(4, Duration::ZERO));
    assert!(!simulator.wait_for_accepted_reports(5, Duration::ZERO));
}

#[test]
fn reports_are_recorded_in_order() {
    let simulator = holding(&["START", "STOP"]);
    obtain(&simulator);
    report(&simulator, "SYNC");
    let failed = r#"{"command_name":"START","result":"fail","result_detail":{"code":7}}"#;
    let response = send(&simulator, &post(RESULT_PATH, "t", failed));
    assert_eq!((response.status, response.body.as_str()), (200, "{}"));
    report(&simulator, "STOP");
    report(&simulator, "STOP");
    let reports = simulator.reports();
    let told = reports.iter().map(|report| {
        let held = report.held.as_ref().map(|held| (held.index, held.name(), held.deliveries));
        let sent = (report.name.as_deref().unwrap_or(""), report.result.as_deref().unwrap_or(""));
        (report.number, held, sent, report.error_code)
    });
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            (1, Some((0, "START", 1)), ("SYNC", "success"), Some("SMS.6021")),
            (2, Some((0, "START", 1)), ("START", "fail"), None),
            (3, Some((1, "STOP", 0)), ("STOP", "success"), None),
            (4, None, ("STOP", "success"), Some("SMS.6021")),
        ]
    );
    assert_eq!(reports[1].detail, Some(json!({ "code": 7 })));
    assert_eq!(reports[1].server_id, "a");
    let held = reports[1].held.as_ref().expect("held");
    assert_eq!(held.body["command_param"]["task_id"], "t");
    // The record of the requests says the same.
    let requests = simulator.requests();
    assert_eq!(requests[0].delivered.as_ref().map(|held| held.deliveries), Some(1));
    assert_eq!(requests[2].report.as_ref(), Some(&reports[1]));
}

#[test]
fn malformed_reports_are_rejected() {
    let simulator = holding(&["START"]);
    let with = |member: &str, value: Value| {
        let mut report: Value = serde_json::from_str(&body("START")).expect("JSON");
        match value {
            // `null` means that the member is left out.
            Value::Null => drop(report.as_object_mut().expect("an object").remove(member)),
            value => report[member] = value,
        }
        report.to_string()
    };
    for (body, code) in [
        (String::new(), "SMS.6012"),
        ("x".into(), "SMS.6010"),
        ("{\"command_name\":\"\u{1}\"}".into(), "SMS.6010"),
        (body("START") + "x", "SMS.6010"),
        (body("START")[..40].into(), "SMS.6013"),
        (format!("[{}]", body("START")), "SMS.6011"),
        ("null".into(), "SMS.6011"),
        (with("x", "x".repeat(512 * 1024).into()), "SMS.6014"),
        ("{}".into(), "SMS.6020"),
        (with("command_name", Value::Null), "SMS.6020"),
        (with("command_name", "".into()), "SMS.6020"),
        (with("command_name", 5.into()), "SMS.6020"),
        (with("command_name", "é".repeat(256).into()), "SMS.6020"),
        (with("command_name", "é".repeat(255).into()), "SMS.6021"),
        (with("command_name", "start".into()), "SMS.6021"),
        (with("result", Value::Null), "SMS.6022"),
        (with("result", "Success".into()), "SMS.6022"),
        (with("result", true.into()), "SMS.6022"),
        (with("result_detail", Value::Null), "SMS.6023"),
        (with("result_detail", r#"{"msg":"x"}"#.into()), "SMS.6023"),
        (with("result_detail", json!([])), "SMS.6023"),
    ] {
        let response = send(&simulator, &post(RESULT_PATH, "t", &body));
        let json = response.json();
        assert_eq!((response.status, json["error_code"].as_str()), (400, Some(code)), "{body}");
        assert!(json["error_msg"].as_str().is_some_and(|message| !message.is_empty()), "{body}");
        let last = simulator.reports().pop().expect("a record");
        assert_eq!(last.error_code, Some(code), "{body}");
    }
    // Members that are not documented are ignored.
    let response = send(&simulator, &post(RESULT_PATH, "t", &with("x", "x".into())));
    assert_eq!(response.status, 200);
}

#[test]
fn names_that_the_report_does_not_document_are_rejected() {
    let names = ["SKIP", "PREMIGRATE", "TASK_NOT_STARTED", "TASK_HAS_STOPPED", "TASK_HAS_FINISHED"];
    for name in names {
        let simulator = holding(&[name]);
        assert_eq!(obtain(&simulator).as_deref(), Some(name));
        assert_eq!(report(&simulator, name), rejected("SMS.6021"));
        assert_eq!(obtain(&simulator).as_deref(), Some(name));
    }
}

#[test]
fn a_report_is_checked_as_the_get_is() {
    let script = Script::new().access_key("AK", "SK").commands("a", [Command::new("START", None)]);
    let simulator = Simulator::builder().token("right").script(script).start().expect("started");
    let ok = post(RESULT_PATH, "right", &body("START"));
    for (request, status, code) in [
        (ok.replace("POST", "PUT"), 404, "APIGW.0101"),
        (ok.replace("/a/", "/a/b/"), 404, "APIGW.0101"),
        (ok.replace("X-Auth-Token: right\r\n", ""), 401, "SMS.6522"),
        (ok.replace("right", "wrong"), 401, "SMS.6521"),
        (ok.replace("Content-Type: application/json\r\n", ""), 400, "SMS.6015"),
        (ok.replace("application/json", "text/plain"), 400, "SMS.6016"),
        (ok.replace("/a/", "/x/"), 404, "SMS.7602"),
    ] {
        let response = send(&simulator, &request);
        let json = response.json();
        assert_eq!((response.status, json["error_code"].as_str()), (status, Some(code)));
    }
    let body: &'static str = r#"{"command_name":"START","result":"success","result_detail":{}}"#;
    let canonical = "/v3/sources/a/command_result/\n";
    let request = ToSign { method: "POST", target: RESULT_PATH, canonical, body, ..to_sign() };
    let signed = request.signed("AK", "SK");
    // The signature covers the body.
    let changed = signed.replace("{}}", "[]}");
    assert_eq!(send(&simulator, &changed).error(), unauthenticated("verify aksk signature fail"));
    // No report reached the service.
    assert_eq!(simulator.reports(), []);
    assert_eq!(send(&simulator, &signed).status, 200);
    assert_eq!(simulator.reports().len(), 1);
}

#[test]
fn a_command_can_overtake_the_one_before() {
    let stop = || Command::new("STOP", Some("t"));
    let start = || Command::new("START", Some("t"));
    let script = Script::new().commands("a", [start(), stop().overtaking_after(2), start()]);
    let simulator = started(script);
    let names: Vec<_> = (0..4).map(|_| obtain(&simulator)).collect();
    assert_eq!(names.iter().flatten().collect::<Vec<_>>(), ["START", "START", "STOP", "STOP"]);
    assert_eq!(report(&simulator, "START"), rejected("SMS.6021"));
    assert_eq!(report(&simulator, "STOP"), accepted());
    // A report before the STOP overtakes is accepted, and then the service holds the STOP at once.
    simulator.push_command("a", stop().overtaking_after(2));
    assert_eq!(obtain(&simulator).as_deref(), Some("START"));
    assert_eq!(report(&simulator, "START"), accepted());
    assert_eq!(obtain(&simulator).as_deref(), Some("STOP"));
    // As if somebody used the console now.
    simulator.push_command("a", start().overtaking_after(0));
    assert_eq!(obtain(&simulator).as_deref(), Some("START"));
    assert_eq!(simulator.deliveries("a"), [2, 2, 1, 1, 1]);
}

#[test]
fn a_report_can_need_a_delivery() {
    let names = [Command::new("START", None), Command::new("START", None)];
    let script = Script::new().commands("a", names).report_needs_get("a");
    let simulator = started(script);
    assert_eq!(report(&simulator, "START"), rejected("SMS.6021"));
    obtain(&simulator);
    assert_eq!(report(&simulator, "START"), accepted());
    assert_eq!(report(&simulator, "START"), rejected("SMS.6021"));
    obtain(&simulator);
    assert_eq!(report(&simulator, "START"), accepted());
}

#[test]
fn other_answers_come_before_the_commands() {
    let simulator = holding(&["START"]);
    simulator.push("a", Answer::error(503, "X", "m"));
    assert_eq!(send(&simulator, &get(PATH, "t")).status, 503);
    assert_eq!(simulator.deliveries("a"), [0]);
    assert_eq!(obtain(&simulator).as_deref(), Some("START"));
}

/// Sends a request that the service does not answer in full. Returns the text that it sent, and whether it
/// closed the connection in order.
fn broken(simulator: &Simulator, request: &str) -> (String, bool) {
    let mut stream = connect(simulator);
    stream.write_all(request.as_bytes()).expect("sent");
    rest(&mut stream)
}

#[test]
fn faults_come_by_turn_and_leave_the_command_held() {
    let reset = Answer::steps([Step::Reset]);
    let cut =
        Answer::raw("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"command_name\":\"STOP\"");
    let script = Script::new()
        .commands("a", [Command::new("START", None)])
        .get_faults([None, Some(Answer::error(503, "X", "m")), Some(cut)])
        .report_faults([Some(Answer::error(500, "SMS.6000", "m").times(2)), Some(reset)]);
    let simulator = started(script);
    let get = get(PATH, "t");
    for _ in 0..2 {
        assert_eq!(obtain(&simulator).as_deref(), Some("START"));
        assert_eq!(send(&simulator, &get).status, 503);
        assert!(broken(&simulator, &get).0.ends_with("STOP\""));
    }
    assert_eq!(simulator.deliveries("a"), [2]);
    for _ in 0..2 {
        assert_eq!(report(&simulator, "START"), (500, Some("SMS.6000".into())));
        assert_eq!(report(&simulator, "START"), (500, Some("SMS.6000".into())));
        let request = post(RESULT_PATH, "t", &body("START"));
        assert_eq!(broken(&simulator, &request), (String::new(), false));
    }
    assert_eq!(simulator.reports(), []);
    assert_eq!(obtain(&simulator).as_deref(), Some("START"));
}

#[test]
fn a_response_can_be_lost_after_the_request_was_processed() {
    let lost = || Answer::steps([Step::Reset]).after_processing();
    let script = Script::new()
        .user("d", "n", "p")
        .commands("a", [Command::new("START", None), Command::new("STOP", None)])
        .get_faults([None, Some(lost())])
        .report_faults([Some(lost()), None])
        .login_faults([Some(Answer::silent()), Some(Answer::error(503, "X", "m")), None]);
    let simulator = Simulator::builder().token("t").script(script).start().expect("started");
    assert_eq!(obtain(&simulator).as_deref(), Some("START"));
    assert_eq!(broken(&simulator, &get(PATH, "t")), (String::new(), false));
    assert_eq!(simulator.deliveries("a"), [2, 0]);
    let request = post(RESULT_PATH, "t", &body("START"));
    assert_eq!(broken(&simulator, &request), (String::new(), false));
    assert!(simulator.wait_for_accepted_reports(1, LONG));
    // The client sends it again, and learns that the service does not hold it any more.
    assert_eq!(report(&simulator, "START"), rejected("SMS.6021"));
    let last = simulator.requests().pop().expect("recorded");
    assert_eq!((last.status, last.report.map(|report| report.number)), (400, Some(2)));
    assert_eq!(obtain(&simulator).as_deref(), Some("STOP"));
    // The faults of logins.
    let mut silent = connect(&simulator);
    let login = "POST /v3/auth/tokens HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n";
    silent.write_all(login.as_bytes()).expect("sent");
    assert!(simulator.wait_for_requests(6, LONG));
    let response = send(&simulator, login);
    assert_eq!(response.status, 503);
    assert!(response.header("x-iam-trace-id").is_some());
    assert_eq!(send(&simulator, login).status, 400);
}

#[test]
fn a_route_answers_another_operation() {
    let created = Answer::json(201, json!({ "id": "x" })).header("X-Other", "1");
    let script = Script::new()
        .route("POST", "/v3/tasks/a%20b", Answer::body(500, ""))
        .route("POST", "/v3/tasks/a%20b", created)
        .route("GET", PATH, Answer::body(500, ""))
        .server("a", []);
    let simulator = Simulator::builder().token("right").script(script).start().expect("started");
    let request = post("/v3/tasks/a%20b?limit=1", "right", "");
    let response = send(&simulator, &request);
    assert_eq!((response.status, response.body.as_str()), (201, r#"{"id":"x"}"#));
    assert_eq!(response.header("x-other"), Some("1"));
    assert_eq!(send(&simulator, &request.replace("right", "wrong")).status, 401);
    assert_eq!(send(&simulator, &request.replace("POST", "GET")).status, 404);
    assert_eq!(send(&simulator, &request.replace("%20", "%21")).status, 404);
    // The service's own operations come first.
    assert_eq!(send(&simulator, &get(PATH, "right")).status, 200);
}
