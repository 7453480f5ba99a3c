use alloc::string::String;
use core::fmt;

use serde::{Serialize, Serializer};

use crate::CommandName;

/// What a 200 (or an empty 204) says.
///
/// Delivery is to be taken as **at least once**: nothing says that asking takes the command away,
/// so the same one may come again until its result is reported. Tell repetitions by name and task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// An order to carry out.
    Command(Command),
    /// The state of the task; there is nothing to carry out.
    Task(Task),
    /// No command, and how the service said so.
    Nothing(Nothing),
}

/// An order and its parameters. Serialises to the form that the page documents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Command {
    /// What to do.
    #[serde(rename = "command_name")]
    pub name: CommandName,
    /// With what.
    #[serde(rename = "command_param", skip_serializing_if = "CommandParam::is_empty")]
    pub param: CommandParam,
}

impl Command {
    /// Whether this documented order acts on a task and no task is named. It is returned all the
    /// same; the page makes every field optional.
    ///
    /// `UPLOAD_LOG` and `RSET_LOG_ACL` act on no task, and of an undocumented order nobody knows.
    #[must_use]
    pub fn lacks_task_id(&self) -> bool {
        use CommandName as Name;
        matches!(
            self.name,
            Name::Start | Name::Stop | Name::Sync | Name::Delete | Name::Skip | Name::Premigrate
        ) && self.param.task_id.as_deref().unwrap_or_default().is_empty()
    }
}

/// The parameters. A member that is absent or `null` is `None`; an empty one is `Some("")`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CommandParam {
    /// The migration task: 32 hexadecimal digits, or a UUID with hyphens. At most 255 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_id: Option<String>,
    /// An OBS bucket. At most 255 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
    /// An object in that bucket (the v1 page's log commands). No length is documented.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
}

impl CommandParam {
    /// Whether no parameter came.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The state of a task, delivered in place of a command. Serialises to the documented form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Task {
    /// Which state.
    #[serde(rename = "command_name")]
    pub state: TaskState,
    /// The parameters that came with it.
    #[serde(rename = "command_param", skip_serializing_if = "CommandParam::is_empty")]
    pub param: CommandParam,
}

/// The three documented `TASK_` names (editions since 2025-12, which do not explain them). Any
/// other `TASK_` name is an undocumented [`CommandName`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TaskState {
    /// `TASK_NOT_STARTED`.
    NotStarted,
    /// `TASK_HAS_STOPPED`.
    HasStopped,
    /// `TASK_HAS_FINISHED`.
    HasFinished,
}

impl TaskState {
    pub(crate) fn new(name: &str) -> Option<Self> {
        match name {
            "TASK_NOT_STARTED" => Some(Self::NotStarted),
            "TASK_HAS_STOPPED" => Some(Self::HasStopped),
            "TASK_HAS_FINISHED" => Some(Self::HasFinished),
            _ => None,
        }
    }

    /// The name, as it came.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotStarted => "TASK_NOT_STARTED",
            Self::HasStopped => "TASK_HAS_STOPPED",
            Self::HasFinished => "TASK_HAS_FINISHED",
        }
    }
}

impl fmt::Display for TaskState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for TaskState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// The ways in which a successful response can carry no command. No edition of the page says which
/// one the service uses, so they stay apart.
///
/// `SMS.7606` (no migration task) may be one more; it comes as an
/// [`ApiError`](crate::ApiError) of the kind [`NoTask`](crate::ApiErrorKind::NoTask).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Nothing {
    /// Status 204, no body.
    NoContent,
    /// Status 200, a body of zero bytes.
    EmptyBody,
    /// `{}`.
    EmptyObject,
    /// An object without `command_name`.
    MissingName,
    /// `command_name` is `null`.
    NullName,
    /// `command_name` is `""`.
    EmptyName,
}

impl Nothing {
    /// A short name for logs and JSON: `no_content`, `empty_body`, `empty_object`, `missing_name`,
    /// `null_name`, `empty_name`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoContent => "no_content",
            Self::EmptyBody => "empty_body",
            Self::EmptyObject => "empty_object",
            Self::MissingName => "missing_name",
            Self::NullName => "null_name",
            Self::EmptyName => "empty_name",
        }
    }
}

impl fmt::Display for Nothing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoContent => "status 204 (no content)",
            Self::EmptyBody => "the body is empty",
            Self::EmptyObject => "the answer is {}",
            Self::MissingName => "command_name is missing",
            Self::NullName => "command_name is null",
            Self::EmptyName => "command_name is empty",
        })
    }
}
