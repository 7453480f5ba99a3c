//! The JSON form of a script.

mod answer;

use std::{fmt, time::Duration};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Visitor},
};
use serde_json::Value;

use self::answer::{AnswerForm, StepForm, pause, steps};
use super::{
    Queue, Script,
    faults::{Cycle, Faults},
    held::Command,
};
use crate::{
    auth::{keys::Keys, users::Users},
    error::Error,
    time::clock::{Clock, MAX_SPAN},
    tls::Certificate,
};

impl Script {
    /// Parses the JSON form.
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
    /// [`Error::Json`] with line and column, [`Error::Answer`] with server and place,
    /// [`Error::Operation`], [`Error::Connection`] and [`Error::Credentials`] with the member.
    pub fn from_json(json: &str) -> Result<Self, Error> {
        let form: Form = serde_json::from_str(json)?;
        let connection = |place: &str, problem| Error::Connection { place: place.into(), problem };
        let credentials =
            |place: &str, problem| Error::Credentials { place: place.into(), problem };
        let span = |place, seconds| span(seconds).map_err(|why| credentials(place, why));
        let mut script = Self::new().certificate(form.certificate);
        for (id, server) in form.servers.0 {
            let read = |place: String, answer: AnswerForm| {
                let server = id.clone();
                answer.read().map_err(|problem| Error::Answer { server, place, problem })
            };
            let mut queue = Queue::default();
            for (number, answer) in (1..).zip(server.answers) {
                queue.answers.push_back(read(format!("answer {number}"), answer)?);
            }
            for (number, command) in (1..).zip(server.commands) {
                let (server, place) = (id.clone(), format!("command {number}"));
                let command = command.read();
                let command =
                    command.map_err(|problem| Error::Answer { server, place, problem })?;
                queue.commands.push(command);
            }
            queue.commands.need_delivery = server.report_needs_get;
            if let Some(idle) = server.idle {
                queue.idle = read("idle".into(), idle)?;
            }
            script.servers.insert(id, queue);
        }
        let on_accept = steps(form.on_accept);
        script.on_accept = on_accept.map_err(|why| connection("on_accept", why))?.into();
        let trickle = form.trickle_ms.map(pause).transpose();
        script.trickle = trickle.map_err(|why| connection("trickle_ms", why))?;
        if let Some(ahead) = form.clock_ahead_s {
            let by = span("clock_ahead_s", ahead.unsigned_abs())?;
            script.clock = if ahead < 0 { Clock::behind(by) } else { Clock::ahead(by) };
        }
        form.access_keys.check().map_err(|why| credentials("access_keys", why))?;
        form.users.check().map_err(|why| credentials("users", why))?;
        (script.keys, script.users) = (form.access_keys, form.users);
        script.token_life = form.token_life_s.map(|life| span("token_life_s", life)).transpose()?;
        for (number, answer) in (1..).zip(form.logins) {
            let answer =
                answer.read().map_err(|why| credentials(&format!("login {number}"), why))?;
            script.logins.push_back(answer);
        }
        script.faults = form.faults.read()?;
        for (number, route) in (1..).zip(form.routes) {
            let answer = route.answer.read();
            let answer = answer.map_err(|problem| Error::Operation {
                place: format!("route {number}"),
                problem,
            })?;
            script = script.route(&route.method, &route.path, answer);
        }
        Ok(script)
    }
}

fn span(seconds: u64) -> Result<Duration, String> {
    let span = Some(Duration::from_secs(seconds)).filter(|span| *span <= MAX_SPAN);
    span.ok_or_else(|| format!("at most {} s", MAX_SPAN.as_secs()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    servers: Servers,
    #[serde(default)]
    on_accept: Vec<StepForm>,
    #[serde(default)]
    certificate: Certificate,
    trickle_ms: Option<u32>,
    #[serde(default)]
    access_keys: Keys,
    #[serde(default)]
    users: Users,
    token_life_s: Option<u64>,
    clock_ahead_s: Option<i64>,
    #[serde(default)]
    logins: Vec<AnswerForm>,
    #[serde(default)]
    faults: FaultsForm,
    #[serde(default)]
    routes: Vec<RouteForm>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct FaultsForm {
    get: Vec<Option<AnswerForm>>,
    report: Vec<Option<AnswerForm>>,
    login: Vec<Option<AnswerForm>>,
}

impl FaultsForm {
    fn read(self) -> Result<Faults, Error> {
        let read = |operation: &str, turns: Vec<Option<AnswerForm>>| {
            let turns = (1..).zip(turns).map(|(number, turn)| {
                let place = || format!("faults, {operation} {number}");
                let turn = turn.map(AnswerForm::read_fault).transpose();
                turn.map_err(|problem| Error::Operation { place: place(), problem })
            });
            turns.collect::<Result<Vec<_>, _>>().map(Cycle::new)
        };
        Ok(Faults {
            get: read("get", self.get)?,
            report: read("report", self.report)?,
            login: read("login", self.login)?,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RouteForm {
    method: String,
    path: String,
    answer: AnswerForm,
}

/// The servers in their order. A map would accept two servers with one id and keep the last.
struct Servers(Vec<(String, ServerForm)>);

impl<'de> Deserialize<'de> for Servers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Self(Vec::new()))
    }
}

impl<'de> Visitor<'de> for Servers {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of server ids")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self, A::Error> {
        while let Some((id, server)) = map.next_entry::<String, ServerForm>()? {
            if id.is_empty() {
                return Err(A::Error::custom("a server's id is empty"));
            }
            if self.0.iter().any(|(known, _)| *known == id) {
                return Err(A::Error::custom(format!("server {id} is there twice")));
            }
            self.0.push((id, server));
        }
        Ok(self)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ServerForm {
    #[serde(default)]
    answers: Vec<AnswerForm>,
    #[serde(default)]
    commands: Vec<CommandForm>,
    #[serde(default)]
    report_needs_get: bool,
    idle: Option<AnswerForm>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CommandForm {
    json: Value,
    overtakes_after: Option<u64>,
}

impl CommandForm {
    fn read(self) -> Result<Command, String> {
        let command = Command::try_json(self.json).ok_or("a command needs a command_name")?;
        Ok(match self.overtakes_after {
            None => command,
            Some(deliveries) => command.overtaking_after(deliveries),
        })
    }
}
