//! The access keys. Repeated failures lock a key.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use serde::Deserialize;

use super::signature::Authorization;
use crate::{request::Request, secret::is_same, time::date::parse_sdk_date};

/// The largest difference between `X-Sdk-Date` and the simulator's clock.
const MAX_SKEW: Duration = Duration::from_secs(15 * 60);

/// The number of consecutive failures that locks a key. The gateway's documents say "more than 5".
const MAX_FAILURES: u32 = 6;

const LOCK: Duration = Duration::from_secs(5 * 60);

/// The reason why a signed request is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignatureError {
    UnknownKey,
    Locked,
    Wrong,
    Skewed,
}

impl SignatureError {
    pub(crate) fn message(self) -> &'static str {
        match self {
            Self::UnknownKey => "Get secretKey failed",
            Self::Locked => "AK access failed to reach the limit,forbidden.",
            Self::Wrong => "verify aksk signature fail",
            Self::Skewed => "verify aksk signature fail, signature expired",
        }
    }
}

/// The access keys. `Debug` shows their ids only.
#[derive(Clone, Default, Deserialize)]
pub(crate) struct Keys(Vec<Key>);

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    id: String,
    secret: String,
    security_token: Option<String>,
    /// The number of consecutive failures.
    #[serde(skip)]
    failures: u32,
    #[serde(skip)]
    locked_until: Option<SystemTime>,
}

impl Keys {
    /// Adds a key. It replaces the key with this id.
    pub(crate) fn set(&mut self, id: &str, secret: &str, security_token: Option<&str>) {
        self.0.retain(|key| key.id != id);
        let (id, secret) = (id.to_owned(), secret.to_owned());
        let security_token = security_token.map(str::to_owned);
        self.0.push(Key { id, secret, security_token, failures: 0, locked_until: None });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Checks the rules of a script: no text is empty, and each id occurs once.
    pub(crate) fn check(&self) -> Result<(), String> {
        for (index, Key { id, secret, security_token, .. }) in self.0.iter().enumerate() {
            if id.is_empty() || secret.is_empty() || security_token.as_deref() == Some("") {
                return Err("id, secret and token can't be empty".into());
            }
            if self.0[..index].iter().any(|other| other.id == *id) {
                return Err(format!("{id} is there twice"));
            }
        }
        Ok(())
    }

    /// Verifies a signed request. A failure counts against its key.
    pub(crate) fn verify(
        &mut self,
        request: &Request,
        now: SystemTime,
    ) -> Result<(), SignatureError> {
        let authorization = Authorization::of(request).ok_or(SignatureError::Wrong)?;
        let key = self.0.iter_mut().find(|key| key.id == authorization.access);
        let key = key.ok_or(SignatureError::UnknownKey)?;
        if key.locked_until.is_some_and(|until| now < until) {
            return Err(SignatureError::Locked);
        }
        key.locked_until = None;
        let verified = key.verify(&authorization, request, now);
        key.failures = if verified.is_ok() { 0 } else { key.failures + 1 };
        if key.failures == MAX_FAILURES {
            key.failures = 0;
            key.locked_until = Some(now + LOCK);
        }
        verified
    }
}

impl Key {
    fn verify(
        &self,
        authorization: &Authorization<'_>,
        request: &Request,
        now: SystemTime,
    ) -> Result<(), SignatureError> {
        let date =
            request.only("x-sdk-date").and_then(parse_sdk_date).ok_or(SignatureError::Wrong)?;
        let skew = now.duration_since(date).unwrap_or_else(|error| error.duration());
        if skew > MAX_SKEW {
            return Err(SignatureError::Skewed);
        }
        // `is_right` rejects a security token that is sent twice, because it is a signed header.
        let is_token_right = match (&self.security_token, request.only("x-security-token")) {
            (None, None) => true,
            (Some(token), Some(sent)) => is_same(token.as_bytes(), sent),
            _ => false,
        };
        let is_right = is_token_right && authorization.is_right(request, &self.secret);
        is_right.then_some(()).ok_or(SignatureError::Wrong)
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.iter().map(|key| &key.id)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::signature::tests::{Vector, vectors};

    fn date(vector: &Vector) -> SystemTime {
        parse_sdk_date(vector.inputs.x_sdk_date.as_bytes()).expect("a date")
    }

    /// Returns the vector's key with this security token.
    fn keys(vector: &Vector, security_token: Option<&str>) -> Keys {
        let mut keys = Keys::default();
        keys.set(&vector.inputs.access_key, &vector.inputs.secret_key, security_token);
        keys
    }

    /// Yields copies of the text. Each has another one of its characters changed.
    fn others(text: &str) -> impl Iterator<Item = String> {
        let other = |old: char| if old == 'x' { 'y' } else { 'x' };
        (0..text.chars().count()).map(move |index| {
            let changed = text.chars().enumerate();
            changed.map(|(at, old)| if at == index { other(old) } else { old }).collect()
        })
    }

    #[test]
    fn any_changed_character_is_rejected() {
        for vector in vectors() {
            let (request, name, inputs) = (vector.request(), &vector.name, &vector.inputs);
            let token = inputs.headers.get("X-Security-Token").map(String::as_str);
            let verify = |request: &Request| keys(&vector, token).verify(request, date(&vector));
            assert_eq!(verify(&request), Ok(()), "{name}");
            for secret in others(&inputs.secret_key) {
                let mut keys = Keys::default();
                keys.set(&inputs.access_key, &secret, token);
                let verified = keys.verify(&request, date(&vector));
                assert_eq!(verified, Err(SignatureError::Wrong), "{name}");
            }
            let mut changed = Vec::new();
            let methods = others(&request.method);
            changed.extend(methods.map(|method| Request { method, ..request.clone() }));
            let targets = others(&request.target);
            changed.extend(targets.map(|target| Request { target, ..request.clone() }));
            changed.push(Request { target: format!("{}?x", request.target), ..request.clone() });
            changed.push(Request { body: b"x".to_vec(), ..request.clone() });
            for (index, (_, value)) in request.headers.iter().enumerate() {
                for value in others(std::str::from_utf8(value).expect("UTF-8")) {
                    let mut request = request.clone();
                    request.headers[index].1 = value.into_bytes();
                    changed.push(request);
                }
                let mut request = request.clone();
                request.headers.remove(index);
                changed.push(request);
            }
            assert!(changed.len() > 200, "{name}");
            for request in changed {
                verify(&request).expect_err(name);
            }
        }
    }

    #[test]
    fn consecutive_failures_lock_a_key_for_five_minutes() {
        let vector = vectors().remove(0);
        let (mut keys, right) = (keys(&vector, None), vector.request());
        let mut wrong = right.clone();
        wrong.body.push(b'x');
        let start = date(&vector);
        let at = |seconds| start + Duration::from_secs(seconds);
        let fail = |keys: &mut Keys, times: u32, now| {
            for _ in 0..times {
                assert_eq!(keys.verify(&wrong, now), Err(SignatureError::Wrong));
            }
        };
        // A success resets the count.
        fail(&mut keys, 5, at(0));
        assert_eq!(keys.verify(&right, at(0)), Ok(()));
        fail(&mut keys, 6, at(0));
        // No request changes the lock.
        assert_eq!(keys.verify(&wrong, at(200)), Err(SignatureError::Locked));
        assert_eq!(keys.verify(&right, at(299)), Err(SignatureError::Locked));
        assert_eq!(keys.verify(&right, at(300)), Ok(()));
        // The count starts at zero after the lock, as after a success.
        fail(&mut keys, 6, at(300));
        fail(&mut keys, 5, at(600));
        assert_eq!(keys.verify(&right, at(600)), Ok(()));
        // A wrong timestamp counts as a failure.
        for _ in 0..6 {
            assert_eq!(keys.verify(&right, at(901)), Err(SignatureError::Skewed));
        }
        assert_eq!(keys.verify(&right, at(0)), Err(SignatureError::Locked));
        assert_eq!(Keys::default().verify(&right, at(0)), Err(SignatureError::UnknownKey));
    }

    #[test]
    fn a_skew_of_fifteen_minutes_is_accepted() {
        let vector = vectors().remove(0);
        let date = date(&vector);
        let second = Duration::from_secs(1);
        let (mut keys, request) = (keys(&vector, None), vector.request());
        assert_eq!(keys.verify(&request, date + MAX_SKEW), Ok(()));
        assert_eq!(keys.verify(&request, date - MAX_SKEW), Ok(()));
        assert_eq!(keys.verify(&request, date + MAX_SKEW + second), Err(SignatureError::Skewed));
        assert_eq!(keys.verify(&request, date - MAX_SKEW - second), Err(SignatureError::Skewed));
    }
}
