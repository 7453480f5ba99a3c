//! Tests with a system clock that is far off, as on a machine without a battery.
#![cfg(all(target_os = "linux", target_env = "gnu"))]

mod support;

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use huaweicloud_sms_simulator::{Answer, Simulator};
use support::{
    Running, SERVER_ID, TOKEN, agent,
    credentials::{AK, SK, script, start},
    file, folder, path, service, transports,
};

/// Timestamps before 1970, in 1970, and after 9999.
const FAR_OFF: [i64; 3] = [-1000, 10, 253_402_300_900];

/// Compiles the library that changes the program's clock.
fn library() -> PathBuf {
    let library = folder().join("clock.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clock/clock.c");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-o", path(&library), source]);
    assert!(compiler.status().expect("the linker of Rust is a C compiler").success());
    library
}

fn at(clock: i64, library: &Path, arguments: &[&str]) -> Command {
    let mut command = agent(arguments);
    command.env("LD_PRELOAD", library).env("SMS_TEST_CLOCK", clock.to_string());
    command
}

#[test]
fn obtain_ends_with_an_answer_or_an_error() {
    let library = library();
    let signed = start(script());
    let tls = Simulator::builder().token(TOKEN).tls().start().expect("started");
    let ca = file("clock-ca.pem", tls.ca_pem().expect("a CA"));
    for transport in transports() {
        for clock in FAR_OFF {
            let run = |url: &str, more: &[&str]| {
                let mut arguments = vec!["obtain", "--endpoint", url, "--server-id", SERVER_ID];
                arguments.extend(["--allow-http", "-vvv", "--transport", transport]);
                arguments.extend(more);
                let mut command = at(clock, &library, &arguments);
                match more {
                    ["--follow-server-clock"] => {
                        command.env("HUAWEICLOUD_SDK_AK", AK).env("HUAWEICLOUD_SDK_SK", SK)
                    }
                    _ => command.env("HW_AUTH_TOKEN", TOKEN),
                };
                let output = command.output().expect("runs");
                let err = String::from_utf8(output.stderr).expect("UTF-8");
                (output.status.code(), err)
            };
            let plain = service([Answer::command("START", Some("t"))]);
            let (exit, err) = run(&plain.url(), &[]);
            assert_eq!(exit, Some(0), "{transport}, {clock}: {err}");

            // A certificate of the simulator is valid from 1975 to 4096.
            let (exit, err) = run(&tls.url(), &["--ca-cert", path(&ca)]);
            assert_eq!(exit, Some(6), "{transport}, {clock}: {err}");
            assert!(err.contains("(or the clock is wrong)"), "{transport}, {clock}: {err}");

            let (exit, err) = run(&signed.url(), &["--follow-server-clock"]);
            assert_eq!(exit, Some(0), "{transport}, {clock}: {err}");
        }
    }
}

#[test]
fn watch_prints_the_nearest_time_and_goes_on() {
    let library = library();
    for transport in transports() {
        let times = ["1970-01-01T00:00:00Z", "1970-01-01T00:00:10Z", "9999-12-31T23:59:59Z"];
        for (clock, time) in FAR_OFF.into_iter().zip(times) {
            let service = service(["a", "b"].map(|task| Answer::command("START", Some(task))));
            let url = service.url();
            let mut arguments = vec!["watch", "--endpoint", &url, "--server-id", SERVER_ID];
            arguments.extend([
                "--allow-http",
                "--transport",
                transport,
                "--interval",
                "0.001",
                "-v",
            ]);
            let mut command = at(clock, &library, &arguments);
            command.env("HW_AUTH_TOKEN", TOKEN).stdout(Stdio::piped()).stderr(Stdio::null());
            let mut running = Running(command.spawn().expect("runs"));
            let lines = BufReader::new(running.0.stdout.take().expect("piped")).lines();
            let lines: Vec<_> = lines.map_while(Result::ok).take(3).collect();
            let shown = |index: usize| lines[index].strip_prefix(time);
            assert_eq!(shown(0), Some(" command START"), "{transport}, {clock}");
            assert_eq!(shown(2), Some(" command START"), "{transport}, {clock}");
        }
    }
}
