use std::{collections::VecDeque, sync::Arc};

use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};

use crate::{Step, secret::is_secret};

/// What the simulated service answers to one request, or to several.
#[derive(Clone, Debug)]
pub struct Answer {
    pub(crate) reply: Reply,
    pub(crate) times: u32,
}

#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Http { status: StatusCode, headers: Vec<(HeaderName, HeaderValue)>, body: Vec<u8> },
    Steps(Arc<[Step]>),
}

impl Answer {
    /// How often one answer can be given at most.
    pub const MAX_TIMES: u32 = 1_000_000;

    /// A 200 with a command: the page's form.
    #[must_use]
    pub fn command(name: &str, task_id: Option<&str>) -> Self {
        match task_id {
            Some(task_id) => Self::json(
                200,
                json!({ "command_name": name, "command_param": { "task_id": task_id } }),
            ),
            None => Self::json(200, json!({ "command_name": name })),
        }
    }

    /// An error in the page's form.
    ///
    /// # Panics
    /// As [`body`](Self::body).
    #[must_use]
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        Self::json(status, json!({ "error_code": code, "error_msg": message }))
    }

    /// A status and a JSON body.
    ///
    /// # Panics
    /// As [`body`](Self::body).
    #[must_use]
    pub fn json(status: u16, body: Value) -> Self {
        Self::body(status, body.to_string())
    }

    /// A status and a body of any bytes.
    ///
    /// # Panics
    /// If the status is not from 200 to 599.
    #[must_use]
    pub fn body(status: u16, body: impl Into<Vec<u8>>) -> Self {
        let status = Self::status(status).expect("a status from 200 to 599");
        Self::from_reply(Reply::Http { status, headers: Vec::new(), body: body.into() })
    }

    /// Exactly these bytes in place of a response; then the connection is closed.
    #[must_use]
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self::steps([Step::send(bytes)])
    }

    /// Reads the request and never answers, until the client goes away or the simulator stops.
    #[must_use]
    pub fn silent() -> Self {
        Self::steps([Step::Hold])
    }

    /// Takes these steps in place of a response; then the connection is closed, unless one of them
    /// says otherwise.
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
        Self::from_reply(Reply::Steps(steps.into_iter().collect()))
    }

    /// Adds a header, in place of the simulator's own of that name. Not for answers in steps.
    ///
    /// # Panics
    /// If name or value can't be a header's.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Reply::Http { headers, .. } = &mut self.reply {
            let (name, value) = (name.parse(), value.parse());
            let (name, value) = (name.expect("a header's name"), value.expect("a header's value"));
            headers.push(redacted(name, value));
        }
        self
    }

    /// Gives this answer `times` times, at least once and at most [`MAX_TIMES`](Self::MAX_TIMES).
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = times.clamp(1, Self::MAX_TIMES);
        self
    }

    fn from_reply(reply: Reply) -> Self {
        Self { reply, times: 1 }
    }

    /// A final status; 1xx are no answers.
    pub(crate) fn status(status: u16) -> Option<StatusCode> {
        StatusCode::from_u16(status).ok().filter(|_| (200..600).contains(&status))
    }
}

/// A header whose value `Debug` does not show, if it is a secret.
pub(crate) fn redacted(name: HeaderName, mut value: HeaderValue) -> (HeaderName, HeaderValue) {
    value.set_sensitive(is_secret(name.as_str()));
    (name, value)
}

/// The next of a queue of answers; each is given as often as it says.
pub(crate) fn next(answers: &mut VecDeque<Answer>) -> Option<Reply> {
    let answer = answers.front_mut()?;
    answer.times -= 1;
    if answer.times > 0 {
        return Some(answer.reply.clone());
    }
    answers.pop_front().map(|answer| answer.reply)
}
