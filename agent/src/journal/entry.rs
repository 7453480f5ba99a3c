//! What the journal says of a command.

use huaweicloud_sms::{Command, CommandParam};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::exec::ProcessId;

/// One step of a command. `id` is the command's number in this journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case")]
pub(crate) enum Entry {
    /// The service sent a command. Its number is [`State::next_id`](super::State::next_id).
    Received {
        id: u64,
        #[serde(deserialize_with = "read_command")]
        command: Command,
    },
    /// The program is about to start, or started as this process. Both may be told, one after the other. It may
    /// start again after an interruption.
    Started { id: u64, process: Option<ProcessId> },
    /// The command has a result, also one for which no program was started.
    Finished { id: u64, is_success: bool, detail: Map<String, Value> },
    /// The service took the result.
    Reported { id: u64 },
    /// The result is not reported: the service refused it for good, or the command was superseded.
    Dropped { id: u64, reason: String },
}

impl Entry {
    pub(super) fn id(&self) -> u64 {
        let (Self::Received { id, .. }
        | Self::Started { id, .. }
        | Self::Finished { id, .. }
        | Self::Reported { id }
        | Self::Dropped { id, .. }) = self;
        *id
    }

    /// What it is called in the file and in errors.
    pub(super) fn step(&self) -> &'static str {
        match self {
            Self::Received { .. } => "received",
            Self::Started { .. } => "started",
            Self::Finished { .. } => "finished",
            Self::Reported { .. } => "reported",
            Self::Dropped { .. } => "dropped",
        }
    }
}

/// The documented form of a command, as it serializes.
#[derive(Deserialize)]
struct Form {
    command_name: String,
    #[serde(default)]
    command_param: Param,
}

#[derive(Default, Deserialize)]
struct Param {
    task_id: Option<String>,
    bucket: Option<String>,
    object: Option<String>,
}

fn read_command<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Command, D::Error> {
    let form = Form::deserialize(deserializer)?;
    let mut param = CommandParam::default();
    let Param { task_id, bucket, object } = form.command_param;
    (param.task_id, param.bucket, param.object) = (task_id, bucket, object);
    Ok(Command::new(form.command_name.as_str(), param))
}
