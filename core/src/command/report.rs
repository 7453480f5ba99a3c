//! `POST /v3/sources/{server_id}/command_result`.

use alloc::{boxed::Box, vec::Vec};
use core::{fmt, str::FromStr};

use http::{Method, Request, Response, Uri, header};
use serde::{Deserialize, Serialize};

use super::{Command, CommandName, JSON, answer::TaskState, body::MAX_CHARS};
use crate::{
    auth::Authorize,
    body_problem::BodyProblem,
    endpoint::Endpoint,
    error::ResponseError,
    invalid_input::{InvalidInput, Problem},
    json,
    operation::Operation,
    server_id::ServerId,
};

/// Reports the result of a command: `POST /v3/sources/{server_id}/command_result`, which the SDKs call
/// [`UpdateCommandResult`](https://support.huaweicloud.com/intl/en-us/api-sms/UpdateCommandResult.html).
///
/// The request has only the name of the command. If the service holds another command of the same name by
/// then, it applies the report to that one. So report a command only as long as the service returns this
/// command, or no command at all. A [`Session`](crate::Session) checks this before it sends a report again.
///
/// ```
/// # use huaweicloud_sms_core as huaweicloud_sms;
/// use std::collections::BTreeMap;
/// use huaweicloud_sms::{
///     AuthToken, Command, CommandParam, CommandResult, Endpoint, Operation, ReportResult, ServerId,
/// };
///
/// let endpoint = Endpoint::new("https://sms.ap-southeast-3.myhuaweicloud.com")?;
/// let server_id = ServerId::new("f32ab4d6-d150-4fb3-aa55-edbb5cf9947f")?;
/// let param = CommandParam::default().with_task_id("2c0689c860ad4728a497c91ec0844384");
/// let command = Command::new("START", param);
/// // Or a value of your own that implements `Serialize`, or `serde_json::json!` of the crate serde_json.
/// let detail = BTreeMap::from([("msg", "copied 3 disks")]);
///
/// let report =
///     ReportResult::new(&endpoint, &server_id, command, CommandResult::Success, &detail)?;
/// let request = report.request(&AuthToken::new("MIIVYgYJKoZIhvcNAQcCoIIVUzCCFU8CAQEx")?);
/// assert_eq!(
///     request.body(),
///     br#"{"command_name":"START","result":"success","result_detail":{"msg":"copied 3 disks"}}"#,
/// );
/// # Ok::<(), huaweicloud_sms::InvalidInput>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ReportResult(Box<Report>);

#[derive(Clone, PartialEq, Eq)]
struct Report {
    uri: Uri,
    command: Command,
    result: CommandResult,
    body: Vec<u8>,
}

#[derive(Serialize)]
struct Body<'a, D: ?Sized> {
    command_name: &'a CommandName,
    result: CommandResult,
    result_detail: &'a D,
}

impl ReportResult {
    /// The longest accepted `result_detail`, in bytes of JSON. The API reference gives no limit.
    pub const MAX_DETAIL: usize = 64 * 1024;

    /// Creates the report of one command. `detail` is any value that serializes as a JSON object.
    ///
    /// # Errors
    /// * The service accepts no report of this command: its name is `SKIP`, `PREMIGRATE` or a task's
    ///   state, is empty, or is longer than 255 characters. Undocumented names are accepted.
    /// * `detail` is not an object, cannot be serialized, or is longer than
    ///   [`MAX_DETAIL`](Self::MAX_DETAIL).
    pub fn new(
        endpoint: &Endpoint,
        server_id: &ServerId,
        command: Command,
        result: CommandResult,
        detail: &(impl Serialize + ?Sized),
    ) -> Result<Self, InvalidInput> {
        check_name(&command.name)?;
        check_detail(detail)?;
        let uri = endpoint
            .join(["v3", "sources", server_id.as_str(), "command_result"])
            .expect("a server id is a legal path segment");
        let body = Body { command_name: &command.name, result, result_detail: detail };
        let body = serde_json::to_vec(&body).map_err(|_| invalid_detail(UNSERIALIZABLE))?;
        Ok(Self(Box::new(Report { uri, command, result, body })))
    }

    /// Returns the URI of the call.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        &self.0.uri
    }

    /// Returns the command that is reported.
    #[must_use]
    pub fn command(&self) -> &Command {
        &self.0.command
    }

    /// Returns the result of the command.
    #[must_use]
    pub fn result(&self) -> CommandResult {
        self.0.result
    }
}

const UNSERIALIZABLE: &str = "can't be serialized as JSON";

/// Checks that the service accepts a report of this command. Every edition of the API reference lists the
/// accepted names. The states of a task and the names that came later are not among them.
fn check_name(name: &CommandName) -> Result<(), InvalidInput> {
    let input = "command's name";
    let text = name.as_str();
    let is_state = TaskState::new(text).is_some();
    if is_state || matches!(name, CommandName::Skip | CommandName::Premigrate) {
        let problem = "can't be reported: the service accepts no result of it";
        return Err(InvalidInput::new(input, Problem::Is(problem)));
    }
    InvalidInput::check(input, text, MAX_CHARS, |_| None)
}

fn check_detail(detail: &(impl Serialize + ?Sized)) -> Result<(), InvalidInput> {
    let json = serde_json::to_vec(detail).map_err(|_| invalid_detail(UNSERIALIZABLE))?;
    if json.first() != Some(&b'{') {
        return Err(invalid_detail("is not a JSON object"));
    }
    let (length, limit) = (json.len(), ReportResult::MAX_DETAIL);
    if length > limit {
        let problem = Problem::TooLong { length, limit, unit: "bytes" };
        return Err(InvalidInput::new("result detail", problem));
    }
    Ok(())
}

fn invalid_detail(problem: &'static str) -> InvalidInput {
    InvalidInput::new("result detail", Problem::Is(problem))
}

impl Operation for ReportResult {
    type Output = ();

    fn request(&self, auth: &(impl Authorize + ?Sized)) -> Request<Vec<u8>> {
        let mut request = Request::new(self.0.body.clone());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.0.uri.clone();
        let headers = request.headers_mut();
        headers.insert(header::CONTENT_TYPE, JSON);
        headers.insert(header::ACCEPT, JSON);
        auth.authorize(&mut request);
        request
    }

    fn parse<B: AsRef<[u8]>>(&self, response: &Response<B>) -> Result<(), ResponseError> {
        read_response(response)
    }
}

/// Reads the response to a report. Every 2xx is a success. The body is not parsed, because the editions of
/// the API reference disagree on it. But an HTML page comes from another server, such as a proxy, so the
/// service did not get the report.
pub(crate) fn read_response<B: AsRef<[u8]>>(response: &Response<B>) -> Result<(), ResponseError> {
    let status = response.status();
    if !status.is_success() {
        return Err(ResponseError::from_response(response));
    }
    if json::is_html(response.body().as_ref()) {
        let problem = BodyProblem::NotJson { line: 1, column: 1, html: true };
        return Err(ResponseError::from_body(status, response.headers(), problem));
    }
    Ok(())
}

/// Omits the detail, because the caller may want to keep it out of a log.
impl fmt::Debug for ReportResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReportResult")
            .field("uri", &self.0.uri)
            .field("command", &self.0.command)
            .field("result", &self.0.result)
            .finish_non_exhaustive()
    }
}

/// The result of a command: `success` or `fail`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandResult {
    /// `success`: the command was carried out.
    Success,
    /// `fail`: the command was not carried out.
    Fail,
}

impl CommandResult {
    /// Returns the word that the service expects.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Fail => "fail",
        }
    }
}

impl fmt::Display for CommandResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for CommandResult {
    type Err = InvalidInput;

    fn from_str(text: &str) -> Result<Self, InvalidInput> {
        Self::try_from(text)
    }
}

impl TryFrom<&str> for CommandResult {
    type Error = InvalidInput;

    /// Reads the words `success` and `fail`.
    fn try_from(text: &str) -> Result<Self, InvalidInput> {
        match text {
            "success" => Ok(Self::Success),
            "fail" => Ok(Self::Fail),
            _ => Err(InvalidInput::new("result", Problem::Is("is neither success nor fail"))),
        }
    }
}
