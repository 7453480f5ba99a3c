use std::{collections::BTreeMap, fmt::Write, time::Duration};

use hmac_sha256::{HMAC, Hash};
use http::{Method, Request, Uri};
use huaweicloud_sms_core::{AccessKey, AuthToken, Authorize, Timestamp};

use crate::response::{head_and_body, headers};

/// **Property 10.** For any key, request and timestamp:
///
/// * Signing returns and is deterministic.
/// * The request has exactly one `Authorization`, which verifies by an independent reading of the request. It
///   has the timestamp as `X-Sdk-Date`, and no `X-Auth-Token`. Besides these, signing changes only a missing
///   `Host` and the `Content-Length`.
/// * The canonical form of path and query is its own canonical form.
/// * No error, `Debug` text or signed request shows the secret key.
///
/// The input has these lines: an id, a secret key, seconds since the Unix epoch, method and URI, headers
/// `name: value`, an empty line, and the body.
pub fn sign(data: &[u8]) {
    let (head, body) = head_and_body(data);
    let mut lines = head.split(|byte| *byte == b'\n');
    let mut text = || std::str::from_utf8(lines.next().unwrap_or_default()).unwrap_or_default();
    let (id, secret, seconds) = (text(), text(), text());
    let (method, uri) = text().split_once(' ').unwrap_or_default();
    let now = Timestamp::from_unix_time(Duration::from_secs(seconds.parse().unwrap_or_default()));
    let Ok(uri) = Uri::try_from(uri) else { return };
    let mut request = Request::new(body.to_vec());
    *request.method_mut() = Method::from_bytes(method.as_bytes()).unwrap_or_default();
    *request.uri_mut() = uri;
    *request.headers_mut() = headers(lines);

    let masked: String =
        secret.chars().map(|c| if c.is_ascii_graphic() { 'x' } else { c }).collect();
    assert_eq!(shown(id, secret, now, &request), shown(id, &masked, now, &request));
    let Ok(key) = AccessKey::new(id, secret) else { return };
    let signed = signed(&key, now, &request);
    check(id, secret, now, &request, &signed);
    assert_eq!(authorization(&self::signed(&key, now, &signed)), authorization(&signed));

    // A request whose URI already has the canonical form gets the same signature.
    let canonical = format!("{}?{}", path(request.uri().path()), query(request.uri()));
    let mut parts = request.uri().clone().into_parts();
    if let (Ok(canonical), Some(_)) = (canonical.parse(), &parts.scheme) {
        parts.path_and_query = Some(canonical);
        *request.uri_mut() = Uri::from_parts(parts).expect("a URI");
        assert_eq!(authorization(&self::signed(&key, now, &request)), authorization(&signed));
    }
    // Each credential removes the header of the other one.
    let mut request = signed;
    AuthToken::new("token").expect("valid").authorize(&mut request);
    key.signer(now).authorize(&mut request);
    assert!(!request.headers().contains_key("x-auth-token"));
}

fn signed(key: &AccessKey, now: Timestamp, request: &Request<Vec<u8>>) -> Request<Vec<u8>> {
    let mut request = request.clone();
    key.signer(now).authorize(&mut request);
    request
}

fn shown(id: &str, secret: &str, now: Timestamp, request: &Request<Vec<u8>>) -> String {
    match AccessKey::new(id, secret) {
        Err(error) => format!("{error} {error:?}"),
        Ok(key) => format!("{key:?} {:?} {:?}", key.signer(now), signed(&key, now, request)),
    }
}

fn authorization(request: &Request<Vec<u8>>) -> &str {
    request.headers()["authorization"].to_str().expect("visible")
}

pub(crate) fn check(
    id: &str,
    secret: &str,
    now: Timestamp,
    request: &Request<Vec<u8>>,
    signed: &Request<Vec<u8>>,
) {
    let headers = signed.headers();
    assert_eq!(headers.get_all("authorization").iter().count(), 1);
    assert!(headers["authorization"].is_sensitive());
    assert!(!headers.contains_key("x-auth-token"));
    let date = now.to_string().replace(['-', ':'], "");
    assert_eq!(headers.get_all("x-sdk-date").iter().collect::<Vec<_>>(), [date.as_str()]);
    assert_eq!(headers.contains_key("host"), {
        request.headers().contains_key("host") || request.uri().authority().is_some()
    });
    // Signing replaces a wrong length, and removes it if there is no body.
    let length = request.body().len();
    let lengths: Vec<_> = headers.get_all("content-length").iter().collect();
    assert!(lengths == [length.to_string().as_str()] || lengths.is_empty() && length == 0);
    for name in request.headers().keys() {
        if !OF_A_CREDENTIAL.contains(&name.as_str()) && name != "content-length" {
            let values = |request: &Request<Vec<u8>>| -> Vec<_> {
                request.headers().get_all(name).iter().cloned().collect()
            };
            assert_eq!(values(request), values(signed), "{name}");
        }
    }
    assert_eq!((signed.method(), signed.uri()), (request.method(), request.uri()));
    assert_eq!(signed.body(), request.body());

    // A map sorts the names, and has one value for each.
    let mut canonical = BTreeMap::new();
    for name in headers.keys().map(http::HeaderName::as_str) {
        let is_signed = headers.get_all(name).iter().count() == 1
            && !name.contains('_')
            && !OF_A_CONNECTION.split(' ').any(|other| other == name);
        if is_signed {
            canonical.insert(name, headers[name].as_bytes().trim_ascii());
        }
    }
    let names = canonical.keys().copied().collect::<Vec<_>>().join(";");
    let uri = signed.uri();
    let mut text =
        format!("{}\n{}\n{}\n", signed.method(), path(uri.path()), query(uri)).into_bytes();
    for (name, value) in canonical {
        text.extend([name.as_bytes(), b":", value, b"\n"].concat());
    }
    text.extend(format!("\n{names}\n{}", hex(&Hash::hash(signed.body()))).as_bytes());
    let to_sign = format!("SDK-HMAC-SHA256\n{date}\n{}", hex(&Hash::hash(&text)));
    let signature = hex(&HMAC::mac(to_sign, secret));
    assert_eq!(
        authorization(signed),
        format!("SDK-HMAC-SHA256 Access={id}, SignedHeaders={names}, Signature={signature}")
    );
}

/// The headers of an older credential, which signing removes.
const OF_A_CREDENTIAL: [&str; 4] =
    ["authorization", "x-auth-token", "x-sdk-date", "x-security-token"];
const OF_A_CONNECTION: &str = "authorization connection content-length expect keep-alive \
    proxy-authenticate proxy-authorization proxy-connection te trailer transfer-encoding upgrade";

fn path(path: &str) -> String {
    let path = path.strip_prefix('/').unwrap_or(path);
    let encoded: String = path.split('/').map(|segment| format!("/{}", encode(segment))).collect();
    if encoded.ends_with('/') { encoded } else { encoded + "/" }
}

fn query(uri: &Uri) -> String {
    let mut parameters: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    for parameter in uri.query().unwrap_or_default().split('&').filter(|text| !text.is_empty()) {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        parameters.push((decode(name), decode(value)));
    }
    parameters.sort();
    let parameters: Vec<String> = parameters
        .into_iter()
        .map(|(name, value)| format!("{}={}", encode_bytes(&name), encode_bytes(&value)))
        .collect();
    parameters.join("&")
}

fn encode(text: &str) -> String {
    encode_bytes(&decode(text))
}

fn encode_bytes(bytes: &[u8]) -> String {
    let mut encoded = String::new();
    for byte in bytes {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(*byte));
            }
            byte => write!(encoded, "%{byte:02X}").expect("memory"),
        }
    }
    encoded
}

/// Decodes percent-encoding. Keeps a percent sign without two digits.
fn decode(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let digits = text.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        match digits {
            Some(digits) => {
                decoded.push(u8::from_str_radix(digits, 16).expect("hex"));
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    decoded
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
