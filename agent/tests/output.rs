//! Tests the outputs of the program, and its exit status if it cannot write to them.
#![cfg(unix)]

mod support;

use std::{
    fs::{self, File},
    os::{
        fd::OwnedFd,
        unix::{
            fs::{FileTypeExt, PermissionsExt, symlink},
            net::{UnixListener, UnixStream},
        },
    },
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use huaweicloud_sms_simulator::{Answer, Simulator};
use support::{
    SERVER_ID, TOKEN, agent,
    credentials::{PASSWORD, script, start},
    path, service, transports,
};

fn run(command: &mut Command) -> (i32, String) {
    let Output { status, stderr, .. } = command.output().expect("runs");
    (status.code().expect("an exit status"), String::from_utf8(stderr).expect("UTF-8"))
}

/// Makes a folder in that of this test.
fn folder(name: &str) -> PathBuf {
    let folder = support::folder().join(name);
    fs::create_dir(&folder).expect("made");
    folder
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("readable");
    let mut names: Vec<_> = entries
        .map(|entry| entry.expect("readable").file_name().into_string().expect("UTF-8"))
        .collect();
    names.sort();
    names
}

fn obtain(service: &Simulator, more: &[&str]) -> Command {
    let url = service.url();
    let mut command = agent(&["obtain", "--endpoint", &url, "--server-id", SERVER_ID]);
    command.arg("--allow-http").args(more).env("HW_AUTH_TOKEN", TOKEN);
    command
}

fn token(service: &Simulator, out: &str, more: &[&str]) -> Command {
    let url = service.url();
    let mut command = agent(&["token", "--iam-endpoint", &url, "--allow-http", "--out", out]);
    command.args(more).envs([
        ("HW_DOMAIN_NAME", "my-account"),
        ("HW_USER_NAME", "migration"),
        ("HW_USER_PASSWORD", PASSWORD),
    ]);
    command
}

/// Returns the writing end of a pipe that has no reader.
fn closed() -> Stdio {
    let (_, writer) = UnixStream::pair().expect("a pair");
    OwnedFd::from(writer).into()
}

#[cfg(target_os = "linux")]
fn full() -> Stdio {
    File::options().write(true).open("/dev/full").expect("opened").into()
}

#[test]
#[cfg(target_os = "linux")]
fn an_answer_that_does_not_fit_on_the_disk_exits_with_7() {
    for transport in transports() {
        for format in ["text", "json"] {
            let more = ["--transport", transport, "--format", format];
            for (answer, exit) in [
                (Answer::command("START", Some("t")), 7),
                (Answer::body(200, "{}"), 7),
                // A failure keeps its exit status.
                (Answer::error(403, "SMS.9004", "denied"), 4),
            ] {
                let service = service([answer]);
                let (ended, err) = run(obtain(&service, &more).stdout(full()));
                assert_eq!(ended, exit, "{err}");
                let is_told = err.contains("cannot be written: No space left on device");
                assert_eq!(is_told, exit == 7, "{err}");
            }
            let service = start(script());
            let out = folder(&format!("full-{transport}-{format}")).join("token");
            for out in ["-", "/dev/stdout", path(&out)] {
                let (ended, err) = run(token(&service, out, &more).stdout(full()));
                assert_eq!(ended, 7, "{out}: {err}");
            }
            // The token was written. Only its expiry was lost.
            assert!(fs::read_to_string(&out).expect("written").starts_with("MII"));
        }
    }
    let simulated: &[&str] = if cfg!(feature = "simulator") { &["demo", "simulate"] } else { &[] };
    for command in [&["help", "--version"], simulated].concat() {
        let (ended, err) = run(agent(&[command]).stdout(full()));
        assert_eq!(ended, 7, "{command}: {err}");
    }
}

#[test]
fn a_reader_that_closes_the_pipe_does_not_change_the_exit_status() {
    for transport in transports() {
        let service = service([
            Answer::command("START", Some("t")),
            Answer::body(200, "{}"),
            Answer::error(403, "SMS.9004", "denied"),
        ]);
        for exit in [0, 3, 4] {
            let more = ["--transport", transport, "--format", "json"];
            let ended = run(obtain(&service, &more).stdout(closed()));
            assert_eq!(ended, (exit, String::new()));
        }
        let service = start(script());
        let out = folder(&format!("closed-{transport}")).join("token");
        let ended = run(token(&service, path(&out), &["--transport", transport]).stdout(closed()));
        assert_eq!(ended, (0, String::new()));
    }
    if cfg!(feature = "simulator") {
        assert_eq!(run(agent(&["demo"]).stdout(closed())), (0, String::new()));
    }
}

#[test]
fn token_follows_links() {
    for transport in transports() {
        let service = start(script());
        let folder = folder(&format!("links-{transport}"));
        fs::create_dir(folder.join("other")).expect("made");
        fs::write(folder.join("other/file"), "old").expect("written");
        symlink("other/second", folder.join("first")).expect("linked");
        symlink("file", folder.join("other/second")).expect("linked");
        symlink("other/new", folder.join("dangling")).expect("linked");
        symlink("circle", folder.join("circle")).expect("linked");
        for (link, target) in [("first", "other/file"), ("dangling", "other/new")] {
            let link = folder.join(link);
            let ended = run(&mut token(&service, path(&link), &["--transport", transport]));
            assert_eq!(ended, (0, String::new()));
            assert!(link.is_symlink());
            let target = folder.join(target);
            assert!(fs::read_to_string(&target).expect("written").starts_with("MII"));
            assert_eq!(target.metadata().expect("there").permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(names(&folder.join("other")), ["file", "new", "second"]);
        let logins = service.request_count();
        let (ended, err) = run(&mut token(&service, path(&folder.join("circle")), &[]));
        assert_eq!((ended, service.request_count()), (2, logins), "{err}");
        assert_eq!(names(&folder), ["circle", "dangling", "first", "other"]);
    }
}

#[test]
fn token_writes_to_standard_output_through_a_link() {
    for out in ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"] {
        if !Path::new(out).exists() {
            continue;
        }
        let service = start(script());
        let to_pipe = token(&service, out, &[]).output().expect("runs");
        assert!(to_pipe.status.success() && to_pipe.stdout.starts_with(b"MII"));
        let file = support::folder().join("redirected");
        let redirected = File::create(&file).expect("created");
        let (ended, err) = run(token(&service, out, &[]).stdout(redirected));
        assert_eq!(ended, 0, "{err}");
        assert!(err.starts_with("a token until 20"), "{err}");
        assert!(fs::read_to_string(&file).expect("written").starts_with("MII"));
        assert!(fs::symlink_metadata(out).expect("there").is_symlink());
    }
}

/// The agent checks the path before the login.
#[test]
fn token_rejects_a_folder_a_pipe_a_socket_and_a_device() {
    let service = start(script());
    let folder = folder("special");
    let _socket = UnixListener::bind(folder.join("socket")).expect("bound");
    assert!(Command::new("mkfifo").arg(folder.join("pipe")).status().expect("runs").success());
    for (name, kind) in [
        ("socket", "a socket"),
        ("pipe", "a pipe"),
        ("", "a folder"),
        ("new/", "a folder"),
        ("/dev/null", "a device"),
    ] {
        let out = folder.join(name);
        // Standard output is not this device.
        let (ended, err) = run(&mut token(&service, path(&out), &[]));
        assert_eq!(ended, 2, "{err}");
        assert!(err.contains(&format!("it is not a file but {kind}")), "{err}");
    }
    assert_eq!(service.request_count(), 0);
    assert_eq!(names(&folder), ["pipe", "socket"]);
    assert!(folder.join("pipe").metadata().expect("there").file_type().is_fifo());
}

/// The folder is removed during the login.
#[test]
fn a_token_that_cannot_be_written_after_the_login_exits_with_7() {
    for transport in transports() {
        for format in ["text", "json"] {
            let folder = folder(&format!("removed-{transport}-{format}"));
            let out = folder.join("token");
            let builder = Simulator::builder().script(script());
            let service = builder.on_request(move |_| fs::remove_dir(&folder).expect("empty"));
            let service = service.start().expect("started");
            let more = ["--transport", transport, "--format", format];
            let ended = token(&service, path(&out), &more).output().expect("runs");
            let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
            let (out, err) = (text(ended.stdout), text(ended.stderr));
            assert_eq!(ended.status.code(), Some(7), "{err}");
            let start = match format {
                "json" => {
                    r#"{"answer":"error","kind":"output","message":"logged in, but the token file "#
                }
                _ => "error: logged in, but the token file ",
            };
            assert!(format!("{out}{err}").starts_with(start), "{out}{err}");
            assert_eq!(service.request_count(), 1);
        }
    }
}

#[test]
fn each_test_has_a_folder_of_its_own_that_is_deleted() {
    let other = std::thread::spawn(support::folder).join().expect("ends");
    assert!(other != support::folder() && !other.exists(), "{}", other.display());
}
