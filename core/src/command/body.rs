//! Reads the body of a 200.

use alloc::{borrow::ToOwned, string::String};

use serde::{
    Deserialize,
    de::{IgnoredAny, MapAccess},
};

use super::{
    answer::{Answer, Command, CommandParam, NoCommand, Task, TaskState},
    name::CommandName,
};
use crate::{
    body_problem::{BodyProblem, JsonType},
    json::{self, Member, Problems, Reader, Seed, Text},
};

/// The documented limit for `command_name`, `task_id` and `bucket`, in characters.
const MAX_CHARS: usize = 255;

/// The content of a 200.
pub(crate) enum Success {
    Answer(Answer),
    /// There is no `command_name`, but the code or message of an error.
    ErrorObject,
}

pub(crate) fn read(body: &[u8]) -> Result<Success, BodyProblem> {
    if body.is_empty() {
        return Ok(Success::Answer(Answer::NoCommand(NoCommand::EmptyBody)));
    }
    let problems = Problems::default();
    let members = json::read(body, Body { problems: &problems })?;
    match problems.into_first() {
        Some(problem) => Err(problem),
        None => Ok(members.into_success()),
    }
}

#[derive(Default)]
struct Members {
    name: Member<Name>,
    param: Member<CommandParam>,
    has_error: bool,
    is_empty: bool,
}

enum Name {
    Empty,
    Task(TaskState),
    Command(CommandName),
}

impl Name {
    fn new(name: &str) -> Self {
        match TaskState::new(name) {
            _ if name.is_empty() => Self::Empty,
            Some(state) => Self::Task(state),
            None => Self::Command(CommandName::from(name)),
        }
    }
}

impl Members {
    fn into_success(self) -> Success {
        let param = self.param.into_option().unwrap_or_default();
        Success::Answer(match self.name {
            Member::Is(Name::Command(name)) => Answer::Command(Command { name, param }),
            Member::Is(Name::Task(state)) => Answer::Task(Task { state, param }),
            _ if self.has_error => return Success::ErrorObject,
            Member::Is(Name::Empty) => Answer::NoCommand(NoCommand::EmptyName),
            Member::Null => Answer::NoCommand(NoCommand::NullName),
            Member::Absent if self.is_empty => Answer::NoCommand(NoCommand::EmptyObject),
            Member::Absent => Answer::NoCommand(NoCommand::MissingName),
        })
    }
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Key {
    CommandName,
    CommandParam,
    #[serde(rename = "error_code", alias = "error_msg")]
    Error,
    #[serde(other)]
    Unknown,
}

struct Body<'a> {
    problems: &'a Problems,
}

impl<'de> Reader<'de> for Body<'_> {
    type Value = Members;

    fn object<A: MapAccess<'de>>(self, mut object: A) -> Result<Members, A::Error> {
        let problems = self.problems;
        let mut members = Members { is_empty: true, ..Members::default() };
        while let Some(key) = object.next_key()? {
            members.is_empty = false;
            match key {
                Key::CommandName => {
                    let (field, limit, make) = ("command_name", Some(MAX_CHARS), Name::new as _);
                    let value =
                        object.next_value_seed(Seed(Text { field, limit, make, problems }))?;
                    members.name.set(value, field, problems);
                }
                Key::CommandParam => {
                    let value = object.next_value_seed(Seed(Param { problems }))?;
                    members.param.set(value, "command_param", problems);
                }
                Key::Error => {
                    members.has_error |= object.next_value_seed(Seed(Present))?;
                }
                Key::Unknown => {
                    object.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(members)
    }

    fn other(self, found: JsonType) -> Members {
        self.problems.record(BodyProblem::NotAnObject { found });
        Members::default()
    }
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum ParamKey {
    TaskId,
    Bucket,
    Object,
    #[serde(other)]
    Unknown,
}

struct Param<'a> {
    problems: &'a Problems,
}

impl<'de> Reader<'de> for Param<'_> {
    type Value = Member<CommandParam>;

    fn object<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let problems = self.problems;
        let (mut task_id, mut bucket, mut name) = Default::default();
        while let Some(key) = object.next_key()? {
            let (member, field, limit) = match key {
                ParamKey::TaskId => (&mut task_id, "command_param.task_id", Some(MAX_CHARS)),
                ParamKey::Bucket => (&mut bucket, "command_param.bucket", Some(MAX_CHARS)),
                ParamKey::Object => (&mut name, "command_param.object", None),
                ParamKey::Unknown => {
                    object.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            let make = ToOwned::to_owned as fn(&str) -> String;
            let value = object.next_value_seed(Seed(Text { field, limit, make, problems }))?;
            Member::set(member, value, field, problems);
        }
        Ok(Member::Is(CommandParam {
            task_id: task_id.into_option(),
            bucket: bucket.into_option(),
            object: name.into_option(),
        }))
    }

    fn other(self, found: JsonType) -> Self::Value {
        self.problems.expect("command_param", JsonType::Object, found);
        Member::Null
    }
}

/// Whether a code or message is there: a number, or a string that is not empty.
struct Present;

impl<'de> Reader<'de> for Present {
    type Value = bool;

    fn string(self, text: &str) -> bool {
        !text.is_empty()
    }

    fn other(self, found: JsonType) -> bool {
        found == JsonType::Number
    }
}
