//! Verifies [SDK-HMAC-SHA256](https://support.huaweicloud.com/devg-apisign/api-sign-algorithm-001.html)
//! signatures in their `Access=` form, from the request as it arrived.

use percent_encoding::{
    AsciiSet, NON_ALPHANUMERIC, PercentEncode, percent_decode_str, percent_encode,
};
use ring::{digest, hmac};

use crate::{
    request::Request,
    secret::{hex, unhex},
};

const ALGORITHM: &str = "SDK-HMAC-SHA256";

/// Headers that must be signed if a request has them. They select the project or account of the request, so
/// an attacker must not be able to add them.
const SIGNED_IF_SENT: [&str; 3] = ["x-security-token", "x-project-id", "x-domain-id"];

const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Returns whether a request has a signature, valid or not.
pub(crate) fn is_signed(request: &Request) -> bool {
    request.all("authorization").any(|value| value.starts_with(ALGORITHM.as_bytes()))
}

/// The parts of an `Authorization` header.
pub(crate) struct Authorization<'a> {
    /// The id of the access key.
    pub(crate) access: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
}

impl<'a> Authorization<'a> {
    /// Parses the header. Returns `None` if it has another form or does not occur exactly once.
    pub(crate) fn of(request: &'a Request) -> Option<Self> {
        let value = std::str::from_utf8(request.only("authorization")?).ok()?;
        let parts = value.strip_prefix(ALGORITHM)?.strip_prefix(" Access=")?;
        let (access, parts) = parts.split_once(", SignedHeaders=")?;
        let (signed_headers, signature) = parts.split_once(", Signature=")?;
        Some(Self { access, signed_headers, signature })
    }

    /// Returns whether `secret` signed this request, and all headers that must be signed.
    pub(crate) fn is_right(&self, request: &Request, secret: &str) -> bool {
        let parts = || {
            let date = std::str::from_utf8(request.only("x-sdk-date")?).ok()?;
            let names = signed_names(request, self.signed_headers)?;
            Some((canonical_request(request, &names)?, date, tag(self.signature)?))
        };
        // `hmac::verify` takes constant time.
        parts().is_some_and(|(canonical, date, tag)| {
            hmac::verify(&key(secret), string_to_sign(date, &canonical).as_bytes(), &tag).is_ok()
        })
    }
}

fn key(secret: &str) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())
}

/// Decodes a signature of 64 lower-case hexadecimal digits.
fn tag(signature: &str) -> Option<[u8; 32]> {
    let is_lower = !signature.bytes().any(|digit| digit.is_ascii_uppercase());
    unhex(signature).filter(|_| is_lower)?.try_into().ok()
}

/// Splits the names of the signed headers. Returns `None` if they are not lower-case, sorted and
/// unique, or if a required name is missing.
fn signed_names<'a>(request: &Request, names: &'a str) -> Option<Vec<&'a str>> {
    let names: Vec<&str> = names.split(';').collect();
    let has = |name: &str| names.contains(&name);
    let is_valid = names.windows(2).all(|pair| pair[0] < pair[1])
        && names.iter().all(|name| !name.bytes().any(|byte| byte.is_ascii_uppercase()))
        && has("host")
        && has("x-sdk-date")
        && SIGNED_IF_SENT.iter().all(|name| has(name) || request.header(name).is_none());
    is_valid.then_some(names)
}

/// Builds the canonical request. Returns `None` if a signed header does not occur exactly once.
fn canonical_request(request: &Request, names: &[&str]) -> Option<Vec<u8>> {
    let mut canonical =
        format!("{}\n{}\n{}\n", request.method, canonical_uri(request), canonical_query(request))
            .into_bytes();
    for name in names {
        canonical.extend_from_slice(name.as_bytes());
        canonical.push(b':');
        canonical.extend_from_slice(request.only(name)?);
        canonical.push(b'\n');
    }
    let body = digest::digest(&digest::SHA256, &request.body);
    canonical
        .extend_from_slice(format!("\n{}\n{}", names.join(";"), hex(body.as_ref())).as_bytes());
    Some(canonical)
}

fn canonical_uri(request: &Request) -> String {
    let segments = request.path().split('/').map(|segment| {
        let decoded: Vec<u8> = percent_decode_str(segment).collect();
        encoded(&decoded).to_string()
    });
    let mut uri = segments.collect::<Vec<_>>().join("/");
    if !uri.ends_with('/') {
        uri.push('/');
    }
    uri
}

fn canonical_query(request: &Request) -> String {
    let mut pairs = request.query();
    pairs.sort();
    let pairs = pairs.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
    pairs.collect::<Vec<_>>().join("&")
}

fn encoded(bytes: &[u8]) -> PercentEncode<'_> {
    percent_encode(bytes, ENCODED)
}

fn string_to_sign(date: &str, canonical_request: &[u8]) -> String {
    let hash = digest::digest(&digest::SHA256, canonical_request);
    format!("{ALGORITHM}\n{date}\n{}", hex(hash.as_ref()))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Vectors {
        vectors: Vec<Vector>,
    }

    #[derive(Deserialize)]
    pub(crate) struct Vector {
        pub(crate) name: String,
        pub(crate) inputs: Inputs,
        wire_path: String,
        canonical_uri: String,
        signed_headers: String,
        canonical_request: String,
        canonical_request_sha256: String,
        string_to_sign: String,
        signature: String,
        authorization: String,
    }

    #[derive(Deserialize)]
    pub(crate) struct Inputs {
        pub(crate) access_key: String,
        pub(crate) secret_key: String,
        method: String,
        host: String,
        pub(crate) x_sdk_date: String,
        query: String,
        body: String,
        pub(crate) headers: BTreeMap<String, String>,
    }

    pub(crate) fn vectors() -> Vec<Vector> {
        let json = include_str!("aksk-vectors.json");
        let Vectors { vectors } = serde_json::from_str(json).expect("vectors");
        assert_eq!(vectors.len(), 8);
        vectors
    }

    impl Vector {
        /// Returns the request of the vector as the simulator receives it.
        pub(crate) fn request(&self) -> Request {
            let Inputs { method, host, x_sdk_date, query, body, headers, .. } = &self.inputs;
            assert!(query.is_empty(), "{}: with a query the target is another", self.name);
            let own = [("Host", host), ("X-Sdk-Date", x_sdk_date)];
            let given = headers.iter().map(|(name, value)| (name.as_str(), value));
            let authorization = ("Authorization", &self.authorization);
            let sent = own.into_iter().chain(given).chain([authorization]);
            Request {
                method: method.clone(),
                target: self.wire_path.clone(),
                headers: sent
                    .map(|(name, value)| (name.to_owned(), value.clone().into_bytes()))
                    .collect(),
                body: body.clone().into_bytes(),
                ..Request::default()
            }
        }
    }

    /// Returns a request with `headers`. The secret `s` has signed those that `names` lists.
    fn signed(target: &str, headers: &[(&str, &str)], names: &str) -> Request {
        let mut request = Request {
            method: "GET".into(),
            target: target.into(),
            headers: headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
                .collect(),
            ..Request::default()
        };
        let listed: Vec<&str> = names.split(';').collect();
        let canonical = canonical_request(&request, &listed).unwrap_or_default();
        let signature = hmac::sign(&key("s"), string_to_sign("d", &canonical).as_bytes());
        let signature = hex(signature.as_ref());
        let value = format!("{ALGORITHM} Access=a, SignedHeaders={names}, Signature={signature}");
        request.headers.push(("Authorization".into(), value.into_bytes()));
        request
    }

    fn is_right(request: &Request) -> bool {
        Authorization::of(request).is_some_and(|parts| parts.is_right(request, "s"))
    }

    #[test]
    fn every_step_of_every_vector_is_right() {
        for vector in vectors() {
            let (request, name) = (vector.request(), &vector.name);
            let parts = Authorization::of(&request).expect(name);
            assert_eq!(parts.access, vector.inputs.access_key, "{name}");
            assert_eq!(parts.signed_headers, vector.signed_headers, "{name}");
            assert_eq!(canonical_uri(&request), vector.canonical_uri, "{name}");
            let names = signed_names(&request, parts.signed_headers).expect(name);
            let canonical = canonical_request(&request, &names).expect(name);
            assert_eq!(String::from_utf8_lossy(&canonical), vector.canonical_request, "{name}");
            let hash = digest::digest(&digest::SHA256, &canonical);
            assert_eq!(hex(hash.as_ref()), vector.canonical_request_sha256, "{name}");
            let to_sign = string_to_sign(&vector.inputs.x_sdk_date, &canonical);
            assert_eq!(to_sign, vector.string_to_sign, "{name}");
            let signature = hmac::sign(&key(&vector.inputs.secret_key), to_sign.as_bytes());
            assert_eq!(hex(signature.as_ref()), vector.signature, "{name}");
            assert!(parts.is_right(&request, &vector.inputs.secret_key), "{name}");
            assert!(!parts.is_right(&request, "another"), "{name}");
        }
    }

    #[test]
    fn paths_and_queries_are_canonical() {
        for (target, uri, query) in [
            ("/", "/", ""),
            ("/a", "/a/", ""),
            ("/a/?", "/a/", ""),
            ("/a%2fb//c+~%7E", "/a%2Fb//c%2B~~/", ""),
            ("/%zz%", "/%25zz%25/", ""),
            ("/?b=2&a=%20&b=10&&c&%c3%a9==", "/", "a=%20&b=10&b=2&c=&%C3%A9=%3D"),
            ("/?a=1?b+c", "/", "a=1%3Fb%2Bc"),
            ("/?a.b=&a=", "/", "a=&a.b="),
        ] {
            let request = Request { target: target.into(), ..Request::default() };
            let canonical = (canonical_uri(&request), canonical_query(&request));
            assert_eq!(canonical, (uri.to_owned(), query.to_owned()));
        }
    }

    #[test]
    fn required_headers_are_signed_once() {
        let basic = [("HOST", "h"), ("X-Sdk-Date", "d")];
        assert!(is_right(&signed("/", &basic, "host;x-sdk-date")));
        for names in ["x-sdk-date;host", "host", "x-sdk-date", "Host;x-sdk-date", ""] {
            assert!(!is_right(&signed("/", &basic, names)), "{names}");
        }
        for names in ["host;host;x-sdk-date", "host;x-other;x-sdk-date", ";host;x-sdk-date"] {
            assert!(!is_right(&signed("/", &basic, names)), "{names}");
        }
        for name in ["X-Security-Token", "X-Project-Id", "X-Domain-Id"] {
            let mut headers = vec![("host", "h"), ("x-sdk-date", "d"), (name, "v")];
            assert!(!is_right(&signed("/", &headers, "host;x-sdk-date")), "{name}");
            let mut names = ["host", "x-sdk-date", &name.to_ascii_lowercase()];
            names.sort_unstable();
            assert!(is_right(&signed("/", &headers, &names.join(";"))), "{name}");
            headers.push((name, "v"));
            assert!(!is_right(&signed("/", &headers, &names.join(";"))), "{name} twice");
        }
        // A header that is not signed may occur twice.
        let free = [("host", "h"), ("x-sdk-date", "d"), ("accept", "1"), ("accept", "2")];
        assert!(is_right(&signed("/", &free, "host;x-sdk-date")));
        let twice = [("host", "h"), ("host", "h"), ("x-sdk-date", "d")];
        assert!(!is_right(&signed("/", &twice, "host;x-sdk-date")));
    }

    #[test]
    fn other_forms_are_rejected() {
        let with = |values: &[&str]| Request {
            headers: values
                .iter()
                .map(|value| ("authorization".to_owned(), value.as_bytes().to_vec()))
                .collect(),
            ..Request::default()
        };
        let good = "SDK-HMAC-SHA256 Access=a, SignedHeaders=b, Signature=c";
        assert!(Authorization::of(&with(&[good])).is_some());
        for values in [
            &["SDK-HMAC-SHA256"][..],
            &["SDK-HMAC-SHA256 Credential=a/b, SignedHeaders=b, Signature=c"],
            &["SDK-HMAC-SHA256 SignedHeaders=b, Access=a, Signature=c"],
            &["SDK-HMAC-SHA256 Access=a,SignedHeaders=b,Signature=c"],
            &[good, good],
            &["Basic eA==", good],
        ] {
            assert!(is_signed(&with(values)), "{values:?}");
            assert!(Authorization::of(&with(values)).is_none(), "{values:?}");
        }
        assert!(!is_signed(&with(&["Basic eA=="])));
        for signature in ["", "0", "é", &"0".repeat(63), &"0".repeat(66), &"A".repeat(64)] {
            assert_eq!(tag(signature), None, "{signature}");
        }
        assert_eq!(tag(&"0f".repeat(32)), Some([15; 32]));
    }
}
