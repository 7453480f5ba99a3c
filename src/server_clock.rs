//! The service's clock beside this machine's.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::{HeaderMap, Response};
use huaweicloud_sms_core::http;

use crate::{ClockSkew, Error, Operation, ResponseError, Timestamp, now};

/// What a client knows of the service's clock; shared by its clones.
#[derive(Clone, Debug, Default)]
pub(crate) struct ServerClock {
    skew: Arc<Mutex<Option<ClockSkew>>>,
    pub(crate) is_followed: bool,
}

impl ServerClock {
    /// The moment to sign with.
    pub(crate) fn now(&self) -> Timestamp {
        let now = now();
        self.correction().map_or(now, |skew| skew.correct(now))
    }

    /// By what the system's clock is to be corrected.
    pub(crate) fn correction(&self) -> Option<ClockSkew> {
        self.skew().filter(|_| self.is_followed)
    }

    pub(crate) fn skew(&self) -> Option<ClockSkew> {
        *self.skew.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads what a transport returned, and the `Date` if it is the service's: a proxy's page has
    /// another clock.
    pub(crate) fn read<O: Operation, B: AsRef<[u8]>, T>(
        &self,
        call: &O,
        result: Result<Response<B>, T>,
    ) -> Result<O::Output, Error<T>> {
        let response = result.map_err(Error::Transport)?;
        let result = call.parse(&response);
        if matches!(result, Ok(_) | Err(ResponseError::Api(_))) {
            self.note(response.headers());
        }
        Ok(result?)
    }

    fn note(&self, headers: &HeaderMap) {
        if let Some(second) = Timestamp::of_response(headers) {
            // The middle of the second that the date names.
            let theirs = second.as_unix_time() + Duration::from_millis(500);
            let skew = ClockSkew::between(now(), Timestamp::from_unix_time(theirs));
            *self.skew.lock().unwrap_or_else(PoisonError::into_inner) = Some(skew);
        }
    }
}
