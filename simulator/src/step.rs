use std::time::Duration;

/// One thing done on a connection. A list of them takes the place of an honest answer
/// ([`Answer::steps`](crate::Answer::steps)) or comes before any request
/// ([`Script::on_accept`](crate::Script::on_accept)).
///
/// What [`Close`](Self::Close), [`Cut`](Self::Cut), [`Reset`](Self::Reset), [`Hold`](Self::Hold)
/// and [`Continue`](Self::Continue) have behind them is never reached.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Sends bytes.
    Send(Vec<u8>),
    /// Sends all pieces in one write. Over TLS each piece begins a record.
    Records(Vec<Vec<u8>>),
    /// Sends bytes one by one, with a pause before each.
    Dribble(Vec<u8>, Duration),
    /// Sends bytes again and again: this many times, or endlessly.
    Repeat(Vec<u8>, Option<u32>),
    /// Does nothing for so long.
    Pause(Duration),
    /// Waits for [`Simulator::go_on`](crate::Simulator::go_on).
    Wait,
    /// Waits for the client's next request and records it.
    Request,
    /// Serves the connection on, as after an honest answer.
    Continue,
    /// Sends nothing more, until the client goes away or the simulator stops.
    Hold,
    /// Closes in order: TLS says so, then TCP.
    Close,
    /// Closes TCP in order, and TLS not at all.
    Cut,
    /// Resets the connection.
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

    /// Sends bytes again and again, until the client goes away.
    #[must_use]
    pub fn forever(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Repeat(bytes.into(), None)
    }
}
