use std::{
    fmt,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
    time::Instant,
};

use bytes::Bytes;
use http::Response;
use huaweicloud_sms_core::http;
use huaweicloud_sms_transport::AsyncTransport;

use crate::{Action, Credential, Error, Event, Operation, Poller, Session, now, shared::Shared};

/// Polls the service; see [`AsyncClient::watch`](crate::AsyncClient::watch).
///
/// It spawns nothing: it makes progress while [`recv`](Self::recv) is awaited. Dropping it ends the
/// call that is under way.
///
/// ```no_run
/// # fn new_token() -> Option<huaweicloud_sms::AuthToken> { None }
/// # async fn watch<T: huaweicloud_sms::AsyncTransport + 'static>(
/// #     mut watch: huaweicloud_sms::AsyncWatch<T, huaweicloud_sms::ObtainCommand>,
/// # ) {
/// use huaweicloud_sms::Event;
///
/// while let Some(event) = watch.recv().await {
///     match event {
///         Event::Answer(answer) => println!("{answer:?}"),
///         Event::CredentialRejected(error) => match new_token() {
///             Some(token) => watch.renew(token),
///             None => eprintln!("{error}"),
///         },
///         event => eprintln!("{event:?}"),
///     }
/// }
/// # }
/// ```
pub struct AsyncWatch<T: AsyncTransport, O> {
    shared: Arc<Shared<T>>,
    session: Session<O, Instant>,
    /// The call that is under way. It is kept here, so that a dropped `recv` loses no response.
    calling: Option<Calling<T::Error>>,
    /// The id of this watch among those that a shutdown wakes.
    stop_id: u64,
}

type Calling<E> = Pin<Box<dyn Future<Output = Result<Response<Bytes>, E>> + Send>>;

impl<T: AsyncTransport, O> AsyncWatch<T, O> {
    pub(crate) fn new(shared: Arc<Shared<T>>, session: Session<O, Instant>) -> Self {
        let stop_id = shared.stop.register();
        Self { shared, session, calling: None, stop_id }
    }
}

impl<T: AsyncTransport + 'static, O: Operation> AsyncWatch<T, O> {
    /// Waits for an event. Returns `None` once the client is shut down.
    ///
    /// Cancel-safe: dropping the future loses nothing and sends nothing twice. A call that is under way
    /// continues with the next `recv`.
    pub async fn recv(&mut self) -> Option<Event<O::Output, Error<T::Error>>> {
        let shared = Arc::clone(&self.shared);
        let mut stopped = pin!(shared.stop.wait(self.stop_id));
        let mut next = pin!(self.next());
        poll_fn(|context| match stopped.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(None),
            Poll::Pending => next.as_mut().poll(context).map(Some),
        })
        .await
    }

    async fn next(&mut self) -> Event<O::Output, Error<T::Error>> {
        loop {
            if let Some(calling) = &mut self.calling {
                let result = calling.await;
                self.calling = None;
                let instant = self.shared.transport.now();
                return self.shared.finish(&mut self.session, instant, result);
            }
            let wake_up = match self.poll() {
                Action::WaitUntil(instant) => instant,
                Action::Send(request) => {
                    let shared = Arc::clone(&self.shared);
                    let calling = async move { shared.transport.execute(request).await };
                    self.calling = Some(Box::pin(calling));
                    continue;
                }
            };
            self.shared.transport.sleep_until(wake_up).await;
        }
    }

    fn poll(&mut self) -> Action<Instant> {
        if let Some(skew) = self.shared.clock_skew() {
            self.session.set_clock_skew(skew);
        }
        self.session.poll(self.shared.transport.now(), now())
    }

    /// Replaces the credential; see [`Session::renew`].
    pub fn renew(&mut self, credential: impl Into<Credential>) {
        self.session.renew(credential);
    }

    /// Starts the pause after a rejection now; see [`Session::decline`].
    pub fn decline(&mut self) {
        self.session.decline(self.shared.transport.now());
    }

    /// When the next request is due.
    #[must_use]
    pub fn due(&self) -> Instant {
        self.session.due(self.shared.transport.now())
    }

    /// The poller of the call. It tells when the next call is due and how many failed in a row.
    #[must_use]
    pub fn poller(&self) -> &Poller<Instant> {
        self.session.poller()
    }
}

impl<T: AsyncTransport, O> Drop for AsyncWatch<T, O> {
    fn drop(&mut self) {
        self.shared.stop.unregister(self.stop_id);
    }
}

impl<T: AsyncTransport, O> fmt::Debug for AsyncWatch<T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncWatch").field("session", &self.session).finish_non_exhaustive()
    }
}
