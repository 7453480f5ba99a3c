mod access_key;
mod fingerprint;
mod signing;

use alloc::{boxed::Box, vec::Vec};
use core::{fmt, str::FromStr};

use http::{
    HeaderMap, HeaderName, HeaderValue, Request, Uri,
    header::{AUTHORIZATION, CONTENT_LENGTH, HOST},
};

pub use self::{
    access_key::{AccessKey, Signer},
    fingerprint::Fingerprint,
};
use crate::invalid_input::{InvalidInput, Problem};

const X_AUTH_TOKEN: HeaderName = HeaderName::from_static("x-auth-token");
const X_SDK_DATE: HeaderName = HeaderName::from_static("x-sdk-date");
const X_SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-security-token");

/// Adds a credential to a request: an [`AuthToken`], an [`AccessKey`] with a timestamp
/// ([`AccessKey::signer`]), or [`Unauthenticated`]. This trait is sealed.
///
/// The trait is object-safe, so you can choose the credential at run time: `&dyn Authorize`.
#[diagnostic::on_unimplemented(
    note = "an access key signs with a timestamp: `key.signer(now())`",
    note = "an IAM user logs in first: send its `IssueToken` with `Unauthenticated`"
)]
pub trait Authorize: sealed::Credential + Sync {
    /// Completes the request. Adds `Host`, the credential, and `Content-Length` if there is a body.
    ///
    /// This replaces a credential that the request already has.
    fn authorize(&self, request: &mut Request<Vec<u8>>) {
        complete(request);
        self.add_to(request);
    }

    /// Returns the fingerprint that distinguishes this credential from others, or `None` without a
    /// credential.
    fn fingerprint(&self) -> Option<Fingerprint> {
        self.to_fingerprint()
    }
}

pub(crate) mod sealed {
    use alloc::vec::Vec;

    use http::Request;

    use super::Fingerprint;

    pub trait Credential {
        /// Adds the credential to a request that is complete.
        fn add_to(&self, request: &mut Request<Vec<u8>>);

        fn to_fingerprint(&self) -> Option<Fingerprint>;
    }
}

impl<A: Authorize + ?Sized> Authorize for &A {}

impl<A: Authorize + ?Sized> sealed::Credential for &A {
    fn add_to(&self, request: &mut Request<Vec<u8>>) {
        (**self).add_to(request);
    }

    fn to_fingerprint(&self) -> Option<Fingerprint> {
        (**self).to_fingerprint()
    }
}

impl<A: Authorize + ?Sized> Authorize for Box<A> {}

impl<A: Authorize + ?Sized> sealed::Credential for Box<A> {
    fn add_to(&self, request: &mut Request<Vec<u8>>) {
        (**self).add_to(request);
    }

    fn to_fingerprint(&self) -> Option<Fingerprint> {
        (**self).to_fingerprint()
    }
}

/// Adds no credential, for an operation with a credential in its body: [`IssueToken`](crate::IssueToken).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unauthenticated;

impl Authorize for Unauthenticated {}

impl sealed::Credential for Unauthenticated {
    fn add_to(&self, request: &mut Request<Vec<u8>>) {
        request.headers_mut().remove(X_AUTH_TOKEN);
    }

    fn to_fingerprint(&self) -> Option<Fingerprint> {
        None
    }
}

/// Adds the headers that every request has, and removes an older credential. Keeps the headers that name a
/// project or an account.
pub(crate) fn complete(request: &mut Request<Vec<u8>>) {
    if !request.headers().contains_key(HOST) {
        if let Some(host) = host(request.uri()) {
            request.headers_mut().insert(HOST, host);
        }
    }
    let length = request.body().len();
    let headers = request.headers_mut();
    let is_zero = headers.get(CONTENT_LENGTH).is_some_and(|length| length == "0");
    headers.remove(CONTENT_LENGTH);
    // Without a body, `Content-Length: 0` stays if the caller has set it.
    if length > 0 || is_zero {
        headers.insert(CONTENT_LENGTH, length.into());
    }
    for name in [AUTHORIZATION, X_AUTH_TOKEN, X_SDK_DATE, X_SECURITY_TOKEN] {
        headers.remove(name);
    }
}

/// Inserts a placeholder for a token, so that authorizing a clone does not reallocate the map.
pub(crate) fn reserve(headers: &mut HeaderMap) {
    headers.insert(X_AUTH_TOKEN, HeaderValue::from_static(""));
}

/// Returns the value of `Host` for a URI. It leaves out the default port of the scheme, as HTTP clients do.
fn host(uri: &Uri) -> Option<HeaderValue> {
    let authority = uri.authority()?;
    let host = match (uri.scheme_str(), authority.port_u16()) {
        (Some("https"), Some(443)) | (Some("http"), Some(80)) => authority.host(),
        // An authority may have user info.
        _ => authority.as_str().rsplit('@').next().unwrap_or_default(),
    };
    HeaderValue::from_str(host).ok()
}

/// A user token. IAM returns it as `X-Subject-Token`, and requests carry it as `X-Auth-Token`.
///
/// It has 1 to 16,384 characters of visible ASCII. It has no `Display`, no `PartialEq` and no
/// serialization, and its `Debug` and header value are redacted. Its memory is not zeroized on drop,
/// because every request holds a copy.
///
/// ```
/// # use huaweicloud_sms_core as huaweicloud_sms;
/// use huaweicloud_sms::AuthToken;
///
/// let token = AuthToken::new("MIIVYgYJKoZIhvcNAQcCoIIVUzCCFU8CAQEx")?;
/// assert_eq!(format!("{token:?}"), "AuthToken(redacted)");
/// # Ok::<(), huaweicloud_sms::InvalidInput>(())
/// ```
#[derive(Clone)]
pub struct AuthToken(HeaderValue);

impl AuthToken {
    /// The documented maximum length, in characters.
    pub const MAX_CHARS: usize = 16_384;

    /// Checks a token.
    ///
    /// # Errors
    /// The token is empty, longer than [`MAX_CHARS`](Self::MAX_CHARS), or has a character that is not
    /// visible ASCII. Trim the line break at the end of a file first.
    pub fn new(token: &str) -> Result<Self, InvalidInput> {
        let mut value = header_value("token", token, Self::MAX_CHARS)?;
        value.set_sensitive(true);
        Ok(Self(value))
    }

    /// Returns the token itself, if you have to store it. Keep it out of logs.
    #[must_use]
    pub fn reveal(&self) -> &str {
        // `new` has checked that it is ASCII.
        self.0.to_str().unwrap_or_default()
    }

    pub(crate) fn fingerprint(&self) -> Fingerprint {
        Fingerprint::new("token", [self.0.as_bytes()])
    }
}

impl FromStr for AuthToken {
    type Err = InvalidInput;

    fn from_str(token: &str) -> Result<Self, InvalidInput> {
        Self::new(token)
    }
}

impl TryFrom<&str> for AuthToken {
    type Error = InvalidInput;

    fn try_from(token: &str) -> Result<Self, InvalidInput> {
        Self::new(token)
    }
}

/// Checks the text of a header's value: visible ASCII, not empty, at most `limit` characters.
pub(crate) fn header_value(
    input: &'static str,
    text: &str,
    limit: usize,
) -> Result<HeaderValue, InvalidInput> {
    check_header_value(input, text, limit)?;
    HeaderValue::from_str(text)
        .map_err(|_| InvalidInput::new(input, Problem::Is("can't be a header's value")))
}

pub(crate) fn check_header_value(
    input: &'static str,
    text: &str,
    limit: usize,
) -> Result<(), InvalidInput> {
    InvalidInput::check(input, text, limit, |character| {
        (!character.is_ascii_graphic())
            .then_some("a character that is not visible ASCII (a space or line break?)")
    })
}

impl Authorize for AuthToken {}

impl sealed::Credential for AuthToken {
    fn add_to(&self, request: &mut Request<Vec<u8>>) {
        let headers = request.headers_mut();
        // Searching for the placeholder takes a third of the instructions of hashing the name.
        match headers.iter_mut().find(|(name, _)| **name == X_AUTH_TOKEN) {
            Some((_, placeholder)) => *placeholder = self.0.clone(),
            None => drop(headers.insert(X_AUTH_TOKEN, self.0.clone())),
        }
    }

    fn to_fingerprint(&self) -> Option<Fingerprint> {
        Some(self.fingerprint())
    }
}

impl fmt::Debug for AuthToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthToken(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::host;

    #[test]
    fn host_leaves_out_the_default_port_of_the_scheme() {
        for (uri, expected) in [
            ("https://h/", "h"),
            ("https://h:443/", "h"),
            ("https://h:80/", "h:80"),
            ("http://h:80/", "h"),
            ("http://h:443/", "h:443"),
            ("https://[::1]:443/", "[::1]"),
            ("https://[::1]:8443/", "[::1]:8443"),
            ("https://user:pw@h:1/", "h:1"),
        ] {
            assert_eq!(host(&uri.parse().expect("a URI")).expect("a host"), expected, "{uri}");
        }
        assert!(host(&"/path".parse().expect("a URI")).is_none());
    }
}
