//! Who may ask: signatures, tokens, and the clock that both depend on.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use huaweicloud_sms_simulator::{Answer, Script, Simulator};
use ring::{digest, hmac};
use serde_json::{Value, json};

const LONG: Duration = Duration::from_secs(30);
const MINUTE: Duration = Duration::from_secs(60);
const PATH: &str = "/v3/sources/a/command";
const TOKENS: &str = "/v3/auth/tokens";

/// One response, its head in lower case but for the values.
struct Response {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Response {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    /// Status and message, in whichever form.
    fn refusal(&self) -> (u16, String) {
        let json = self.json();
        let code = json["error_code"].as_str().unwrap_or("IAM");
        let message = json["error_msg"].as_str().or_else(|| json["error"]["message"].as_str());
        (self.status, format!("{code} {}", message.unwrap_or_default()))
    }
}

fn ask(simulator: &Simulator, request: &str) -> Response {
    let mut stream = TcpStream::connect(simulator.addr()).expect("listening");
    stream.set_read_timeout(Some(LONG)).expect("a limit");
    let request = request.replacen("\r\n", "\r\nConnection: close\r\n", 1);
    stream.write_all(request.as_bytes()).expect("sent");
    let mut all = String::new();
    stream.read_to_string(&mut all).expect("closed after the answer");
    let (head, body) = all.split_once("\r\n\r\n").expect("a head");
    let headers = head.lines().skip(1).filter_map(|line| line.split_once(": "));
    Response {
        status: head[9..12].parse().expect("a status"),
        headers: headers.map(|(name, value)| (name.to_ascii_lowercase(), value.into())).collect(),
        body: body.into(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `20190213T065213Z`.
fn sdk_date(moment: SystemTime) -> String {
    let seconds = moment.duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let (mut day, time, mut year) = (seconds / 86_400, seconds % 86_400, 1970);
    // No test comes near the year 2100.
    let is_leap = |year: u64| u64::from(year % 4 == 0);
    while day >= 365 + is_leap(year) {
        day -= 365 + is_leap(year);
        year += 1;
    }
    let mut month = 1;
    for length in [31, 28 + is_leap(year), 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if day < length {
            break;
        }
        day -= length;
        month += 1;
    }
    let (day, hour, minute, second) = (day + 1, time / 3600, time / 60 % 60, time % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

struct ToSign {
    target: String,
    /// The path and the query as they are signed, for the test knows them.
    canonical: &'static str,
    date: SystemTime,
    security_token: Option<&'static str>,
    body: &'static str,
}

fn to_sign() -> ToSign {
    ToSign {
        target: PATH.into(),
        canonical: "/v3/sources/a/command/\n",
        date: SystemTime::now(),
        security_token: None,
        body: "",
    }
}

impl ToSign {
    fn signed(&self, id: &str, secret: &str) -> String {
        let date = sdk_date(self.date);
        let (mut lines, mut names) = (format!("host:h\nx-sdk-date:{date}\n"), "host;x-sdk-date");
        let mut sent = format!("Host: h\r\nX-Sdk-Date: {date}\r\n");
        if let Some(token) = self.security_token {
            lines.push_str(&format!("x-security-token:{token}\n"));
            sent.push_str(&format!("X-Security-Token:  {token} \r\n"));
            names = "host;x-sdk-date;x-security-token";
        }
        let hash = |text: &str| hex(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
        let canonical = format!("GET\n{}\n{lines}\n{names}\n{}", self.canonical, hash(self.body));
        let to_sign = format!("SDK-HMAC-SHA256\n{date}\n{}", hash(&canonical));
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let signature = hex(hmac::sign(&key, to_sign.as_bytes()).as_ref());
        format!(
            "GET {} HTTP/1.1\r\n{sent}Content-Type: application/json\r\nContent-Length: {}\r\n\
             Authorization: SDK-HMAC-SHA256 Access={id}, SignedHeaders={names}, \
             Signature={signature}\r\n\r\n{}",
            self.target,
            self.body.len(),
            self.body
        )
    }
}

fn signed(secret: &str) -> String {
    to_sign().signed("AK", secret)
}

fn with_token(token: &str) -> String {
    format!(
        "GET {PATH} HTTP/1.1\r\nHost: h\r\nX-Auth-Token: {token}\r\n\
         Content-Type: application/json\r\n\r\n"
    )
}

fn login(target: &str, body: &str) -> String {
    format!(
        "POST {target} HTTP/1.1\r\nHost: h\r\nContent-Type: application/json;charset=utf8\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn password(password: &str, scope: Value) -> String {
    let user = json!({ "name": "u", "password": password, "domain": { "name": "d" } });
    let identity = json!({ "methods": ["password"], "password": { "user": user } });
    json!({ "auth": { "identity": identity, "scope": scope } }).to_string()
}

fn ask_for_token(simulator: &Simulator) -> String {
    let response =
        ask(simulator, &login(TOKENS, &password("p", json!({ "domain": { "name": "d" } }))));
    assert_eq!(response.status, 201, "{}", response.body);
    response.header("x-subject-token").expect("a token").to_owned()
}

fn started(script: Script) -> Simulator {
    Simulator::builder().script(script.server("a", [])).start().expect("started")
}

/// What the gateway says, behind the words that are always the same.
fn gateway(why: &str) -> (u16, String) {
    (401, format!("APIGW.0301 Incorrect IAM authentication information: {why}"))
}

#[test]
fn a_good_signature_is_enough() {
    let simulator = started(Script::new().access_key("AK", "SK"));
    let response = ask(&simulator, &signed("SK"));
    assert_eq!((response.status, response.body.as_str()), (200, "{}"));
    // It goes before a token, whatever that is.
    let both = |secret| signed(secret).replace("Host: h", "Host: h\r\nX-Auth-Token: t");
    assert_eq!(ask(&simulator, &both("SK")).status, 200);
    assert_eq!(ask(&simulator, &both("wrong")).refusal(), gateway("verify aksk signature fail"));
    // What is not signed is judged by its token, and there is none to be had.
    let (status, message) = ask(&simulator, &with_token("t")).refusal();
    assert_eq!((status, message.as_str()), (401, "SMS.6521 Token authentication failed."));
    let unsigned = signed("SK").replace("SDK-HMAC-SHA256 Access", "Basic Access");
    assert!(ask(&simulator, &unsigned).body.contains("SMS.6522"));
    assert!(!format!("{:?}", simulator.requests()).contains("Signature"));
}

#[test]
fn the_order_of_the_checks_stays() {
    let simulator = started(Script::new().access_key("AK", "SK"));
    let elsewhere = signed("wrong").replace("/command", "/x");
    assert!(ask(&simulator, &elsewhere).body.contains("APIGW.0101"));
    let text = signed("SK").replace("application/json", "text/plain");
    assert!(ask(&simulator, &text).body.contains("SMS.6016"));
    let text = signed("wrong").replace("application/json", "text/plain");
    assert!(ask(&simulator, &text).body.contains("APIGW.0301"));
    let unknown = ToSign {
        target: "/v3/sources/b/command".into(),
        canonical: "/v3/sources/b/command/\n",
        ..to_sign()
    };
    assert!(ask(&simulator, &unknown.signed("AK", "SK")).body.contains("SMS.7602"));
}

#[test]
fn what_is_wrong_with_a_signature_is_said() {
    let simulator = started(Script::new().access_key("AK", "SK"));
    let fail = gateway("verify aksk signature fail");
    let right = signed("SK");
    let unknown = to_sign().signed("other", "SK");
    assert_eq!(ask(&simulator, &unknown).refusal(), gateway("Get secretKey failed"));
    for wrong in [
        signed("sk"),
        right.replace("X-Sdk-Date", "X-Date"),
        right.replace(", Signature", ",Signature"),
        right.replace("Access=", "Credential="),
    ] {
        let response = ask(&simulator, &wrong);
        assert_eq!(response.refusal(), fail, "{wrong}");
        assert_eq!(response.json()["request_id"].as_str(), response.header("x-request-id"));
    }
    let old = ToSign { date: SystemTime::now() - 20 * MINUTE, ..to_sign() };
    let expired = gateway("verify aksk signature fail, signature expired");
    assert_eq!(ask(&simulator, &old.signed("AK", "SK")).refusal(), expired);
}

#[test]
fn path_query_and_body_are_covered() {
    let simulator = started(Script::new().access_key("AK", "SK"));
    let request = ToSign {
        target: "/v3/sources/%61/command?b=%2a&a=&b=1+2".into(),
        canonical: "/v3/sources/a/command/\na=&b=%2A&b=1%2B2",
        body: "{}",
        ..to_sign()
    };
    let right = request.signed("AK", "SK");
    assert_eq!(ask(&simulator, &right).status, 200, "{right}");
    let same = right.replace("?b=%2a&a=&b=1+2", "?a&b=1%2B2&b=*");
    assert_eq!(ask(&simulator, &same).status, 200);
    for (old, new) in
        [("a=&", "a=1&"), ("1+2", "1%202"), ("a=&", ""), ("\r\n\r\n{}", "\r\n\r\n[]"), ("%61", "b")]
    {
        // Between two that are right: no five in a row.
        assert_eq!(ask(&simulator, &right).status, 200);
        let wrong = right.replace(old, new);
        assert_ne!(wrong, right);
        assert_eq!(ask(&simulator, &wrong).refusal(), gateway("verify aksk signature fail"));
    }
}

#[test]
fn five_failures_lock_the_key() {
    let simulator = started(Script::new().access_key("AK", "SK").access_key("AK2", "SK2"));
    let locked = gateway("AK access failed to reach the limit,forbidden.");
    for _ in 0..5 {
        let refusal = ask(&simulator, &signed("wrong")).refusal();
        assert_eq!(refusal, gateway("verify aksk signature fail"));
    }
    assert_eq!(ask(&simulator, &signed("SK")).refusal(), locked);
    assert_eq!(ask(&simulator, &to_sign().signed("AK2", "SK2")).status, 200);
    simulator.advance(4 * MINUTE);
    assert_eq!(ask(&simulator, &signed("wrong")).refusal(), locked);
    simulator.advance(MINUTE);
    assert_eq!(ask(&simulator, &signed("SK")).status, 200);
}

#[test]
fn the_clock_may_be_wrong() {
    for (script, is_taken) in [
        (Script::new().clock_ahead(20 * MINUTE), false),
        (Script::new().clock_ahead(10 * MINUTE), true),
        (Script::new().clock_behind(20 * MINUTE), false),
        (Script::new().clock_behind(10 * MINUTE), true),
        // The last one counts.
        (Script::new().clock_ahead(20 * MINUTE).clock_behind(Duration::ZERO), true),
    ] {
        let simulator = started(script.access_key("AK", "SK"));
        let response = ask(&simulator, &signed("SK"));
        assert_eq!(response.status == 200, is_taken, "{}", response.body);
        // Who signs by its clock is always on time.
        let adjusted = ToSign { date: simulator.now(), ..to_sign() };
        assert_eq!(ask(&simulator, &adjusted.signed("AK", "SK")).status, 200);
    }
}

#[test]
fn the_date_header_is_of_that_clock() {
    let hour = 60 * MINUTE;
    let simulator = started(Script::new().clock_ahead(365 * 24 * hour));
    let year = |moment| sdk_date(moment)[..4].parse::<u32>().expect("a year");
    let says = |year: u32, response: &Response| {
        response.header("date").is_some_and(|date| date.contains(&format!(" {year} ")))
    };
    // Asked twice, since a year may begin between the two.
    let response = ask(&simulator, &with_token("t"));
    let now = year(simulator.now());
    assert!(says(now, &response) || says(now - 1, &response), "{:?}", response.headers);
    assert!(simulator.now() > SystemTime::now() + 364 * 24 * hour);
    simulator.advance(3 * 365 * 24 * hour);
    let response = ask(&simulator, &with_token("t"));
    let now = year(simulator.now());
    assert!(says(now, &response) || says(now - 1, &response), "{:?}", response.headers);
    assert!(simulator.now() > SystemTime::now() + 4 * 364 * 24 * hour);
}

#[test]
fn temporary_keys_come_with_their_token() {
    let simulator = started(Script::new().temporary_key("AK", "SK", "ST").access_key("B", "SK"));
    let with = |security_token| ToSign { security_token, ..to_sign() };
    assert_eq!(ask(&simulator, &with(Some("ST")).signed("AK", "SK")).status, 200);
    let fail = gateway("verify aksk signature fail");
    for security_token in [None, Some("other")] {
        assert_eq!(ask(&simulator, &with(security_token).signed("AK", "SK")).refusal(), fail);
    }
    // Not signed, not there.
    let added = with(None).signed("AK", "SK").replace("Host: h", "Host: h\r\nX-Security-Token: ST");
    assert_eq!(ask(&simulator, &added).refusal(), fail);
    // Nor does one belong to a key that lasts.
    assert_eq!(ask(&simulator, &with(Some("ST")).signed("B", "SK")).refusal(), fail);
    assert_eq!(ask(&simulator, &with(None).signed("B", "SK")).status, 200);
}

#[test]
fn a_token_for_a_password() {
    let simulator = started(Script::new().user("d", "u", "p"));
    let scope = json!({ "project": { "name": "ap-southeast-3" } });
    let response = ask(&simulator, &login(TOKENS, &password("p", scope)));
    assert_eq!(response.status, 201);
    assert!(response.header("x-iam-trace-id").is_some_and(|id| !id.is_empty()));
    let token = response.header("x-subject-token").expect("a token");
    assert!(token.starts_with("MII") && token.len() > 200, "{token}");
    assert_eq!(ask(&simulator, &with_token(token)).status, 200);
    let json = response.json();
    let said = &json["token"];
    assert_eq!(said["methods"], json!(["password"]));
    assert_eq!(
        (&said["user"]["name"], &said["user"]["domain"]["name"]),
        (&json!("u"), &json!("d"))
    );
    assert_eq!(said["roles"], json!([]));
    assert_eq!(said["catalog"].as_array().map(Vec::len), Some(1));
    for moment in [&said["expires_at"], &said["issued_at"]] {
        let moment = moment.as_str().expect("a moment");
        assert_eq!(moment.len(), "2019-02-13T06:52:13.855000Z".len(), "{moment}");
        assert!(moment.ends_with('Z') && moment.as_bytes()[10] == b'T', "{moment}");
    }
    let another = ask_for_token(&simulator);
    assert_ne!(token, another);
    // A new one does not end the life of the old one.
    assert_eq!(ask(&simulator, &with_token(token)).status, 200);
    assert_eq!(
        ask(&simulator, &with_token("t")).refusal().1,
        "SMS.6521 Token authentication failed."
    );
    // The passwords and the tokens are in none of this.
    assert!(!format!("{:?}", simulator.requests()).contains("MII"));
}

#[test]
fn what_a_token_is_for() {
    let simulator = started(Script::new().user("d", "u", "p"));
    let token = |target: &str, scope| {
        let response = ask(&simulator, &login(target, &password("p", scope)));
        assert_eq!(response.status, 201);
        response.json()["token"].clone()
    };
    let scoped = token(TOKENS, json!({ "project": { "id": "0123" }, "domain": { "name": "d" } }));
    assert_eq!(scoped["project"]["id"], "0123");
    assert_eq!(scoped["domain"], Value::Null);
    let scoped = token(TOKENS, json!({ "domain": { "name": "d" } }));
    assert_eq!((&scoped["domain"]["name"], &scoped["project"]), (&json!("d"), &Value::Null));
    let id = &scoped["domain"]["id"];
    assert_eq!(id.as_str().map(str::len), Some(32));
    // Nothing said: the user's own account.
    let unscoped = token(TOKENS, Value::Null);
    assert_eq!(&unscoped["domain"]["id"], id);
    for (query, is_there) in [
        ("?nocatalog=true", false),
        ("?x=1&nocatalog=0", false),
        ("?nocatalog=", true),
        ("?nocatalog", true),
        ("?other=1", true),
    ] {
        let token = token(&format!("{TOKENS}{query}"), Value::Null);
        assert_eq!(token.get("catalog").is_some(), is_there, "{query}");
    }
}

#[test]
fn requests_for_a_token_that_are_refused() {
    let simulator = started(Script::new().user("d", "u", "p"));
    let right = password("p", Value::Null);
    let wrong = (401, "IAM The username or password is wrong.".to_owned());
    for (old, new) in [("\"p\"", "\"P\""), ("\"u\"", "\"U\""), ("\"d\"", "\"D\"")] {
        let response = ask(&simulator, &login(TOKENS, &right.replace(old, new)));
        assert_eq!(response.refusal(), wrong);
        let error = json!({ "message": "The username or password is wrong.", "code": 401,
                            "title": "Unauthorized" });
        assert_eq!(response.json(), json!({ "error": error }));
        assert!(response.header("x-iam-trace-id").is_some());
        assert!(response.header("x-subject-token").is_none());
    }
    for body in [
        String::new(),
        "{}".into(),
        "[]".into(),
        right.replace("[\"password\"]", "[\"token\"]"),
        right.replace("[\"password\"]", "\"password\""),
        right.replace("\"u\"", "1"),
        right.replace("null", "{}"),
        right.replace("null", r#"{"project":{}}"#),
        right.replace("null", r#"{"project":{"name":"x"},"domain":{}}"#),
        right.replace("}", ""),
    ] {
        let response = ask(&simulator, &login(TOKENS, &body));
        let error = &response.json()["error"];
        assert_eq!((response.status, &error["code"]), (400, &json!(400)), "{body}");
        assert_eq!(error["title"], "Bad Request");
    }
    for content_type in ["", "Content-Type: text/plain\r\n"] {
        let request = login(TOKENS, &right);
        let request =
            request.replace("Content-Type: application/json;charset=utf8\r\n", content_type);
        assert_eq!(ask(&simulator, &request).status, 400);
    }
    let get = login(TOKENS, &right).replace("POST", "GET");
    assert!(ask(&simulator, &get).body.contains("APIGW.0101"));
}

#[test]
fn beside_a_base_path_and_a_given_token() {
    let script = Script::new().server("a", []).user("d", "u", "p");
    let builder = Simulator::builder().token("given").base_path("/base").script(script);
    let simulator = builder.start().expect("started");
    let body = password("p", Value::Null);
    assert!(ask(&simulator, &login(TOKENS, &body)).body.contains("APIGW.0101"));
    let response = ask(&simulator, &login(&format!("/base{TOKENS}"), &body));
    let token = response.header("x-subject-token").expect("a token");
    for (token, status) in [(token, 200), ("given", 200), ("other", 401)] {
        let request = with_token(token).replace(PATH, &format!("/base{PATH}"));
        assert_eq!(ask(&simulator, &request).status, status);
    }
    simulator.revoke_tokens();
    let request = with_token("given").replace(PATH, &format!("/base{PATH}"));
    assert_eq!(ask(&simulator, &request).status, 200);
}

#[test]
fn tokens_expire() {
    let simulator = started(Script::new().user("d", "u", "p"));
    let response = ask(&simulator, &login(TOKENS, &password("p", Value::Null)));
    let token = response.header("x-subject-token").expect("a token");
    simulator.advance(23 * 60 * MINUTE);
    assert_eq!(ask(&simulator, &with_token(token)).status, 200);
    simulator.advance(60 * MINUTE);
    let expires_at = response.json()["token"]["expires_at"].as_str().expect("a moment").to_owned();
    let expired = gateway(&format!("token expires, expires_at: {expires_at}"));
    assert_eq!(ask(&simulator, &with_token(token)).refusal(), expired);
    assert_eq!(ask(&simulator, &with_token(&ask_for_token(&simulator))).status, 200);

    let simulator = started(Script::new().user("d", "u", "p").token_life(Duration::ZERO));
    let refusal = ask(&simulator, &with_token(&ask_for_token(&simulator))).refusal();
    assert!(refusal.1.contains("token expires"), "{refusal:?}");
}

#[test]
fn tokens_are_revoked_and_passwords_changed() {
    let simulator = started(Script::new().user("d", "u", "p"));
    let old = ask_for_token(&simulator);
    simulator.set_password("d", "u", "q");
    assert_eq!(ask(&simulator, &login(TOKENS, &password("p", Value::Null))).status, 401);
    assert_eq!(ask(&simulator, &with_token(&old)).status, 200);
    simulator.revoke_tokens();
    assert_eq!(ask(&simulator, &with_token(&old)).refusal(), gateway("decrypt token fail"));
    let response = ask(&simulator, &login(TOKENS, &password("q", Value::Null)));
    let new = response.header("x-subject-token").expect("a token");
    assert_eq!(ask(&simulator, &with_token(new)).status, 200);

    // The first user makes the tokens count that any would have done for.
    let simulator = started(Script::new());
    assert_eq!(ask(&simulator, &with_token("t")).status, 200);
    simulator.set_password("d", "u", "p");
    assert_eq!(ask(&simulator, &with_token("t")).status, 401);
    assert_eq!(ask(&simulator, &with_token(&ask_for_token(&simulator))).status, 200);
}

#[test]
fn answers_to_logins_in_their_order() {
    let unavailable = Answer::error(503, "APIGW.0613", "IAM is unavailable.");
    let script = Script::new().user("d", "u", "p").login([unavailable.times(2)]);
    let simulator = started(script);
    simulator.push_login(
        Answer::json(201, json!({})).header("X-Subject-Token", "t").header("X-IAM-Trace-Id", "i"),
    );
    let mut seen = Vec::new();
    for _ in 0..4 {
        // Whatever it is that is sent.
        let response = ask(&simulator, &login(TOKENS, "garbage"));
        seen.push((response.status, response.header("x-subject-token").map(str::to_owned)));
        let trace = response.header("x-iam-trace-id").expect("an id");
        assert_eq!(trace == "i", response.status == 201, "{trace}");
    }
    let expected = [(503, None), (503, None), (201, Some("t".to_owned())), (400, None)];
    assert_eq!(seen, expected);
}

#[test]
fn no_secret_is_shown() {
    let script = Script::new()
        .access_key("id-1", "canary")
        .temporary_key("id-2", "canary", "canary")
        .user("domain-1", "name-1", "canary")
        .login([Answer::error(500, "X", "m").header("X-Subject-Token", "canary")])
        .server("a", [Answer::body(200, "").header("Set-Cookie", "canary")]);
    for shown in [format!("{script:?}"), format!("{script:#?}")] {
        assert!(!shown.contains("canary"), "{shown}");
        for id in ["id-1", "id-2", "domain-1", "name-1"] {
            assert!(shown.contains(id), "{shown}");
        }
    }
    assert!(
        !format!("{:?}", Answer::body(200, "").header("x-auth-token", "canary")).contains("canary")
    );
}

#[test]
fn the_readmes_script_of_credentials_does_what_it_says() {
    let readme = include_str!("../README.md");
    let json = readme.split("```json\n").nth(2).and_then(|rest| rest.split("```").next());
    let simulator = started(Script::from_json(json.expect("an example")).expect("a script"));
    let ahead = simulator.now().duration_since(SystemTime::now()).expect("ahead");
    assert!(ahead > 15 * MINUTE, "{ahead:?}");
    assert!(ask(&simulator, &signed("SK")).body.contains("signature expired"));
    let request = ToSign { date: simulator.now(), ..to_sign() };
    assert_eq!(ask(&simulator, &request.signed("AK", "SK")).status, 200);
    let request = ToSign { security_token: Some("ST"), ..request };
    assert_eq!(ask(&simulator, &request.signed("AK-2", "SK-2")).status, 200);
    assert_eq!(ask(&simulator, &login(TOKENS, &password("p", Value::Null))).status, 503);
    let token = ask_for_token(&simulator);
    assert_eq!(ask(&simulator, &with_token(&token)).status, 200);
    simulator.advance(MINUTE);
    assert!(ask(&simulator, &with_token(&token)).body.contains("token expires"));
}

#[test]
fn scripts_that_are_refused_say_why() {
    for (members, why) in [
        (r#""access_keys":[{"id":"i"}]"#, "missing field `secret`"),
        (r#""access_keys":[{"id":"i","secret":"s","x":1}]"#, "unknown field `x`"),
        (r#""access_keys":[{"id":"","secret":"s"}]"#, "access_keys: id, secret and token can't be"),
        (r#""access_keys":[{"id":"i","secret":""}]"#, "access_keys: id, secret and token can't be"),
        (
            r#""access_keys":[{"id":"i","secret":"s","security_token":""}]"#,
            "access_keys: id, secret and token can't be",
        ),
        (
            r#""access_keys":[{"id":"i","secret":"s"},{"id":"i","secret":"t"}]"#,
            "access_keys: i is there twice",
        ),
        (r#""users":[{"domain":"d","name":"n"}]"#, "missing field `password`"),
        (r#""users":[{"domain":"d","name":"n","password":"p","x":1}]"#, "unknown field `x`"),
        (r#""users":[{"domain":"d","name":"n","password":""}]"#, "users: domain, name and pass"),
        (
            r#""users":[{"domain":"d","name":"n","password":"p"},
                        {"domain":"d","name":"n","password":"q"}]"#,
            "users: n of d is there twice",
        ),
        (r#""token_life_s":-1"#, "invalid value"),
        (r#""token_life_s":315360001"#, "token_life_s: at most 315360000 s"),
        (r#""clock_ahead_s":315360001"#, "clock_ahead_s: at most 315360000 s"),
        (r#""clock_ahead_s":-9223372036854775808"#, "clock_ahead_s: at most 315360000 s"),
        (r#""logins":[{},{"status":1}]"#, "login 2: status must be from 200 to 599"),
        (r#""logins":[{"x":1}]"#, "unknown field `x`"),
    ] {
        let json = format!(r#"{{"servers":{{}},{members}}}"#);
        let error = Script::from_json(&json).expect_err(&json).to_string();
        assert!(error.contains(why), "{json}: {error}");
    }
    let script = r#"{"servers":{"a":{}},"access_keys":[{"id":"AK","secret":"SK"}],
                     "clock_ahead_s":-1200}"#;
    let simulator = started(Script::from_json(script).expect("a script"));
    assert!(ask(&simulator, &signed("SK")).body.contains("signature expired"));
}
