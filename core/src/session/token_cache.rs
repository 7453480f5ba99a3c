use core::{fmt, ops::Add, time::Duration};

use super::{
    pace::Pace,
    poller::{Poller, Step},
};
use crate::{auth::AuthToken, error::ResponseError, token::IssuedToken};

/// A token is renewed this long before it expires, or when a quarter of its life is left if that is later.
const MARGIN: Duration = Duration::from_secs(30 * 60);

/// Keeps a token, and decides when to log in for the next one.
///
/// Its own [`Poller`] handles rejected passwords and pauses. The expiry is measured on the caller's clock,
/// from the start of the login. So a skew of IAM's clock does not matter.
pub(super) struct TokenCache<T> {
    logins: Poller<T>,
    /// The instant at which the login that is under way was started.
    started: Option<T>,
    cached: Option<CachedToken<T>>,
}

struct CachedToken<T> {
    token: AuthToken,
    renew_at: T,
    expires_at: T,
}

impl<T: Copy + Ord + Add<Duration, Output = T>> TokenCache<T> {
    pub(super) fn new(pace: Pace, seed: u64, first: T) -> Self {
        Self { logins: Poller::new(pace, seed, first), started: None, cached: None }
    }

    /// Returns the token to send now, if there is one that has not expired.
    pub(super) fn token(&self, now: T) -> Option<&AuthToken> {
        self.cached.as_ref().filter(|cached| now < cached.expires_at).map(|cached| &cached.token)
    }

    /// Returns the next step: to log in, to wait, or to get another password.
    pub(super) fn poll(&self, now: T) -> Step<T> {
        let due = self.cached.as_ref().map_or(now, |cached| cached.renew_at);
        match self.logins.poll(now) {
            Step::WaitUntil(next) => Step::WaitUntil(next.max(due)),
            Step::Send | Step::RenewCredential if now < due => Step::WaitUntil(due),
            step => step,
        }
    }

    pub(super) fn on_start(&mut self, now: T) {
        self.started = Some(now);
        self.logins.on_start(now);
    }

    pub(super) fn on_issued(&mut self, now: T, issued: IssuedToken) {
        self.logins.on_answer(now);
        let from = self.started.take().unwrap_or(now);
        // With the cap, the addition works on any clock. A token with a longer life is renewed early.
        let life = issued.lifetime().min(Pace::MAX);
        let usable = life - (life / 4).min(MARGIN);
        let renew_at = from + (usable - self.logins.jitter(usable));
        self.cached = Some(CachedToken { token: issued.token, renew_at, expires_at: from + life });
    }

    /// Records that the login succeeded, but its user was replaced meanwhile.
    pub(super) fn on_issued_to_another(&mut self, now: T) {
        self.started = None;
        self.logins.on_answer(now);
    }

    pub(super) fn on_error(&mut self, now: T, error: &ResponseError) {
        self.started = None;
        self.logins.on_error(now, error);
    }

    pub(super) fn on_failure(&mut self, now: T) {
        self.started = None;
        self.logins.on_failure(now);
    }

    /// Drops the token, because the service rejected it before it expired, or its user was replaced.
    pub(super) fn discard(&mut self) {
        self.cached = None;
    }

    /// Records that there is a new password. A valid token stays in use.
    pub(super) fn on_renewed(&mut self) {
        self.logins.on_renewed();
    }

    /// Records that there is no new password.
    pub(super) fn decline(&mut self, now: T) {
        self.logins.decline(now);
    }
}

impl<T: fmt::Debug> fmt::Debug for TokenCache<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cached = self.cached.as_ref();
        f.debug_struct("TokenCache")
            .field("renew_at", &cached.map(|cached| &cached.renew_at))
            .field("expires_at", &cached.map(|cached| &cached.expires_at))
            .field("logins", &self.logins)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
