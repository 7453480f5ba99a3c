use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use http::{HeaderMap, Request, Response};
use huaweicloud_sms_core::http;

use crate::{
    Action, Authorize, ClockSkew, Credential, Error, Event, Fingerprint, Operation, Pace, Permit,
    Rejections, ResponseError, Session, Timestamp, now, stop::Stop,
};

/// The state that the clones and watches of a client share.
#[derive(Debug)]
pub(crate) struct Shared<T> {
    pub(crate) transport: T,
    pub(crate) stop: Stop,
    clock_skew: Mutex<Option<ClockSkew>>,
    rejections: Mutex<Rejections<Instant>>,
}

/// The next action of a watch.
#[expect(clippy::large_enum_variant, reason = "it is taken at once and never stored")]
pub(crate) enum Next<A> {
    WaitUntil(Instant),
    /// Send this request, and report the outcome for this credential.
    Send(Request<Vec<u8>>, Option<Fingerprint>),
    Event(Event<A>),
}

impl<T> Shared<T> {
    pub(crate) fn new(transport: T) -> Self {
        Self {
            transport,
            stop: Stop::default(),
            clock_skew: Mutex::default(),
            rejections: Mutex::default(),
        }
    }

    pub(crate) fn clock_skew(&self) -> Option<ClockSkew> {
        *self.clock_skew.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_clock_skew(&self, skew: Option<ClockSkew>) {
        if skew.is_some() {
            *self.clock_skew.lock().unwrap_or_else(PoisonError::into_inner) = skew;
        }
    }

    /// Returns the time to sign with.
    pub(crate) fn now(&self, follows_server_clock: bool) -> Timestamp {
        match self.clock_skew() {
            Some(skew) if follows_server_clock => skew.correct(now()),
            _ => now(),
        }
    }

    fn rejections(&self) -> MutexGuard<'_, Rejections<Instant>> {
        self.rejections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the result of a single call.
    pub(crate) fn read<O: Operation, B: AsRef<[u8]>, E>(
        &self,
        call: &O,
        auth: &(impl Authorize + ?Sized),
        instant: Instant,
        result: Result<Response<B>, E>,
    ) -> Result<O::Output, Error<E>> {
        let response = result.map_err(Error::Transport)?;
        let result = call.parse(&response);
        // The `Date` of a proxy's page comes from the clock of another machine.
        if matches!(result, Ok(_) | Err(ResponseError::Api(_))) {
            self.read_clock(response.headers());
        }
        let result = result.map_err(|error| error.arrived_at(self.now(true)));
        // The fingerprint is computed only if needed, because hashing a long token takes as long as reading
        // the response.
        let is_news = match &result {
            Ok(_) => self.rejections().has_rejected(),
            // A wrong clock explains the rejection of a signature.
            Err(error) => {
                error.is_unauthorized()
                    && !self.clock_skew().is_some_and(ClockSkew::may_exceed_limit)
            }
        };
        if let Some(credential) = is_news.then(|| auth.fingerprint()).flatten() {
            self.rejections().on_result(credential, instant, &result);
        }
        Ok(result?)
    }

    fn read_clock(&self, headers: &HeaderMap) {
        self.set_clock_skew(ClockSkew::of_response(now(), headers));
    }

    /// Decides the next action of a watch with this session.
    pub(crate) fn next<O: Operation>(
        &self,
        session: &mut Session<O, Instant>,
        instant: Instant,
    ) -> Next<O::Output> {
        if let Some(skew) = self.clock_skew() {
            session.set_clock_skew(skew);
        }
        let credential = session.credential_due(instant);
        match credential.map(|credential| self.rejections().poll(credential, instant)) {
            Some(Permit::WaitUntil(end)) => return Next::WaitUntil(end),
            Some(Permit::Rejected(error)) => {
                return Next::Event(session.on_rejected_elsewhere(instant, error));
            }
            Some(Permit::Send) | None => {}
        }
        match session.poll(instant, now()) {
            Action::WaitUntil(instant) => Next::WaitUntil(instant),
            Action::Send(request) => Next::Send(request, credential),
        }
    }

    /// Hands the result of a session's request to the session.
    pub(crate) fn finish<O: Operation, B: AsRef<[u8]>, E>(
        &self,
        session: &mut Session<O, Instant>,
        credential: Option<Fingerprint>,
        instant: Instant,
        result: Result<Response<B>, E>,
    ) -> Event<O::Output, Error<E>> {
        match result {
            Ok(response) => {
                let event = session.on_response(instant, now(), &response);
                self.set_clock_skew(session.clock_skew());
                if let Some(credential) = credential {
                    if self.rejections().on_event(credential, instant, &event) {
                        self.stop.wake();
                    }
                }
                event.map_error(Error::Response)
            }
            Err(error) => {
                session.on_failure(instant);
                self.forget(credential);
                let error = Error::Transport(error);
                match (session.is_login(), session.is_report()) {
                    (true, _) => Event::LoginError(error),
                    (_, true) => Event::ReportError(error),
                    _ => Event::Error(error),
                }
            }
        }
    }

    /// Records that a watch has no outcome for this credential, so that another watch may try it.
    pub(crate) fn forget(&self, credential: Option<Fingerprint>) {
        if let Some(credential) = credential {
            self.rejections().on_failure(credential);
        }
    }
}

pub(crate) fn session<O: Operation>(
    call: O,
    credential: Credential,
    pace: Pace,
    follows_server_clock: bool,
    instant: Instant,
) -> Session<O, Instant> {
    // The only random numbers of std are the keys of a new hasher.
    let seed = RandomState::new().build_hasher().finish();
    Session::new(call, credential, pace, seed, instant).follow_server_clock(follows_server_clock)
}

/// Returns whether this event is a failure, which a shutdown may have caused.
pub(crate) fn is_failure<A, E>(event: &Event<A, Error<E>>) -> bool {
    matches!(event, Event::Error(_) | Event::LoginError(_) | Event::ReportError(_))
}
