//! Identifies the process of a program, also after a restart of the agent.

use serde::{Deserialize, Serialize};

#[cfg(target_os = "linux")]
pub(super) use self::system::Stat;

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
    pub(super) fn leads_a_group(&self) -> bool {
        self.boot == system::boot()
            && system::stat(self.pid).is_some_and(|stat| {
                Some(stat.start) == self.start && stat.group == self.pid && !stat.is_zombie
            })
    }
}

/// Returns whether a group has a running member, or `None` if the system does not say it. A zombie, which
/// waits for its parent, does not run. With systemd's `ProtectProc=`, this does not see a member of another
/// user, which the agent could not end anyway.
#[cfg(unix)]
pub(super) fn has_running_member(group: u32) -> Option<bool> {
    let mut stats = system::pids()?.filter_map(system::stat);
    Some(stats.any(|stat| stat.group == group && !stat.is_zombie))
}

/// Returns the processes of this system.
#[cfg(target_os = "linux")]
pub(super) fn stats() -> impl Iterator<Item = (u32, Stat)> {
    let stat = |pid| system::stat(pid).map(|stat| (pid, stat));
    system::pids().into_iter().flatten().filter_map(stat)
}

/// Returns this process. A number is 0 if a PID namespace hides it.
#[cfg(target_os = "linux")]
pub(super) fn own_stat() -> Option<Stat> {
    system::stat(std::process::id())
}

#[cfg(target_os = "linux")]
mod system {
    use std::fs;

    /// The content of `/proc/<pid>/stat`; see
    /// [`proc_pid_stat(5)`](https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html).
    pub(crate) struct Stat {
        pub(crate) is_zombie: bool,
        pub(crate) group: u32,
        pub(crate) session: u32,
        pub(super) start: u64,
    }

    pub(super) fn stat(pid: u32) -> Option<Stat> {
        // The name of a program need not be UTF-8.
        let bytes = fs::read(format!("/proc/{pid}/stat")).ok()?;
        parse(&String::from_utf8_lossy(&bytes))
    }

    /// Reads the fields 3, 5, 6, 20 and 22. The second is a name in parentheses, which may contain parentheses.
    fn parse(text: &str) -> Option<Stat> {
        let (_, fields) = text.rsplit_once(')')?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let field = |number: usize| fields.get(number - 3).copied();
        // The first thread of a process may end before the others.
        let threads: u32 = field(20)?.parse().ok()?;
        Some(Stat {
            is_zombie: matches!(field(3)?, "Z" | "X") && threads <= 1,
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
