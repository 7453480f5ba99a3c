//! Looks for a program whose process is not in the journal, because the agent ended between the start of the
//! program and the entry with its process.

use super::{environment::Environment, process_id::ProcessId};

/// Finds the processes of this run. They lead a process group, and have the environment that the program gets.
///
/// The environment names the journal, which no other agent uses. So the processes are left over from this
/// agent's last run. It does not find a process that left the program's session (`setsid`). On systems other
/// than Linux, it finds no process.
#[cfg(target_os = "linux")]
pub(super) fn find(run: &Environment<'_>) -> Vec<ProcessId> {
    let mut program = std::process::Command::new("");
    run.set(&mut program);
    let is_own = |name: &std::ffi::OsStr| name.as_encoded_bytes().starts_with(b"SMS_");
    let expected: Vec<_> = program.get_envs().filter(|(name, _)| is_own(name)).collect();
    let leaders = super::process_id::leaders_within_a_session();
    leaders.filter(|pid| linux::has(*pid, &expected)).map(ProcessId::of).collect()
}

#[cfg(not(target_os = "linux"))]
pub(super) fn find(_: &Environment<'_>) -> Vec<ProcessId> {
    Vec::new()
}

#[cfg(target_os = "linux")]
mod linux {
    use std::{ffi::OsStr, fs};

    /// Returns whether a process has these variables, and lacks those without a value.
    pub(super) fn has(pid: u32, expected: &[(&OsStr, Option<&OsStr>)]) -> bool {
        // The environment of another user's process cannot be read.
        let Ok(environment) = fs::read(format!("/proc/{pid}/environ")) else { return false };
        let variables = environment.split(|byte| *byte == 0).filter_map(|variable| {
            let at = variable.iter().position(|byte| *byte == b'=')?;
            Some((&variable[..at], &variable[at + 1..]))
        });
        expected.iter().all(|(name, value)| {
            let found = variables.clone().find(|(found, _)| *found == name.as_encoded_bytes());
            found.map(|(_, value)| value) == value.map(OsStr::as_encoded_bytes)
        })
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{
        os::unix::process::CommandExt,
        path::Path,
        process::{self, Stdio},
    };

    use huaweicloud_sms::{Command, CommandParam, ServerId};

    use super::*;

    #[test]
    fn finds_the_program_of_this_run_and_of_no_other() {
        let server_id = &ServerId::new("left-over-1").expect("valid");
        let [start_a, start_b, start] = [Some("a"), Some("b"), None].map(|task| {
            let mut param = CommandParam::default();
            param.task_id = task.map(str::to_owned);
            Command::new("START", param)
        });
        let state_dir = Path::new("/var/lib/left-over");
        let one = Environment { run: 1, command: &start_a, server_id, state_dir };
        let two = Environment { command: &start_b, ..one };
        let begin = |run: &Environment<'_>| {
            // `cat` runs until its input is closed.
            let mut program = process::Command::new("cat");
            run.set(&mut program);
            program.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null());
            program.spawn().expect("started")
        };
        let mut children = [begin(&one), begin(&two)];
        assert_eq!(find(&one), [ProcessId::of(children[0].id())]);
        assert_eq!(find(&two), [ProcessId::of(children[1].id())]);
        let another_server = &ServerId::new("left-over-2").expect("valid");
        for other in [
            Environment { command: &start, ..one },
            Environment { server_id: another_server, ..one },
            Environment { run: 2, ..one },
            Environment { state_dir: Path::new("/var/lib/another"), ..one },
        ] {
            assert_eq!(find(&other), []);
        }
        for child in &mut children {
            child.kill().expect("killed");
            child.wait().expect("ended");
        }
        assert_eq!(find(&one), []);
    }
}
