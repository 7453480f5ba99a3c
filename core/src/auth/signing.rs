//! The steps of SDK-HMAC-SHA256, in their order.
//!
//! This is the form with `Access=` and without a derived key. The service has documented it since 2022, and
//! all SDKs use it: <https://support.huaweicloud.com/devg-apisign/api-sign-algorithm-001.html>

use alloc::{borrow::Cow, format, string::String, vec::Vec};

use hmac_sha256::{HMAC, Hash};
use http::{HeaderMap, HeaderName, HeaderValue, Request, header};
use percent_encoding::{percent_decode_str, percent_encode};

use crate::endpoint::SEGMENT;

const ALGORITHM: &str = "SDK-HMAC-SHA256";

/// Returns the names of the headers that are signed, sorted.
pub(crate) fn signed_headers(headers: &HeaderMap) -> Vec<&HeaderName> {
    let is_signed = |name: &&HeaderName| {
        // The SDKs leave out headers with an underscore. Huawei does not document how several values
        // are signed.
        !is_of_one_connection(name)
            && !name.as_str().contains('_')
            && headers.get_all(*name).iter().nth(1).is_none()
    };
    let mut names: Vec<_> = headers.keys().filter(is_signed).collect();
    names.sort_unstable_by_key(|name| name.as_str());
    names
}

/// Returns whether a client or a proxy may change this header.
fn is_of_one_connection(name: &HeaderName) -> bool {
    const NAMES: [&str; 11] = [
        "connection",
        "content-length",
        "expect",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ];
    NAMES.contains(&name.as_str()) || name == header::AUTHORIZATION
}

/// Joins the names, for the canonical request and for `Authorization`.
pub(crate) fn join(signed: &[&HeaderName]) -> String {
    let mut names = String::with_capacity(128);
    for (index, name) in signed.iter().enumerate() {
        if index > 0 {
            names.push(';');
        }
        names.push_str(name.as_str());
    }
    names
}

/// Writes six parts: method, path, query, headers, their names, and the body's hash.
pub(crate) fn canonical_request(
    request: &Request<Vec<u8>>,
    signed: &[&HeaderName],
    names: &str,
) -> Vec<u8> {
    let uri = request.uri();
    let mut text = Vec::with_capacity(512);
    text.extend_from_slice(request.method().as_str().as_bytes());
    text.push(b'\n');
    push_path(&mut text, uri.path());
    text.push(b'\n');
    push_query(&mut text, uri.query().unwrap_or_default());
    text.push(b'\n');
    for name in signed {
        let value = request.headers().get(*name).map(HeaderValue::as_bytes).unwrap_or_default();
        text.extend_from_slice(name.as_str().as_bytes());
        text.push(b':');
        text.extend_from_slice(value.trim_ascii());
        text.push(b'\n');
    }
    text.push(b'\n');
    text.extend_from_slice(names.as_bytes());
    text.push(b'\n');
    text.extend_from_slice(hex(&Hash::hash(request.body())).as_bytes());
    text
}

/// Encodes each segment again, and adds a final slash even if the path on the wire has none.
fn push_path(text: &mut Vec<u8>, path: &str) {
    for segment in path.strip_prefix('/').unwrap_or(path).split('/') {
        text.push(b'/');
        push_encoded(text, &Cow::from(percent_decode_str(segment)));
    }
    if !text.ends_with(b"/") {
        text.push(b'/');
    }
}

/// Sorts the parameters by name and value and encodes them again.
fn push_query(text: &mut Vec<u8>, query: &str) {
    let decode = |text| -> Cow<'_, [u8]> { percent_decode_str(text).into() };
    let mut parameters: Vec<_> = query
        .split('&')
        .filter(|parameter| !parameter.is_empty())
        .map(|parameter| parameter.split_once('=').unwrap_or((parameter, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect();
    parameters.sort_unstable();
    for (index, (name, value)) in parameters.iter().enumerate() {
        if index > 0 {
            text.push(b'&');
        }
        push_encoded(text, name);
        text.push(b'=');
        push_encoded(text, value);
    }
}

fn push_encoded(text: &mut Vec<u8>, bytes: &[u8]) {
    for piece in percent_encode(bytes, SEGMENT) {
        text.extend_from_slice(piece.as_bytes());
    }
}

pub(crate) fn string_to_sign(date: &str, canonical_request: &[u8]) -> String {
    format!("{ALGORITHM}\n{date}\n{}", hex(&Hash::hash(canonical_request)))
}

pub(crate) fn signature(secret: &[u8], string_to_sign: &str) -> String {
    hex(&HMAC::mac(string_to_sign, secret))
}

/// Returns the value of `Authorization`.
pub(crate) fn authorization(id: &str, names: &str, signature: &str) -> String {
    [ALGORITHM, " Access=", id, ", SignedHeaders=", names, ", Signature=", signature].concat()
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| char::from(DIGITS[usize::from(value)]);
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(byte & 15));
    }
    text
}

#[cfg(test)]
mod tests {
    use alloc::{borrow::ToOwned, vec};

    use serde_json::Value;

    use super::*;
    use crate::{
        auth::{AccessKey, Authorize},
        time::Timestamp,
    };

    fn request(uri: &str) -> Request<Vec<u8>> {
        Request::builder().uri(uri).body(Vec::new()).expect("valid")
    }

    /// The vectors were computed by the official SDK and by an independent implementation.
    #[test]
    fn every_step_agrees_with_the_vectors() {
        let file: Value =
            serde_json::from_str(include_str!("../../tests/aksk-vectors.json")).expect("JSON");
        let vectors = file["vectors"].as_array().expect("vectors");
        assert_eq!(vectors.len(), 8);
        for vector in vectors {
            let text = |name: &str| vector[name].as_str().expect(name);
            let inputs = &vector["inputs"];
            let input = |name: &str| inputs[name].as_str().expect(name);
            let uri = format!("{}://{}{}", input("scheme"), input("host"), text("wire_path"));
            let mut request = request(&uri);
            *request.method_mut() = input("method").parse().expect("a method");
            *request.body_mut() = input("body").into();
            let mut key = AccessKey::new(input("access_key"), input("secret_key")).expect("a key");
            for (name, value) in inputs["headers"].as_object().expect("headers") {
                let value = value.as_str().expect("a value");
                match name.as_str() {
                    "X-Security-Token" => key = key.with_security_token(value).expect("valid"),
                    "X-Project-Id" => key = key.with_project_id(value).expect("valid"),
                    _ => {
                        let name: HeaderName = name.parse().expect("a name");
                        request.headers_mut().insert(name, value.parse().expect("a value"));
                    }
                }
            }
            let date = input("x_sdk_date");
            let now = timestamp(date);
            key.signer(now).authorize(&mut request);

            let name = text("name");
            assert_eq!(request.headers()["x-sdk-date"], date, "{name}");
            assert_eq!(request.headers()["host"], input("host"), "{name}");
            let signed = signed_headers(request.headers());
            let names = join(&signed);
            assert_eq!(names, text("signed_headers"), "{name}");
            let canonical = canonical_request(&request, &signed, &names);
            assert_eq!(str(&canonical), text("canonical_request"), "{name}");
            assert_eq!(str(&canonical).lines().nth(1), vector["canonical_uri"].as_str(), "{name}");
            assert_eq!(hex(&Hash::hash(&canonical)), text("canonical_request_sha256"), "{name}");
            let string_to_sign = string_to_sign(date, &canonical);
            assert_eq!(string_to_sign, text("string_to_sign"), "{name}");
            let signature = signature(input("secret_key").as_bytes(), &string_to_sign);
            assert_eq!(signature, text("signature"), "{name}");
            assert_eq!(request.headers()["authorization"], text("authorization"), "{name}");
        }
        assert_eq!(hex(&Hash::hash(b"")), file["empty_body_sha256"].as_str().expect("a hash"));
    }

    fn timestamp(sdk_date: &str) -> Timestamp {
        let d = sdk_date;
        let text =
            [&d[..4], "-", &d[4..6], "-", &d[6..11], ":", &d[11..13], ":", &d[13..]].concat();
        Timestamp::parse(&text).expect("a time")
    }

    fn str(bytes: &[u8]) -> &str {
        core::str::from_utf8(bytes).expect("ASCII")
    }

    #[test]
    fn canonical_paths_are_encoded_again() {
        let canonical = |path: &str| {
            let mut text = vec![];
            push_path(&mut text, path);
            str(&text).to_owned()
        };
        for (path, expected) in [
            ("/", "/"),
            ("", "/"),
            ("/a", "/a/"),
            ("/a/", "/a/"),
            ("/a//b", "/a//b/"),
            ("/a%2fb%7E~!$&'()*+,;=:@", "/a%2Fb~~%21%24%26%27%28%29%2A%2B%2C%3B%3D%3A%40/"),
            ("/%ff%zz%", "/%FF%25zz%25/"),
            ("/%25", "/%25/"),
        ] {
            assert_eq!(canonical(path), expected, "{path}");
        }
    }

    #[test]
    fn canonical_queries_are_sorted_and_encoded_again() {
        let canonical = |query: &str| {
            let mut text = vec![];
            push_query(&mut text, query);
            str(&text).to_owned()
        };
        for (query, expected) in [
            ("", ""),
            ("b=2&a=1", "a=1&b=2"),
            ("a=2&a=1&&", "a=1&a=2"),
            ("a", "a="),
            ("a=b=c", "a=b%3Dc"),
            ("a%20b=%e6&c=+", "a%20b=%E6&c=%2B"),
        ] {
            assert_eq!(canonical(query), expected, "{query}");
        }
    }

    #[test]
    fn signs_all_headers_but_those_of_a_connection() {
        let mut request = request("https://h/");
        for (name, value) in [
            ("x-b", "1"),
            ("x-a", " v "),
            ("with_underscore", "1"),
            ("twice", "1"),
            ("twice", "2"),
            ("connection", "close"),
            ("content-length", "0"),
            ("authorization", "Bearer old"),
            ("x-auth-token", "old"),
        ] {
            request.headers_mut().append(name, value.parse().expect("a value"));
        }
        let key =
            AccessKey::new("id", "secret").expect("valid").with_domain_id("d").expect("valid");
        key.signer(Timestamp::MAX).authorize(&mut request);
        let signed = signed_headers(request.headers());
        let names = join(&signed);
        assert_eq!(names, "host;x-a;x-b;x-domain-id;x-sdk-date");
        let canonical = canonical_request(&request, &signed, &names);
        assert!(str(&canonical).contains("\nx-a:v\nx-b:1\nx-domain-id:d\nx-sdk-date:9999"));
        assert!(!request.headers().contains_key("x-auth-token"));
        assert_eq!(request.headers().get_all("authorization").iter().count(), 1);

        // A caller may sign the same request again: only the timestamp counts.
        let first = request.headers()["authorization"].clone();
        key.signer(Timestamp::MAX).authorize(&mut request);
        assert_eq!(request.headers()["authorization"], first);
        key.signer(Timestamp::from_unix_time(core::time::Duration::ZERO)).authorize(&mut request);
        assert_ne!(request.headers()["authorization"], first);
        assert_eq!(request.headers()["x-sdk-date"], "19700101T000000Z");

        // A host that the caller has set is kept.
        request.headers_mut().insert("host", HeaderValue::from_static("other"));
        key.signer(Timestamp::MAX).authorize(&mut request);
        let signed = signed_headers(request.headers());
        let canonical = canonical_request(&request, &signed, &join(&signed));
        assert!(str(&canonical).contains("\nhost:other\n"));
    }
}
