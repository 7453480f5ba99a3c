//! Blocking calls over ureq 3. [`crate::hyper`] has the same names for async ones.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Instant,
};

pub use huaweicloud_sms_transport_ureq::{
    Error as TransportError, Part, Phase, Proxy, ProxyUrl, Routes, Settings, SettingsError, Trust,
    UreqTransport as Transport,
};

use crate::{
    Authorize, ClockSkew, Credential, Error, Event, InvalidInput, Operation, Pace, Poller,
    Timestamp,
    server_clock::ServerClock,
    watch::{Next, State},
};

/// Sends operations and reads their answers. Cheap to clone; one serves all threads.
#[derive(Clone, Debug)]
pub struct Client {
    transport: Transport,
    clock: ServerClock,
    stop: Arc<Stop>,
}

/// Whether a client was shut down, for the watches that sleep.
#[derive(Debug, Default)]
struct Stop {
    is_stopped: Mutex<bool>,
    changed: Condvar,
}

impl Client {
    /// A client on a transport that is ready.
    #[must_use]
    pub fn new(transport: Transport) -> Self {
        Self { transport, clock: ServerClock::default(), stop: Arc::default() }
    }

    /// Signs by the service's clock, where this machine's is wrong: [`now`](Self::now) is then
    /// corrected by [`clock_skew`](Self::clock_skew), and so are a watch's signatures. Who answers in
    /// the service's name can make it sign for other times then, within TLS nobody else. For a client that
    /// asks one service: it knows one clock.
    #[must_use]
    pub fn follow_server_clock(mut self, is_followed: bool) -> Self {
        self.clock.is_followed = is_followed;
        self
    }

    /// The moment to sign with: `client.send(&call, &key.at(client.now()))`. The system's clock,
    /// corrected where this client follows the service's.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// By how much the service's clock differs from this machine's, by the last answer or error object
    /// with a `Date`; `None` before the first. Clones share what they know.
    #[must_use]
    pub fn clock_skew(&self) -> Option<ClockSkew> {
        self.clock.skew()
    }

    /// Sends one request and reads its answer, within the transport's limits. Nothing is sent
    /// twice and no redirect is followed.
    ///
    /// # Errors
    /// [`Error::Transport`] if no response came, [`Error::Response`] if it is no answer.
    pub fn send<O: Operation>(
        &self,
        call: &O,
        auth: &impl Authorize,
    ) -> Result<O::Output, Error<TransportError>> {
        self.clock.read(call, self.transport.execute(call.request(auth)))
    }

    /// Sends a call again and again, for months: when, a [`Poller`] says. Asked is with a
    /// token, an [`AccessKey`](crate::AccessKey), or an [`IssueToken`](crate::IssueToken): then it logs
    /// in, and anew before the token expires. The first one is sent by
    /// the first [`next`](Watch::next). The pace's call limit is the transport's time limit.
    ///
    /// # Errors
    /// A pace that [`Poller::new`] refuses.
    pub fn watch<O: Operation>(
        &self,
        call: O,
        credential: impl Into<Credential>,
        pace: Pace,
    ) -> Result<Watch<O>, InvalidInput> {
        let pace = pace.call_limit(self.transport.settings().get_timeout());
        let clock = self.clock.clone();
        let state = State::new(call, credential.into(), pace, clock, Instant::now())?;
        Ok(Watch { client: self.clone(), state })
    }

    /// Ends this client, its clones and its transport, from any thread: calls that wait end with
    /// an error, and watches end, at once also when they sleep.
    pub fn shutdown(&self) {
        *self.stop.is_stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.stop.changed.notify_all();
        self.transport.shutdown();
    }
}

impl Stop {
    /// Sleeps until that moment, or until the client is shut down: then it returns `true`.
    fn wait_until(&self, moment: Instant) -> bool {
        let is_stopped = self.is_stopped.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = moment.saturating_duration_since(Instant::now());
        let waited = self.changed.wait_timeout_while(is_stopped, wait, |is_stopped| !*is_stopped);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// Sends a call again and again; see [`Client::watch`]. An endless iterator of [`Event`]s, each
/// [`next`](Self::next) blocking until there is one, which ends when the client is shut down.
pub struct Watch<O> {
    client: Client,
    state: State<O>,
}

impl<O: Operation> Watch<O> {
    /// Hands a new credential over, asked for or not. Its first use is when the poller says; after a
    /// login the old one's token is in use until it expires.
    pub fn renew(&mut self, credential: impl Into<Credential>) {
        self.state.renew(credential.into(), Instant::now());
    }

    /// Says that there is no new credential, so that [`poller`](Self::poller) tells the pause at once.
    /// Just to go on says the same.
    pub fn keep(&mut self) {
        self.state.keep(Instant::now());
    }

    /// When the next call or login goes out.
    #[must_use]
    pub fn due(&self) -> Instant {
        self.state.due(Instant::now())
    }

    /// When the next call goes out, and after how many failures.
    #[must_use]
    pub fn poller(&self) -> &Poller<Instant> {
        self.state.poller()
    }
}

impl<O: Operation> Iterator for Watch<O> {
    type Item = Event<O::Output, TransportError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut wake_up = Instant::now();
        loop {
            if self.client.stop.wait_until(wake_up) {
                return None;
            }
            let now = Instant::now();
            match self.state.next(now) {
                Next::WaitUntil(moment) => wake_up = moment,
                Next::Tell(event) => return Some(event),
                Next::Send(request) => {
                    let result = self.client.transport.execute(request);
                    let now = Instant::now();
                    let event = self.state.finish(now, result);
                    // An error that the shutdown made is none of the service's.
                    let is_error = matches!(event, Event::Error(_) | Event::LoginError(_));
                    if is_error && self.client.stop.wait_until(now) {
                        return None;
                    }
                    return Some(event);
                }
            }
        }
    }
}
