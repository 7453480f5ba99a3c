use http::{Method, Request, Version, uri::Authority};

use crate::error::{Cause, NotSendable};

/// Rejects a request that cannot be sent over HTTP, or whose URI has user information, before anything is
/// sent.
///
/// # Errors
/// [`Cause::Protocol`].
pub fn check_request<B>(request: &Request<B>) -> Result<(), Cause> {
    let uri = request.uri();
    let authority = uri.authority().map_or("", Authority::as_str);
    // Every call makes this check, so the port is parsed by hand.
    let digits = authority.bytes().rev().take_while(u8::is_ascii_digit).count();
    let (rest, port) = authority.split_at(authority.len() - digits);
    let (host, port) = rest.strip_suffix(':').map_or((authority, ""), |host| (host, port));
    let has = |byte| host.bytes().any(|other| other == byte);
    let problem = if !matches!(uri.scheme_str(), Some("http" | "https")) {
        "the scheme of its URI is neither http nor https"
    } else if has(b'@') {
        // Some HTTP clients would send the user information as `Authorization`.
        "its URI has user information"
    } else if host.is_empty() {
        "its URI has no host"
    } else if !port.is_empty() && port.parse::<u16>().is_err() || !host.ends_with(']') && has(b':')
    {
        "the port of its URI is invalid"
    } else if request.method() == Method::CONNECT {
        "its method is CONNECT"
    } else if !matches!(request.version(), Version::HTTP_10 | Version::HTTP_11) {
        "its version is neither HTTP/1.0 nor HTTP/1.1"
    } else {
        return Ok(());
    };
    Err(Cause::Protocol { source: NotSendable(problem).into() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TransportError;

    #[test]
    fn a_request_that_cannot_be_sent_says_why() {
        for (uri, problem) in [
            ("ftp://h/", "the scheme of its URI is neither http nor https"),
            ("httpx://h/", "the scheme of its URI is neither http nor https"),
            ("/path", "the scheme of its URI is neither http nor https"),
            ("h:80", "the scheme of its URI is neither http nor https"),
            ("https://canary@h/", "its URI has user information"),
            ("https://user:canary@[::1]:1/", "its URI has user information"),
            ("http://h:99999/", "the port of its URI is invalid"),
            ("http://h:+80/", "the port of its URI is invalid"),
            ("http://user@h:80/", "its URI has user information"),
            ("http://[::1]:65536/", "the port of its URI is invalid"),
        ] {
            let request = Request::get(uri).body(()).expect("a request");
            let error = TransportError::from(check_request(&request).expect_err(uri));
            assert_eq!(error.to_string(), format!("the request was not sent: {problem}"), "{uri}");
            assert_eq!(error.kind(), crate::TransportErrorKind::Protocol);
            assert!(!format!("{error:?}").contains("canary"));
        }
        let connect = Request::connect("http://h/").body(()).expect("a request");
        assert!(check_request(&connect).is_err());
        let http_2 = Request::get("http://h/").version(Version::HTTP_2).body(());
        assert!(check_request(&http_2.expect("a request")).is_err());
        for uri in
            ["http://h", "HTTPS://H:443/x?y=a@b", "http://[::1]:80/", "http://[::1]", "http://h:/"]
        {
            let request = Request::get(uri).body(()).expect("a request");
            assert!(check_request(&request).is_ok(), "{uri}");
        }
    }
}
