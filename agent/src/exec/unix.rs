//! A process group: a program and the processes that it starts.

use std::{
    io,
    os::unix::process::CommandExt,
    process::{Child, Command, ExitStatus},
    time::{Duration, Instant},
};

use rustix::{
    io::Errno,
    process::{
        Pid, Signal, WaitId, WaitIdOptions, WaitOptions, getpgid, kill_process, kill_process_group,
        test_kill_process_group, waitid, waitpgid,
    },
};

use super::{
    process_id::has_running_member,
    runner::{KILLED, wait_until},
};

/// A process group and its leader. Dropping this kills the group.
pub(super) struct Group {
    pub(super) leader: Child,
    id: Pid,
    is_reaped: bool,
}

impl Group {
    pub(super) fn spawn(command: &mut Command) -> io::Result<Self> {
        let leader = command.process_group(0).spawn()?;
        let id = Pid::from_child(&leader);
        Ok(Self { leader, id, is_reaped: false })
    }

    /// Returns whether the leader has ended. The system does not reuse its number before
    /// [`reap`](Self::reap).
    pub(super) fn has_leader_ended(&mut self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        // If SIGCHLD is ignored, the child does not exist any more, and `reap` returns an error.
        self.is_reaped
            || !matches!(waitid(WaitId::Pid(self.id), options), Ok(None) | Err(Errno::INTR))
    }

    /// Sends SIGTERM to every process.
    pub(super) fn ask_to_end(&self) {
        send_end(self.id);
        self.send_to_stray_leader(Signal::TERM);
    }

    /// Ends every process.
    pub(super) fn kill(&self) {
        send(self.id, Signal::KILL);
        self.send_to_stray_leader(Signal::KILL);
    }

    /// A leader may have joined another group.
    fn send_to_stray_leader(&self, signal: Signal) {
        if !self.is_reaped && getpgid(Some(self.id)).is_ok_and(|group| group != self.id) {
            // It may have ended.
            let _ = kill_process(self.id, signal);
        }
    }

    /// Waits for the leader.
    pub(super) fn reap(&mut self) -> io::Result<ExitStatus> {
        self.is_reaped = true;
        self.leader.wait()
    }

    /// Returns whether no process is left, after [`reap`](Self::reap).
    ///
    /// The system does not reuse the number of a group while the group has a member. So a group that is not
    /// empty is still this one.
    pub(super) fn is_empty(&self) -> bool {
        is_empty(self.id)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.is_reaped {
            self.kill();
            // The error has no receiver any more.
            let _ = self.reap();
        }
    }
}

/// Ends groups that are not led by a child of this process.
pub(super) fn end_foreign(groups: &[u32], kill_after: Duration) -> io::Result<()> {
    let groups = ids(groups);
    let are_empty = || groups.iter().all(|id| is_empty(*id));
    groups.iter().for_each(|id| send_end(*id));
    if !wait_until(Instant::now() + kill_after, are_empty) {
        groups.iter().for_each(|id| send(*id, Signal::KILL));
        if !wait_until(Instant::now() + KILLED, are_empty) {
            return Err(io::Error::other("it still runs after SIGKILL"));
        }
    }
    Ok(())
}

/// Asks every process of these groups to end.
pub(super) fn ask_to_end(groups: &[u32]) {
    ids(groups).into_iter().for_each(send_end);
}

fn ids(groups: &[u32]) -> Vec<Pid> {
    groups.iter().filter_map(|id| Pid::from_raw(i32::try_from(*id).ok()?)).collect()
}

fn send_end(id: Pid) {
    send(id, Signal::TERM);
    // A stopped process gets the signal only after it continues.
    send(id, Signal::CONT);
}

fn send(id: Pid, signal: Signal) {
    match kill_process_group(id, signal) {
        Ok(()) | Err(Errno::SRCH) => {}
        Err(error) => log::warn!("the process group {id:?} cannot be ended: {error}"),
    }
}

fn is_empty(id: Pid) -> bool {
    // As the first process of a container, the agent is the parent of every orphan.
    while let Ok(Some(_)) = waitpgid(id, WaitOptions::NOHANG) {}
    test_kill_process_group(id) == Err(Errno::SRCH)
        // The new parent of an orphan may be slow to reap it, or never do so.
        || has_running_member(id.as_raw_nonzero().get().unsigned_abs()) == Some(false)
}
