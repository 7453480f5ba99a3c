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
    /// Returns the skew by which signatures are corrected.
    pub(super) fn correction(self) -> Option<ClockSkew> {
        self.skew.filter(|_| self.is_followed)
    }

    /// Reads the `Date` of the service, if the response is read promptly. Ignores a proxy's page, because its
    /// `Date` comes from another clock. Compares a date in `Retry-After` with the corrected time, because it
    /// comes from the service's clock, too.
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

/// Corrects this machine's time.
pub(super) fn correct(clock: Timestamp, skew: Option<ClockSkew>) -> Timestamp {
    skew.map_or(clock, |skew| skew.correct(clock))
}
