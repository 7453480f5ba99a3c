//! Async calls over hyper 1. [`crate::ureq`] has the same names for blocking ones.

use std::time::Instant;

use huaweicloud_sms_transport_hyper::ResponseFuture;
pub use huaweicloud_sms_transport_hyper::{
    Connect, Connector, Error as TransportError, HyperTransport as Transport, Part, Phase, Proxy,
    ProxyUrl, Routes, Settings, SettingsError, Trust,
};

use crate::{
    Authorize, ClockSkew, Credential, Error, Event, InvalidInput, Operation, Pace, Poller,
    Timestamp,
    server_clock::ServerClock,
    watch::{Next, State},
};

/// Sends operations and reads their answers. Cheap to clone; one serves all tasks.
#[derive(Debug)]
pub struct Client<C = Connector> {
    transport: Transport<C>,
    clock: ServerClock,
}

impl<C: Connect + Clone + Send + Sync + 'static> Client<C> {
    /// A client on a transport that is ready.
    #[must_use]
    pub fn new(transport: Transport<C>) -> Self {
        Self { transport, clock: ServerClock::default() }
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
    /// twice and no redirect is followed. Dropping the future ends the call.
    ///
    /// # Errors
    /// [`Error::Transport`] if no response came, [`Error::Response`] if it is no answer.
    pub async fn send<O: Operation>(
        &self,
        call: &O,
        auth: &impl Authorize,
    ) -> Result<O::Output, Error<TransportError>> {
        self.clock.read(call, self.transport.execute(call.request(auth)).await)
    }

    /// Sends a call again and again, for months: when, a [`Poller`] says. Asked is with a
    /// token, an [`AccessKey`](crate::AccessKey), or an [`IssueToken`](crate::IssueToken): then it logs
    /// in, and anew before the token expires. The first one is sent by
    /// the first [`next`](Watch::next). The pace's call limit is the transport's time limit. To end a
    /// watch drop it.
    ///
    /// # Errors
    /// A pace that [`Poller::new`] refuses.
    pub fn watch<O: Operation>(
        &self,
        call: O,
        credential: impl Into<Credential>,
        pace: Pace,
    ) -> Result<Watch<O, C>, InvalidInput> {
        let pace = pace.call_limit(self.transport.settings().get_timeout());
        let (clock, now) = (self.clock.clone(), self.transport.now());
        let state = State::new(call, credential.into(), pace, clock, now)?;
        Ok(Watch { transport: self.transport.clone(), state, calling: None })
    }
}

impl<C: Clone> Clone for Client<C> {
    fn clone(&self) -> Self {
        Self { transport: self.transport.clone(), clock: self.clock.clone() }
    }
}

/// Sends a call again and again; see [`Client::watch`]. It spawns nothing: it moves while
/// [`next`](Self::next) is awaited.
pub struct Watch<O, C = Connector> {
    transport: Transport<C>,
    state: State<O>,
    /// The call that is under way: kept here, so that a dropped `next` loses no answer.
    calling: Option<ResponseFuture>,
}

impl<O: Operation, C: Connect + Clone + Send + Sync + 'static> Watch<O, C> {
    /// What happens next. It never ends by itself.
    ///
    /// Cancel-safe: dropping the future loses nothing and sends nothing twice; a call that is under
    /// way goes on with the following `next`. Dropping the watch ends it.
    pub async fn next(&mut self) -> Event<O::Output, TransportError> {
        loop {
            if let Some(calling) = &mut self.calling {
                let result = calling.as_mut().await;
                self.calling = None;
                return self.state.finish(self.transport.now(), result);
            }
            let now = self.transport.now();
            // Not within the `match`: what it looks at would be kept while this sleeps.
            let wake_up = match self.state.next(now) {
                Next::WaitUntil(moment) => moment,
                Next::Tell(event) => return event,
                Next::Send(request) => {
                    let transport = self.transport.clone();
                    self.calling = Some(Box::pin(async move { transport.execute(request).await }));
                    continue;
                }
            };
            self.transport.sleep_until(wake_up).await;
        }
    }

    /// Hands a new credential over, asked for or not. Its first use is when the poller says; after a
    /// login the old one's token is in use until it expires.
    pub fn renew(&mut self, credential: impl Into<Credential>) {
        if self.state.is_login() {
            // A login that is under way with the old one proves nothing of the new one.
            self.calling = None;
        }
        self.state.renew(credential.into(), self.transport.now());
    }

    /// Says that there is no new credential, so that [`poller`](Self::poller) tells the pause at once.
    /// Just to go on says the same.
    pub fn keep(&mut self) {
        self.state.keep(self.transport.now());
    }

    /// When the next call or login goes out.
    #[must_use]
    pub fn due(&self) -> Instant {
        self.state.due(self.transport.now())
    }

    /// When the next call goes out, and after how many failures.
    #[must_use]
    pub fn poller(&self) -> &Poller<Instant> {
        self.state.poller()
    }
}
