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

/// Ends groups that are not led by a child of this process: SIGTERM, then after `kill_after` SIGKILL. Looks for
/// groups until it finds none, because a process may start another group when it is asked to end. Returns
/// whether there was a group.
pub(super) fn end_foreign(find: impl Fn() -> Vec<u32>, kill_after: Duration) -> io::Result<bool> {
    let mut groups = Vec::new();
    let mut was_any = false;
    let mut are_gone = |signal: fn(Pid), new_only: bool| {
        let found = ids(&find());
        let new: Vec<_> = found.iter().filter(|id| !groups.contains(*id)).copied().collect();
        groups.extend(&new);
        was_any |= !new.is_empty();
        // The system may give the number of an empty group to another one.
        groups.retain(|id| !is_empty(*id));
        groups.iter().filter(|id| !new_only || new.contains(id)).for_each(|id| signal(*id));
        found.is_empty() && groups.is_empty()
    };
    let is_over = wait_until(Instant::now() + kill_after, || are_gone(send_end, true))
        || wait_until(Instant::now() + KILLED, || are_gone(|id| send(id, Signal::KILL), false));
    match is_over {
        true => Ok(was_any),
        false => Err(io::Error::other("it still runs after SIGKILL")),
    }
}

/// Asks every process of these groups to end.
pub(super) fn ask_to_end(groups: &[u32]) {
    ids(groups).into_iter().for_each(send_end);
}

/// Returns the groups that a signal can be sent to. To the numbers 0 and 1 it would mean this group and every
/// process.
fn ids(groups: &[u32]) -> Vec<Pid> {
    let mut groups = groups.to_vec();
    groups.sort_unstable();
    groups.dedup();
    let id = |group| Pid::from_raw(i32::try_from(group).ok()?).filter(|id| *id != Pid::INIT);
    groups.into_iter().filter_map(id).collect()
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
