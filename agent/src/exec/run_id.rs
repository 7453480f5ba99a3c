//! Recognizes the processes of a run by a variable that they inherit.

use std::process;

/// The variable by which a process is recognized. Its value is the identity of the journal, the number of the
/// run, and the agent's session.
const NAME: &str = "SMS_RUN_ID";

/// The journal and the number of a run. Another run on this machine has both only if the journal was removed
/// between the two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RunId {
    run: u64,
    /// The value of the variable, without the session.
    text: String,
}

impl RunId {
    pub(super) fn new(journal: &str, run: u64) -> Self {
        Self { run, text: format!("{journal}:{run}") }
    }

    /// Sets the number and the variable for a process that is to be started.
    pub(super) fn mark(&self, child: &mut process::Command) {
        child.env("SMS_RUN", self.run.to_string());
        child.env(NAME, format!("{}:{}", self.text, own_session()));
    }

    /// Returns the session of the agent that started a process, if the process is of this run.
    #[cfg(target_os = "linux")]
    pub(super) fn session(&self, value: &[u8]) -> Option<u32> {
        let session = value.strip_prefix(self.text.as_bytes())?.strip_prefix(b":")?;
        std::str::from_utf8(session).ok()?.parse().ok()
    }

    /// Returns the variable of a process. Returns `None` if the process has none, or is another user's.
    #[cfg(target_os = "linux")]
    pub(super) fn value(pid: u32) -> Option<Vec<u8>> {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).ok()?;
        let mut variables = environment.split(|byte| *byte == 0);
        let value =
            |text: &[u8]| Some(text.strip_prefix(NAME.as_bytes())?.strip_prefix(b"=")?.to_vec());
        variables.find_map(value)
    }
}

/// Returns the session of this agent, or 0 if it is unknown.
#[cfg(target_os = "linux")]
fn own_session() -> u32 {
    super::process_id::own_stat().map_or(0, |stat| stat.session)
}

#[cfg(not(target_os = "linux"))]
fn own_session() -> u32 {
    0
}
