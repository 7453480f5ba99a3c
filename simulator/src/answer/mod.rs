//! The scripted answer to a request.

pub(crate) mod rejection;
mod step;

use std::{collections::VecDeque, sync::Arc};

use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};

pub use self::step::Step;
use crate::secret::is_secret;

/// A scripted response to one request, or to several.
#[derive(Clone, Debug)]
pub struct Answer {
    pub(crate) reply: Reply,
    pub(crate) times: u32,
    pub(crate) is_after_processing: bool,
}

/// The reaction of the simulator to one request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Http { status: StatusCode, headers: Vec<(HeaderName, HeaderValue)>, body: Vec<u8> },
    Steps(Arc<[Step]>),
}

impl Reply {
    pub(crate) fn json(status: StatusCode, body: &Value) -> Self {
        Self::Http { status, headers: Vec::new(), body: body.to_string().into_bytes() }
    }

    /// Returns whether the script has set this header.
    pub(crate) fn has_header(&self, name: &str) -> bool {
        matches!(self, Self::Http { headers, .. } if headers.iter().any(|(given, _)| given == name))
    }

    /// Adds a header to a response. Marks the value as sensitive if the header is secret, so that
    /// `Debug` does not show it. Has no effect on steps.
    pub(crate) fn add_header(&mut self, name: &str, value: &str) -> Result<(), http::Error> {
        let (name, mut value) = (name.parse::<HeaderName>()?, value.parse::<HeaderValue>()?);
        value.set_sensitive(is_secret(name.as_str()));
        if let Self::Http { headers, .. } = self {
            headers.push((name, value));
        }
        Ok(())
    }
}

impl Answer {
    /// The largest number of [`times`](Self::times).
    pub const MAX_TIMES: u32 = 1_000_000;

    /// Creates a response of status 200 with a command, as documented for
    /// [`ShowCommand`](https://support.huaweicloud.com/intl/en-us/api-sms/ShowCommand.html).
    #[must_use]
    pub fn command(name: &str, task_id: Option<&str>) -> Self {
        let mut body = json!({ "command_name": name });
        if let Some(task_id) = task_id {
            body["command_param"] = json!({ "task_id": task_id });
        }
        Self::json(200, body)
    }

    /// Creates an error of the service, as documented in its
    /// [error codes](https://support.huaweicloud.com/intl/en-us/api-sms/ErrorCode.html).
    ///
    /// # Panics
    /// As [`body`](Self::body).
    #[must_use]
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        Self::json(status, json!({ "error_code": code, "error_msg": message }))
    }

    /// Creates a response with this status and a JSON body.
    ///
    /// # Panics
    /// As [`body`](Self::body).
    #[must_use]
    pub fn json(status: u16, body: Value) -> Self {
        Self::body(status, body.to_string())
    }

    /// Creates a response with this status and any body.
    ///
    /// # Panics
    /// If the status is not from 200 to 599.
    #[must_use]
    pub fn body(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::try_body(status, body).expect("a status from 200 to 599")
    }

    /// Sends exactly these bytes in place of a response, and closes the connection.
    #[must_use]
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self::steps([Step::send(bytes)])
    }

    /// Sends nothing until the client disconnects or the simulator stops.
    #[must_use]
    pub fn silent() -> Self {
        Self::steps([Step::Hold])
    }

    /// Takes these steps in place of a response. Then the connection is closed, unless a step says
    /// otherwise.
    ///
    /// ```
    /// use huaweicloud_sms_simulator::{Answer, Step};
    ///
    /// let cut_short = Answer::steps([
    ///     Step::send("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"),
    ///     Step::Reset,
    /// ]);
    /// ```
    #[must_use]
    pub fn steps(steps: impl IntoIterator<Item = Step>) -> Self {
        Self::new(Reply::Steps(steps.into_iter().collect()))
    }

    /// Adds a header. It replaces the simulator's own header of that name. Has no effect on steps.
    ///
    /// # Panics
    /// If the name or the value is not valid in a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.reply.add_header(name, value).expect("a valid header");
        self
    }

    /// Gives this answer `times` times: at least once, and at most [`MAX_TIMES`](Self::MAX_TIMES).
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = times.clamp(1, Self::MAX_TIMES);
        self
    }

    /// Makes this fault take effect after the request was processed. The fault takes the place of the
    /// service's response, which is lost. This has an effect only in
    /// [`get_faults`](crate::Script::get_faults), [`report_faults`](crate::Script::report_faults) and
    /// [`login_faults`](crate::Script::login_faults).
    ///
    /// ```
    /// use huaweicloud_sms_simulator::{Answer, Script, Step};
    ///
    /// // The service accepts every second report, and the client never learns of it.
    /// let lost = Answer::steps([Step::Reset]).after_processing();
    /// let script = Script::new().report_faults([None, Some(lost)]);
    /// ```
    #[must_use]
    pub fn after_processing(mut self) -> Self {
        self.is_after_processing = true;
        self
    }

    fn new(reply: Reply) -> Self {
        Self { reply, times: 1, is_after_processing: false }
    }

    pub(crate) fn try_body(status: u16, body: impl Into<Vec<u8>>) -> Option<Self> {
        // An informational status does not end a response.
        let status = StatusCode::from_u16(status).ok().filter(|_| (200..600).contains(&status))?;
        let reply = Reply::Http { status, headers: Vec::new(), body: body.into() };
        Some(Self::new(reply))
    }
}

/// Takes the next reply from a queue that gives each answer as often as the answer says.
pub(crate) fn next(answers: &mut VecDeque<Answer>) -> Option<Reply> {
    let answer = answers.front_mut()?;
    answer.times -= 1;
    if answer.times > 0 {
        return Some(answer.reply.clone());
    }
    answers.pop_front().map(|answer| answer.reply)
}
