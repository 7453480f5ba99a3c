//! Access keys, and how one is locked when too many requests are signed with it wrongly.

use std::{
    collections::HashMap,
    fmt,
    time::{Duration, SystemTime},
};

use crate::{Request, date::parse_sdk_date, secret::is_same, signature::Authorization};

/// How far `X-Sdk-Date` may be off.
const MAX_SKEW: Duration = Duration::from_secs(15 * 60);

/// The failure in a row that locks a key.
const MAX_FAILURES: u32 = 5;

const LOCK: Duration = Duration::from_secs(5 * 60);

/// Why a signed request is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    UnknownKey,
    Locked,
    Wrong,
    Skewed,
}

impl Refused {
    pub(crate) fn message(self) -> &'static str {
        match self {
            Self::UnknownKey => "Get secretKey failed",
            Self::Locked => "AK access failed to reach the limit,forbidden.",
            Self::Wrong => "verify aksk signature fail",
            Self::Skewed => "verify aksk signature fail, signature expired",
        }
    }
}

/// The keys by their ids. `Debug` shows the ids only.
#[derive(Clone, Default)]
pub(crate) struct Keys(HashMap<String, Key>);

#[derive(Clone)]
struct Key {
    secret: String,
    security_token: Option<String>,
    /// In a row.
    failures: u32,
    locked_until: Option<SystemTime>,
}

impl Keys {
    pub(crate) fn set(&mut self, id: &str, secret: &str, security_token: Option<&str>) {
        let (secret, security_token) = (secret.to_owned(), security_token.map(str::to_owned));
        let key = Key { secret, security_token, failures: 0, locked_until: None };
        self.0.insert(id.to_owned(), key);
    }

    pub(crate) fn has(&self, id: &str) -> bool {
        self.0.contains_key(id)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Verifies a signed request, and counts its failure against its key.
    pub(crate) fn verify(&mut self, request: &Request, now: SystemTime) -> Result<(), Refused> {
        let authorization = Authorization::of(request).ok_or(Refused::Wrong)?;
        let key = self.0.get_mut(authorization.access).ok_or(Refused::UnknownKey)?;
        if key.locked_until.is_some_and(|until| now < until) {
            return Err(Refused::Locked);
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
    ) -> Result<(), Refused> {
        let date = request.only("x-sdk-date").and_then(parse_sdk_date).ok_or(Refused::Wrong)?;
        let skew = now.duration_since(date).unwrap_or_else(|error| error.duration());
        if skew > MAX_SKEW {
            return Err(Refused::Skewed);
        }
        // Sent twice it is not signed once, which is found out below.
        let is_token_right = match (&self.security_token, request.only("x-security-token")) {
            (None, None) => true,
            (Some(token), Some(sent)) => is_same(token.as_bytes(), sent),
            _ => false,
        };
        let is_right = is_token_right && authorization.is_right(request, &self.secret);
        is_right.then_some(()).ok_or(Refused::Wrong)
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::tests::{Vector, vectors};

    fn date(vector: &Vector) -> SystemTime {
        parse_sdk_date(vector.inputs.x_sdk_date.as_bytes()).expect("a date")
    }

    /// As by one who knows the vector's key with this secret.
    fn verify(vector: &Vector, secret: &str, request: &Request) -> Result<(), Refused> {
        let (mut keys, inputs) = (Keys::default(), &vector.inputs);
        let token = inputs.headers.get("X-Security-Token").map(String::as_str);
        keys.set(&inputs.access_key, secret, token);
        keys.verify(request, date(vector))
    }

    /// Every text that differs from this one in one character.
    fn others(text: &str) -> impl Iterator<Item = String> {
        let other = |old: char| if old == 'x' { 'y' } else { 'x' };
        (0..text.chars().count()).map(move |index| {
            let changed = text.chars().enumerate();
            changed.map(|(at, old)| if at == index { other(old) } else { old }).collect()
        })
    }

    #[test]
    fn any_other_character_is_refused() {
        for vector in vectors() {
            let (request, name) = (vector.request(), &vector.name);
            let secret = vector.inputs.secret_key.as_str();
            assert_eq!(verify(&vector, secret, &request), Ok(()), "{name}");
            for secret in others(secret) {
                assert_eq!(verify(&vector, &secret, &request), Err(Refused::Wrong), "{name}");
            }
            let mut changed = Vec::new();
            changed.extend(others(&request.method).map(|method| {
                let request = request.clone();
                Request { method, ..request }
            }));
            changed.extend(others(&request.target).map(|target| {
                let request = request.clone();
                Request { target, ..request }
            }));
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
                verify(&vector, secret, &request).expect_err(name);
            }
        }
    }

    #[test]
    fn failures_in_a_row_lock_a_key_for_a_while() {
        let vector = vectors().remove(0);
        let (id, secret) = (&vector.inputs.access_key, &vector.inputs.secret_key);
        let (mut keys, right) = (Keys::default(), vector.request());
        keys.set(id, secret, None);
        let mut wrong = right.clone();
        wrong.body.push(b'x');
        let start = date(&vector);
        let at = |seconds| start + Duration::from_secs(seconds);
        let fail = |keys: &mut Keys, times: u32, now| {
            for _ in 0..times {
                assert_eq!(keys.verify(&wrong, now), Err(Refused::Wrong));
            }
        };
        // A success between them: not in a row.
        fail(&mut keys, 4, at(0));
        assert_eq!(keys.verify(&right, at(0)), Ok(()));
        fail(&mut keys, 5, at(0));
        // Neither what is right nor what is wrong changes that.
        assert_eq!(keys.verify(&wrong, at(200)), Err(Refused::Locked));
        assert_eq!(keys.verify(&right, at(299)), Err(Refused::Locked));
        assert_eq!(keys.verify(&right, at(300)), Ok(()));
        // The count starts anew, after the lock as after a success.
        fail(&mut keys, 5, at(300));
        fail(&mut keys, 4, at(600));
        assert_eq!(keys.verify(&right, at(600)), Ok(()));
        // The clock counts as a failure too, an unknown key as none.
        for _ in 0..5 {
            assert_eq!(keys.verify(&right, at(901)), Err(Refused::Skewed));
        }
        assert_eq!(keys.verify(&right, at(0)), Err(Refused::Locked));
        assert_eq!(Keys::default().verify(&right, at(0)), Err(Refused::UnknownKey));
    }

    #[test]
    fn a_security_token_belongs_to_its_key() {
        let vector = vectors().swap_remove(3);
        let now = date(&vector);
        let token = vector.inputs.headers["X-Security-Token"].as_str();
        for (known, verified) in [
            (Some(token), Ok(())),
            (Some("other"), Err(Refused::Wrong)),
            (None, Err(Refused::Wrong)),
        ] {
            let mut keys = Keys::default();
            keys.set(&vector.inputs.access_key, &vector.inputs.secret_key, known);
            assert_eq!(keys.verify(&vector.request(), now), verified);
        }
        let vector = vectors().remove(0);
        let now = date(&vector);
        let mut keys = Keys::default();
        keys.set(&vector.inputs.access_key, &vector.inputs.secret_key, Some(token));
        assert_eq!(keys.verify(&vector.request(), now), Err(Refused::Wrong));
    }

    #[test]
    fn fifteen_minutes_either_way() {
        let vector = vectors().remove(0);
        let date = date(&vector);
        let second = Duration::from_secs(1);
        let mut keys = Keys::default();
        keys.set(&vector.inputs.access_key, &vector.inputs.secret_key, None);
        let request = vector.request();
        assert_eq!(keys.verify(&request, date + MAX_SKEW), Ok(()));
        assert_eq!(keys.verify(&request, date - MAX_SKEW), Ok(()));
        assert_eq!(keys.verify(&request, date + MAX_SKEW + second), Err(Refused::Skewed));
        assert_eq!(keys.verify(&request, date - MAX_SKEW - second), Err(Refused::Skewed));
    }
}
