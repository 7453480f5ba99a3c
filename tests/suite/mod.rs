mod call;
mod credential;
mod report;
mod watch;

use std::time::Duration;

use huaweicloud_sms::{
    AccessKey, Answer, AuthToken, Credential, Endpoint, Error, Event, IamUser, IssueToken,
    ObtainCommand, Pace, Proxy, Scope, ServerId, Settings, TransportError,
};
use huaweicloud_sms_simulator::{Answer as Scripted, Script, Simulator};

use super::transport;

const AK: &str = "EXAMPLEAK00000000001";
const SK: &str = "ExampleSecretKeyForTestsOnly";
const MINUTE: Duration = Duration::from_secs(60);

fn settings() -> Settings {
    Settings::default().with_proxy(Proxy::Direct)
}

fn client() -> transport::Client {
    transport::Client::from_settings(settings()).expect("a client")
}

/// Returns a service with a key and a user. It always returns the command START.
fn script() -> Script {
    Script::new()
        .idle("a", Scripted::command("START", Some("t")))
        .access_key(AK, SK)
        .user("account", "user", "password")
}

fn start(script: Script) -> Simulator {
    Simulator::builder().script(script).start().expect("started")
}

fn endpoint(service: &Simulator) -> Endpoint {
    Endpoint::cleartext(&service.url()).expect("valid")
}

fn call(service: &Simulator) -> ObtainCommand {
    ObtainCommand::new(&endpoint(service), &ServerId::new("a").expect("valid"))
}

fn token(text: &str) -> AuthToken {
    AuthToken::new(text).expect("valid")
}

fn key(secret: &str) -> AccessKey {
    AccessKey::new(AK, secret).expect("valid")
}

fn login(service: &Simulator, password: &str) -> IssueToken {
    let user = IamUser::new("account", "user", password).expect("valid");
    IssueToken::new(&endpoint(service), &user, Scope::Account).expect("valid")
}

/// Returns the fastest pace.
fn pace() -> Pace {
    let least = Duration::from_nanos(1);
    let pace =
        Pace::default().with_interval(least).and_then(|pace| pace.with_backoff(least, least));
    pace.expect("valid")
}

/// Describes an event in a few words.
fn word(event: Option<Event<Answer, Error<TransportError>>>) -> String {
    let failure = |error: Error<TransportError>| match error.status() {
        Some(status) => status.as_str().to_owned(),
        None => error.to_string(),
    };
    match event {
        None => "the end".to_owned(),
        Some(Event::Answer(Answer::Command(command))) => command.name.to_string(),
        Some(Event::Error(error)) => failure(error),
        Some(Event::LoggedIn(issued)) => format!("logged in for {} s", issued.lifetime().as_secs()),
        Some(Event::LoginError(error)) => format!("login: {}", failure(error)),
        Some(Event::Reported) => "reported".to_owned(),
        Some(Event::ReportError(error)) => format!("report: {}", failure(error)),
        Some(Event::ReportRejected(error)) => {
            format!("report rejected: {}", error.status().as_str())
        }
        Some(Event::CredentialRejected(error)) => format!("rejected: {}", error.status().as_str()),
        Some(event) => format!("{event:?}"),
    }
}
