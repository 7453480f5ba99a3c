//! Tests of signatures, and of the clock that they depend on.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use huaweicloud_sms_simulator::Script;
use ring::{digest, hmac};
use time::OffsetDateTime;

use crate::{MINUTE, PATH, get, send, unauthenticated, with_server};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Formats as `20190213T065213Z`.
fn sdk_date(timestamp: SystemTime) -> String {
    let at = OffsetDateTime::UNIX_EPOCH + timestamp.duration_since(UNIX_EPOCH).expect("after 1970");
    let (year, month, day) = at.to_calendar_date();
    let (hour, minute, second) = at.to_hms();
    let month = u8::from(month);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

pub(crate) struct ToSign {
    pub(crate) method: &'static str,
    pub(crate) target: &'static str,
    /// The path and the query as they are signed.
    pub(crate) canonical: &'static str,
    pub(crate) date: SystemTime,
    pub(crate) security_token: Option<&'static str>,
    pub(crate) body: &'static str,
}

/// Returns the request for the command of server `a`, with the present time.
pub(crate) fn to_sign() -> ToSign {
    ToSign {
        method: "GET",
        target: PATH,
        canonical: "/v3/sources/a/command/\n",
        date: SystemTime::now(),
        security_token: None,
        body: "",
    }
}

impl ToSign {
    pub(crate) fn signed(&self, id: &str, secret: &str) -> String {
        let date = sdk_date(self.date);
        let (mut lines, mut names) = (format!("host:h\nx-sdk-date:{date}\n"), "host;x-sdk-date");
        let mut sent = format!("Host: h\r\nX-Sdk-Date: {date}\r\n");
        if let Some(token) = self.security_token {
            lines.push_str(&format!("x-security-token:{token}\n"));
            sent.push_str(&format!("X-Security-Token:  {token} \r\n"));
            names = "host;x-sdk-date;x-security-token";
        }
        let hash = |text: &str| hex(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
        let canonical =
            format!("{}\n{}\n{lines}\n{names}\n{}", self.method, self.canonical, hash(self.body));
        let to_sign = format!("SDK-HMAC-SHA256\n{date}\n{}", hash(&canonical));
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let signature = hex(hmac::sign(&key, to_sign.as_bytes()).as_ref());
        format!(
            "{} {} HTTP/1.1\r\n{sent}Content-Type: application/json\r\nContent-Length: {}\r\n\
             Authorization: SDK-HMAC-SHA256 Access={id}, SignedHeaders={names}, \
             Signature={signature}\r\n\r\n{}",
            self.method,
            self.target,
            self.body.len(),
            self.body
        )
    }
}

pub(crate) fn signed(secret: &str) -> String {
    to_sign().signed("AK", secret)
}

#[test]
fn a_valid_signature_needs_no_token() {
    let simulator = with_server(Script::new().access_key("AK", "SK"));
    let response = send(&simulator, &signed("SK"));
    assert_eq!((response.status, response.body.as_str()), (200, "{}"));
    // A signature takes precedence over any token.
    let both = |secret| signed(secret).replace("Host: h", "Host: h\r\nX-Auth-Token: t");
    assert_eq!(send(&simulator, &both("SK")).status, 200);
    assert_eq!(
        send(&simulator, &both("wrong")).error(),
        unauthenticated("verify aksk signature fail")
    );
    // A request without a signature needs a valid token, which nobody can have here.
    let (status, message) = send(&simulator, &get(PATH, "t")).error();
    assert_eq!((status, message.as_str()), (401, "SMS.6521 Token authentication failed."));
    let unsigned = signed("SK").replace("SDK-HMAC-SHA256 Access", "Basic Access");
    assert!(send(&simulator, &unsigned).body.contains("SMS.6522"));
    assert!(!format!("{:?}", simulator.requests()).contains("Signature"));
}

#[test]
fn signatures_are_checked_after_the_path_and_before_the_rest() {
    let simulator = with_server(Script::new().access_key("AK", "SK"));
    let elsewhere = signed("wrong").replace("/command", "/x");
    assert!(send(&simulator, &elsewhere).body.contains("APIGW.0101"));
    let text = signed("SK").replace("application/json", "text/plain");
    assert!(send(&simulator, &text).body.contains("SMS.6016"));
    let text = signed("wrong").replace("application/json", "text/plain");
    assert!(send(&simulator, &text).body.contains("APIGW.0301"));
    let unknown = ToSign {
        target: "/v3/sources/b/command",
        canonical: "/v3/sources/b/command/\n",
        ..to_sign()
    };
    assert!(send(&simulator, &unknown.signed("AK", "SK")).body.contains("SMS.7602"));
}

#[test]
fn the_error_says_what_is_wrong_with_a_signature() {
    let simulator = with_server(Script::new().access_key("AK", "SK"));
    let fail = unauthenticated("verify aksk signature fail");
    let right = signed("SK");
    let unknown = to_sign().signed("other", "SK");
    assert_eq!(send(&simulator, &unknown).error(), unauthenticated("Get secretKey failed"));
    for wrong in [
        signed("sk"),
        right.replace("X-Sdk-Date", "X-Date"),
        right.replace(", Signature", ",Signature"),
        right.replace("Access=", "Credential="),
    ] {
        let response = send(&simulator, &wrong);
        assert_eq!(response.error(), fail, "{wrong}");
        assert_eq!(response.json()["request_id"].as_str(), response.header("x-request-id"));
    }
    let old = ToSign { date: SystemTime::now() - 20 * MINUTE, ..to_sign() };
    let expired = unauthenticated("verify aksk signature fail, signature expired");
    assert_eq!(send(&simulator, &old.signed("AK", "SK")).error(), expired);
}

#[test]
fn path_query_and_body_are_covered() {
    let simulator = with_server(Script::new().access_key("AK", "SK"));
    let request = ToSign {
        target: "/v3/sources/%61/command?b=%2a&a=&b=1+2",
        canonical: "/v3/sources/a/command/\na=&b=%2A&b=1%2B2",
        body: "{}",
        ..to_sign()
    };
    let right = request.signed("AK", "SK");
    assert_eq!(send(&simulator, &right).status, 200, "{right}");
    let same = right.replace("?b=%2a&a=&b=1+2", "?a&b=1%2B2&b=*");
    assert_eq!(send(&simulator, &same).status, 200);
    for (old, new) in
        [("a=&", "a=1&"), ("1+2", "1%202"), ("a=&", ""), ("\r\n\r\n{}", "\r\n\r\n[]"), ("%61", "b")]
    {
        // A success in between prevents a lock of the key.
        assert_eq!(send(&simulator, &right).status, 200);
        let wrong = right.replace(old, new);
        assert_ne!(wrong, right);
        assert_eq!(send(&simulator, &wrong).error(), unauthenticated("verify aksk signature fail"));
    }
}

#[test]
fn more_than_five_failures_lock_the_key() {
    let simulator = with_server(Script::new().access_key("AK", "SK").access_key("AK2", "SK2"));
    let locked = unauthenticated("AK access failed to reach the limit,forbidden.");
    for _ in 0..6 {
        let error = send(&simulator, &signed("wrong")).error();
        assert_eq!(error, unauthenticated("verify aksk signature fail"));
    }
    assert_eq!(send(&simulator, &signed("SK")).error(), locked);
    assert_eq!(send(&simulator, &to_sign().signed("AK2", "SK2")).status, 200);
    simulator.advance(4 * MINUTE);
    assert_eq!(send(&simulator, &signed("wrong")).error(), locked);
    simulator.advance(MINUTE);
    assert_eq!(send(&simulator, &signed("SK")).status, 200);
}

#[test]
fn signatures_follow_the_simulators_clock() {
    for (script, is_accepted) in [
        (Script::new().clock_ahead(20 * MINUTE), false),
        (Script::new().clock_ahead(10 * MINUTE), true),
        (Script::new().clock_behind(20 * MINUTE), false),
        (Script::new().clock_behind(10 * MINUTE), true),
        // The last call to set the offset counts.
        (Script::new().clock_ahead(20 * MINUTE).clock_behind(Duration::ZERO), true),
    ] {
        let simulator = with_server(script.access_key("AK", "SK"));
        let response = send(&simulator, &signed("SK"));
        assert_eq!(response.status == 200, is_accepted, "{}", response.body);
        // A signature by the simulator's clock is always accepted.
        let adjusted = ToSign { date: simulator.now(), ..to_sign() };
        assert_eq!(send(&simulator, &adjusted.signed("AK", "SK")).status, 200);
    }
}

#[test]
fn the_date_header_follows_the_simulators_clock() {
    let day = 24 * 60 * MINUTE;
    let simulator = with_server(Script::new().clock_ahead(365 * day));
    let year = |timestamp| sdk_date(timestamp)[..4].parse::<u32>().expect("a year");
    for days_ahead in [365, 4 * 365] {
        let response = send(&simulator, &get(PATH, "t"));
        let date = response.header("date").expect("a date");
        let now = year(simulator.now());
        // A year may end between the response and `now`.
        let is_of = |year: u32| date.contains(&format!(" {year} "));
        assert!(is_of(now) || is_of(now - 1), "{date}");
        assert!(simulator.now() > SystemTime::now() + (days_ahead - 1) * day);
        simulator.advance(3 * 365 * day);
    }
}

#[test]
fn temporary_keys_need_their_security_token() {
    let simulator =
        with_server(Script::new().temporary_key("AK", "SK", "ST").access_key("B", "SK"));
    let with = |security_token| ToSign { security_token, ..to_sign() };
    assert_eq!(send(&simulator, &with(Some("ST")).signed("AK", "SK")).status, 200);
    let fail = unauthenticated("verify aksk signature fail");
    for security_token in [None, Some("other")] {
        assert_eq!(send(&simulator, &with(security_token).signed("AK", "SK")).error(), fail);
    }
    // A security token that is not signed is not accepted.
    let added = with(None).signed("AK", "SK").replace("Host: h", "Host: h\r\nX-Security-Token: ST");
    assert_eq!(send(&simulator, &added).error(), fail);
    // A permanent key has no security token.
    assert_eq!(send(&simulator, &with(Some("ST")).signed("B", "SK")).error(), fail);
    assert_eq!(send(&simulator, &with(None).signed("B", "SK")).status, 200);
}
