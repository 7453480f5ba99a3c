use core::time::Duration;

use super::{
    credential::Credential,
    server_clock::{ServerClock, correct},
};
use crate::{
    auth::{AccessKey, AuthToken, Fingerprint},
    time::{ClockSkew, Timestamp},
    token::IssueToken,
};

/// A credential and its fingerprint.
pub(super) struct Identity {
    pub(super) auth: Auth,
    pub(super) fingerprint: Fingerprint,
}

/// The data that authorizes a request.
pub(super) enum Auth {
    Token(AuthToken),
    Key(Key),
    Login(IssueToken),
}

pub(super) struct Key {
    pub(super) key: AccessKey,
    /// The correction of the last signature's timestamp.
    pub(super) signed_with: Option<ClockSkew>,
}

impl From<Credential> for Identity {
    fn from(credential: Credential) -> Self {
        let fingerprint = credential.fingerprint();
        let auth = match credential {
            Credential::Token(token) => Auth::Token(token),
            Credential::Key(key) => Auth::Key(Key { key, signed_with: None }),
            Credential::Login(call) => Auth::Login(call),
        };
        Self { auth, fingerprint }
    }
}

impl Key {
    /// Returns whether the last signature was rejected because of a clock that has been corrected since.
    pub(super) fn was_signed_at_another_time(&self, clock: ServerClock) -> bool {
        // Any timestamp will do, because only the difference counts.
        let time = Timestamp::from_unix_time(Duration::from_secs(1 << 33));
        let (then, now) = (correct(time, self.signed_with), correct(time, clock.correction()));
        ClockSkew::between(then, now).may_exceed_limit()
    }
}
