use std::{fmt, sync::Arc, time::Instant};

use huaweicloud_sms_transport::Transport;

use crate::{
    Credential, Error, Event, Operation, Poller, ReportResult, Session,
    shared::{Next, Shared, is_failure},
};

/// Polls the service; see [`Client::watch`](crate::Client::watch).
///
/// Call [`report`](Self::report) and [`renew`](Self::renew) between two `recv`. The next `recv` sends the
/// report, or the next request with the new credential. The watch does not poll meanwhile. For work on other
/// threads, use [`AsyncWatch`](crate::AsyncWatch) with a `select`, or [`Session`]. Or wait for the other
/// threads until [`due`](Self::due), and call `recv` then.
///
/// ```no_run
/// use std::collections::BTreeMap;
/// use huaweicloud_sms::{Answer, CommandResult, Event, ReportResult};
/// # use huaweicloud_sms::{AuthToken, Endpoint, InvalidInput, ObtainCommand, ServerId, Transport, Watch};
///
/// # fn new_token() -> Option<AuthToken> { None }
/// # fn carry_out<T: Transport>(
/// #     mut watch: Watch<T, ObtainCommand>,
/// #     endpoint: Endpoint,
/// #     server_id: ServerId,
/// # ) -> Result<(), InvalidInput> {
/// while let Some(event) = watch.recv() {
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
pub struct Watch<T, O> {
    pub(crate) shared: Arc<Shared<T>>,
    pub(crate) session: Session<O, Instant>,
}

impl<T: Transport, O: Operation> Watch<T, O> {
    /// Blocks until there is an event. Returns `None` once the client is shut down.
    pub fn recv(&mut self) -> Option<Event<O::Output, Error<T::Error>>> {
        let Self { shared, session } = self;
        loop {
            let wake_ups = shared.stop.wake_ups();
            if shared.stop.is_stopped() {
                return None;
            }
            match shared.next(session, Instant::now()) {
                Next::WaitUntil(instant) => shared.stop.sleep_until(instant, wake_ups),
                Next::Event(event) => return Some(event.map_error(Error::Response)),
                Next::Send(request, credential) => {
                    let result = shared.transport.execute(request);
                    let event = shared.finish(session, credential, Instant::now(), result);
                    let is_interrupted = is_failure(&event) && shared.stop.is_stopped();
                    return if is_interrupted { None } else { Some(event) };
                }
            }
        }
    }

    /// Sends the result of a command as soon as possible; see [`Session::report`].
    ///
    /// # Errors
    /// Returns the report if another one is pending.
    pub fn report(&mut self, report: ReportResult) -> Result<(), ReportResult> {
        self.session.report(Instant::now(), report)
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
        self.session.decline(Instant::now());
    }

    /// Returns the instant at which the next request is due.
    #[must_use]
    pub fn due(&self) -> Instant {
        self.session.due(Instant::now())
    }

    /// Returns the poller of the call. It has the instant of the next call, and the number of failures in a
    /// row.
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
