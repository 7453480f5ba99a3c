use std::{fmt, sync::Arc, time::Instant};

use huaweicloud_sms_transport::Transport;

use crate::{
    Action, Credential, Error, Event, Operation, Poller, Session, now,
    shared::{Shared, is_failure},
};

/// Polls the service; see [`Client::watch`](crate::Client::watch).
///
/// ```no_run
/// # fn new_token() -> Option<huaweicloud_sms::AuthToken> { None }
/// # fn watch<T: huaweicloud_sms::Transport>(
/// #     mut watch: huaweicloud_sms::Watch<T, huaweicloud_sms::ObtainCommand>,
/// # ) {
/// use huaweicloud_sms::Event;
///
/// while let Some(event) = watch.recv() {
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
pub struct Watch<T, O> {
    pub(crate) shared: Arc<Shared<T>>,
    pub(crate) session: Session<O, Instant>,
}

impl<T: Transport, O: Operation> Watch<T, O> {
    /// Blocks until there is an event. Returns `None` once the client is shut down.
    pub fn recv(&mut self) -> Option<Event<O::Output, Error<T::Error>>> {
        let mut wake_up = Instant::now();
        loop {
            if self.shared.stop.wait_until(wake_up) {
                return None;
            }
            if let Some(skew) = self.shared.clock_skew() {
                self.session.set_clock_skew(skew);
            }
            match self.session.poll(Instant::now(), now()) {
                Action::WaitUntil(instant) => wake_up = instant,
                Action::Send(request) => {
                    let result = self.shared.transport.execute(request);
                    let instant = Instant::now();
                    let event = self.shared.finish(&mut self.session, instant, result);
                    if is_failure(&event) && self.shared.stop.wait_until(instant) {
                        return None;
                    }
                    return Some(event);
                }
            }
        }
    }

    /// Replaces the credential; see [`Session::renew`].
    pub fn renew(&mut self, credential: impl Into<Credential>) {
        self.session.renew(credential);
    }

    /// Starts the pause after a rejection now; see [`Session::decline`].
    pub fn decline(&mut self) {
        self.session.decline(Instant::now());
    }

    /// When the next request is due.
    #[must_use]
    pub fn due(&self) -> Instant {
        self.session.due(Instant::now())
    }

    /// The poller of the call. It tells when the next call is due and how many failed in a row.
    #[must_use]
    pub fn poller(&self) -> &Poller<Instant> {
        self.session.poller()
    }
}

impl<T, O> fmt::Debug for Watch<T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("session", &self.session).finish_non_exhaustive()
    }
}
