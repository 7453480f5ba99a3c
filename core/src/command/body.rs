//! Reads the body of a 200.

use alloc::borrow::ToOwned;

use super::answer::{Answer, Command, CommandParam, NoCommand, Task, TaskState};
use crate::{
    body_problem::BodyProblem,
    json::{self, Json},
};

/// The documented limit for `command_name`, `task_id` and `bucket`, in characters.
pub(crate) const MAX_CHARS: usize = 255;

const NAMES: &[&str] =
    &["command_name", "command_param", "task_id", "bucket", "object", "error_code", "error_msg"];

/// The content of a 200.
pub(crate) enum Success {
    Answer(Answer),
    /// It has no `command_name`, but the code or message of an error.
    ErrorObject,
}

pub(crate) fn read(body: &[u8]) -> Result<Success, BodyProblem> {
    if body.is_empty() {
        return Ok(Success::Answer(Answer::NoCommand(NoCommand::EmptyBody)));
    }
    let members = json::parse(body, NAMES)?;
    // `Some(None)` is a `null`.
    let (mut name, mut param, mut has_error) = (None, None, false);
    // The loop follows the order of the body, so that its first problem is reported.
    for (field, value) in &members {
        match *field {
            "command_name" => json::set(&mut name, value.string(field, Some(MAX_CHARS))?, field)?,
            "command_param" => json::set(&mut param, read_param(value)?, field)?,
            "error_code" | "error_msg" => {
                has_error |= value.text().is_some_and(|text| !text.is_empty());
            }
            _ => {}
        }
    }
    let param = param.flatten().unwrap_or_default();
    Ok(Success::Answer(match name {
        Some(Some(name)) if !name.is_empty() => match TaskState::new(name) {
            Some(state) => Answer::Task(Task { state, param }),
            None => Answer::Command(Command { name: name.into(), param }),
        },
        _ if has_error => return Ok(Success::ErrorObject),
        Some(Some(_)) => Answer::NoCommand(NoCommand::EmptyName),
        Some(None) => Answer::NoCommand(NoCommand::NullName),
        None if members.is_empty() => Answer::NoCommand(NoCommand::EmptyObject),
        None => Answer::NoCommand(NoCommand::MissingName),
    }))
}

fn read_param(param: &Json<'_>) -> Result<Option<CommandParam>, BodyProblem> {
    let Some(members) = param.object("command_param")? else { return Ok(None) };
    let (mut task_id, mut bucket, mut object) = (None, None, None);
    for (name, value) in members {
        let (slot, field, limit) = match *name {
            "task_id" => (&mut task_id, "command_param.task_id", Some(MAX_CHARS)),
            "bucket" => (&mut bucket, "command_param.bucket", Some(MAX_CHARS)),
            "object" => (&mut object, "command_param.object", None),
            _ => continue,
        };
        json::set(slot, value.string(field, limit)?, field)?;
    }
    let owned = |text: Option<Option<&str>>| text.flatten().map(ToOwned::to_owned);
    Ok(Some(CommandParam { task_id: owned(task_id), bucket: owned(bucket), object: owned(object) }))
}
