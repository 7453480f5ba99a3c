//! Tests that a signed request arrives unchanged. The simulator computes each signature with its own code.

use std::{
    cell::Cell,
    time::{Duration, SystemTime},
};

use http::{HeaderName, HeaderValue, Request};
use huaweicloud_sms_core::{
    AccessKey, Authorize, Endpoint, ObtainCommand, Operation, ServerId, Timestamp,
};
use huaweicloud_sms_simulator::{Answer, Script, Simulator};
use huaweicloud_sms_transport::{Proxy, RootCerts, Settings};
use huaweicloud_sms_transport_conformance::{Adapter, Boxed};
use proptest::{
    prelude::*,
    sample::select,
    test_runner::{Config, TestRunner},
};

const AK: &str = "EXAMPLEAK00000000001";
const SK: &str = "ExampleSecretKeyForTestsOnly";

fn now() -> Timestamp {
    Timestamp::from_unix_time(SystemTime::UNIX_EPOCH.elapsed().expect("after 1970"))
}

fn settings() -> Settings {
    Settings::default().with_proxy(Proxy::Direct).with_timeout(Duration::from_secs(20))
}

/// A request to sign.
#[derive(Clone, Debug)]
struct Case {
    server_id: String,
    base_path: String,
    access_key: String,
    secret_key: String,
    security_token: Option<String>,
    project_id: Option<String>,
    query: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

fn case() -> impl Strategy<Value = Case> {
    let graphic = |lengths| {
        let character =
            select((b'!'..=b'~').filter(|c| *c != b',').map(char::from).collect::<Vec<_>>());
        prop::collection::vec(character, lengths).prop_map(String::from_iter)
    };
    let server_id = prop::collection::vec(any::<char>(), 1..60)
        .prop_map(String::from_iter)
        .prop_filter("an id", |id| ServerId::new(id).is_ok());
    let segment = prop_oneof![
        "[a-zA-Z0-9._~-]{1,12}",
        "[!$&'()*+,;=:@a]{1,8}",
        Just("%2f%41%E6%9c%8d".to_owned()),
        Just("%ff%25".to_owned()),
    ];
    let base_path = prop::collection::vec(segment, 0..4)
        .prop_map(|segments| segments.iter().map(|segment| format!("/{segment}")).collect())
        .prop_filter("a path", |path: &String| Endpoint::new(&format!("https://h{path}")).is_ok());
    let query = prop_oneof![
        2 => Just(String::new()),
        1 => "[a-c]=[0-9a-z._~%25-]{0,4}".prop_map(|query| query.replace('%', "%25")),
        1 => Just("b=2&a=%E6%9C%8D&a=1&c&&d=x+y&e==&%3D=%26".to_owned()),
    ];
    // Names that no client adds, changes or removes.
    let name = prop_oneof![
        "x-[a-z0-9]{1,8}(-[a-z]{1,4})?",
        Just("accept-language".to_owned()),
        Just("x_underscore".to_owned())
    ]
    .prop_filter("no name of the scheme", |name| !["x-sdk-date"].contains(&name.as_str()));
    let value = prop_oneof![
        "[ -~]{0,20}",
        Just("  spaced  \t".to_owned()),
        Just("a  b".to_owned()),
        Just("é服".to_owned()),
        Just(String::new()),
    ]
    .prop_map(String::into_bytes);
    let headers = prop::collection::vec((name, value), 0..5);
    let body = prop_oneof![Just(Vec::new()), prop::collection::vec(any::<u8>(), 1..200)];
    (
        (server_id, base_path, graphic(1..40), graphic(1..60)),
        (prop::option::of(graphic(1..80)), prop::option::of("[0-9a-f]{32}")),
        (query, headers, body),
    )
        .prop_map(|(names, (security_token, project_id), (query, headers, body))| {
            let (server_id, base_path, access_key, secret_key) = names;
            Case {
                server_id,
                base_path,
                access_key,
                secret_key,
                security_token,
                project_id,
                query,
                headers,
                body,
            }
        })
}

impl Case {
    fn key(&self) -> AccessKey {
        let mut key = AccessKey::new(&self.access_key, &self.secret_key).expect("a key");
        if let Some(token) = &self.security_token {
            key = key.with_security_token(token).expect("valid");
        }
        if let Some(id) = &self.project_id {
            key = key.with_project_id(id).expect("valid");
        }
        key
    }

    fn service(&self, tls: bool) -> Simulator {
        let script = Script::new().idle(&self.server_id, Answer::command("START", None));
        let script = match &self.security_token {
            Some(token) => script.temporary_key(&self.access_key, &self.secret_key, token),
            None => script.access_key(&self.access_key, &self.secret_key),
        };
        let builder = Simulator::builder().script(script).base_path(self.base_path.as_str());
        let builder = if tls { builder.tls() } else { builder };
        builder.start().expect("started")
    }

    /// Makes the request of a call, with everything that a caller may add before it is signed.
    fn request(&self, service: &Simulator) -> Request<Vec<u8>> {
        let url = service.url();
        let endpoint = Endpoint::new(&url).or_else(|_| Endpoint::cleartext(&url));
        let endpoint = endpoint.expect("an endpoint");
        let id = ServerId::new(&self.server_id).expect("an id");
        let key = self.key();
        let signer = key.signer(now());
        let mut request = ObtainCommand::new(&endpoint, &id).request(&signer);
        if !self.query.is_empty() {
            let uri = format!("{}?{}", request.uri(), self.query);
            *request.uri_mut() = uri.parse().expect("a URI");
        }
        for (name, value) in &self.headers {
            let name: HeaderName = name.parse().expect("a name");
            let value = HeaderValue::from_bytes(value).expect("a value");
            request.headers_mut().insert(name, value);
        }
        *request.body_mut() = self.body.clone();
        signer.authorize(&mut request);
        request
    }
}

/// Sends each case through every transport, on a connection of its own. Some use TLS.
#[test]
fn any_request_verifies() {
    let trusting = |service: &Simulator| {
        let pem = service.ca_pem().map(|pem| RootCerts::Pem(pem.into()));
        pem.map_or(settings(), |trust| settings().with_root_certs(trust))
    };
    let plain: Vec<Boxed> = Adapter::ALL.iter().map(|adapter| adapter.start(settings())).collect();
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        ..Config::with_cases(Config::default().cases.max(256))
    });
    let (count, over_tls) = (Cell::new(0), Cell::new(0));
    let result = runner.run(&(case(), 0..16_u8), |(case, dice)| {
        let tls = dice == 0;
        let service = case.service(tls);
        let request = case.request(&service);
        for (adapter, transport) in Adapter::ALL.iter().zip(&plain) {
            let own;
            let transport = match tls {
                true if !adapter.connects() => continue,
                true => {
                    own = adapter.start(trusting(&service));
                    &own
                }
                false => transport,
            };
            let response = transport.execute(request.clone()).expect("a response");
            let body = String::from_utf8_lossy(response.body()).into_owned();
            prop_assert_eq!(response.status(), 200, "{:?}: {}", adapter, body);
            count.set(count.get() + 1);
            over_tls.set(over_tls.get() + u32::from(tls));
        }
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    let (count, over_tls) = (count.get(), over_tls.get());
    assert!(count >= 1000 && over_tls > 0, "{count}, of these {over_tls} over TLS");
}

#[test]
fn a_changed_request_does_not_verify() {
    let script = || {
        let idle = Answer::command("START", None);
        Script::new().idle("id", idle.clone()).idle("other", idle).access_key(AK, SK)
    };
    let key = AccessKey::new(AK, SK).expect("a key").with_project_id("p").expect("valid");
    for adapter in Adapter::ALL {
        let transport = adapter.start(settings());
        let status_after = |change: fn(&mut Request<Vec<u8>>)| {
            // Each change has a simulator of its own, because six rejections in a row lock a key.
            let service = Simulator::builder().script(script()).start().expect("started");
            let endpoint = Endpoint::cleartext(&service.url()).expect("an endpoint");
            let id = ServerId::new("id").expect("an id");
            let mut request = ObtainCommand::new(&endpoint, &id).request(&key.signer(now()));
            change(&mut request);
            transport.execute(request).expect("a response").status().as_u16()
        };
        assert_eq!(status_after(|_| ()), 200, "{adapter:?}");
        // A header that is not signed may be added.
        assert_eq!(
            status_after(|request| drop(
                request.headers_mut().insert("via", HeaderValue::from_static("p"))
            )),
            200
        );
        let changes: [fn(&mut Request<Vec<u8>>); 6] = [
            |request| {
                let uri = request.uri().to_string().replace("/id/", "/other/");
                *request.uri_mut() = uri.parse().expect("a URI");
            },
            |request| *request.uri_mut() = format!("{}?a=b", request.uri()).parse().expect("a URI"),
            |request| drop(request.headers_mut().insert("host", HeaderValue::from_static("other"))),
            |request| {
                drop(request.headers_mut().insert("x-project-id", HeaderValue::from_static("q")))
            },
            |request| drop(request.headers_mut().remove("x-project-id")),
            |request| drop(request.headers_mut().insert("accept", HeaderValue::from_static("*/*"))),
        ];
        for (index, change) in changes.into_iter().enumerate() {
            assert_eq!(status_after(change), 401, "{adapter:?}: change {index}");
        }
    }
}
