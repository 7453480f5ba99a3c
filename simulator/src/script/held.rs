//! The commands that a server holds until their results are reported.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::report::HeldCommand;

/// A command that the service holds until its result is reported
/// ([`Script::commands`](crate::Script::commands)).
#[derive(Clone, Debug)]
pub struct Command {
    body: Arc<Value>,
    overtakes_after: Option<u64>,
    deliveries: u64,
}

impl Command {
    /// Creates a command as documented for
    /// [`ShowCommand`](https://support.huaweicloud.com/intl/en-us/api-sms/ShowCommand.html).
    ///
    /// # Panics
    /// If the name is empty.
    #[must_use]
    pub fn new(name: &str, task_id: Option<&str>) -> Self {
        let mut body = json!({ "command_name": name });
        if let Some(task_id) = task_id {
            body["command_param"] = json!({ "task_id": task_id });
        }
        Self::json(body)
    }

    /// Creates a command from the body of the response that delivers it.
    ///
    /// # Panics
    /// If the body's `command_name` is not text, or is empty.
    #[must_use]
    pub fn json(body: Value) -> Self {
        Self::try_json(body).expect("a body with a command_name")
    }

    /// Lets this command replace the one before it, as a STOP on the console replaces a START. It does so
    /// once the one before it was delivered this many times and is still held. With 0, it does so at once.
    /// Default: it waits until the result of the one before it is reported.
    #[must_use]
    pub fn overtaking_after(mut self, deliveries: u64) -> Self {
        self.overtakes_after = Some(deliveries);
        self
    }

    pub(crate) fn try_json(body: Value) -> Option<Self> {
        let is_named = body["command_name"].as_str().is_some_and(|name| !name.is_empty());
        is_named.then(|| Self { body: Arc::new(body), overtakes_after: None, deliveries: 0 })
    }
}

/// The commands of one server. The service holds one of them at a time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Commands {
    all: Vec<Command>,
    /// The index of the command that is held.
    current: usize,
    /// Whether the report of a command that no GET has delivered is rejected.
    pub(crate) need_delivery: bool,
}

impl Commands {
    pub(crate) fn push(&mut self, command: Command) {
        self.all.push(command);
        self.overtake();
    }

    pub(crate) fn held(&self) -> Option<HeldCommand> {
        let Command { body, deliveries, .. } = self.all.get(self.current)?;
        Some(HeldCommand { index: self.current, body: Arc::clone(body), deliveries: *deliveries })
    }

    /// Delivers the command that is held. The count of its deliveries includes this one.
    pub(crate) fn deliver(&mut self) -> Option<HeldCommand> {
        self.all.get_mut(self.current)?.deliveries += 1;
        let delivered = self.held();
        self.overtake();
        delivered
    }

    /// Drops the command that is held, because its result was reported.
    pub(crate) fn take(&mut self) {
        self.current += 1;
        self.overtake();
    }

    /// Returns the number of GETs that have delivered each command.
    pub(crate) fn deliveries(&self) -> Vec<u64> {
        self.all.iter().map(|command| command.deliveries).collect()
    }

    fn overtake(&mut self) {
        while let [held, next, ..] = self.all.get(self.current..).unwrap_or_default() {
            if next.overtakes_after.is_none_or(|after| held.deliveries < after) {
                break;
            }
            self.current += 1;
        }
    }
}
