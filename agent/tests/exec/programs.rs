//! Tests programs that behave badly. Each gets its report, within its time limit.

use std::process::Command;

use huaweicloud_sms_simulator::{Script, Simulator};
use serde_json::{Value, json};

use crate::support::{
    SERVER_ID, TOKEN,
    credentials::{self, AK, LONG, PASSWORD, SK},
    exec::{Login, Place, accepted, detail, holding, results, run, run_logged, service_with},
    path, transports,
};

/// Runs a program for one START. Returns the result and the detail of its report.
fn reported(body: &str, options: &[&str]) -> (String, Value) {
    let (place, service) = (Place::new(), service_with([("START", "a")]));
    place.gates();
    let _agent = run(place.agent(&service, options, body));
    outcome(&service)
}

fn outcome(service: &Simulator) -> (String, Value) {
    assert!(service.wait_for_accepted_reports(1, LONG));
    (results(service).remove(0), detail(service))
}

#[test]
fn an_object_on_standard_output_is_the_detail() {
    let body = r#"echo '{"disks": [1, {"name": "é"}], "msg": "done"}'; echo "to the log" >&2"#;
    let (result, detail) = reported(body, &[]);
    assert_eq!(result, "START success");
    assert_eq!(detail, json!({"disks": [1, {"name": "é"}], "msg": "done"}));
}

#[test]
fn other_output_is_text_and_the_exit_status_decides() {
    let (result, detail) = reported("echo copied; exit 0", &[]);
    assert_eq!((result.as_str(), detail), ("START success", json!({"output": "copied\n"})));
    let (result, detail) = reported("echo half; exit 7", &[]);
    assert_eq!(result, "START fail");
    assert_eq!((&detail["exit_status"], &detail["output"]), (&json!(7), &json!("half\n")));
}

#[test]
fn standard_error_is_logged() {
    let (place, service) = (Place::new(), service_with([("START", "a")]));
    let (_agent, mut log) = run_logged(place.agent(&service, &[], "echo 'disk 2 failed' >&2"));
    assert!(log.find("disk 2 failed").contains("sh: "));
}

#[test]
fn a_child_that_keeps_standard_output_open_does_not_delay_the_next_command() {
    for body in [
        // The child is in the program's group.
        "{ read line < \"$GATE\"; } & echo started",
        // The child has a session of its own, so the agent does not end it.
        "setsid sh -c 'read line < \"$GATE\"' & echo started",
    ] {
        let (place, service) = (Place::new(), service_with([("START", "a"), ("SYNC", "b")]));
        place.gates();
        let _agent = run(place.agent(&service, &[], body));
        assert!(service.wait_for_accepted_reports(2, LONG));
        assert_eq!(results(&service), ["START success", "SYNC success"]);
        assert_eq!(detail(&service), json!({"output": "started\n"}));
        // This ends the child of the second case.
        std::fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open(place.path("gate"))
            .and_then(|mut gate| std::io::Write::write_all(&mut gate, b"go\ngo\n"))
            .expect("written");
    }
}

#[test]
fn ten_megabytes_are_read_to_the_end_and_cut() {
    let body = "head -c 10000000 /dev/zero | tr '\\0' x; echo end >> \"$RUNS\"";
    let (place, service) = (Place::new(), service_with([("START", "a")]));
    let _agent = run(place.agent(&service, &[], body));
    let (result, detail) = outcome(&service);
    assert_eq!((result.as_str(), place.runs()), ("START success", vec!["end".to_owned()]));
    assert_eq!(detail["output_truncated"], true);
    assert_eq!(detail["output_bytes"], 10_000_000);
    let length = detail["output"].as_str().expect("a string").len();
    assert!((60_000..=65_536).contains(&length), "{length}");
}

#[test]
fn a_program_that_ends_by_a_signal_is_reported_with_it() {
    let (result, detail) = reported("echo half; kill -s KILL $$", &[]);
    assert_eq!(result, "START fail");
    assert_eq!((&detail["signal"], &detail["output"]), (&json!(9), &json!("half\n")));
}

/// SIGTERM follows at the limit, and SIGKILL 10 s later.
#[test]
fn a_program_that_ignores_sigterm_is_killed_after_its_limit() {
    let body = "trap '' TERM; echo begun; read line < \"$GATE\"";
    let (result, detail) = reported(body, &["--exec-timeout", "0.2"]);
    assert_eq!(result, "START fail");
    assert_eq!((&detail["timed_out"], &detail["output"]), (&json!(true), &json!("begun\n")));
}

#[test]
fn a_program_that_cannot_be_started_is_reported_with_the_reason() {
    let place = Place::new();
    let script = place.script("echo never");
    let no_interpreter = place.path("no-interpreter");
    // A shell writes the file. If this process wrote it, a child of another test could inherit the
    // descriptor.
    let write = |text: &str, target: &str| {
        let shell = "printf %s \"$0\" > \"$1\" && chmod 755 \"$1\"";
        let status = Command::new("sh").args(["-c", shell, text, target]).status();
        assert!(status.expect("runs").success());
    };
    write("#!/nonexistent/interpreter\necho never\n", path(&no_interpreter));
    let no_shebang = place.path("no-shebang");
    write("echo never\n", path(&no_shebang));
    for (program, why) in [
        ("/nonexistent/program", "it does not exist"),
        ("nonexistent-program-of-path", "it does not exist"),
        (script.as_str(), "it is not an executable file"),
        (path(&place.path("")), "it is not an executable file"),
        (path(&no_interpreter), "the interpreter that its first line names does not exist"),
        (path(&no_shebang), "Exec format error"),
    ] {
        let place = Place::new();
        let service = service_with([("START", "a"), ("SYNC", "b")]);
        let _agent = run(place.agent_with(&service, &[], &[program]));
        assert!(service.wait_for_accepted_reports(2, LONG), "{program}");
        assert_eq!(results(&service), ["START fail", "SYNC fail"]);
        let message = detail(&service)["msg"].as_str().expect("a message").to_owned();
        assert!(
            message.starts_with(&format!("the program {program} cannot be started: {why}")),
            "{message}"
        );
    }
}

/// The program prints each secret in clear, as JSON and as base64.
#[test]
fn secrets_of_the_agent_are_withheld_from_the_report_and_the_log() {
    for transport in transports() {
        for (login, secret) in
            [(Some(Login::Key), SK), (Some(Login::User), PASSWORD), (None, TOKEN)]
        {
            let script =
                holding(credentials::script(), [("START", "a"), ("SYNC", "b"), ("STOP", "c")]);
            let service =
                Simulator::builder().token(TOKEN).script(script).start().expect("started");
            let place = Place::new();
            std::fs::write(place.path("secret"), secret).expect("written");
            std::fs::write(place.path("json"), json!({"a": secret}).to_string()).expect("written");
            let folder = path(&place.path("")).to_owned();
            let body = format!(
                "cd '{folder}'; cat secret >&2; echo >&2\n\
                 case $SMS_COMMAND_NAME in START) cat secret;; SYNC) cat json;; *) base64 < secret;; esac"
            );
            let mut command = place.agent(&service, &["-vvv", "--transport", transport], &body);
            if let Some(login) = login {
                login.add(&mut command, &service);
            }
            let log = crate::support::exec::append(&place.path("log"));
            let agent = run_with(command, log);
            assert!(service.wait_for_accepted_reports(3, LONG));
            drop(agent);
            let log = place.log();
            assert!(log.contains("[withheld: contains a credential]"), "{log}");
            let journal = place.journal();
            let mut texts = vec![log, journal];
            texts.extend(accepted(&service).into_iter().map(|report| {
                let detail = report.detail.expect("a detail").to_string();
                assert!(detail.contains("withheld"), "{detail}");
                detail
            }));
            for text in texts {
                assert!(!text.to_lowercase().contains("canary"), "{text}");
            }
        }
    }
}

fn run_with(mut command: Command, log: std::fs::File) -> crate::support::Running {
    run({
        command.stderr(std::process::Stdio::from(log));
        command
    })
}

#[test]
fn the_program_has_the_command_and_none_of_the_secrets() {
    for login in [Login::Key, Login::User] {
        let command = json!({"command_name": "UPLOAD_LOG",
            "command_param": {"bucket": "b c", "object": "o\"\n'$(x)"}});
        let script: Script = credentials::script()
            .commands(SERVER_ID, [huaweicloud_sms_simulator::Command::json(command.clone())]);
        let service = Simulator::builder().script(script).start().expect("started");
        let place = Place::new();
        let folder = path(&place.path("")).to_owned();
        let body = format!(
            "cd '{folder}'; env > env; cat > stdin; ls -l /proc/self/fd > fds; tr '\\0' '\\n' < /proc/$$/cmdline > arguments"
        );
        let script = place.script(&body);
        let arguments =
            ["/bin/sh", &script, "a b", "\"quoted\"", "'single'", "", "--every", "$HOME;*"];
        let mut agent = place.agent_with(&service, &[], &arguments);
        login.add(&mut agent, &service);
        agent.env("SMS_TASK_ID", "of the agent's environment");
        let _agent = run(agent);
        assert_eq!(outcome(&service).0, "UPLOAD_LOG success");
        let read = |name: &str| std::fs::read_to_string(place.path(name)).expect("read");
        let environment = read("env");
        for expected in
            ["SMS_COMMAND_NAME=UPLOAD_LOG\n", "SMS_BUCKET=b c\n", "SMS_OBJECT=o\"\n'$(x)\n"]
        {
            assert!(environment.contains(expected), "{environment}");
        }
        assert!(environment.contains(&format!("SMS_SERVER_ID={SERVER_ID}\n")));
        for withheld in ["canary", AK, "SMS_TASK_ID", "HW_", "HUAWEICLOUD_SDK"] {
            assert!(!environment.contains(withheld), "{withheld} in {environment}");
        }
        let input: Value = serde_json::from_str(&read("stdin")).expect("JSON");
        assert_eq!(input, command);
        let given: Vec<String> = read("arguments").lines().skip(2).map(str::to_owned).collect();
        assert_eq!(given, arguments[2..]);
    }
}
