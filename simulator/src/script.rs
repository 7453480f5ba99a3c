use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::Arc,
    time::Duration,
};

use crate::{
    Answer, Certificate, Error, Step,
    answer::{self, Reply},
    clock::{Clock, MAX_SPAN},
    iam::Users,
    keys::Keys,
    script_json,
};

/// The answers for each server id, who may ask for them, and what is wrong with the connections they
/// come over. The [crate's documentation](crate) has the JSON form.
///
/// `Debug` shows ids and names, and no secret.
#[derive(Clone, Default)]
pub struct Script {
    pub(crate) servers: HashMap<String, Queue>,
    pub(crate) on_accept: Arc<[Step]>,
    pub(crate) certificate: Certificate,
    pub(crate) trickle: Option<Duration>,
    pub(crate) clock: Clock,
    pub(crate) keys: Keys,
    pub(crate) users: Users,
    pub(crate) token_life: Option<Duration>,
    pub(crate) logins: VecDeque<Answer>,
}

/// How long a token lives if the script does not say.
const TOKEN_LIFE: Duration = Duration::from_secs(24 * 3600);

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
    pub(crate) fn next(&mut self) -> Reply {
        answer::next(&mut self.answers).unwrap_or_else(|| self.idle.reply.clone())
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

    /// Sets the simulator's clock ahead of the system's when it starts, ten years at most.
    #[must_use]
    pub fn clock_ahead(mut self, by: Duration) -> Self {
        self.clock = Clock::ahead(by);
        self
    }

    /// Sets the simulator's clock behind the system's when it starts, ten years at most.
    #[must_use]
    pub fn clock_behind(mut self, by: Duration) -> Self {
        self.clock = Clock::behind(by);
        self
    }

    /// Adds an access key, in place of the one with that id: requests may be signed with it.
    #[must_use]
    pub fn access_key(mut self, id: &str, secret: &str) -> Self {
        self.keys.set(id, secret, None);
        self
    }

    /// Adds a temporary access key, in place of the one with that id: its security token must come
    /// with the signature.
    #[must_use]
    pub fn temporary_key(mut self, id: &str, secret: &str, security_token: &str) -> Self {
        self.keys.set(id, secret, Some(security_token));
        self
    }

    /// Adds a user of the account `domain`, or sets that user's password: a token is given for it.
    #[must_use]
    pub fn user(mut self, domain: &str, name: &str, password: &str) -> Self {
        self.users.set(domain, name, password);
        self
    }

    /// Sets how long a token lives, ten years at most. Default: 24 hours.
    #[must_use]
    pub fn token_life(mut self, life: Duration) -> Self {
        self.token_life = Some(life.min(MAX_SPAN));
        self
    }

    /// Adds answers to requests for a token, behind those there are. When they are used up, names
    /// and passwords are looked at.
    #[must_use]
    pub fn login(mut self, answers: impl IntoIterator<Item = Answer>) -> Self {
        self.logins.extend(answers);
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
    /// [`Error::Json`] with line and column, [`Error::Answer`] with server and place,
    /// [`Error::Connection`] and [`Error::Credentials`] with the member.
    pub fn from_json(json: &str) -> Result<Self, Error> {
        script_json::read(json)
    }

    pub(crate) fn life_of_tokens(&self) -> Duration {
        self.token_life.unwrap_or(TOKEN_LIFE)
    }

    /// Whether it says which credentials are right.
    pub(crate) fn has_credentials(&self) -> bool {
        !self.keys.is_empty() || !self.users.is_empty()
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script")
            .field("servers", &self.servers)
            .field("on_accept", &self.on_accept)
            .field("certificate", &self.certificate)
            .field("trickle", &self.trickle)
            .field("clock", &self.clock)
            .field("keys", &self.keys)
            .field("users", &self.users)
            .field("token_life", &self.token_life)
            // Bytes of an answer may be a token.
            .field("logins", &format_args!("{} answers", self.logins.len()))
            .finish()
    }
}
