use std::sync::Arc;

use serde_json::Value;

/// A report of a command's result
/// ([`UpdateCommandResult`](https://support.huaweicloud.com/intl/en-us/api-sms/UpdateCommandResult.html))
/// that reached the service. Its credential was accepted and its server is known.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// The number of the report, counted from 1.
    pub number: u64,
    /// The id of the server.
    pub server_id: String,
    /// The command that the service held when the report arrived.
    pub held: Option<HeldCommand>,
    /// The `command_name`, if it is text.
    pub name: Option<String>,
    /// The `result`, if it is text.
    pub result: Option<String>,
    /// The `result_detail`, if it is an object.
    pub detail: Option<Value>,
    /// The code of the error with which the service rejected the report, or `None` if it accepted the report.
    pub error_code: Option<&'static str>,
}

impl Report {
    /// Returns whether the service accepted the report, and so does not hold the command any more. The client
    /// may not know this, because a fault may have taken the place of the response.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        self.error_code.is_none()
    }
}

/// A command that the service holds until its result is reported.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct HeldCommand {
    /// Its place among the server's commands, counted from 0.
    pub index: usize,
    /// The body of the response that delivers it.
    pub body: Arc<Value>,
    /// The number of GETs that have delivered it.
    pub deliveries: u64,
}

impl HeldCommand {
    /// Returns the `command_name`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.body["command_name"].as_str().unwrap_or_default()
    }
}
