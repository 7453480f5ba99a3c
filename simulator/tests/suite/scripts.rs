//! Tests of scripts in JSON, valid or not, and of their `Debug`.

use std::{
    io::{Read, Write},
    time::SystemTime,
};

use huaweicloud_sms_simulator::{Answer, Script};
use serde_json::Value;

use crate::{
    LONG, MINUTE, PATH, closing, connect,
    faults::{exchange, rest},
    get,
    logins::log_in,
    send,
    signatures::{ToSign, signed, to_sign},
    started, whole,
};

/// Reads the script in a JSON block of the README. The blocks are counted from 1.
fn readme_script(number: usize) -> Script {
    let readme = include_str!("../../README.md");
    let json = readme.split("```json\n").nth(number).and_then(|rest| rest.split("```").next());
    Script::from_json(json.expect("an example")).expect("a script")
}

#[test]
fn every_form_of_an_answer_is_read_from_json() {
    let script = Script::from_json(
        r#"{"servers":{"a":{"answers":[
            {"json":null,"times":2},
            {"status":429,"headers":{"Retry-After":"7"},"body":"x"},
            {"raw":"HTTP/1.1 299 X\r\nContent-Length: 0\r\n\r\n"}
        ]},"b":{"idle":{}}}}"#,
    )
    .expect("a script");
    let simulator = started(script);
    let request = get(PATH, "t");
    let answers: Vec<_> =
        (0..5).map(|_| send(&simulator, &request)).map(|a| (a.status, a.body)).collect();
    let expected = [(200, "null"), (200, "null"), (429, "x"), (299, ""), (200, "{}")];
    assert_eq!(answers, expected.map(|(status, body)| (status, body.to_owned())));
    assert_eq!(send(&simulator, &get("/v3/sources/b/command", "t")).body, "");
}

#[test]
fn faults_are_read_from_json() {
    let script = Script::from_json(
        r#"{"on_accept":[{"send":"hi "}],"trickle_ms":0,"certificate":"self_signed",
            "servers":{"a":{"answers":[
            {"steps":[{"send":"a"},{"send_hex":"62"},{"dribble":{"text":"c","pause_ms":1}},
                      {"repeat":{"text":"d","times":2}},{"pause_ms":1},"close"]},
            {"steps":[{"send":"x"},"cut"]},
            {"steps":[{"send":"y"},"request","reset"]},
            {"steps":[{"repeat":{"text":"z"}}]},
            {"steps":["hold"]},
            {"steps":["continue"]}]}}}"#,
    );
    let simulator = started(script.expect("a script"));
    assert_eq!(exchange(&simulator), ("hi abcdd".into(), true));
    assert_eq!(exchange(&simulator), ("hi x".into(), true));
    let mut stream = connect(&simulator);
    stream.write_all(get(PATH, "t").repeat(2).as_bytes()).expect("sent");
    assert_eq!(rest(&mut stream), ("hi y".into(), false));
}

#[test]
fn the_answers_of_the_readme_are_given() {
    let simulator = started(readme_script(1));
    let request = closing().replace("/a/", "/f32ab4d6-d150-4fb3-aa55-edbb5cf9947f/");
    for (start, end) in [
        ("HTTP/1.1 200 ", r#"{"command_name":"START","command_param":{"task_id":"2c06"}}"#),
        ("HTTP/1.1 200 ", r#"{"command_name":"START","command_param":{"task_id":"2c06"}}"#),
        ("HTTP/1.1 429 ", r#"{"error_code":"APIGW.0308","error_msg":"Too many requests."}"#),
        ("HTTP/1.1 200 ", "<html>login</html>"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\ncut", ""),
    ] {
        let all = whole(&simulator, &request);
        assert!(all.starts_with(start) && all.ends_with(end), "{all}");
    }
    let mut reset = connect(&simulator);
    reset.write_all(request.as_bytes()).expect("sent");
    let mut all = Vec::new();
    reset.read_to_end(&mut all).expect_err("reset");
    assert_eq!(all, b"HTTP/1.1 200 OK\r\n\xff");
    let mut silent = connect(&simulator);
    silent.write_all(request.as_bytes()).expect("sent");
    assert!(simulator.wait_for_requests(7, LONG));
    assert!(whole(&simulator, &request).ends_with("\r\n\r\n{}"));
}

#[test]
fn the_credentials_of_the_readme_are_accepted() {
    let simulator = started(readme_script(3).server("a", []));
    let ahead = simulator.now().duration_since(SystemTime::now()).expect("ahead");
    assert!(ahead > 15 * MINUTE, "{ahead:?}");
    assert!(send(&simulator, &signed("an-example-secret-key")).body.contains("signature expired"));
    let request = ToSign { date: simulator.now(), ..to_sign() };
    assert_eq!(send(&simulator, &request.signed("AK", "an-example-secret-key")).status, 200);
    let request = ToSign { security_token: Some("a-security-token"), ..request };
    assert_eq!(send(&simulator, &request.signed("AK-2", "another-secret-key")).status, 200);
    let log_in = || log_in(&simulator, "an-example-password", Value::Null);
    assert_eq!(log_in().status, 503);
    let response = log_in();
    let token = response.header("x-subject-token").expect("a token");
    assert_eq!(send(&simulator, &get(PATH, token)).status, 200);
    simulator.advance(MINUTE);
    assert!(send(&simulator, &get(PATH, token)).body.contains("token expires"));
}

#[test]
fn the_commands_faults_and_routes_of_the_readme_take_effect() {
    let simulator = started(readme_script(2));
    let ok = |path: &str| send(&simulator, &get(path, "t"));
    let path = "/v3/sources/f32ab4d6-d150-4fb3-aa55-edbb5cf9947f/command";
    let report = |name: &str| {
        let body = format!(r#"{{"command_name":"{name}","result":"fail","result_detail":{{}}}}"#);
        let length = format!("Content-Length: {}\r\n\r\n{body}", body.len());
        let request = get(&format!("{path}_result"), "t").replace("GET", "POST");
        format!("{}{length}", request.trim_end_matches("\r\n").to_owned() + "\r\n")
    };
    assert_eq!(ok(path).json()["command_name"], "START");
    assert_eq!(ok(path).status, 503);
    assert_eq!(ok(path).json()["command_name"], "START");
    assert_eq!(ok(path).status, 503);
    assert_eq!(ok(path).json()["command_name"], "STOP");
    assert_eq!(send(&simulator, &report("STOP")).status, 200);
    let mut lost = connect(&simulator);
    lost.write_all(report("UPLOAD_LOG").as_bytes()).expect("sent");
    assert_eq!(rest(&mut lost), (String::new(), false));
    assert_eq!(ok(path).status, 503);
    assert_eq!(ok(path).json()["command_name"], "TASK_HAS_FINISHED");
    assert_eq!(ok("/v3/tasks").json()["count"], 0);
    let accepted: Vec<bool> = simulator.reports().iter().map(|r| r.is_accepted()).collect();
    assert_eq!(accepted, [true, true]);
}

#[test]
fn the_clock_can_be_behind() {
    let script = r#"{"servers":{"a":{}},"access_keys":[{"id":"AK","secret":"SK"}],
                     "clock_ahead_s":-1200}"#;
    let simulator = started(Script::from_json(script).expect("a script"));
    assert!(send(&simulator, &signed("an-example-secret-key")).body.contains("signature expired"));
}

#[test]
fn the_error_says_what_is_wrong_with_a_script() {
    let answer = |json: &str| format!(r#"{{"servers":{{"a":{{"answers":[{{}},{json}]}}}}}}"#);
    let members = |json: &str| format!(r#"{{"servers":{{}},{json}}}"#);
    let keys = |json: &str| members(&format!(r#""access_keys":[{json}]"#));
    let users = |json: &str| members(&format!(r#""users":[{json}]"#));
    let command = |json: &str| format!(r#"{{"servers":{{"a":{{"commands":[{json}]}}}}}}"#);
    let user = r#"{"domain":"d","name":"n","password":"p"}"#;
    for (json, why) in [
        ("{".to_owned(), "line 1 column 1"),
        ("[]".into(), "line 1 column"),
        ("{}".into(), "missing field `servers`"),
        (r#"{"servers":{},"x":1}"#.into(), "unknown field `x`"),
        (r#"{"servers":{"a":{"x":1}}}"#.into(), "unknown field `x`"),
        (r#"{"servers":{"a":{},"a":{}}}"#.into(), "server a is there twice"),
        (r#"{"servers":{"":{}}}"#.into(), "id is empty"),
        (answer(r#"{"x":1}"#), "unknown field `x`"),
        (
            answer(r#"{"json":1,"body":"x"}"#),
            "server a, answer 2: json, body, raw, steps and silent exclude",
        ),
        (answer(r#"{"raw":"x","status":200}"#), "answer 2: raw, steps and silent have no status"),
        (answer(r#"{"silent":true,"headers":{"a":"b"}}"#), "steps and silent have no status"),
        (answer(r#"{"status":199}"#), "status must be from 200 to 599"),
        (answer(r#"{"status":600}"#), "status must be from 200 to 599"),
        (answer(r#"{"status":204,"body":"x"}"#), "status 204 has no body"),
        (answer(r#"{"times":0}"#), "times must be from 1"),
        (answer(r#"{"times":1000001}"#), "times must be from 1"),
        (answer(r#"{"headers":{"a b":"c"}}"#), "the header \"a b\" can't be sent"),
        (answer(r#"{"headers":{"a":"b\nc"}}"#), "the header \"a\" can't be sent"),
        (r#"{"servers":{"a":{"idle":{"status":1}}}}"#.into(), "server a, idle: status"),
        (answer(r#"{"steps":["reset"],"raw":"x"}"#), "raw, steps and silent exclude"),
        (answer(r#"{"steps":["reset"],"status":200}"#), "raw, steps and silent have no status"),
        (answer(r#"{"steps":["explode"]}"#), "unknown variant `explode`"),
        (answer(r#"{"steps":[{"dribble":{"text":"x","pause":1}}]}"#), "unknown field `pause`"),
        (answer(r#"{"steps":[{"pause_ms":60001}]}"#), "answer 2: a pause is at most 60000 ms"),
        (answer(r#"{"steps":[{"send_hex":"0"}]}"#), "two hexadecimal digits"),
        (answer(r#"{"steps":[{"send_hex":"+f"}]}"#), "two hexadecimal digits"),
        (answer(r#"{"steps":[{"repeat":{"text":""}}]}"#), "an empty text can't be repeated"),
        (r#"{"servers":{},"on_accept":[{"pause_ms":60001}]}"#.into(), "on_accept: a pause is"),
        (r#"{"servers":{},"trickle_ms":60001}"#.into(), "trickle_ms: a pause is"),
        (r#"{"servers":{},"certificate":"forged"}"#.into(), "unknown variant `forged`"),
        (keys(r#"{"id":"i"}"#), "missing field `secret`"),
        (keys(r#"{"id":"i","secret":"s","x":1}"#), "unknown field `x`"),
        (keys(r#"{"id":"","secret":"s"}"#), "access_keys: id, secret and token can't be"),
        (keys(r#"{"id":"i","secret":""}"#), "access_keys: id, secret and token can't be"),
        (
            keys(r#"{"id":"i","secret":"s","security_token":""}"#),
            "access_keys: id, secret and token can't be",
        ),
        (
            keys(r#"{"id":"i","secret":"s"},{"id":"i","secret":"t"}"#),
            "access_keys: i is there twice",
        ),
        (users(r#"{"domain":"d","name":"n"}"#), "missing field `password`"),
        (users(r#"{"domain":"d","name":"n","password":"p","x":1}"#), "unknown field `x`"),
        (users(r#"{"domain":"d","name":"n","password":""}"#), "users: domain, name and pass"),
        (users(&[user; 2].join(",")), "users: n of d is there twice"),
        (members(r#""token_life_s":-1"#), "invalid value"),
        (members(r#""token_life_s":315360001"#), "token_life_s: at most 315360000 s"),
        (members(r#""clock_ahead_s":315360001"#), "clock_ahead_s: at most 315360000 s"),
        (members(r#""clock_ahead_s":-9223372036854775808"#), "clock_ahead_s: at most 315360000 s"),
        (members(r#""logins":[{},{"status":1}]"#), "login 2: status must be from 200 to 599"),
        (members(r#""logins":[{"x":1}]"#), "unknown field `x`"),
        (command("{}"), "missing field `json`"),
        (command(r#"{"json":{},"x":1}"#), "unknown field `x`"),
        (command(r#"{"json":{}}"#), "server a, command 1: a command needs a command_name"),
        (command(r#"{"json":{"command_name":""}}"#), "a command needs a command_name"),
        (command(r#"{"json":[]}"#), "a command needs a command_name"),
        (command(r#"{"json":{"command_name":"X"},"overtakes_after":-1}"#), "invalid value"),
        (members(r#""faults":{"put":[]}"#), "unknown field `put`"),
        (members(r#""faults":{"get":[null,{"status":1}]}"#), "faults, get 2: status must be"),
        (members(r#""faults":{"report":[{"x":1}]}"#), "unknown field `x`"),
        (members(r#""faults":{"login":[{"times":0}]}"#), "faults, login 1: times must be"),
        (answer(r#"{"after_processing":true}"#), "answer 2: only a fault has after_processing"),
        (members(r#""routes":[{"method":"GET","path":"/x"}]"#), "missing field `answer`"),
        (
            members(r#""routes":[{"method":"GET","path":"/x","answer":{"status":1}}]"#),
            "route 1: status must be",
        ),
    ] {
        let error = Script::from_json(&json).expect_err(&json).to_string();
        assert!(error.contains(why), "{json}: {error}");
    }
}

#[test]
fn debug_shows_no_secret() {
    let script = Script::new()
        .access_key("id-1", "canary")
        .temporary_key("id-2", "canary", "canary")
        .user("domain-1", "name-1", "canary")
        .login([Answer::error(500, "X", "m").header("X-Subject-Token", "canary")])
        .server("a", [Answer::body(200, "").header("Set-Cookie", "canary")]);
    for shown in [format!("{script:?}"), format!("{script:#?}")] {
        assert!(!shown.contains("canary"), "{shown}");
        for id in ["id-1", "id-2", "domain-1", "name-1"] {
            assert!(shown.contains(id), "{shown}");
        }
    }
    assert!(
        !format!("{:?}", Answer::body(200, "").header("x-auth-token", "canary")).contains("canary")
    );
}
