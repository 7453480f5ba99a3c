//! Identifies the process of a program, also after a restart of the agent.

use std::{io, time::Duration};

use serde::{Deserialize, Serialize};

/// Identifies a process. Its number alone is not enough, because the system reuses numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProcessId {
    pub(crate) pid: u32,
    /// The time at which it started, in ticks since the system's start. It is known only on Linux.
    pub(crate) start: Option<u64>,
    /// The id of the system's start. It is unknown if a sandbox hides it (systemd's `ProcSubset=pid`).
    pub(crate) boot: Option<String>,
}

impl ProcessId {
    /// Identifies the process that has this number now.
    pub(super) fn of(pid: u32) -> Self {
        Self { pid, start: system::stat(pid).map(|stat| stat.start), boot: system::boot() }
    }

    /// Returns whether this process still runs and leads a process group.
    fn leads_a_group(&self) -> bool {
        self.boot == system::boot()
            && system::stat(self.pid).is_some_and(|stat| {
                Some(stat.start) == self.start && stat.group == self.pid && !stat.is_zombie
            })
    }
}

/// Ends the program of an earlier run of the agent, with its whole process group. Sends SIGTERM, and SIGKILL
/// after `kill_after`. Returns whether the program was still running.
///
/// If the program has ended, this does not end the processes that it left behind, because the system may have
/// given the number of the group to another one. On Windows, the system ends a job with the agent. On other
/// systems than Linux, the start of a process is unknown, so this ends nothing.
///
/// # Errors
///
/// The group still runs.
pub(crate) fn end_left_over(id: &ProcessId, kill_after: Duration) -> io::Result<bool> {
    if !id.leads_a_group() {
        return Ok(false);
    }
    super::group::end_foreign(id.pid, kill_after).map(|()| true)
}

/// Returns whether a group has a running member, or `None` if the system does not say it. A zombie, which
/// waits for its parent, does not run. This does not see a member of another user, which the agent could not
/// end anyway.
#[cfg(unix)]
pub(super) fn has_running_member(group: u32) -> Option<bool> {
    let mut stats = system::pids()?.filter_map(system::stat);
    Some(stats.any(|stat| stat.group == group && !stat.is_zombie))
}

/// Returns the processes that lead a group, but not a session.
#[cfg(target_os = "linux")]
pub(super) fn leaders_within_a_session() -> impl Iterator<Item = u32> {
    let leads = |pid: &u32| {
        system::stat(*pid).is_some_and(|stat| stat.group == *pid && stat.session != *pid)
    };
    system::pids().into_iter().flatten().filter(leads)
}

#[cfg(target_os = "linux")]
mod system {
    use std::fs;

    /// The content of `/proc/<pid>/stat`; see
    /// [`proc_pid_stat(5)`](https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html).
    pub(super) struct Stat {
        pub(super) is_zombie: bool,
        pub(super) group: u32,
        pub(super) session: u32,
        pub(super) start: u64,
    }

    pub(super) fn stat(pid: u32) -> Option<Stat> {
        // The name of a program need not be UTF-8.
        let bytes = fs::read(format!("/proc/{pid}/stat")).ok()?;
        parse(&String::from_utf8_lossy(&bytes))
    }

    /// Reads the fields 3, 5, 6 and 22. The second is a name in parentheses, which may contain parentheses.
    fn parse(text: &str) -> Option<Stat> {
        let (_, fields) = text.rsplit_once(')')?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let field = |number: usize| fields.get(number - 3).copied();
        Some(Stat {
            is_zombie: matches!(field(3)?, "Z" | "X"),
            group: field(5)?.parse().ok()?,
            session: field(6)?.parse().ok()?,
            start: field(22)?.parse().ok()?,
        })
    }

    pub(super) fn pids() -> Option<impl Iterator<Item = u32>> {
        let names = fs::read_dir("/proc").ok()?.flatten().map(|entry| entry.file_name());
        Some(names.filter_map(|name| name.to_str()?.parse().ok()))
    }

    pub(super) fn boot() -> Option<String> {
        let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        Some(id.trim().to_owned())
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_name_with_parentheses_does_not_shift_the_fields() {
            let text = "7 (a) S 9 (b)) Z 1 7 6 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 4242 0 0\n";
            let stat = parse(text).expect("valid");
            assert_eq!((stat.is_zombie, stat.group, stat.session), (true, 7, 6));
            assert_eq!(stat.start, 4242);
            for cut in ["", "7", "7 (a", "7 (a) S", "7 (a) S 1 7", "7 (a) S 1 x"] {
                assert!(parse(cut).is_none(), "{cut}");
            }
        }

        #[test]
        fn knows_this_process() {
            let stat = stat(std::process::id()).expect("there");
            assert!(!stat.is_zombie && stat.start > 0);
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    pub(super) struct Stat {
        pub(super) is_zombie: bool,
        pub(super) group: u32,
        pub(super) start: u64,
    }

    pub(super) fn stat(_: u32) -> Option<Stat> {
        None
    }

    #[cfg(unix)]
    pub(super) fn pids() -> Option<std::iter::Empty<u32>> {
        None
    }

    pub(super) fn boot() -> Option<String> {
        None
    }
}
