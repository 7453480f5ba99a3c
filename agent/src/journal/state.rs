//! The commands of a journal, and how far each came.

use std::collections::VecDeque;

use huaweicloud_sms::Command;
use serde_json::{Map, Value};

use super::entry::Entry;
use crate::exec::ProcessId;

/// How many commands are kept that need nothing more.
const CLOSED: usize = 16;

/// How far a command came.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Progress {
    Received,
    /// The program was about to start, or started as this process.
    Started(Option<ProcessId>),
    /// The result is not reported yet.
    Finished {
        is_success: bool,
        detail: Map<String, Value>,
    },
    Reported,
    Dropped {
        reason: String,
    },
}

impl Progress {
    /// Whether there is nothing more to do.
    pub(crate) fn is_closed(&self) -> bool {
        matches!(self, Self::Reported | Self::Dropped { .. })
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Received => 0,
            Self::Started(_) => 1,
            Self::Finished { .. } => 2,
            Self::Reported | Self::Dropped { .. } => 3,
        }
    }
}

/// A command of the journal.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Record {
    pub(crate) id: u64,
    pub(crate) command: Command,
    pub(crate) progress: Progress,
}

/// All commands that need something more, and the last ones that do not, in the order in which they were
/// received.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct State {
    records: VecDeque<Record>,
    next_id: u64,
}

impl State {
    pub(crate) fn records(&self) -> impl DoubleEndedIterator<Item = &Record> {
        self.records.iter()
    }

    /// The number of the next command.
    pub(crate) fn next_id(&self) -> u64 {
        self.next_id
    }

    /// Tells why an entry cannot come next.
    pub(super) fn check(&self, entry: &Entry) -> Result<(), String> {
        let (id, step) = (entry.id(), entry.step());
        if let Entry::Received { .. } = entry {
            // Those between were forgotten.
            return match id >= self.next_id && id < u64::MAX {
                true => Ok(()),
                false => Err(format!("command {id} was received twice, or too late")),
            };
        }
        let Some(record) = self.records.iter().find(|record| record.id == id) else {
            return Err(format!("command {id} was {step}, but not received"));
        };
        let rank = match entry {
            Entry::Received { .. } | Entry::Started { .. } => 1,
            Entry::Finished { .. } => 2,
            Entry::Reported { .. } | Entry::Dropped { .. } => 3,
        };
        let now = record.progress.rank();
        match rank > now || rank == 1 && now == 1 {
            true => Ok(()),
            false => Err(format!("command {id} was {step}, but it was already further")),
        }
    }

    /// Takes an entry that was checked.
    pub(super) fn apply(&mut self, entry: Entry) {
        let id = entry.id();
        let progress = match entry {
            Entry::Received { id, command } => {
                self.next_id = id + 1;
                self.records.push_back(Record { id, command, progress: Progress::Received });
                return;
            }
            Entry::Started { process, .. } => Progress::Started(process),
            Entry::Finished { is_success, detail, .. } => Progress::Finished { is_success, detail },
            Entry::Reported { .. } => Progress::Reported,
            Entry::Dropped { reason, .. } => Progress::Dropped { reason },
        };
        if let Some(record) = self.records.iter_mut().find(|record| record.id == id) {
            record.progress = progress;
        }
        self.forget();
    }

    /// Forgets the first commands that need nothing more.
    fn forget(&mut self) {
        let closed = self.records.iter().filter(|record| record.progress.is_closed()).count();
        let mut surplus = closed.saturating_sub(CLOSED);
        self.records.retain(|record| {
            let is_forgotten = surplus > 0 && record.progress.is_closed();
            surplus -= usize::from(is_forgotten);
            !is_forgotten
        });
    }

    /// The fewest entries that lead to this state.
    pub(super) fn entries(&self) -> impl Iterator<Item = Entry> {
        self.records.iter().flat_map(|Record { id, command, progress }| {
            let id = *id;
            let received = Entry::Received { id, command: command.clone() };
            let step = match progress.clone() {
                Progress::Received => None,
                Progress::Started(process) => Some(Entry::Started { id, process }),
                Progress::Finished { is_success, detail } => {
                    Some(Entry::Finished { id, is_success, detail })
                }
                Progress::Reported => Some(Entry::Reported { id }),
                Progress::Dropped { reason } => Some(Entry::Dropped { id, reason }),
            };
            [Some(received), step].into_iter().flatten()
        })
    }
}
