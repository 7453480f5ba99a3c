use std::time::Duration;

/// One action on a connection. A list of steps takes the place of a response
/// ([`Answer::steps`](crate::Answer::steps)) or comes before the first request
/// ([`Script::on_accept`](crate::Script::on_accept)).
///
/// Steps after [`Close`](Self::Close), [`Cut`](Self::Cut), [`Reset`](Self::Reset),
/// [`Hold`](Self::Hold) or [`Continue`](Self::Continue) are never reached.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Sends bytes.
    Send(Vec<u8>),
    /// Sends all pieces in one write. Over TLS each piece begins a record.
    Records(Vec<Vec<u8>>),
    /// Sends all pieces in one write, but only the first half of the last piece. Over TLS that is half of its
    /// record. The next write begins with the other half.
    HalfRecord(Vec<Vec<u8>>),
    /// Sends bytes one by one, with a pause before each.
    Dribble(Vec<u8>, Duration),
    /// Sends bytes this many times, or endlessly.
    Repeat(Vec<u8>, Option<u32>),
    /// Does nothing for this duration.
    Pause(Duration),
    /// Waits for [`Simulator::go_on`](crate::Simulator::go_on).
    Wait,
    /// Waits for the client's next request and records it.
    Request,
    /// Serves the connection further, as after a normal response.
    Continue,
    /// Sends nothing more until the client disconnects or the simulator stops.
    Hold,
    /// Closes TLS (`close_notify`), then TCP (FIN).
    Close,
    /// Closes TCP (FIN) without closing TLS.
    Cut,
    /// Resets the connection (RST).
    Reset,
}

impl Step {
    /// Sends bytes.
    #[must_use]
    pub fn send(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Send(bytes.into())
    }

    /// Sends bytes one by one, with a pause before each.
    #[must_use]
    pub fn dribble(bytes: impl Into<Vec<u8>>, pause: Duration) -> Self {
        Self::Dribble(bytes.into(), pause)
    }

    /// Sends bytes this many times.
    #[must_use]
    pub fn repeat(bytes: impl Into<Vec<u8>>, times: u32) -> Self {
        Self::Repeat(bytes.into(), Some(times))
    }

    /// Sends bytes endlessly, until the client disconnects.
    #[must_use]
    pub fn forever(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Repeat(bytes.into(), None)
    }
}
