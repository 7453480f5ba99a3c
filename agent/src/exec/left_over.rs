//! Ends the processes that a run left behind, also one of an agent that was killed.

use std::{io, time::Duration};

#[cfg(target_os = "linux")]
use super::process_id;
use super::{group, process_id::ProcessId, run_id::RunId};

/// Ends the processes of a run of an earlier agent: SIGTERM, then after `kill_after` SIGKILL. `process` is the
/// program, if the journal has it. Returns whether there was a process to end.
///
/// On Windows there is nothing to end, because the system ends a job with the agent. On other systems than
/// Linux the processes are unknown, so nothing is ended.
///
/// # Errors
///
/// A process still runs.
pub(super) fn end(
    run: &RunId,
    process: Option<&ProcessId>,
    kill_after: Duration,
) -> io::Result<bool> {
    let find = || {
        let mut groups = groups(run, Sessions::All);
        // A program can hide its variables.
        groups.extend(
            process.filter(|id| id.leads_a_group() && may_be_of(id.pid, run)).map(|id| id.pid),
        );
        groups
    };
    group::end_foreign(find, kill_after)
}

/// Ends the processes that a run of this agent left behind, like [`end`].
pub(super) fn end_rest(run: &RunId, kill_after: Duration) -> io::Result<bool> {
    group::end_foreign(|| groups(run, Sessions::Own), kill_after)
}

/// Asks the processes of a run of this agent to end, except for those in the group of the program.
pub(super) fn ask_rest_to_end(run: &RunId, program: u32) {
    let mut groups = groups(run, Sessions::Own);
    groups.retain(|group| *group != program);
    group::ask_to_end(&groups);
}

/// Where the processes of a run are looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sessions {
    /// This agent started the run, so its processes are in the same session.
    Own,
    All,
}

/// Returns the process groups of a run. The group of this process is left out, because a program can start an
/// agent. A process that left the session of its agent (`setsid`) is not part of the run any more.
#[cfg(target_os = "linux")]
fn groups(run: &RunId, sessions: Sessions) -> Vec<u32> {
    let Some(own) = process_id::own_stat() else { return Vec::new() };
    process_id::stats()
        .filter(|(_, stat)| sessions == Sessions::All || stat.session == own.session)
        .filter(|(_, stat)| !stat.is_zombie && stat.group != own.group)
        .filter(|(pid, stat)| {
            RunId::value(*pid).and_then(|value| run.session(&value)) == Some(stat.session)
        })
        .map(|(_, stat)| stat.group)
        .collect()
}

/// Returns whether the program that the journal names is not known to be of another run. The journal may be a
/// copy of another agent's.
#[cfg(target_os = "linux")]
fn may_be_of(program: u32, run: &RunId) -> bool {
    let is_own = process_id::own_stat().is_some_and(|own| own.group == program);
    !is_own && RunId::value(program).is_none_or(|value| run.session(&value).is_some())
}

#[cfg(not(target_os = "linux"))]
fn groups(_: &RunId, _: Sessions) -> Vec<u32> {
    Vec::new()
}

#[cfg(not(target_os = "linux"))]
fn may_be_of(_: u32, _: &RunId) -> bool {
    true
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{
        os::unix::process::CommandExt,
        process::{self, Child, Command, Stdio},
    };

    use super::{Duration, ProcessId, RunId, Sessions, end, end_rest, io};

    const LONG: Duration = Duration::from_secs(60);

    fn groups(run: &RunId) -> Vec<u32> {
        let mut groups = super::groups(run, Sessions::All);
        groups.sort_unstable();
        groups.dedup();
        groups
    }

    /// A journal that no other process of these tests has.
    fn journal(number: u32) -> String {
        format!("test-{}-{number}", process::id())
    }

    /// Starts a process that waits for its input, which stays open.
    fn start(run: &RunId, program: &[&str]) -> Child {
        let mut command = Command::new(program[0]);
        command.args(&program[1..]).process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped());
        run.mark(&mut command);
        command.spawn().expect("started")
    }

    /// Waits until a program has written a line.
    fn wait_for_line(child: &mut Child) {
        let mut byte = [0];
        while byte != *b"\n" {
            let stdout = child.stdout.as_mut().expect("piped");
            io::Read::read_exact(stdout, &mut byte).expect("a line");
        }
    }

    #[test]
    fn finds_and_ends_the_processes_of_this_run_and_of_no_other() {
        let journal = journal(1);
        let (one, two) = (RunId::new(&journal, 1), RunId::new(&journal, 12));
        let (mut first, mut second) = (start(&one, &["cat"]), start(&two, &["cat"]));
        assert_eq!((groups(&one), groups(&two)), (vec![first.id()], vec![second.id()]));
        for other in [RunId::new(&journal, 2), RunId::new("another journal", 1)] {
            assert_eq!(groups(&other), [0; 0]);
            // The journal names the process, but was copied.
            let process = ProcessId::of(first.id());
            assert!(!end(&other, Some(&process), LONG).expect("nothing to end"));
        }
        assert!(end(&one, None, LONG).expect("ended"));
        // `end` has reaped it.
        let _ = first.wait();
        assert!(!end(&one, None, LONG).expect("nothing to end"));
        assert_eq!(groups(&two), [second.id()]);
        assert!(end(&two, Some(&ProcessId::of(second.id())), LONG).expect("ended"));
        let _ = second.wait();
    }

    #[test]
    fn finds_a_group_of_its_own_and_no_session_of_its_own() {
        let run = RunId::new(&journal(2), 1);
        // `timeout` makes a group of its own.
        let script = "exec 3<&0; timeout 3600 sh -c 'echo; read line' <&3 & wait";
        let mut child = start(&run, &["sh", "-c", script]);
        wait_for_line(&mut child);
        let found = groups(&run);
        assert!(found.len() == 2 && found.contains(&child.id()), "{found:?}");
        assert!(end(&run, None, LONG).expect("ended"));
        // `end` has reaped it.
        let _ = child.wait();
        let mut child = start(&run, &["setsid", "sh", "-c", "echo; read line"]);
        wait_for_line(&mut child);
        assert!(groups(&run).iter().all(|group| *group == child.id()), "{:?}", groups(&run));
        drop(child.stdin.take());
        child.wait().expect("ended");
    }

    #[test]
    fn a_process_that_hides_its_variables_is_ended_if_the_journal_names_it() {
        let run = RunId::new(&journal(3), 1);
        let mut child = start(&run, &["env", "-i", "/bin/sh", "-c", "echo; read line"]);
        wait_for_line(&mut child);
        assert_eq!(groups(&run), [0; 0]);
        assert!(end(&run, Some(&ProcessId::of(child.id())), LONG).expect("ended"));
        let _ = child.wait();
    }

    /// The program makes a group of its own for its cleanup.
    #[test]
    fn ends_a_group_that_is_made_at_sigterm() {
        let run = RunId::new(&journal(4), 1);
        let script =
            "trap 'timeout 3600 cat <&3; exit' TERM; exec 3<&0; echo; read line; read line";
        let mut child = start(&run, &["sh", "-c", script]);
        wait_for_line(&mut child);
        assert!(end_rest(&run, Duration::from_secs(1)).expect("ended"));
        assert_eq!(groups(&run), [0; 0]);
        let _ = child.wait();
    }
}
