use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
    sync::{Mutex, PoisonError},
    time::Instant,
};

use http::{HeaderMap, Response};
use huaweicloud_sms_core::http;

use crate::{
    ClockSkew, Credential, Error, Event, Operation, Pace, ResponseError, Session, Timestamp, now,
    stop::Stop,
};

/// What the clones and watches of a client share.
#[derive(Debug)]
pub(crate) struct Shared<T> {
    pub(crate) transport: T,
    pub(crate) stop: Stop,
    clock_skew: Mutex<Option<ClockSkew>>,
}

impl<T> Shared<T> {
    pub(crate) fn new(transport: T) -> Self {
        Self { transport, stop: Stop::default(), clock_skew: Mutex::default() }
    }

    pub(crate) fn clock_skew(&self) -> Option<ClockSkew> {
        *self.clock_skew.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_clock_skew(&self, skew: Option<ClockSkew>) {
        if skew.is_some() {
            *self.clock_skew.lock().unwrap_or_else(PoisonError::into_inner) = skew;
        }
    }

    /// The time to sign with.
    pub(crate) fn now(&self, follows_server_clock: bool) -> Timestamp {
        match self.clock_skew() {
            Some(skew) if follows_server_clock => skew.correct(now()),
            _ => now(),
        }
    }

    /// Reads the result of a single call.
    pub(crate) fn read<O: Operation, B: AsRef<[u8]>, E>(
        &self,
        call: &O,
        result: Result<Response<B>, E>,
    ) -> Result<O::Output, Error<E>> {
        let response = result.map_err(Error::Transport)?;
        let result = call.parse(&response);
        // A proxy's page has the clock of another machine.
        if matches!(result, Ok(_) | Err(ResponseError::Api(_))) {
            self.read_clock(response.headers());
        }
        Ok(result?)
    }

    fn read_clock(&self, headers: &HeaderMap) {
        self.set_clock_skew(ClockSkew::of_response(now(), headers));
    }

    /// Hands the result of a session's request to the session.
    pub(crate) fn finish<O: Operation, B: AsRef<[u8]>, E>(
        &self,
        session: &mut Session<O, Instant>,
        instant: Instant,
        result: Result<Response<B>, E>,
    ) -> Event<O::Output, Error<E>> {
        match result {
            Ok(response) => {
                let event = session.on_response(instant, now(), &response);
                self.set_clock_skew(session.clock_skew());
                event.map_error(Error::Response)
            }
            Err(error) => {
                session.on_failure(instant);
                let error = Error::Transport(error);
                if session.is_login() { Event::LoginError(error) } else { Event::Error(error) }
            }
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
    // The keys of a new hasher are the only random numbers of std.
    let seed = RandomState::new().build_hasher().finish();
    Session::new(call, credential, pace, seed, instant).follow_server_clock(follows_server_clock)
}

/// Whether this event tells of a failure, which a shutdown may have caused.
pub(crate) fn is_failure<A, E>(event: &Event<A, Error<E>>) -> bool {
    matches!(event, Event::Error(_) | Event::LoginError(_))
}
