//! Tests `sms-agent report`, which reports the result of a command by hand.

mod support;

use std::{io::Write, process::Stdio};

use huaweicloud_sms_simulator::{Command, Script, Simulator};
use serde_json::{Value, json};
use support::{SERVER_ID, TOKEN, agent, file, path, transports};

/// Starts a service that holds a START.
fn service() -> Simulator {
    let script = Script::new().commands(SERVER_ID, [Command::new("START", Some("a"))]);
    Simulator::builder().token(TOKEN).script(script).start().expect("started")
}

/// Runs `report`. Returns its exit status, standard output and standard error.
fn report(service: &Simulator, arguments: &[&str], input: &str) -> (i32, String, String) {
    let url = service.url();
    let mut command = agent(&["report", "--endpoint", &url, "--server-id", SERVER_ID]);
    command.args(["--allow-http"]).args(arguments).env("HW_AUTH_TOKEN", TOKEN);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("runs");
    // The program need not read its input.
    let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
    let output = child.wait_with_output().expect("ends");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code().expect("a status"), text(output.stdout), text(output.stderr))
}

fn detail(service: &Simulator) -> Value {
    service.reports().pop().and_then(|report| report.detail).expect("a report with a detail")
}

const START: [&str; 4] = ["--command", "START", "--result", "success"];

#[test]
fn an_accepted_result_is_printed_as_text_and_as_json() {
    for transport in transports() {
        let options = [&["--transport", transport], &START[..]].concat();
        let accepted = service();
        let (exit, out, _) = report(&accepted, &options, "");
        assert_eq!((exit, out.as_str()), (0, "reported START: success\n"));
        assert_eq!(detail(&accepted), json!({}));
        let (exit, out, _) =
            report(&service(), &[&options, &["--format", "json"][..]].concat(), "");
        let out: Value = serde_json::from_str(&out).expect("JSON");
        let expected = json!({"answer": "reported", "command_name": "START", "result": "success"});
        assert_eq!((exit, out), (0, expected));
    }
}

#[test]
fn the_detail_comes_from_a_file_or_standard_input() {
    let json = "{ \"msg\": \"é\",\n \"disks\": [1] }\n";
    let from_file = service();
    let name = file("report-detail", json);
    let options = [&START[..], &["--detail", path(&name)]].concat();
    assert_eq!(report(&from_file, &options, "").0, 0);
    let from_input = service();
    assert_eq!(report(&from_input, &[&START[..], &["--detail", "-"]].concat(), json).0, 0);
    for service in [from_file, from_input] {
        assert_eq!(detail(&service), json!({"msg": "é", "disks": [1]}));
    }
}

#[test]
fn a_number_of_the_detail_is_reported_as_written_unless_it_is_an_integer_beyond_64_bits() {
    for (written, reported) in [
        ("7.038531e-26", "7.038531e-26"),
        ("0.1", "0.1"),
        ("18446744073709551615", "18446744073709551615"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("18446744073709551616", "1.8446744073709552e19"),
    ] {
        let service = service();
        let input = format!(r#"{{"number":{written}}}"#);
        let (exit, _, said) = report(&service, &[&START[..], &["--detail", "-"]].concat(), &input);
        assert_eq!(exit, 0, "{said}");
        let body = service.requests().pop().expect("a request").body;
        // Versions of serde_json differ in the sign of an exponent.
        let body = String::from_utf8(body).expect("UTF-8").replace("e+", "e");
        assert!(body.contains(&format!(r#"{{"number":{reported}}}"#)), "{body}");
    }
}

#[test]
fn wrong_input_is_an_error_before_anything_is_sent() {
    let service = service();
    let long = json!({"a": "x".repeat(65_536)}).to_string();
    let name = "N".repeat(256);
    for (arguments, input, why) in [
        (&["--command", "SKIP", "--result", "fail"][..], "", "can't be reported"),
        (&["--command", "PREMIGRATE", "--result", "fail"], "", "can't be reported"),
        (&["--command", "TASK_HAS_STOPPED", "--result", "fail"], "", "can't be reported"),
        (&["--command", "", "--result", "fail"], "", "command's name"),
        (&["--command", &name, "--result", "fail"], "", "command's name"),
        (&["--command", "START", "--result", "done"], "", "neither success nor fail"),
        (&[&START[..], &["--detail", "-"]].concat(), "[1]", "not an object"),
        (&[&START[..], &["--detail", "-"]].concat(), "{", "not JSON"),
        (&[&START[..], &["--detail", "-"]].concat(), &long, "result detail"),
        (&[&START[..], &["--detail", "/nonexistent"]].concat(), "", "/nonexistent"),
        (&[&START[..], &["--detail", "-", "--token-file", "-"]].concat(), "", "can't be both"),
    ] {
        let (exit, _, said) = report(&service, arguments, input);
        assert_eq!(exit, 2, "{said}");
        assert!(said.contains(why), "{why} in {said}");
    }
    assert_eq!(service.request_count(), 0);
}

#[test]
fn a_command_that_the_service_does_not_hold_ends_with_4() {
    for transport in transports() {
        let service = service();
        let options = ["--transport", transport, "--command", "STOP", "--result", "success"];
        let (exit, _, said) = report(&service, &options, "");
        assert!(exit == 4 && said.contains("SMS.6021"), "{exit}: {said}");
        let json = [&options[..], &["--format", "json"]].concat();
        let (exit, out, _) = report(&service, &json, "");
        let out: Value = serde_json::from_str(&out).expect("JSON");
        assert_eq!(
            (exit, &out["reason"], &out["during"]),
            (4, &json!("other_command"), &json!("report"))
        );
    }
}
