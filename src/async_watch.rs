use std::{
    fmt,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use bytes::Bytes;
use http::Response;
use huaweicloud_sms_core::http;
use huaweicloud_sms_transport::AsyncTransport;

use crate::{
    Credential, Error, Event, Fingerprint, Operation, Poller, ReportResult, Session,
    shared::{Next, Shared},
};

/// Polls the service; see [`AsyncClient::watch`](crate::AsyncClient::watch).
///
/// It spawns no task, so it makes progress only while you await [`recv`](Self::recv). If you drop it, the
/// call that is under way ends. If you keep it without awaiting `recv`, its call stays under way and counts
/// towards the transport's limit of calls.
///
/// Call [`report`](Self::report) and [`renew`](Self::renew) between two `recv`. The next `recv` sends the
/// report, or the next request with the new credential. The watch does not poll meanwhile. For work that
/// takes long, spawn a task, and `select` between its end and `recv`, which is cancel-safe.
///
/// ```no_run
/// use std::collections::BTreeMap;
/// use huaweicloud_sms::{Answer, CommandResult, Event, ReportResult};
/// # use huaweicloud_sms::{AsyncTransport, AsyncWatch, AuthToken, Endpoint, InvalidInput, ObtainCommand, ServerId};
///
/// # fn new_token() -> Option<AuthToken> { None }
/// # async fn carry_out<T: AsyncTransport + 'static>(
/// #     mut watch: AsyncWatch<T, ObtainCommand>,
/// #     endpoint: Endpoint,
/// #     server_id: ServerId,
/// # ) -> Result<(), InvalidInput> {
/// while let Some(event) = watch.recv().await {
///     match event {
///         // The service returns a command until it accepts the report.
///         Event::Answer(Answer::Command(command)) if watch.pending_report().is_none() => {
///             println!("{command:?}"); // In place of this line: carry it out.
///             let (result, detail) = (CommandResult::Success, BTreeMap::from([("msg", "done")]));
///             let report = ReportResult::new(&endpoint, &server_id, command, result, &detail)?;
///             watch.report(report).expect("no other report is pending");
///         }
///         Event::CredentialRejected(error) => match new_token() {
///             Some(token) => watch.renew(token),
///             None => eprintln!("{error}"),
///         },
///         event => eprintln!("{event:?}"),
///     }
/// }
/// # Ok(())
/// # }
/// ```
pub struct AsyncWatch<T: AsyncTransport, O> {
    shared: Arc<Shared<T>>,
    session: Session<O, Instant>,
    /// The call that is under way. It is kept here, so that a dropped `recv` loses no response.
    calling: Option<Calling<T::Error>>,
    /// The credential of that call. Other watches may wait for its outcome.
    credential: Option<Fingerprint>,
    /// The id of this watch among those that a shutdown wakes.
    stop_id: u64,
}

type Calling<E> = Pin<Box<dyn Future<Output = Result<Response<Bytes>, E>> + Send>>;

impl<T: AsyncTransport, O> AsyncWatch<T, O> {
    pub(crate) fn new(shared: Arc<Shared<T>>, session: Session<O, Instant>) -> Self {
        let stop_id = shared.stop.register();
        Self { shared, session, calling: None, credential: None, stop_id }
    }
}

impl<T: AsyncTransport + 'static, O: Operation> AsyncWatch<T, O> {
    /// Waits for an event. Returns `None` once the client is shut down.
    ///
    /// It is cancel-safe: if you drop the future, no event is lost and no request is sent twice. A call that
    /// is under way continues with the next `recv`.
    pub async fn recv(&mut self) -> Option<Event<O::Output, Error<T::Error>>> {
        let shared = Arc::clone(&self.shared);
        let event = {
            let mut stopped = pin!(shared.stop.wait(self.stop_id));
            let mut next = pin!(self.next());
            poll_fn(|context| match stopped.as_mut().poll(context) {
                Poll::Ready(()) => Poll::Ready(None),
                Poll::Pending => next.as_mut().poll(context).map(Some),
            })
            .await
        };
        if event.is_none() {
            self.calling = None;
            shared.forget(self.credential.take());
        }
        event
    }

    async fn next(&mut self) -> Event<O::Output, Error<T::Error>> {
        loop {
            if self.calling.is_some() {
                let result = poll_fn(|context| self.poll_call(context)).await;
                let (credential, instant) = (self.credential.take(), self.shared.transport.now());
                return self.shared.finish(&mut self.session, credential, instant, result);
            }
            let wake_ups = self.shared.stop.wake_ups();
            match self.shared.next(&mut self.session, self.shared.transport.now()) {
                Next::WaitUntil(instant) => {
                    sleep_until(&self.shared, instant, wake_ups).await;
                }
                Next::Event(event) => return event.map_error(Error::Response),
                Next::Send(request, credential) => {
                    let shared = Arc::clone(&self.shared);
                    let calling = async move { shared.transport.execute(request).await };
                    self.calling = Some(Box::pin(calling));
                    self.credential = credential;
                }
            }
        }
    }

    /// Polls the call. The call is taken out meanwhile, so that a call that panics is not polled again.
    fn poll_call(&mut self, context: &mut Context<'_>) -> Poll<Result<Response<Bytes>, T::Error>> {
        let Some(mut calling) = self.calling.take() else { return Poll::Pending };
        let polled = calling.as_mut().poll(context);
        if polled.is_pending() {
            self.calling = Some(calling);
        }
        polled
    }

    /// Sends the result of a command as soon as possible; see [`Session::report`].
    ///
    /// # Errors
    /// Returns the report if another one is pending.
    pub fn report(&mut self, report: ReportResult) -> Result<(), ReportResult> {
        self.session.report(self.shared.transport.now(), report)
    }

    /// Returns the report that was neither accepted nor dropped; see [`Session::report`].
    #[must_use]
    pub fn pending_report(&self) -> Option<&ReportResult> {
        self.session.pending_report()
    }

    /// Replaces the credential; see [`Session::renew`].
    pub fn renew(&mut self, credential: impl Into<Credential>) {
        self.session.renew(credential);
    }

    /// Starts the pause after a rejection now; see [`Session::decline`].
    pub fn decline(&mut self) {
        self.session.decline(self.shared.transport.now());
    }

    /// Returns the instant at which the next request is due.
    #[must_use]
    pub fn due(&self) -> Instant {
        self.session.due(self.shared.transport.now())
    }

    /// Returns the poller of the call. It has the instant of the next call, and the number of failures in a
    /// row.
    #[must_use]
    pub fn poller(&self) -> &Poller<Instant> {
        self.session.poller()
    }
}

/// Sleeps until this instant, or until there are more wake-ups than these. `recv` has registered the task
/// with [`Stop`](crate::stop::Stop).
async fn sleep_until<T: AsyncTransport>(shared: &Shared<T>, instant: Instant, wake_ups: u64) {
    let mut sleep = pin!(shared.transport.sleep_until(instant));
    poll_fn(|context| match shared.stop.wake_ups() == wake_ups {
        true => sleep.as_mut().poll(context),
        false => Poll::Ready(()),
    })
    .await;
}

impl<T: AsyncTransport, O> Drop for AsyncWatch<T, O> {
    fn drop(&mut self) {
        self.shared.stop.unregister(self.stop_id);
        self.shared.forget(self.credential.take());
    }
}

impl<T: AsyncTransport, O> fmt::Debug for AsyncWatch<T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncWatch").field("session", &self.session).finish_non_exhaustive()
    }
}
