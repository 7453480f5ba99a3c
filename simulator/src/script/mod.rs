//! The script of a simulator, set in code or read from JSON.

mod faults;
mod held;
mod json;

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::Arc,
    time::Duration,
};

use http::StatusCode;

use self::faults::{Cycle, Faults};
pub use self::held::Command;
pub(crate) use self::held::Commands;
use crate::{
    answer::{self, Answer, Reply, Step},
    auth::{keys::Keys, users::Users},
    report::HeldCommand,
    time::clock::{Clock, MAX_SPAN},
    tls::Certificate,
};

/// A script for a simulator: the answers for each server id, the credentials that it accepts, and the
/// faults of its connections. The [crate's documentation](crate) describes the JSON form.
///
/// `Debug` shows ids and names, but no secret.
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
    pub(crate) faults: Faults,
    pub(crate) routes: Vec<Route>,
}

/// The response to another operation.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    method: String,
    path: String,
    reply: Reply,
}

/// The life of a token, unless the script sets it.
const TOKEN_LIFE: Duration = Duration::from_secs(24 * 3600);

/// The answers for one server.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    pub(crate) answers: VecDeque<Answer>,
    pub(crate) commands: Commands,
    pub(crate) idle: Answer,
}

impl Default for Queue {
    fn default() -> Self {
        let (answers, commands) = (VecDeque::new(), Commands::default());
        Self { answers, commands, idle: Answer::body(200, "{}") }
    }
}

impl Queue {
    /// Returns the response to a GET, and the command that it delivers.
    pub(crate) fn next(&mut self) -> (Reply, Option<HeldCommand>) {
        if let Some(reply) = answer::next(&mut self.answers) {
            return (reply, None);
        }
        match self.commands.deliver() {
            Some(held) => (Reply::json(StatusCode::OK, &held.body), Some(held)),
            None => (self.idle.reply.clone(), None),
        }
    }
}

impl Route {
    fn is(&self, method: &str, path: &str) -> bool {
        self.method == method && self.path == path
    }
}

impl Script {
    /// Creates a script without servers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates the example of
    /// [`ShowCommand`](https://support.huaweicloud.com/intl/en-us/api-sms/ShowCommand.html): one
    /// server, which holds a START until its result is reported. The API reference does not say whether
    /// reading a command consumes it.
    #[must_use]
    pub fn example() -> Self {
        Self::new().commands(
            "f32ab4d6-d150-4fb3-aa55-edbb5cf9947f",
            [Command::new("START", Some("2c0689c860ad4728a497c91ec0844384"))],
        )
    }

    /// Adds answers for a server, after its other answers.
    #[must_use]
    pub fn server(mut self, id: &str, answers: impl IntoIterator<Item = Answer>) -> Self {
        self.servers.entry(id.to_owned()).or_default().answers.extend(answers);
        self
    }

    /// Adds commands for a server, after its other commands. The service holds them one by one: each
    /// GET delivers the same command, until its result is reported. The server's other answers come
    /// first.
    ///
    /// ```
    /// use huaweicloud_sms_simulator::{Command, Script, Simulator};
    ///
    /// let start = Command::new("START", Some("a-task"));
    /// let stop = Command::new("STOP", Some("a-task")).overtaking_after(2);
    /// let script = Script::new().commands("my-server", [start, stop]);
    /// let service = Simulator::builder().script(script).start()?;
    /// // Let a client obtain and report them.
    /// assert_eq!(service.reports(), []);
    /// assert_eq!(service.deliveries("my-server"), [0, 0]);
    /// # Ok::<(), huaweicloud_sms_simulator::Error>(())
    /// ```
    #[must_use]
    pub fn commands(mut self, id: &str, commands: impl IntoIterator<Item = Command>) -> Self {
        let held = &mut self.servers.entry(id.to_owned()).or_default().commands;
        commands.into_iter().for_each(|command| held.push(command));
        self
    }

    /// Rejects a report with `SMS.6021` if no GET has delivered the command that the service holds for this
    /// server. Then a report that is sent again never counts for the next command of the same name.
    /// Default: such a report is accepted. The API reference does not describe this case.
    #[must_use]
    pub fn report_needs_get(mut self, id: &str) -> Self {
        self.servers.entry(id.to_owned()).or_default().commands.need_delivery = true;
        self
    }

    /// Sets the faults of the GETs, one entry for each request. After the last entry, the first one is next.
    /// With `None`, the request has no fault. A fault takes the place of everything else and leaves the
    /// commands unchanged, unless it comes [after processing](Answer::after_processing).
    #[must_use]
    pub fn get_faults(mut self, turns: impl IntoIterator<Item = Option<Answer>>) -> Self {
        self.faults.get = Cycle::new(turns);
        self
    }

    /// Sets the faults of the reports, as [`get_faults`](Self::get_faults) sets those of the GETs.
    #[must_use]
    pub fn report_faults(mut self, turns: impl IntoIterator<Item = Option<Answer>>) -> Self {
        self.faults.report = Cycle::new(turns);
        self
    }

    /// Sets the faults of the logins, as [`get_faults`](Self::get_faults) sets those of the GETs.
    #[must_use]
    pub fn login_faults(mut self, turns: impl IntoIterator<Item = Option<Answer>>) -> Self {
        self.faults.login = Cycle::new(turns);
        self
    }

    /// Sets the answer to another operation. `path` is the path as it is sent, without the base path. The
    /// simulator checks the credential and nothing else.
    #[must_use]
    pub fn route(mut self, method: &str, path: &str, answer: Answer) -> Self {
        self.routes.retain(|route| !route.is(method, path));
        self.routes.push(Route { method: method.into(), path: path.into(), reply: answer.reply });
        self
    }

    /// Sets the answer for a server whose other answers and commands are used up.
    #[must_use]
    pub fn idle(mut self, id: &str, answer: Answer) -> Self {
        self.servers.entry(id.to_owned()).or_default().idle = answer;
        self
    }

    /// Sets the steps for each connection before its first request, below TLS. Then the connection
    /// is served, unless a step ends it.
    #[must_use]
    pub fn on_accept(mut self, steps: impl IntoIterator<Item = Step>) -> Self {
        self.on_accept = steps.into_iter().collect();
        self
    }

    /// Sets the certificate for HTTPS.
    #[must_use]
    pub fn certificate(mut self, certificate: Certificate) -> Self {
        self.certificate = certificate;
        self
    }

    /// Sends every byte on its own, with a pause before each, below TLS.
    #[must_use]
    pub fn trickle(mut self, pause: Duration) -> Self {
        self.trickle = Some(pause);
        self
    }

    /// Starts the simulator's clock ahead of the system's clock, by ten years at most.
    #[must_use]
    pub fn clock_ahead(mut self, by: Duration) -> Self {
        self.clock = Clock::ahead(by);
        self
    }

    /// Starts the simulator's clock behind the system's clock, by ten years at most.
    #[must_use]
    pub fn clock_behind(mut self, by: Duration) -> Self {
        self.clock = Clock::behind(by);
        self
    }

    /// Adds an access key. It replaces the key with this id.
    #[must_use]
    pub fn access_key(mut self, id: &str, secret: &str) -> Self {
        self.keys.set(id, secret, None);
        self
    }

    /// Adds a temporary access key. It replaces the key with this id. Requests that are signed with
    /// it must send its security token.
    #[must_use]
    pub fn temporary_key(mut self, id: &str, secret: &str, security_token: &str) -> Self {
        self.keys.set(id, secret, Some(security_token));
        self
    }

    /// Adds a user of the account `domain`, or changes the user's password.
    #[must_use]
    pub fn user(mut self, domain: &str, name: &str, password: &str) -> Self {
        self.users.set(domain, name, password);
        self
    }

    /// Sets the life of tokens, ten years at most. Default: 24 hours.
    #[must_use]
    pub fn token_life(mut self, life: Duration) -> Self {
        self.token_life = Some(life.min(MAX_SPAN));
        self
    }

    /// Adds answers to logins, after the other answers to logins. When they are used up, names and
    /// passwords are checked.
    #[must_use]
    pub fn login(mut self, answers: impl IntoIterator<Item = Answer>) -> Self {
        self.logins.extend(answers);
        self
    }

    pub(crate) fn route_to(&self, method: &str, path: &str) -> Option<Reply> {
        let route = self.routes.iter().find(|route| route.is(method, path))?;
        Some(route.reply.clone())
    }

    pub(crate) fn effective_token_life(&self) -> Duration {
        self.token_life.unwrap_or(TOKEN_LIFE)
    }

    /// Returns whether the script has users or access keys.
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
            // The body of an answer may contain a token.
            .field("logins", &format_args!("{} answers", self.logins.len()))
            .field("routes", &self.routes)
            .finish_non_exhaustive()
    }
}
