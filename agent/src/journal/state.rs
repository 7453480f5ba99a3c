//! The entries of a journal, and the state after them.

use huaweicloud_sms::{Command, CommandResult};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::exec::process_id::ProcessId;

/// A step of a command. `id` numbers the commands of a journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case")]
pub(crate) enum Entry {
    /// The service returned a new command.
    Received { id: u64, command: Command },
    /// The program is about to be started. With `process`, it was started.
    Started {
        id: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        process: Option<ProcessId>,
    },
    /// The program ended, or could not be started.
    Finished { id: u64, result: CommandResult, detail: Map<String, Value> },
    /// The service accepted the report.
    Reported { id: u64 },
    /// The command will not be reported. With `is_rejected`, the service has rejected its report, and may still
    /// return the command.
    Dropped { id: u64, reason: String, is_rejected: bool },
    /// The service does not return the command of the rejected report any more.
    Cleared,
}

/// The state after the entries of a journal.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct State {
    pub(crate) next_id: u64,
    /// The commands that are neither reported nor dropped, in the order in which they were received.
    pub(crate) open: Vec<(u64, Command, Progress)>,
    /// The last command, if its report was rejected and the service has returned nothing else since.
    pub(crate) rejected: Option<Command>,
}

/// The last step of a command.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Progress {
    Received,
    Started { process: Option<ProcessId> },
    Finished { result: CommandResult, detail: Map<String, Value> },
}

impl State {
    /// Adds an entry. Returns whether it can follow the entries before it.
    pub(crate) fn apply(&mut self, entry: &Entry) -> bool {
        let id = match entry {
            Entry::Received { id, command } => {
                let is_new = self.open.iter().all(|(open, ..)| open != id);
                self.next_id = self.next_id.max(id.saturating_add(1));
                self.open.push((*id, command.clone(), Progress::Received));
                self.rejected = None;
                return is_new;
            }
            Entry::Cleared => {
                self.rejected = None;
                return true;
            }
            Entry::Started { id, .. }
            | Entry::Finished { id, .. }
            | Entry::Reported { id }
            | Entry::Dropped { id, .. } => id,
        };
        let Some(at) = self.open.iter().position(|(open, ..)| open == id) else { return false };
        match entry {
            Entry::Started { process, .. } => {
                self.open[at].2 = Progress::Started { process: process.clone() };
            }
            Entry::Finished { result, detail, .. } => {
                self.open[at].2 = Progress::Finished { result: *result, detail: detail.clone() };
            }
            _ => {
                let (_, command, _) = self.open.remove(at);
                if matches!(entry, Entry::Dropped { is_rejected: true, .. }) && self.open.is_empty()
                {
                    self.rejected = Some(command);
                }
            }
        }
        true
    }
}
