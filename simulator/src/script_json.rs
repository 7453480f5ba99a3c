//! The JSON form of a script.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    fmt,
    time::Duration,
};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Visitor},
};
use serde_json::Value;

use crate::{
    Answer, Certificate, Error, Script, Step,
    answer::{Reply, redacted},
    clock::{Clock, MAX_SPAN},
    iam::Users,
    keys::Keys,
    script::Queue,
};

pub(crate) fn read(json: &str) -> Result<Script, Error> {
    let script: ScriptJson = serde_json::from_str(json)?;
    let mut servers = HashMap::new();
    for (id, server) in script.servers.0 {
        let read = |place: String, answer: AnswerJson| {
            answer.read().map_err(|problem| Error::Answer { server: id.clone(), place, problem })
        };
        let mut queue = Queue::default();
        for (index, answer) in server.answers.into_iter().enumerate() {
            queue.answers.push_back(read(format!("answer {}", index + 1), answer)?);
        }
        if let Some(idle) = server.idle {
            queue.idle = read("idle".into(), idle)?;
        }
        servers.insert(id, queue);
    }
    let at_connection = |problem| Error::Connection { place: "on_accept".into(), problem };
    Ok(Script {
        servers,
        on_accept: steps(script.on_accept).map_err(at_connection)?.into(),
        certificate: script.certificate.into(),
        trickle: script
            .trickle_ms
            .map(pause)
            .transpose()
            .map_err(|problem| Error::Connection { place: "trickle_ms".into(), problem })?,
        clock: script.clock_ahead_s.map(clock).transpose()?.unwrap_or_default(),
        keys: keys(script.access_keys)?,
        users: users(script.users)?,
        token_life: script.token_life_s.map(|seconds| span("token_life_s", seconds)).transpose()?,
        logins: logins(script.logins)?,
    })
}

/// A member that contradicts itself.
fn contradiction(place: impl Into<String>, problem: impl Into<String>) -> Error {
    Error::Credentials { place: place.into(), problem: problem.into() }
}

fn span(place: &str, seconds: u64) -> Result<Duration, Error> {
    let span = Some(Duration::from_secs(seconds)).filter(|span| *span <= MAX_SPAN);
    span.ok_or_else(|| contradiction(place, format!("at most {} s", MAX_SPAN.as_secs())))
}

fn clock(ahead: i64) -> Result<Clock, Error> {
    let by = span("clock_ahead_s", ahead.unsigned_abs())?;
    Ok(if ahead < 0 { Clock::behind(by) } else { Clock::ahead(by) })
}

fn keys(json: Vec<KeyJson>) -> Result<Keys, Error> {
    let mut keys = Keys::default();
    for KeyJson { id, secret, security_token } in json {
        if id.is_empty() || secret.is_empty() || security_token.as_deref() == Some("") {
            return Err(contradiction("access_keys", "id, secret and token can't be empty"));
        }
        if keys.has(&id) {
            return Err(contradiction("access_keys", format!("{id} is there twice")));
        }
        keys.set(&id, &secret, security_token.as_deref());
    }
    Ok(keys)
}

fn users(json: Vec<UserJson>) -> Result<Users, Error> {
    let mut users = Users::default();
    for UserJson { domain, name, password } in json {
        if domain.is_empty() || name.is_empty() || password.is_empty() {
            return Err(contradiction("users", "domain, name and password can't be empty"));
        }
        if users.has(&domain, &name) {
            return Err(contradiction("users", format!("{name} of {domain} is there twice")));
        }
        users.set(&domain, &name, &password);
    }
    Ok(users)
}

fn logins(json: Vec<AnswerJson>) -> Result<VecDeque<Answer>, Error> {
    let read = |(index, answer): (usize, AnswerJson)| {
        let place = format!("login {}", index + 1);
        answer.read().map_err(|problem| contradiction(place, problem))
    };
    json.into_iter().enumerate().map(read).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScriptJson {
    servers: Servers,
    #[serde(default)]
    on_accept: Vec<StepJson>,
    #[serde(default)]
    certificate: CertificateJson,
    trickle_ms: Option<u32>,
    #[serde(default)]
    access_keys: Vec<KeyJson>,
    #[serde(default)]
    users: Vec<UserJson>,
    token_life_s: Option<u64>,
    clock_ahead_s: Option<i64>,
    #[serde(default)]
    logins: Vec<AnswerJson>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyJson {
    id: String,
    secret: String,
    security_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UserJson {
    domain: String,
    name: String,
    password: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum CertificateJson {
    #[default]
    Good,
    Expired,
    NotYetValid,
    OtherHost,
    UnknownCa,
    SelfSigned,
}

impl From<CertificateJson> for Certificate {
    fn from(json: CertificateJson) -> Self {
        match json {
            CertificateJson::Good => Self::Good,
            CertificateJson::Expired => Self::Expired,
            CertificateJson::NotYetValid => Self::NotYetValid,
            CertificateJson::OtherHost => Self::OtherHost,
            CertificateJson::UnknownCa => Self::UnknownCa,
            CertificateJson::SelfSigned => Self::SelfSigned,
        }
    }
}

/// A step: one of the words, or an object with one member.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum StepJson {
    Send(String),
    SendHex(String),
    Dribble(DribbleJson),
    Repeat(RepeatJson),
    PauseMs(u32),
    Request,
    Continue,
    Hold,
    Close,
    Cut,
    Reset,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DribbleJson {
    text: String,
    pause_ms: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RepeatJson {
    text: String,
    times: Option<u32>,
}

/// The longest pause of a script, in milliseconds.
const MAX_PAUSE: u32 = 60_000;

fn pause(milliseconds: u32) -> Result<Duration, String> {
    if milliseconds > MAX_PAUSE {
        return Err(format!("a pause is at most {MAX_PAUSE} ms"));
    }
    Ok(Duration::from_millis(milliseconds.into()))
}

fn steps(json: Vec<StepJson>) -> Result<Vec<Step>, String> {
    let read = |step| {
        Ok(match step {
            StepJson::Send(text) => Step::send(text),
            StepJson::SendHex(digits) => Step::send(bytes(&digits)?),
            StepJson::Dribble(json) => Step::dribble(json.text, pause(json.pause_ms)?),
            StepJson::Repeat(json) if json.text.is_empty() => {
                return Err("nothing can't be repeated".into());
            }
            StepJson::Repeat(json) => Step::Repeat(json.text.into(), json.times),
            StepJson::PauseMs(milliseconds) => Step::Pause(pause(milliseconds)?),
            StepJson::Request => Step::Request,
            StepJson::Continue => Step::Continue,
            StepJson::Hold => Step::Hold,
            StepJson::Close => Step::Close,
            StepJson::Cut => Step::Cut,
            StepJson::Reset => Step::Reset,
        })
    };
    json.into_iter().map(read).collect()
}

/// Bytes that are no text: two hexadecimal digits each.
fn bytes(digits: &str) -> Result<Vec<u8>, String> {
    let byte = |pair: &[u8]| {
        let digits = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?;
        digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then_some(())?;
        u8::from_str_radix(digits, 16).ok()
    };
    let bytes: Option<Vec<u8>> = digits.as_bytes().chunks(2).map(byte).collect();
    bytes.ok_or_else(|| "send_hex takes two hexadecimal digits for each byte".into())
}

/// The servers in their order; serde's maps would let the last of two with one id win.
struct Servers(Vec<(String, ServerJson)>);

impl<'de> Deserialize<'de> for Servers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map;
        impl<'de> Visitor<'de> for Map {
            type Value = Servers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of server ids")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Servers, A::Error> {
                let mut servers: Vec<(String, ServerJson)> = Vec::new();
                while let Some((id, server)) = map.next_entry::<String, ServerJson>()? {
                    if id.is_empty() {
                        return Err(A::Error::custom("a server's id is empty"));
                    }
                    if servers.iter().any(|(known, _)| *known == id) {
                        return Err(A::Error::custom(format!("server {id} is there twice")));
                    }
                    servers.push((id, server));
                }
                Ok(Servers(servers))
            }
        }
        deserializer.deserialize_map(Map)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ServerJson {
    #[serde(default)]
    answers: Vec<AnswerJson>,
    idle: Option<AnswerJson>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswerJson {
    status: Option<u16>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// `null` is a body too.
    #[serde(default, deserialize_with = "present")]
    json: Option<Value>,
    body: Option<String>,
    raw: Option<String>,
    steps: Option<Vec<StepJson>>,
    silent: Option<bool>,
    times: Option<u32>,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl AnswerJson {
    fn read(self) -> Result<Answer, String> {
        let silent = self.silent == Some(true);
        let bodies = [
            self.json.is_some(),
            self.body.is_some(),
            self.raw.is_some(),
            self.steps.is_some(),
            silent,
        ];
        if bodies.iter().filter(|is_there| **is_there).count() > 1 {
            return Err("json, body, raw, steps and silent exclude each other".into());
        }
        let is_http = self.raw.is_none() && self.steps.is_none() && !silent;
        if !is_http && (self.status.is_some() || !self.headers.is_empty()) {
            return Err("raw, steps and silent have no status and no headers".into());
        }
        let times = self.times.unwrap_or(1);
        if !(1..=Answer::MAX_TIMES).contains(&times) {
            return Err(format!("times must be from 1 to {}", Answer::MAX_TIMES));
        }
        if let Some(raw) = self.raw {
            return Ok(Answer::raw(raw).times(times));
        }
        if let Some(json) = self.steps {
            return Ok(Answer::steps(steps(json)?).times(times));
        }
        if silent {
            return Ok(Answer::silent().times(times));
        }
        let status = self.status.unwrap_or(200);
        if Answer::status(status).is_none() {
            return Err("status must be from 200 to 599".into());
        }
        let body = self.json.map(|json| json.to_string()).or(self.body).unwrap_or_default();
        if matches!(status, 204 | 304) && !body.is_empty() {
            return Err(format!("status {status} has no body"));
        }
        let mut answer = Answer::body(status, body).times(times);
        for (name, value) in &self.headers {
            let parsed = (name.parse(), value.parse());
            let (Ok(name), Ok(value)) = parsed else {
                return Err(format!("the header {name:?} can't be sent"));
            };
            if let Reply::Http { headers, .. } = &mut answer.reply {
                headers.push(redacted(name, value));
            }
        }
        Ok(answer)
    }
}
