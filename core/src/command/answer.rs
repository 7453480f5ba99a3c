use alloc::{borrow::ToOwned, string::String};
use core::fmt;

use serde::{Deserialize, Serialize, Serializer};

use super::name::CommandName;

/// The answer of the service: the content of a 200, or of an empty 204.
///
/// Delivery is **at least once**. The API reference does not say that reading a command consumes it, so the
/// same command may come again until its result is reported. Compare name and task to recognise a repetition.
///
/// The enum is exhaustive, so that a new variant is a compile error and not a command that your code
/// ignores. It serializes as `{"answer":"command","command_name":"START",..}`, `{"answer":"task",..}`
/// or `{"answer":"nothing","reason":"empty_object"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// A command to carry out.
    Command(Command),
    /// The state of the task. There is nothing to carry out.
    Task(Task),
    /// No command. The variant is the form of the response.
    #[serde(rename = "nothing")]
    NoCommand(NoCommand),
}

/// A command and its parameters. It serializes to the documented form, and deserializes from it, so that you
/// can store one. To read a response, use [`ObtainCommand`](crate::ObtainCommand), which checks it.
///
/// ```
/// # use huaweicloud_sms_core as huaweicloud_sms;
/// use huaweicloud_sms::{Command, CommandParam};
///
/// let param = CommandParam::default().with_task_id("2c0689c860ad4728a497c91ec0844384");
/// let command = Command::new("START", param);
/// assert!(!command.lacks_task_id());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Command {
    /// The command's name.
    #[serde(rename = "command_name")]
    pub name: CommandName,
    /// The command's parameters.
    #[serde(rename = "command_param", default, skip_serializing_if = "CommandParam::is_empty")]
    pub param: CommandParam,
}

impl Command {
    /// Creates a command, for tests of your own code.
    #[must_use]
    pub fn new(name: impl Into<CommandName>, param: CommandParam) -> Self {
        Self { name: name.into(), param }
    }

    /// Returns whether both are the same command, which is carried out once. They are if they have the same
    /// name and the same task, or, without a task, the same parameters. The service returns a command again
    /// until its result is reported.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let (one, two) = (self.task_id(), other.task_id());
        let is_same_task =
            if one.is_empty() || two.is_empty() { self.param == other.param } else { one == two };
        self.name == other.name && is_same_task
    }

    /// Returns whether a command that needs a task has none. The API reference makes every field optional, so
    /// such a command is an answer like any other.
    ///
    /// This is always `false` for `UPLOAD_LOG` and `RSET_LOG_ACL`, which need no task, and for undocumented
    /// commands.
    #[must_use]
    pub fn lacks_task_id(&self) -> bool {
        use CommandName as Name;
        matches!(
            self.name,
            Name::Start | Name::Stop | Name::Sync | Name::Delete | Name::Skip | Name::Premigrate
        ) && self.task_id().is_empty()
    }

    /// Returns the task, or an empty text if the command has no task.
    fn task_id(&self) -> &str {
        self.param.task_id.as_deref().unwrap_or_default()
    }
}

/// The parameters of a command. A member that is absent or `null` is `None`. An empty member is
/// `Some("")`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CommandParam {
    /// The migration task: 32 hexadecimal digits, or a UUID with hyphens. At most 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_id: Option<String>,
    /// An OBS bucket. At most 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
    /// An object in that bucket (the log commands of API version 1). No length is documented.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
}

impl CommandParam {
    /// Sets the task.
    #[must_use]
    pub fn with_task_id(mut self, task_id: &str) -> Self {
        self.task_id = Some(task_id.to_owned());
        self
    }

    /// Sets the bucket and the object in it.
    #[must_use]
    pub fn with_object(mut self, bucket: &str, object: &str) -> Self {
        self.bucket = Some(bucket.to_owned());
        self.object = Some(object.to_owned());
        self
    }

    /// Returns whether there is no parameter.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The state of a task, delivered in place of a command. It serializes to the documented form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Task {
    /// The state.
    #[serde(rename = "command_name")]
    pub state: TaskState,
    /// The parameters of the answer.
    #[serde(rename = "command_param", skip_serializing_if = "CommandParam::is_empty")]
    pub param: CommandParam,
}

impl Task {
    /// Creates a task's state, for tests of your own code.
    #[must_use]
    pub fn new(state: TaskState, param: CommandParam) -> Self {
        Self { state, param }
    }
}

/// The three documented `TASK_` names (editions of the API reference since 2025-12, which do not
/// explain them). Any other `TASK_` name is an undocumented [`CommandName`].
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

    /// Returns the documented name.
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

/// The form of a successful response without a command. No edition of the API reference says which form the
/// service uses, so each has a variant.
///
/// The service may also send `SMS.7606` (no migration task), which is an [`ApiError`](crate::ApiError) of the
/// kind [`NoTask`](crate::ApiErrorKind::NoTask).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
#[non_exhaustive]
pub enum NoCommand {
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

impl NoCommand {
    /// Returns a short name for logs and JSON: `no_content`, `empty_body`, `empty_object`, `missing_name`,
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

impl fmt::Display for NoCommand {
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
