//! Async calls over hyper 1. [`crate::ureq`] has the same names for blocking ones.

use std::time::Instant;

use huaweicloud_sms_transport_hyper::ResponseFuture;
pub use huaweicloud_sms_transport_hyper::{
    Connect, Connector, Error as TransportError, HyperTransport as Transport, Part, Phase, Proxy,
    ProxyUrl, Routes, Settings, SettingsError, Trust,
};

use crate::{Authorize, Error, Event, InvalidInput, Operation, Pace, Poller, Step, watch::State};

/// Sends operations and reads their answers. Cheap to clone; one serves all tasks.
#[derive(Debug)]
pub struct Client<C = Connector> {
    transport: Transport<C>,
}

impl<C: Connect + Clone + Send + Sync + 'static> Client<C> {
    /// A client on a transport that is ready.
    #[must_use]
    pub fn new(transport: Transport<C>) -> Self {
        Self { transport }
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
        let response =
            self.transport.execute(call.request(auth)).await.map_err(Error::Transport)?;
        Ok(call.parse(&response)?)
    }

    /// Sends a call again and again, for months: when, a [`Poller`] says. The first one is sent by
    /// the first [`next`](Watch::next). The pace's call limit is the transport's time limit. To end a
    /// watch drop it.
    ///
    /// # Errors
    /// A pace that [`Poller::new`] refuses.
    pub fn watch<O: Operation, A: Authorize>(
        &self,
        call: O,
        auth: A,
        pace: Pace,
    ) -> Result<Watch<O, A, C>, InvalidInput> {
        let pace = pace.call_limit(self.transport.settings().get_timeout());
        let state = State::new(call, auth, pace, self.transport.now())?;
        Ok(Watch { transport: self.transport.clone(), state, calling: None })
    }
}

impl<C: Clone> Clone for Client<C> {
    fn clone(&self) -> Self {
        Self { transport: self.transport.clone() }
    }
}

/// Sends a call again and again; see [`Client::watch`]. It spawns nothing: it moves while
/// [`next`](Self::next) is awaited.
pub struct Watch<O, A, C = Connector> {
    transport: Transport<C>,
    state: State<O, A>,
    /// The call that is under way: kept here, so that a dropped `next` loses no answer.
    calling: Option<ResponseFuture>,
}

impl<O: Operation, A: Authorize, C: Connect + Clone + Send + Sync + 'static> Watch<O, A, C> {
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
            match self.state.step(now) {
                Step::WaitUntil(moment) => self.transport.sleep_until(moment).await,
                Step::RenewAuth => return self.state.ask_to_renew(),
                Step::Obtain => {
                    let request = self.state.start(now);
                    let transport = self.transport.clone();
                    self.calling = Some(Box::pin(async move { transport.execute(request).await }));
                }
            }
        }
    }

    /// Hands a new credential over, asked for or not. Its first use is when the poller says.
    pub fn renew(&mut self, auth: A) {
        self.state.renew(auth);
    }

    /// Says that there is no new credential, so that [`poller`](Self::poller) tells the pause at once.
    /// Just to go on says the same.
    pub fn keep(&mut self) {
        self.state.keep(self.transport.now());
    }

    /// When the next call goes out, and after how many failures.
    #[must_use]
    pub fn poller(&self) -> &Poller<Instant> {
        self.state.poller()
    }
}
