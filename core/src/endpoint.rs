use alloc::string::String;
use core::{fmt, net::Ipv6Addr, str::FromStr};

use http::Uri;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::invalid_input::{InvalidInput, Problem};

/// The characters that are encoded in a path segment: all but the unreserved ones of RFC 3986,
/// section 2.3.
pub(crate) const SEGMENT: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The address of the Server Migration Service or of IAM: scheme, host, optional port, optional base
/// path.
///
/// The Agents page of the SMS console shows the service's host. This crate never derives it from a region,
/// because the hosts follow no rule (`sms.` and `sms-api.`, `.com` and `.eu`); see
/// [Regions and Endpoints](https://developer.huaweicloud.com/intl/en-us/endpoint?SMS).
///
/// ```
/// # use huaweicloud_sms_core as huaweicloud_sms;
/// use huaweicloud_sms::Endpoint;
///
/// let endpoint = Endpoint::new("https://sms.ap-southeast-3.myhuaweicloud.com/")?;
/// assert_eq!(endpoint.as_str(), "https://sms.ap-southeast-3.myhuaweicloud.com");
/// assert!(Endpoint::new("http://sms.ap-southeast-3.myhuaweicloud.com").is_err());
/// # Ok::<(), huaweicloud_sms::InvalidInput>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// `scheme://authority[/base/path]`, without a final slash.
    prefix: String,
}

impl Endpoint {
    /// The longest accepted text, in bytes.
    pub const MAX_LEN: usize = 2048;

    /// Checks an `https://` endpoint. For `http://`, use [`cleartext`](Self::cleartext).
    ///
    /// # Errors
    /// The text is not `https://host[:port][/base/path]`, or is over [`MAX_LEN`](Self::MAX_LEN) bytes long.
    /// For example, it has a port outside 1 to 65535, user info, a query or fragment, dot segments or `//` in
    /// the path, or characters that a URI can't hold.
    pub fn new(text: &str) -> Result<Self, InvalidInput> {
        Self::with_scheme(text, "https://", || {
            if starts_with_ignoring_case(text, "http://") {
                "must start with https:// (http:// would send the credential in clear text)"
            } else {
                "must start with https://"
            }
        })
    }

    /// Checks an `http://` endpoint, for tests on loopback.
    ///
    /// **The credential is sent in clear text.**
    ///
    /// # Errors
    /// The same as those of [`new`](Self::new), but the scheme must be `http://`.
    pub fn cleartext(text: &str) -> Result<Self, InvalidInput> {
        Self::with_scheme(text, "http://", || "must start with http:// (to be sent in clear text)")
    }

    fn with_scheme(
        text: &str,
        scheme: &str,
        wrong_scheme: impl Fn() -> &'static str,
    ) -> Result<Self, InvalidInput> {
        let reject = |what| Err(invalid(Problem::Is(what)));
        if text.is_empty() {
            return reject("is empty");
        }
        if text.len() > Self::MAX_LEN {
            return Err(invalid(Problem::TooLong {
                length: text.len(),
                limit: Self::MAX_LEN,
                unit: "bytes",
            }));
        }
        if let Some(position) = text.bytes().position(|byte| !byte.is_ascii_graphic()) {
            return Err(invalid(Problem::BadCharacter {
                position: position + 1,
                what: "a character that is not visible ASCII",
            }));
        }
        if !starts_with_ignoring_case(text, scheme) {
            return reject(wrong_scheme());
        }
        let rest = &text[scheme.len()..];
        let (authority, path) =
            rest.split_at(rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len()));
        // `http::Uri` accepts user info, drops a fragment silently and reads port 99999 as no port.
        if authority.contains('@') {
            return reject("must not have a user or password before the host");
        }
        if path.contains('?') {
            return reject("must not have a query (?)");
        }
        if path.contains('#') {
            return reject("must not have a fragment (#)");
        }
        check_authority(authority).map_err(|what| invalid(Problem::Is(what)))?;
        let path = path.strip_suffix('/').unwrap_or(path);
        check_path(path).map_err(|what| invalid(Problem::Is(what)))?;

        let mut prefix = String::with_capacity(text.len());
        prefix.push_str(scheme);
        prefix.push_str(authority);
        prefix.push_str(path);
        Ok(Self { prefix })
    }

    /// Returns the endpoint, without a final slash.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.prefix
    }

    /// Returns the URI of a path below this endpoint. Each segment is percent-encoded.
    ///
    /// ```
    /// # use huaweicloud_sms_core as huaweicloud_sms;
    /// use huaweicloud_sms::Endpoint;
    ///
    /// let endpoint = Endpoint::new("https://sms.ap-southeast-3.myhuaweicloud.com")?;
    /// let uri = endpoint.join(["v3", "sources", "a b"])?;
    /// assert_eq!(uri.path(), "/v3/sources/a%20b");
    /// # Ok::<(), huaweicloud_sms::InvalidInput>(())
    /// ```
    ///
    /// # Errors
    /// A segment is empty, `.` or `..`, has a slash, backslash or control character, or the URI would
    /// be longer than 65,534 bytes.
    pub fn join<'a>(
        &self,
        segments: impl IntoIterator<Item = &'a str>,
    ) -> Result<Uri, InvalidInput> {
        let mut uri = self.prefix.clone();
        for segment in segments {
            check_segment("path segment", segment, usize::MAX)?;
            uri.push('/');
            uri.extend(utf8_percent_encode(segment, SEGMENT));
        }
        Uri::try_from(uri)
            .map_err(|_| InvalidInput::new("path", Problem::Is("is too long for a URI")))
    }

    /// Returns whether it was made by [`cleartext`](Self::cleartext).
    #[must_use]
    pub fn is_cleartext(&self) -> bool {
        self.prefix.starts_with("http://")
    }
}

impl FromStr for Endpoint {
    type Err = InvalidInput;

    /// Does the same as [`Endpoint::new`].
    fn from_str(text: &str) -> Result<Self, InvalidInput> {
        Self::new(text)
    }
}

impl TryFrom<&str> for Endpoint {
    type Error = InvalidInput;

    /// Does the same as [`Endpoint::new`].
    fn try_from(text: &str) -> Result<Self, InvalidInput> {
        Self::new(text)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.prefix)
    }
}

/// Checks a text that becomes one segment of a path. It rejects a text that encoding can't make safe.
pub(crate) fn check_segment(
    input: &'static str,
    text: &str,
    limit: usize,
) -> Result<(), InvalidInput> {
    InvalidInput::check(input, text, limit, |character| match character {
        '/' => Some("a slash"),
        '\\' => Some("a backslash"),
        c if c.is_control() => Some("a control character (a line break?)"),
        _ => None,
    })?;
    if text == "." || text == ".." {
        return Err(InvalidInput::new(input, Problem::Is("must not be . or ..")));
    }
    Ok(())
}

const fn invalid(problem: Problem) -> InvalidInput {
    InvalidInput::new("endpoint", problem)
}

fn starts_with_ignoring_case(text: &str, start: &str) -> bool {
    text.as_bytes()
        .get(..start.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(start.as_bytes()))
}

fn check_authority(authority: &str) -> Result<(), &'static str> {
    let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
        let (address, port) = rest.split_once(']').ok_or("has no ] after its IPv6 address")?;
        if address.parse::<Ipv6Addr>().is_err() {
            return Err("has an invalid IPv6 address");
        }
        match port.strip_prefix(':') {
            None if !port.is_empty() => return Err("has text after its IPv6 address"),
            port => (address, port),
        }
    } else {
        match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        }
    };
    if host.is_empty() {
        return Err("has no host");
    }
    if !authority.starts_with('[')
        && !host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
    {
        return Err("has a character in its host that a host name can't have");
    }
    match port {
        // `parse` alone would accept "+80".
        Some(port)
            if !port.bytes().all(|byte| byte.is_ascii_digit())
                || !port.parse::<u16>().is_ok_and(|port| port > 0) =>
        {
            Err("must have a port from 1 to 65535")
        }
        _ => Ok(()),
    }
}

fn check_path(path: &str) -> Result<(), &'static str> {
    for segment in path.split('/').skip(1) {
        if segment.is_empty() {
            return Err("must not have // in its path");
        }
        if is_dot_segment(segment) {
            return Err("must not have . or .. as a segment of its path");
        }
    }
    let mut rest = path.as_bytes();
    while let [byte, tail @ ..] = rest {
        let is_encoded =
            matches!(tail, [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit());
        // `pchar` (RFC 3986, section 3.3), and the slash between segments.
        let is_legal = byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/".contains(byte);
        if !(is_legal || *byte == b'%' && is_encoded) {
            return Err("has a character in its path that must be percent-encoded");
        }
        rest = tail;
    }
    Ok(())
}

/// Returns whether a segment is `.` or `..`, also percent-encoded, because servers and proxies decode
/// segments before they resolve them.
fn is_dot_segment(segment: &str) -> bool {
    let mut rest = segment;
    let mut dots = 0;
    while !rest.is_empty() {
        let Some(tail) = rest
            .strip_prefix('.')
            .or_else(|| starts_with_ignoring_case(rest, "%2e").then(|| &rest[3..]))
        else {
            return false;
        };
        rest = tail;
        dots += 1;
    }
    dots == 1 || dots == 2
}
