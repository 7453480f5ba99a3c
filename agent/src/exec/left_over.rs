//! Looks for the program of a command whose process is not in the journal, because the agent ended between the
//! start of the program and the entry with its process.

use huaweicloud_sms::{Command, ServerId};

use super::process_id::ProcessId;

/// Finds the processes that run the program for this command. They lead a process group, and have the
/// environment that the program gets.
///
/// No other agent has this journal, so they are left over from its last run. A process that left the program's
/// session (`setsid`) is not among them. On other systems than Linux none is found.
#[cfg(target_os = "linux")]
pub(super) fn find(command: &Command, server_id: &ServerId) -> Vec<ProcessId> {
    let mut program = std::process::Command::new("");
    super::environment::set(&mut program, command, server_id);
    let is_own = |name: &std::ffi::OsStr| name.as_encoded_bytes().starts_with(b"SMS_");
    let expected: Vec<_> = program.get_envs().filter(|(name, _)| is_own(name)).collect();
    let leaders = super::process_id::leaders_within_a_session();
    leaders.filter(|pid| linux::has(*pid, &expected)).map(ProcessId::of).collect()
}

#[cfg(not(target_os = "linux"))]
pub(super) fn find(_: &Command, _: &ServerId) -> Vec<ProcessId> {
    Vec::new()
}

#[cfg(target_os = "linux")]
mod linux {
    use std::{ffi::OsStr, fs};

    /// Whether a process has these variables, and lacks those without a value.
    pub(super) fn has(pid: u32, expected: &[(&OsStr, Option<&OsStr>)]) -> bool {
        // Those of another user cannot be read.
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
        process::{self, Stdio},
    };

    use huaweicloud_sms::CommandParam;

    use super::*;

    #[test]
    fn finds_the_program_of_this_command_and_of_no_other() {
        let server_id = ServerId::new("left-over-1").expect("valid");
        let command =
            |task: &str| Command::new("START", CommandParam::default().with_task_id(task));
        let start = |command: &Command| {
            // It waits for its input, which stays open.
            let mut program = process::Command::new("cat");
            super::super::environment::set(&mut program, command, &server_id);
            program.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null());
            program.spawn().expect("started")
        };
        let (mut one, mut other) = (start(&command("a")), start(&command("b")));
        assert_eq!(find(&command("a"), &server_id), [ProcessId::of(one.id())]);
        assert_eq!(find(&command("b"), &server_id), [ProcessId::of(other.id())]);
        let without = Command::new("START", CommandParam::default());
        assert_eq!(find(&without, &server_id), []);
        let another = ServerId::new("left-over-2").expect("valid");
        assert_eq!(find(&command("a"), &another), []);
        for child in [&mut one, &mut other] {
            child.kill().expect("killed");
            child.wait().expect("ended");
        }
        assert_eq!(find(&command("a"), &server_id), []);
    }
}
