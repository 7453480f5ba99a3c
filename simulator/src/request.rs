use std::{borrow::Cow, fmt};

use percent_encoding::percent_decode_str;

use crate::{
    report::{HeldCommand, Report},
    secret::is_secret,
};

/// A request that the simulator received, and the status of its response.
///
/// `Debug` redacts the headers that carry secrets and omits the raw bytes.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Request {
    /// The number of its connection, counted from 1.
    pub connection: u64,
    /// The method, as sent.
    pub method: String,
    /// The target, as sent: the path, and the query if there is one.
    pub target: String,
    /// The headers in their order. Names keep their case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The bytes of the head, from the method to the empty line.
    pub head: Vec<u8>,
    /// The body.
    pub body: Vec<u8>,
    /// The status of the response, or 0 if steps took the place of a response.
    pub status: u16,
    /// The held command that the response delivers. It is also set if a fault took the place of that
    /// response.
    pub delivered: Option<HeldCommand>,
    /// The content of the report, if this is a report of a result that reached the service.
    pub report: Option<Report>,
}

impl Request {
    /// Returns the first value of a header. The case of names does not matter.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.all(name).next()
    }

    /// Returns every value of a header.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        let named =
            self.headers.iter().filter(move |(header, _)| header.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_slice())
    }

    /// Returns the trimmed value of a header that occurs exactly once.
    pub(crate) fn only(&self, name: &str) -> Option<&[u8]> {
        let mut values = self.all(name);
        let value = values.next()?;
        values.next().is_none().then(|| value.trim_ascii())
    }

    /// Returns whether the content type is JSON, with any parameters, or `None` without the header.
    pub(crate) fn is_json(&self) -> Option<bool> {
        let media_type = self.header("content-type")?.split(|byte| *byte == b';').next()?;
        Some(media_type.trim_ascii().eq_ignore_ascii_case(b"application/json"))
    }

    /// Returns the path of the target.
    pub(crate) fn path(&self) -> &str {
        self.target.split_once('?').map_or(self.target.as_str(), |(path, _)| path)
    }

    /// Returns the decoded names and values of the query, in their order. A `+` is not a space.
    pub(crate) fn query(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        let decoded = |part: &str| percent_decode_str(part).collect();
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        pairs
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (decoded(name), decoded(value)))
            .collect()
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<(&str, Cow<'_, str>)> = self
            .headers
            .iter()
            .map(|(name, value)| {
                let value = String::from_utf8_lossy(value);
                (name.as_str(), if is_secret(name) { "[redacted]".into() } else { value })
            })
            .collect();
        f.debug_struct("Request")
            .field("connection", &self.connection)
            .field("method", &self.method)
            .field("target", &self.target)
            .field("headers", &headers)
            .field("body", &format_args!("{} bytes", self.body.len()))
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::HEADERS;

    #[test]
    fn debug_shows_no_secret() {
        let headers = HEADERS.iter().map(|name| (name.to_uppercase(), b"canary".to_vec()));
        let mut request = Request { headers: headers.collect(), ..Request::default() };
        request.head = b"canary".to_vec();
        request.body = b"canary".to_vec();
        let shown = format!("{request:?} {request:#?}");
        assert!(!shown.contains("canary"), "{shown}");
        assert!(shown.contains("redacted"));
        assert_eq!(request.header("X-Auth-Token"), Some(&b"canary"[..]));
        assert_eq!(request.header("x-other"), None);
    }
}
