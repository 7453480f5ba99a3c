use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    fmt,
    sync::Arc,
    time::Duration,
};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Visitor},
};
use serde_json::Value;

use crate::{Answer, Certificate, Error, Step, answer::Reply};

/// The answers for each server id, and what is wrong with the connections they come over. The
/// [crate's documentation](crate) has the JSON form.
#[derive(Clone, Debug, Default)]
pub struct Script {
    pub(crate) servers: HashMap<String, Queue>,
    pub(crate) on_accept: Arc<[Step]>,
    pub(crate) certificate: Certificate,
    pub(crate) trickle: Option<Duration>,
}

/// What one server is answered.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    pub(crate) answers: VecDeque<Answer>,
    pub(crate) idle: Answer,
}

impl Default for Queue {
    fn default() -> Self {
        Self { answers: VecDeque::new(), idle: Answer::body(200, "{}") }
    }
}

impl Queue {
    /// The next answer; each is given as often as it says.
    pub(crate) fn next(&mut self) -> Reply {
        let Some(answer) = self.answers.front_mut() else { return self.idle.reply.clone() };
        answer.times -= 1;
        if answer.times > 0 {
            return answer.reply.clone();
        }
        self.answers.pop_front().map_or_else(|| self.idle.reply.clone(), |answer| answer.reply)
    }
}

impl Script {
    /// A script that knows no server.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The page's example: one server, always told to start one task, since nothing says that
    /// asking takes a command away.
    #[must_use]
    pub fn example() -> Self {
        Self::new().idle(
            "f32ab4d6-d150-4fb3-aa55-edbb5cf9947f",
            Answer::command("START", Some("2c0689c860ad4728a497c91ec0844384")),
        )
    }

    /// Adds answers for a server, behind those it has.
    #[must_use]
    pub fn server(mut self, id: &str, answers: impl IntoIterator<Item = Answer>) -> Self {
        self.servers.entry(id.to_owned()).or_default().answers.extend(answers);
        self
    }

    /// Sets what a server is answered when its other answers are used up.
    #[must_use]
    pub fn idle(mut self, id: &str, answer: Answer) -> Self {
        self.servers.entry(id.to_owned()).or_default().idle = answer;
        self
    }

    /// Sets what is done with each connection first, below TLS; then it is served, unless a step
    /// ends it.
    #[must_use]
    pub fn on_accept(mut self, steps: impl IntoIterator<Item = Step>) -> Self {
        self.on_accept = steps.into_iter().collect();
        self
    }

    /// Sets what is wrong with the certificate, if the simulator speaks HTTPS.
    #[must_use]
    pub fn certificate(mut self, certificate: Certificate) -> Self {
        self.certificate = certificate;
        self
    }

    /// Sends everything byte by byte, with a pause before each, below TLS.
    #[must_use]
    pub fn trickle(mut self, pause: Duration) -> Self {
        self.trickle = Some(pause);
        self
    }

    /// Reads the JSON form.
    ///
    /// ```
    /// use huaweicloud_sms_simulator::Script;
    ///
    /// Script::from_json(r#"{ "servers": { "my-server": { "answers": [{ "status": 204 }] } } }"#)?;
    /// let error = Script::from_json(r#"{ "servers": { "s": { "idle": { "status": 99 } } } }"#);
    /// assert_eq!(error.unwrap_err().to_string(), "server s, idle: status must be from 200 to 599");
    /// # Ok::<(), huaweicloud_sms_simulator::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Json`] with line and column, [`Error::Answer`] with server and place.
    pub fn from_json(json: &str) -> Result<Self, Error> {
        let script: ScriptJson = serde_json::from_str(json)?;
        let mut servers = HashMap::new();
        for (id, server) in script.servers.0 {
            let read = |place: String, answer: AnswerJson| {
                answer.read().map_err(|problem| Error::Answer {
                    server: id.clone(),
                    place,
                    problem,
                })
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
        Ok(Self {
            servers,
            on_accept: steps(script.on_accept).map_err(at_connection)?.into(),
            certificate: script.certificate.into(),
            trickle: script
                .trickle_ms
                .map(pause)
                .transpose()
                .map_err(|problem| Error::Connection { place: "trickle_ms".into(), problem })?,
        })
    }
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
                headers.push((name, value));
            }
        }
        Ok(answer)
    }
}
