//! Recognises repeated commands, for `--once-per-command`.

use std::collections::VecDeque;

use huaweicloud_sms::Command;

/// The number of commands that are remembered.
const MAX: usize = 4096;

/// The latest commands: name and task.
#[derive(Default)]
pub(crate) struct Seen(VecDeque<(String, String)>);

impl Seen {
    /// Adds a command. Returns whether the task already had it. A command without a task is never recognised.
    pub(crate) fn add(&mut self, command: &Command) -> bool {
        let Some(task_id) = &command.param.task_id else { return false };
        let key = (command.name.as_str().to_owned(), task_id.clone());
        let is_known = self.0.contains(&key);
        if !is_known {
            self.0.push_front(key);
            self.0.truncate(MAX);
        }
        is_known
    }
}
