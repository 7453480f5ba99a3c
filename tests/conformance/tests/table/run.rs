//! Carries one row out on one subject.

use std::{net::TcpListener, time::Duration};

use huaweicloud_sms_core::{
    Answer as Read, Endpoint, ObtainCommand, Operation, ResponseError, ServerId,
};
use huaweicloud_sms_simulator::{Answer, Script, Simulator, Step, proxy::SimulatedProxy};
use huaweicloud_sms_transport::{Error, Part, Phase, Proxy, ProxyUrl, Settings, Trust};
use huaweicloud_sms_transport_conformance::{Subject, TOKEN, Transport, get_with};

use crate::{
    answers::{long, whole},
    row::{Protocol, Row, Sent, World},
};

/// Longer than anything takes here.
const LONG: Duration = Duration::from_secs(60);

/// The limits of calls that are to reach them. On a machine that is busy the first may be over in an
/// earlier phase than the row is about.
const SHORT: [Duration; 3] =
    [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(25)];

/// What came of a row: the outcome's words, and what must not have happened if it has.
pub(crate) struct Outcome {
    pub(crate) words: String,
    pub(crate) wrong: Option<String>,
}

/// Of another user.
const OTHER_TOKEN: &str = "MIIanotherANOTHERanotherANOTHERanother";

/// Small, so that what is over it comes soon.
const MAX_BODY: usize = 64 * 1024;

/// Everything that a row needs, running.
struct Stage {
    simulator: Simulator,
    elsewhere: Option<Simulator>,
    proxy: Option<SimulatedProxy>,
    url: String,
}

pub(crate) fn run(row: &Row, subject: Subject, tls: bool) -> Outcome {
    if !row.expected_of(subject).contains("timeout") {
        return attempt(row, subject, tls, LONG);
    }
    let [first, second, last] = SHORT;
    let is_right = |outcome: &Outcome| {
        let is_early = outcome.words.starts_with("timeout");
        !is_early || outcome.wrong.is_none() && row.allows(subject, &outcome.words)
    };
    let mut attempts = [first, second].into_iter().map(|limit| attempt(row, subject, tls, limit));
    attempts.find(is_right).unwrap_or_else(|| attempt(row, subject, tls, last))
}

fn attempt(row: &Row, subject: Subject, tls: bool, limit: Duration) -> Outcome {
    let stage = set(&row.world, tls);
    let mut settings = Settings::default().max_body(MAX_BODY).timeout(limit);
    settings = settings.proxy(match (&row.world, &stage.proxy) {
        (World::Proxy(_, user_info), Some(proxy)) => {
            through(&format!("http://{user_info}{}", proxy.addr()))
        }
        (World::NoProxy(""), _) => through(&closed_port()),
        (World::NoProxy(url), _) => through(url),
        _ => Proxy::None,
    });
    if let Some(pem) = stage.simulator.ca_pem() {
        settings = settings.trust(Trust::Pem(pem.into()));
    }
    let transport = subject.start(settings);
    let mut outcome = Outcome { words: String::new(), wrong: None };
    let mut check = |is_so: bool, what: &str| {
        if !is_so && outcome.wrong.is_none() {
            outcome.wrong = Some(what.into());
        }
    };
    let simulator = &stage.simulator;

    let has_first = matches!(
        row.world,
        World::Idle(_) | World::Behind(_) | World::Race(_) | World::Stray { .. }
    );
    if has_first {
        let first = ask(&transport, &stage.url, TOKEN);
        check(first == "command STOP", &format!("the first call: {first}"));
    }
    if let World::Idle(_) | World::Stray { sent: Sent::Behind, .. } = row.world {
        simulator.go_on();
        check(simulator.wait_until_closed(LONG), "the idle connection was not ended");
        // ureq looks when it needs the connection; hyper at once, and this is how it shows.
        let is_watched = subject.client() == "hyper";
        check(!is_watched || simulator.wait_until_gone(LONG), "the connection was kept");
    }
    let is_stray = matches!(row.world, World::Stray { .. });
    let words = ask(&transport, &stage.url, if is_stray { OTHER_TOKEN } else { TOKEN });
    if let World::Race(_) = row.world {
        check(simulator.request_count() == 2, "the request was not sent once");
        let next = ask(&transport, &stage.url, TOKEN);
        check(next == "command START", &format!("the next call: {next}"));
    }

    let (requests, connections) = (simulator.request_count(), simulator.connection_count());
    let (sent, connected) = match row.world {
        World::Answer(_) | World::TlsAnswer(_) | World::Redirect { .. } => (1..=1, 1..=1),
        World::Behind(_) | World::Stray { .. } => (2..=2, 2..=2),
        // On a connection that was reset and that nobody had looked at yet it is lost.
        World::Idle(_) => (1..=2, 1..=2),
        World::Race(_) => (3..=3, 2..=2),
        World::Accept { .. } | World::Trickle { .. } => (0..=1, 1..=1),
        World::Certificate(_) => (0..=1, 1..=1),
        World::Proxy(..) if words.starts_with("command") => (1..=1, 1..=1),
        World::Proxy(..) | World::NoProxy(_) | World::Nobody(_) => (0..=0, 0..=0),
        // What does not speak TLS takes a handshake for a bad request.
        World::WrongScheme { .. } => (0..=1, 1..=1),
    };
    check(sent.contains(&requests), &format!("{requests} requests"));
    check(connected.contains(&connections), &format!("{connections} connections"));
    if words.starts_with("tls") {
        let heads = simulator.requests();
        let has_token = |head: &[u8]| head.windows(TOKEN.len()).any(|w| w == TOKEN.as_bytes());
        check(!heads.iter().any(|request| has_token(&request.head)), "sent before it was trusted");
    }
    if is_stray {
        let users = simulator.requests().into_iter().map(|request| {
            let token = request.header("x-auth-token").unwrap_or_default();
            (request.connection, String::from_utf8_lossy(token).into_owned())
        });
        let users: Vec<_> = users.collect();
        let expected = [(1, TOKEN.to_owned()), (2, OTHER_TOKEN.to_owned())];
        check(users == expected, "the users did not have a connection each");
    }
    if let Some(elsewhere) = &stage.elsewhere {
        check(elsewhere.connection_count() == 0, "the redirect was followed");
    }
    if let Some(proxy) = stage.proxy.as_ref().filter(|_| tls || !words.starts_with("command")) {
        let seen = String::from_utf8_lossy(&proxy.received()).into_owned();
        check(!seen.contains(TOKEN), "the proxy saw the token");
    }
    check(!words.contains("DELETE"), "a command was invented");
    outcome.words = words;
    outcome
}

fn set(world: &World, tls: bool) -> Stage {
    let honest = || Answer::command("START", Some("t"));
    let stop = || Step::send(whole("STOP"));
    let mut script = Script::new();
    let (mut elsewhere, mut proxy) = (None, None);
    let mut answers = Vec::new();
    match world.clone() {
        World::Answer(answer) | World::TlsAnswer(answer) => answers.push(answer),
        World::Idle(steps) => {
            answers.push(Answer::steps([stop(), Step::Wait].into_iter().chain(steps)));
        }
        World::Behind(mut steps) => {
            // In one piece with the answer.
            if let Some(Step::Send(bytes)) = steps.first_mut() {
                bytes.splice(0..0, whole("STOP").into_bytes());
            }
            answers.push(Answer::steps(steps));
        }
        World::Race(steps) => {
            answers.push(Answer::steps([stop(), Step::Request].into_iter().chain(steps)));
        }
        World::Stray { bytes, sent, .. } => answers.push(Answer::steps(stray(bytes, sent))),
        World::Accept { steps, .. } => script = script.on_accept(steps),
        World::Trickle { pause, .. } => script = script.trickle(Duration::from_millis(pause)),
        World::Certificate(certificate) => script = script.certificate(certificate),
        World::Redirect { status, .. } => {
            let other = Simulator::builder().start().expect("started");
            answers.push(Answer::body(status, "moved").header("location", &other.url()));
            elsewhere = Some(other);
        }
        World::Proxy(behavior, _) => {
            proxy = Some(SimulatedProxy::start(behavior).expect("started"))
        }
        World::NoProxy(_) | World::Nobody(_) | World::WrongScheme { .. } => {}
    }
    answers.push(honest());
    let mut builder = Simulator::builder().script(script.server("id", answers));
    if !matches!(world, World::Stray { .. }) {
        builder = builder.token(TOKEN);
    }
    let wrong_scheme = matches!(world, World::WrongScheme { .. });
    if tls != wrong_scheme {
        let is_old = matches!(world, World::Stray { protocol: Protocol::Tls12, .. });
        builder = if is_old { builder.tls12() } else { builder.tls() };
    }
    let simulator = builder.start().expect("started");
    let url = match world {
        World::Nobody("") => closed_port(),
        World::Nobody(url) => (*url).to_owned(),
        _ => format!("{}://{}", if tls { "https" } else { "http" }, simulator.addr()),
    };
    Stage { simulator, elsewhere, proxy, url }
}

/// A response, then one that nobody asked for. Unless that is for later, its beginning shares a write
/// with the end of the first: no client can send its next request in between.
fn stray(bytes: usize, sent: Sent) -> Vec<Step> {
    let (first, stray) = (long("STOP", bytes), long("DELETE", 5_000));
    let (first, stray) = (first.into_bytes(), stray.into_bytes());
    match sent {
        Sent::InOneWrite => {
            // rustls takes 4,096 bytes at a time: the stray's record is not whole when the first
            // response is.
            let records = first.chunks(4_000).chain([&*stray]);
            vec![Step::Records(records.map(Into::into).collect()), Step::Hold]
        }
        Sent::InManyWrites => {
            let (begin, end) = first.split_at(bytes - 500);
            let both = Step::Records(vec![end.into(), stray[..500].into()]);
            let begin = begin.chunks(1_000).map(Step::send);
            let rest = stray[500..].chunks(1_000).map(Step::send);
            begin.chain([both]).chain(rest).chain([Step::Hold]).collect()
        }
        Sent::Behind => vec![Step::send(first), Step::Wait, Step::send(stray), Step::Close],
    }
}

/// The URL of a port at which nobody listens any more.
fn closed_port() -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    format!("http://{}", listener.local_addr().expect("an address"))
}

fn through(url: &str) -> Proxy {
    Proxy::Url(ProxyUrl::new(url).expect("an address"))
}

/// Asks once, and says what came of it in a few words.
fn ask(transport: &Transport, url: &str, token: &str) -> String {
    let endpoint = Endpoint::cleartext(url).or_else(|_| Endpoint::new(url)).expect("an endpoint");
    let call = ObtainCommand::new(&endpoint, &ServerId::new("id").expect("an id"));
    match transport.execute(get_with(url, "id", token)) {
        Ok(response) => match call.parse(&response) {
            Ok(Read::Command(command)) => format!("command {}", command.name),
            Ok(Read::Task(_)) => "task".into(),
            Ok(Read::Nothing(_)) => "nothing".into(),
            Err(ResponseError::Api(error)) => format!("api {}", error.status().as_u16()),
            Err(ResponseError::Body(_)) => "no answer".into(),
            Err(error) => format!("status {}", error.status().as_u16()),
        },
        Err(error) => failure(&error),
    }
}

fn failure(error: &Error) -> String {
    match error {
        Error::Timeout { phase, .. } => match phase {
            Some(Phase::Connect) => "timeout connect".into(),
            Some(Phase::Head) => "timeout head".into(),
            Some(Phase::Body) => "timeout body".into(),
            _ => "timeout".into(),
        },
        Error::Dns { .. } => "dns".into(),
        Error::Connect { .. } => "connect".into(),
        Error::Tls { .. } => {
            let words = error.to_string();
            let words = words.trim_start_matches("TLS failed: ");
            format!("tls: {}", words.trim_start_matches("the certificate is not trusted: "))
        }
        Error::Proxy { status: Some(status), .. } => format!("proxy {status}"),
        Error::Proxy { .. } => "proxy".into(),
        Error::Closed { .. } => "closed".into(),
        Error::TooLarge { part: Part::Head, .. } => "too large head".into(),
        Error::TooLarge { .. } => "too large body".into(),
        Error::Protocol { .. } => "protocol".into(),
        other => format!("other: {other:?}"),
    }
}
