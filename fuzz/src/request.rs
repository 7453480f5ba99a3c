use http::Uri;
use huaweicloud_sms_core::{AuthToken, Endpoint, ObtainCommand, Operation, ServerId};

/// **Property 3.** For any accepted endpoint and id, the URI is the endpoint plus
/// `/v3/sources/<one segment>/command`, without query and fragment. The decoded segment is the id. Host and
/// port are those of the endpoint.
///
/// The input is an endpoint, a line break, and an id.
pub fn request(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (endpoint, id) = text.split_once('\n').unwrap_or((text, "id"));
    let Ok(endpoint) = Endpoint::new(endpoint).or_else(|_| Endpoint::cleartext(endpoint)) else {
        return;
    };
    let Ok(id) = ServerId::new(id) else { return };
    let token = AuthToken::new("canary").expect("valid");
    let request = ObtainCommand::new(&endpoint, &id).request(&token);
    check_uri(&endpoint, &id, request.uri(), "/command");
}

/// Checks that a URI is the endpoint plus `/v3/sources/<one segment>` and this end.
pub(crate) fn check_uri(endpoint: &Endpoint, id: &ServerId, parsed: &Uri, end: &str) {
    let uri = parsed.to_string();
    let rest = uri.strip_prefix(endpoint.as_str()).expect("the endpoint is kept");
    let segment = rest
        .strip_prefix("/v3/sources/")
        .and_then(|rest| rest.strip_suffix(end))
        .expect("the documented path");
    assert!(segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%".contains(&b)), "{uri}");
    assert!(segment != "." && segment != "..", "{uri}");
    assert_eq!(decode(segment), id.as_str().as_bytes(), "{uri}");
    assert!(!uri.contains(['?', '#', '@', '\\']) || endpoint.as_str().contains('@'), "{uri}");
    assert!(parsed.query().is_none());

    // Every HTTP client reads host and port by the crate `http`.
    let authority = parsed.authority().expect("absolute");
    assert!(!authority.as_str().contains('@'), "{uri}");
    assert!(!authority.host().is_empty(), "{uri}");
    let after_host = authority.as_str().strip_prefix(authority.host()).expect("the host is first");
    match after_host.strip_prefix(':') {
        Some(port) => assert_eq!(authority.port_u16(), port.parse().ok(), "{uri}"),
        None => assert_eq!(after_host, "", "{uri}"),
    }
    assert_eq!(parsed.scheme_str(), endpoint.as_str().split_once(':').map(|(s, _)| s));
}

fn decode(segment: &str) -> Vec<u8> {
    let mut bytes = segment.bytes();
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let mut digit = || (bytes.next()? as char).to_digit(16);
                let (high, low) = (digit().expect("hex"), digit().expect("hex"));
                u8::try_from(high * 16 + low).expect("a byte")
            }
            byte => byte,
        });
    }
    decoded
}
