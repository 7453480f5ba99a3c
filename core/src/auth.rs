use alloc::vec::Vec;
use core::fmt;

use http::{HeaderMap, HeaderName, HeaderValue, Request, header::AUTHORIZATION};

use crate::invalid_input::{InvalidInput, Problem};

pub(crate) const X_AUTH_TOKEN: HeaderName = HeaderName::from_static("x-auth-token");

/// Keeps a place for the proof among the headers of a request that is to be cloned: filling it takes
/// no allocation, where a header more would. Whatever proof comes fills it or takes it out.
pub(crate) fn reserve(headers: &mut HeaderMap) {
    headers.insert(X_AUTH_TOKEN, HeaderValue::from_static(""));
}

/// What proves to the service who is asking: an [`AuthToken`], or an [`AccessKey`](crate::AccessKey)
/// at a moment. Sealed.
pub trait Authorize: sealed::Sealed + Sync {
    /// Adds the proof to a request that is otherwise complete.
    fn authorize(&self, request: &mut Request<Vec<u8>>);
}

pub(crate) mod sealed {
    pub trait Sealed {}
}

/// No proof, for a call that carries its own: [`IssueToken`](crate::IssueToken).
#[derive(Clone, Copy, Debug)]
pub struct Unauthenticated;

impl sealed::Sealed for Unauthenticated {}

impl Authorize for Unauthenticated {
    fn authorize(&self, request: &mut Request<Vec<u8>>) {
        request.headers_mut().remove(X_AUTH_TOKEN);
        request.headers_mut().remove(AUTHORIZATION);
    }
}

/// A user token: what IAM returned as `X-Subject-Token`, sent as `X-Auth-Token`.
///
/// 1 to 16,384 characters (the page) of visible ASCII. It has no `Display`, no `PartialEq` and no
/// serialisation, and its `Debug` and header value are redacted. The memory is not wiped on drop.
///
/// ```
/// use huaweicloud_sms_core::AuthToken;
///
/// let token = AuthToken::new("MIIVYgYJKoZIhvcNAQcCoIIVUzCCFU8CAQEx")?;
/// assert_eq!(format!("{token:?}"), "AuthToken(redacted)");
/// # Ok::<(), huaweicloud_sms_core::InvalidInput>(())
/// ```
#[derive(Clone)]
pub struct AuthToken(HeaderValue);

impl AuthToken {
    /// The longest accepted token, in characters (the page).
    pub const MAX_CHARS: usize = 16_384;

    /// Checks a token.
    ///
    /// # Errors
    /// Empty, over [`MAX_CHARS`](Self::MAX_CHARS), or with a character that is not visible ASCII,
    /// such as the line break at the end of a file: trim it first.
    pub fn new(token: &str) -> Result<Self, InvalidInput> {
        let mut value = header_value("token", token, Self::MAX_CHARS)?;
        value.set_sensitive(true);
        Ok(Self(value))
    }

    /// The token itself, for who has to store it: keep it out of logs.
    #[must_use]
    pub fn reveal(&self) -> &str {
        // It was checked to be ASCII.
        self.0.to_str().unwrap_or_default()
    }
}

/// What is sent as a header's value: visible ASCII, not empty, at most so many characters.
pub(crate) fn header_value(
    input: &'static str,
    text: &str,
    limit: usize,
) -> Result<HeaderValue, InvalidInput> {
    check_header_value(input, text, limit)?;
    // Every visible ASCII character is legal in a header.
    HeaderValue::from_str(text)
        .map_err(|_| InvalidInput::new(input, Problem::Is("can't be a header's value")))
}

pub(crate) fn check_header_value(
    input: &'static str,
    text: &str,
    limit: usize,
) -> Result<(), InvalidInput> {
    let refuse = |problem| Err(InvalidInput::new(input, problem));
    if text.is_empty() {
        return refuse(Problem::Is("is empty"));
    }
    let bad = text.chars().position(|character| !character.is_ascii_graphic());
    if let Some(index) = bad {
        return refuse(Problem::BadCharacter {
            position: index + 1,
            what: "a character that is not visible ASCII (a space or line break?)",
        });
    }
    if text.len() > limit {
        return refuse(Problem::TooLong { length: text.len(), limit, unit: "characters" });
    }
    Ok(())
}

impl sealed::Sealed for AuthToken {}

impl Authorize for AuthToken {
    fn authorize(&self, request: &mut Request<Vec<u8>>) {
        let headers = request.headers_mut();
        // A look through three headers takes a third of the hashing that `insert` does.
        match headers.iter_mut().find(|(name, _)| **name == X_AUTH_TOKEN) {
            Some((_, place)) => *place = self.0.clone(),
            None => drop(headers.insert(X_AUTH_TOKEN, self.0.clone())),
        }
    }
}

impl fmt::Debug for AuthToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthToken(redacted)")
    }
}
