//! What the examples share, and what none of them is about: whom they ask, and how they print.
#![allow(dead_code, reason = "no example uses all of it")]
#![allow(clippy::print_stdout, reason = "an example's purpose")]

use std::{env, error::Error, time::Duration};

use huaweicloud_sms_core::{
    Answer, AuthToken, CommandName, Endpoint, InvalidInput, Pace, ServerId,
};
use huaweicloud_sms_simulator::{Answer as Scripted, Script, Simulator};

const OLD: &str = "a-token-that-has-expired";
const NEW: &str = "a-token-that-is-accepted";

/// The service of the environment (`HW_SMS_ENDPOINT`, `HW_SMS_SERVER_ID`, `HW_AUTH_TOKEN`), or
/// without these a simulated one, which refuses the first token, sends START, fails, and sends STOP.
pub(crate) struct Service {
    pub(crate) endpoint: Endpoint,
    pub(crate) server_id: ServerId,
    pub(crate) token: AuthToken,
    pub(crate) pace: Pace,
    /// It serves while it is held.
    simulator: Option<Simulator>,
}

impl Service {
    pub(crate) fn find() -> Result<Self, Box<dyn Error>> {
        Ok(Self::find_for(1)?.0)
    }

    /// The service for many servers: `HW_SMS_SERVER_ID` may name more than one, with commas.
    pub(crate) fn find_for(count: usize) -> Result<(Self, Vec<ServerId>), Box<dyn Error>> {
        let Ok(url) = env::var("HW_SMS_ENDPOINT") else { return Self::simulate(count) };
        let ids = variable("HW_SMS_SERVER_ID")?;
        let ids = ids.split(',').map(ServerId::new).collect::<Result<Vec<_>, _>>()?;
        let service = Self {
            endpoint: endpoint(&url)?,
            server_id: ids[0].clone(),
            token: AuthToken::new(&variable("HW_AUTH_TOKEN")?)?,
            pace: Pace::default(),
            simulator: None,
        };
        Ok((service, ids))
    }

    fn simulate(count: usize) -> Result<(Self, Vec<ServerId>), Box<dyn Error>> {
        let mut script = Script::new();
        let mut ids = Vec::new();
        for number in 1..=count {
            let id = format!("server-{number}");
            let answers = [
                Scripted::command("START", Some("a-task")),
                Scripted::error(500, "SMS.6000", "Service error."),
                Scripted::command("STOP", Some("a-task")),
            ];
            script = script.server(&id, answers);
            ids.push(ServerId::new(&id)?);
        }
        let simulator = Simulator::builder().token(NEW).script(script).start()?;
        let soon = Duration::from_millis(50);
        let service = Self {
            endpoint: endpoint(&simulator.url())?,
            server_id: ids[0].clone(),
            token: AuthToken::new(OLD)?,
            pace: Pace::default().interval(soon).backoff(soon, soon),
            simulator: Some(simulator),
        };
        Ok((service, ids))
    }

    /// Where a new token comes from is the Agent's business. A variable does not change while a
    /// program runs, so there is none; the simulated service has one.
    pub(crate) fn new_token(&self) -> Option<AuthToken> {
        self.simulator.as_ref().and_then(|_| AuthToken::new(NEW).ok())
    }

    /// Whether this ends the example. A real service has no last word.
    pub(crate) fn is_last(&self, answer: &Answer) -> bool {
        self.simulator.is_some()
            && matches!(answer, Answer::Command(command) if command.name == CommandName::Stop)
    }

    /// Whether it is in this very process, where no proxy leads.
    pub(crate) fn is_simulated(&self) -> bool {
        self.simulator.is_some()
    }
}

/// `https`; in clear text only to this machine.
fn endpoint(url: &str) -> Result<Endpoint, InvalidInput> {
    match url.starts_with("http://127.0.0.1:") {
        true => Endpoint::cleartext(url),
        false => Endpoint::new(url),
    }
}

fn variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|error| format!("{name}: {error}"))
}

pub(crate) fn print_answer(answer: &Answer) {
    match answer {
        Answer::Command(command) => println!("do {}, {:?}", command.name, command.param),
        Answer::Task(task) => println!("the task is in state {}", task.state),
        Answer::Nothing(why) => println!("nothing to do: {why}"),
    }
}

/// An error and what is behind it. None of the library's errors holds the token.
pub(crate) fn print_error(error: &dyn Error) {
    print!("error: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        print!(": {cause}");
        source = cause.source();
    }
    println!();
}
