use std::fmt;

use crate::secret::is_secret;

/// A request as it arrived, and what was answered.
///
/// `Debug` redacts the headers that carry secrets and leaves the raw bytes out.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Request {
    /// Which connection it came on, counted from 1.
    pub connection: u64,
    /// The method, as sent.
    pub method: String,
    /// The target, as sent: a path, and a query if there was one.
    pub target: String,
    /// The headers in their order, names with the case they came with.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The bytes of the head, from the method to the empty line.
    pub head: Vec<u8>,
    /// The body.
    pub body: Vec<u8>,
    /// The status that was answered, 0 if none was.
    pub status: u16,
}

impl Request {
    /// The first value of a header; names are compared without case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers
            .iter()
            .find(|(header, _)| header.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_slice())
    }

    /// Every value of a header.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let named = self.headers.iter().filter(|(header, _)| header.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_slice())
    }

    /// The value of a header that came exactly once, without the space around it.
    pub(crate) fn only(&self, name: &str) -> Option<&[u8]> {
        let mut values =
            self.headers.iter().filter(|(header, _)| header.eq_ignore_ascii_case(name));
        let (_, value) = values.next()?;
        values.next().is_none().then(|| value.trim_ascii())
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<(&str, String)> = self
            .headers
            .iter()
            .map(|(name, value)| {
                let value = match is_secret(name) {
                    true => "[redacted]".into(),
                    false => String::from_utf8_lossy(value).into_owned(),
                };
                (name.as_str(), value)
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
