//! Runs `watch --exec` against a service that holds commands until their results are reported.

use std::{
    fs::{self, File, OpenOptions},
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{ChildStderr, Command, Stdio},
};

use huaweicloud_sms_simulator::{Report, Script, Simulator};
use serde_json::Value;
use tempfile::TempDir;

use super::{
    Running, SERVER_ID, agent,
    credentials::{AK, PASSWORD, SK},
    path,
};

/// A folder with the journal, the program and the program's files.
pub(crate) struct Place(TempDir);

/// Ends the waiting programs of killed agents.
impl Drop for Place {
    fn drop(&mut self) {
        for name in ["ready", "gate"] {
            // Opening the pipe wakes the programs that wait for it. Then it is removed, so that no program
            // waits again.
            let pipe = OpenOptions::new().read(true).write(true).open(self.path(name));
            let _ = fs::remove_file(self.path(name));
            drop(pipe);
        }
    }
}

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("made"))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a program for `/bin/sh`. It is not executable. A process that another test starts meanwhile may
    /// inherit the open file, and the system executes no file that is open for writing.
    pub(crate) fn script(&self, body: &str) -> String {
        fs::write(self.path("script"), body).expect("written");
        path(&self.path("script")).to_owned()
    }

    /// Returns the lines that the programs wrote to `$RUNS`.
    pub(crate) fn runs(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("runs")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Returns the log of the last agent, if it logged into the file `log`.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// Returns the text of the journal.
    pub(crate) fn journal(&self) -> String {
        fs::read_to_string(self.path("state/commands.journal")).expect("read")
    }

    /// Makes the two pipes of a program with [`WAITS`]: it shows when it runs, and then waits.
    pub(crate) fn gates(&self) {
        for name in ["ready", "gate"] {
            let status = Command::new("mkfifo").arg(self.path(name)).status().expect("runs");
            assert!(status.success());
        }
    }

    /// Waits until the program runs, and returns the number of its process.
    pub(crate) fn wait_until_ready(&self) -> u32 {
        let text = fs::read_to_string(self.path("ready")).expect("readable");
        text.trim().parse().expect(&text)
    }

    /// Lets the waiting program go on.
    pub(crate) fn open_gate(&self) {
        let mut gate = OpenOptions::new().write(true).open(self.path("gate")).expect("opened");
        // The program may have ended.
        let _ = gate.write_all(b"go\n");
    }

    /// Returns the agent with a journal in this folder, and `/bin/sh` with this script as its program. It
    /// polls without pauses.
    pub(crate) fn agent(&self, service: &Simulator, options: &[&str], body: &str) -> Command {
        let script = self.script(body);
        self.agent_with(service, options, &["/bin/sh", &script])
    }

    /// Returns the same agent with any program.
    pub(crate) fn agent_with(
        &self,
        service: &Simulator,
        options: &[&str],
        program: &[&str],
    ) -> Command {
        let (url, state) = (service.url(), self.path("state"));
        let mut arguments = vec!["watch", "--endpoint", &url, "--server-id", SERVER_ID];
        arguments.extend(["--allow-http", "--max-backoff", "0.001"]);
        if !options.contains(&"--interval") {
            arguments.extend(["--interval", "0.001"]);
        }
        arguments.extend(["--format", "json", "--state-dir", path(&state)]);
        arguments.extend(options);
        arguments.push("--exec");
        arguments.extend(program);
        let mut command = agent(&arguments);
        for name in ["runs", "ready", "gate"] {
            command.env(name.to_uppercase(), self.path(name));
        }
        command.env("HW_AUTH_TOKEN", super::TOKEN).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}

/// A part of a program that writes the number of its process, and waits.
pub(crate) const WAITS: &str = "echo $$ > \"$READY\"; read line < \"$GATE\"\n";

/// The credential of the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Login {
    Key,
    User,
}

impl Login {
    pub(crate) fn add(self, command: &mut Command, service: &Simulator) {
        command.env_remove("HW_AUTH_TOKEN");
        match self {
            Self::Key => command.env("HUAWEICLOUD_SDK_AK", AK).env("HUAWEICLOUD_SDK_SK", SK),
            Self::User => command
                .env("HW_DOMAIN_NAME", "my-account")
                .env("HW_USER_NAME", "migration")
                .env("HW_USER_PASSWORD", PASSWORD)
                .env("HW_AUTH_URL", service.url()),
        };
    }
}

/// Adds the commands to a script.
pub(crate) fn holding(
    script: Script,
    commands: impl IntoIterator<Item = (&'static str, &'static str)>,
) -> Script {
    let commands = commands.into_iter().map(|(name, task)| {
        huaweicloud_sms_simulator::Command::new(name, Some(task).filter(|task| !task.is_empty()))
    });
    script.commands(SERVER_ID, commands)
}

/// Starts a service that holds these commands, one after the other.
pub(crate) fn service_with(
    commands: impl IntoIterator<Item = (&'static str, &'static str)>,
) -> Simulator {
    let script = holding(Script::new(), commands);
    Simulator::builder().token(super::TOKEN).script(script).start().expect("started")
}

/// Puts a command in the place of the one that the service holds, as the console does with a STOP.
pub(crate) fn replace(service: &Simulator, name: &str, task: &str) {
    let command = huaweicloud_sms_simulator::Command::new(name, Some(task));
    service.push_command(SERVER_ID, command.overtaking_after(0));
}

/// Returns the reports that the service accepted.
pub(crate) fn accepted(service: &Simulator) -> Vec<Report> {
    service.reports().into_iter().filter(Report::is_accepted).collect()
}

/// Returns the name and the result of each report that the service accepted.
pub(crate) fn results(service: &Simulator) -> Vec<String> {
    let text = |text: Option<String>| text.unwrap_or_default();
    let reports = accepted(service).into_iter();
    reports.map(|report| format!("{} {}", text(report.name), text(report.result))).collect()
}

/// Returns the detail of the last report that the service accepted.
pub(crate) fn detail(service: &Simulator) -> Value {
    accepted(service).pop().and_then(|report| report.detail).expect("a report with a detail")
}

pub(crate) fn run(mut command: Command) -> Running {
    Running(command.spawn().expect("runs"))
}

/// The lines of standard error.
pub(crate) struct Log(BufReader<ChildStderr>);

impl Log {
    /// Returns the next line with these words.
    pub(crate) fn find(&mut self, words: &str) -> String {
        let mut others = String::new();
        loop {
            let mut line = String::new();
            let count = self.0.read_line(&mut line).expect("readable");
            assert!(count > 0, "no line with {words:?} after: {others}");
            if line.contains(words) {
                return line.trim_end().to_owned();
            }
            others.push_str(&line);
        }
    }
}

pub(crate) fn run_logged(mut command: Command) -> (Running, Log) {
    let mut child = command.stderr(Stdio::piped()).spawn().expect("runs");
    let log = Log(BufReader::new(child.stderr.take().expect("piped")));
    (Running(child), log)
}

pub(crate) fn signal(running: &Running, name: &str) {
    let pid = running.0.id().to_string();
    let status = Command::new("kill").args(["-s", name, &pid]).status().expect("runs");
    assert!(status.success());
}

/// Returns whether a process runs. A zombie does not run.
#[cfg(target_os = "linux")]
pub(crate) fn is_running(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, fields)| !fields.starts_with(['Z', 'X']))
}

pub(crate) fn append(path: &std::path::Path) -> File {
    OpenOptions::new().append(true).create(true).open(path).expect("opened")
}
