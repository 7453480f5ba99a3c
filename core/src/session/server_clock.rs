use http::HeaderMap;

use crate::{
    error::ResponseError,
    time::{ClockSkew, Timestamp},
};

/// The service's clock, as far as a session knows it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ServerClock {
    pub(super) skew: Option<ClockSkew>,
    pub(super) is_followed: bool,
}

impl ServerClock {
    /// The skew by which signatures are corrected.
    pub(super) fn correction(self) -> Option<ClockSkew> {
        self.skew.filter(|_| self.is_followed)
    }

    /// Reads the `Date` of the service, if the response is read promptly. A page of a proxy is ignored,
    /// because its `Date` is by another clock. A date in `Retry-After` is by the service's clock, too, so it
    /// is compared with the corrected time.
    pub(super) fn on_result<A>(
        &mut self,
        clock: Timestamp,
        headers: &HeaderMap,
        is_prompt: bool,
        result: Result<A, ResponseError>,
    ) -> Result<A, ResponseError> {
        if is_prompt && matches!(result, Ok(_) | Err(ResponseError::Api(_))) {
            self.skew = ClockSkew::of_response(clock, headers).or(self.skew);
        }
        result.map_err(|error| error.arrived_at(correct(clock, self.skew)))
    }
}

/// This machine's time, corrected.
pub(super) fn correct(clock: Timestamp, skew: Option<ClockSkew>) -> Timestamp {
    skew.map_or(clock, |skew| skew.correct(clock))
}
