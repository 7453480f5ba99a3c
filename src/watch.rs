//! What the watches of both modules share: what is asked, by whom, and when.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
    time::Instant,
};

use http::{Request, Response};
use huaweicloud_sms_core::http;

use crate::{Authorize, Error, Event, InvalidInput, Operation, Pace, Poller, Step};

pub(crate) struct State<O, A> {
    call: O,
    auth: A,
    poller: Poller<Instant>,
    /// Whether the caller was asked for a credential and has not handed one over.
    is_asked: bool,
}

impl<O: Operation, A: Authorize> State<O, A> {
    pub(crate) fn new(call: O, auth: A, pace: Pace, now: Instant) -> Result<Self, InvalidInput> {
        // std's only randomness: the keys of a new hasher.
        let seed = RandomState::new().build_hasher().finish();
        Ok(Self { call, auth, poller: Poller::new(pace, seed, now)?, is_asked: false })
    }

    pub(crate) fn poller(&self) -> &Poller<Instant> {
        &self.poller
    }

    pub(crate) fn renew(&mut self, auth: A) {
        self.auth = auth;
        self.is_asked = false;
        self.poller.on_auth_renewed();
    }

    pub(crate) fn keep(&mut self, now: Instant) {
        if std::mem::take(&mut self.is_asked) {
            self.poller.on_auth_kept(now);
        }
    }

    pub(crate) fn step(&mut self, now: Instant) -> Step<Instant> {
        // Who was asked and only goes on has no new one.
        self.keep(now);
        self.poller.poll(now)
    }

    pub(crate) fn start(&mut self, now: Instant) -> Request<Vec<u8>> {
        self.poller.on_start(now);
        self.call.request(&self.auth)
    }

    pub(crate) fn finish<B: AsRef<[u8]>, T>(
        &mut self,
        now: Instant,
        result: Result<Response<B>, T>,
    ) -> Event<O::Output, T> {
        let response = match result {
            Ok(response) => response,
            Err(error) => {
                self.poller.on_failure(now);
                return Event::Error(Error::Transport(error));
            }
        };
        match self.call.parse(&response) {
            Ok(answer) => {
                self.poller.on_answer(now);
                Event::Answer(answer)
            }
            Err(error) => {
                self.poller.on_error(now, &error);
                Event::Error(Error::Response(error))
            }
        }
    }

    pub(crate) fn ask_to_renew<T>(&mut self) -> Event<O::Output, T> {
        self.is_asked = true;
        Event::RenewAuth
    }
}
