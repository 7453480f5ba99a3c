//! A job object: a program and the processes that it starts. The system ends it with the agent.
//!
//! A job has no SIGTERM, so its processes are ended at once.

use std::{
    io,
    os::windows::io::AsRawHandle,
    process::{Child, Command, ExitStatus},
    time::Duration,
};

use win32job::{ExtendedLimitInfo, Job, JobError};

/// A job and its first process. Dropping this ends all its processes.
pub(super) struct Group {
    pub(super) leader: Child,
    /// Taking this ends the job.
    job: std::cell::Cell<Option<Job>>,
}

impl Group {
    /// Starts the program, then assigns it to the job. A process that it starts before that is not part of
    /// the job, and not ended with it.
    pub(super) fn spawn(command: &mut Command) -> io::Result<Self> {
        let failed = |error: JobError| io::Error::other(format!("no job object: {error}"));
        let mut limits = ExtendedLimitInfo::new();
        limits.limit_kill_on_job_close();
        let job = Job::create_with_limit_info(&limits).map_err(failed)?;
        let mut leader = command.spawn()?;
        if let Err(error) = job.assign_process(leader.as_raw_handle() as isize) {
            // A process that has ended cannot be assigned.
            if leader.try_wait()?.is_none() {
                leader.kill()?;
                leader.wait()?;
                return Err(failed(error));
            }
        }
        Ok(Self { leader, job: Some(job).into() })
    }

    pub(super) fn has_leader_ended(&mut self) -> bool {
        !matches!(self.leader.try_wait(), Ok(None))
    }

    pub(super) fn ask_to_end(&self) {
        self.kill();
    }

    /// Ends every process, by closing the only handle of the job.
    pub(super) fn kill(&self) {
        drop(self.job.take());
    }

    pub(super) fn reap(&mut self) -> io::Result<ExitStatus> {
        self.leader.wait()
    }

    pub(super) fn is_empty(&self) -> bool {
        true
    }
}

pub(super) fn end_foreign(_: impl Fn() -> Vec<u32>, _: Duration) -> io::Result<bool> {
    Ok(false)
}

pub(super) fn ask_to_end(_: &[u32]) {}
