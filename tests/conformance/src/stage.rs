//! Carries out one row on one transport.

use std::{net::TcpListener, time::Duration};

use http::Response;
use huaweicloud_sms_core::{
    Answer as Parsed, Endpoint, ObtainCommand, Operation, ResponseError, ServerId,
};
use huaweicloud_sms_simulator::{
    Answer, Certificate, Command, Script, Simulator, Step,
    proxy::{ProxyBehavior, SimulatedProxy},
};
use huaweicloud_sms_transport::{Proxy, ProxyUrl, RootCerts, Settings, Transport};

use crate::{
    Adapter, Outcome, TOKEN, get_with,
    outcome::START,
    reports,
    responses::{long, whole},
    row::{Protocol, Row, Scenario, Sent},
    table::UnderTest,
};

/// Longer than any call or wait takes.
const LONG: Duration = Duration::from_secs(60);

/// The timeouts of calls that must time out. On a busy machine, the first timeout may end a call in an
/// earlier phase than the row is about. Then the row runs again with a longer one.
const SHORT: [Duration; 3] =
    [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(25)];

/// The token of another user.
const OTHER_TOKEN: &str = "MIIanotherANOTHERanotherANOTHERanother";

/// The limit of a body. It is small, so that a body exceeds it soon.
const MAX_BODY: usize = 64 * 1024;

/// The servers of a scenario, running.
struct Stage {
    simulator: Simulator,
    elsewhere: Option<Simulator>,
    proxy: Option<SimulatedProxy>,
    url: String,
}

/// The outcome of the call that counts, and the first failed check.
pub(crate) type Result = (Outcome, Option<String>);

pub(crate) fn run<T: Transport>(row: &Row, transport: &UnderTest<'_, T>, tls: bool) -> Result {
    if !row.allowed(transport.adapter).iter().any(|outcome| outcome.is_error("timeout")) {
        return attempt(row, transport, tls, LONG);
    }
    let [first, second, last] = SHORT;
    let is_final = |(outcome, problem): &Result| {
        !outcome.is_error("timeout") || problem.is_none() && row.allows(transport.adapter, outcome)
    };
    let mut attempts = [first, second].into_iter().map(|limit| attempt(row, transport, tls, limit));
    attempts.find(is_final).unwrap_or_else(|| attempt(row, transport, tls, last))
}

fn attempt<T: Transport>(
    row: &Row,
    transport: &UnderTest<'_, T>,
    tls: bool,
    limit: Duration,
) -> Result {
    let stage = set(&row.scenario, tls);
    let mut settings = Settings::default().with_max_body(MAX_BODY).with_timeout(limit);
    settings = settings.with_proxy(match (&row.scenario, &stage.proxy) {
        (Scenario::Proxy(_, user_info), Some(proxy)) => {
            through(&format!("http://{user_info}{}", proxy.addr()))
        }
        (Scenario::NoProxy(""), _) => through(&closed_port()),
        (Scenario::NoProxy(url), _) => through(url),
        _ => Proxy::Direct,
    });
    if let Some(pem) = stage.simulator.ca_pem() {
        settings = settings.with_root_certs(RootCerts::Pem(pem.into()));
    }
    let started = (transport.start)(settings);
    let call = |token| match started.execute(get_with(&stage.url, "id", token)) {
        Ok(response) => parse(&stage.url, &response),
        Err(error) => Outcome::Error((transport.kind)(&error).into()),
    };
    let mut problem = None;
    let mut check = |is_so: bool, what: &str| {
        if !is_so && problem.is_none() {
            problem = Some(what.to_owned());
        }
    };
    let simulator = &stage.simulator;

    if row.is_second() {
        let first = call(TOKEN);
        check(first == Outcome::Command("STOP".into()), &format!("the first call: {first}"));
    }
    if let Scenario::Idle(_)
    | Scenario::IdleReport(_)
    | Scenario::Stray { sent: Sent::Behind, .. } = row.scenario
    {
        simulator.go_on();
        check(simulator.wait_until_closed(LONG), "the server did not close the idle connection");
        // hyper watches idle connections while its runtime runs, and closes this one. ureq checks it only
        // before the next use. Another transport may do either.
        match transport.adapter {
            Some(Adapter::HyperMulti | Adapter::HyperCurrent) => {
                check(simulator.wait_until_gone(LONG), "the connection was kept")
            }
            Some(_) => {}
            None => drop(simulator.wait_until_gone(SHORT[0])),
        }
    }
    let is_stray = matches!(row.scenario, Scenario::Stray { .. });
    let long = TOKEN.repeat(100 * 1024 / TOKEN.len());
    let report = reports::report(&stage.url);
    let post = || match started.execute(reports::request(&report)) {
        Ok(response) => reports::parse(&report, &response),
        Err(error) => Outcome::Error((transport.kind)(&error).into()),
    };
    let count = || match row.is_report() {
        true => post(),
        false => call(match row.scenario {
            Scenario::LongRequest | Scenario::ClientCertificate { long: true, .. } => &long,
            _ if is_stray => OTHER_TOKEN,
            _ => TOKEN,
        }),
    };
    let mut outcome = count();
    // A transport may notice the half record only when it is about to send. Then the call fails, and the
    // transport has sent nothing.
    if let (Scenario::Stray { sent: Sent::HalfRecord, .. }, true) =
        (&row.scenario, outcome.is_error("closed"))
    {
        outcome = count();
    }
    if let Scenario::Race(_) = row.scenario {
        check(simulator.request_count() == 2, "the request was not sent once");
        let next = call(TOKEN);
        check(next == START, &format!("the next call: {next}"));
    }

    let is_command = matches!(outcome, Outcome::Command(_));
    let (requests, connections) = (simulator.request_count(), simulator.connection_count());
    let (sent, connected) = match row.scenario {
        Scenario::Response(_)
        | Scenario::TlsResponse(_)
        | Scenario::LongRequest
        | Scenario::Redirect { .. } => (1..=1, 1..=1),
        Scenario::Behind(_) | Scenario::Stray { .. } => (2..=2, 2..=2),
        Scenario::Report(_) => (2..=2, 1..=1),
        // If the client has not yet noticed the reset, its request is lost.
        Scenario::Idle(_) | Scenario::IdleReport(_) => (1..=2, 1..=2),
        Scenario::Race(_) => (3..=3, 2..=2),
        Scenario::Accept { .. } | Scenario::Trickle { .. } => (0..=1, 1..=1),
        Scenario::Certificate(_) => (0..=1, 1..=1),
        Scenario::ClientCertificate { .. } => (0..=0, 1..=1),
        Scenario::Proxy(..) if is_command => (1..=1, 1..=1),
        // The proxy connects before it responds.
        Scenario::Proxy(ProxyBehavior::TunnelAfter(_), _) => (0..=0, 0..=1),
        Scenario::Proxy(..) | Scenario::NoProxy(_) | Scenario::NoServer(_) => (0..=0, 0..=0),
        // A server without TLS takes a handshake for a bad request.
        Scenario::WrongScheme { .. } => (0..=1, 1..=1),
    };
    check(sent.contains(&requests), &format!("{requests} requests"));
    check(connected.contains(&connections), &format!("{connections} connections"));
    let is_untrusted =
        matches!(row.scenario, Scenario::Certificate(kind) if kind != Certificate::Good);
    if is_untrusted || outcome.is_error("tls") {
        let heads = simulator.requests();
        let has_token = |head: &[u8]| head.windows(TOKEN.len()).any(|w| w == TOKEN.as_bytes());
        check(
            !heads.iter().any(|request| has_token(&request.head)),
            "the token was sent to an untrusted server",
        );
    }
    if row.is_report() {
        let requests = simulator.requests();
        for request in requests.iter().filter(|request| request.method == "POST") {
            check(reports::is_whole(&report, request), "the report did not arrive as it was made");
        }
    }
    if is_stray {
        let users = simulator.requests().into_iter().map(|request| {
            let token = request.header("x-auth-token").unwrap_or_default();
            (request.connection, String::from_utf8_lossy(token).into_owned())
        });
        let users: Vec<_> = users.collect();
        let expected = [(1, TOKEN.to_owned()), (2, OTHER_TOKEN.to_owned())];
        check(users == expected, "the users shared a connection");
    }
    if let Some(elsewhere) = &stage.elsewhere {
        check(elsewhere.connection_count() == 0, "the redirect was followed");
    }
    if let Some(proxy) = stage.proxy.as_ref().filter(|_| tls || !is_command) {
        let seen = String::from_utf8_lossy(&proxy.received()).into_owned();
        check(!seen.contains(TOKEN), "the proxy saw the token");
    }
    let is_invented = outcome == Outcome::Command("DELETE".into());
    check(!is_invented, "an unsolicited command was returned");
    (outcome, problem)
}

fn set(scenario: &Scenario, tls: bool) -> Stage {
    let stop = || Step::send(whole("STOP"));
    let mut script = Script::new();
    let (mut elsewhere, mut proxy) = (None, None);
    let mut answers = Vec::new();
    match scenario.clone() {
        Scenario::Response(answer) | Scenario::TlsResponse(answer) => answers.push(answer),
        Scenario::Report(answer) => {
            answers.push(Answer::command("STOP", None));
            script = script.report_faults([answer]);
        }
        Scenario::Idle(steps) | Scenario::IdleReport(steps) => {
            answers.push(Answer::steps([stop(), Step::Wait].into_iter().chain(steps)));
        }
        Scenario::Behind(mut steps) => {
            // In one write with the response.
            if let Some(Step::Send(bytes)) = steps.first_mut() {
                bytes.splice(0..0, whole("STOP").into_bytes());
            }
            answers.push(Answer::steps(steps));
        }
        Scenario::Race(steps) => {
            answers.push(Answer::steps([stop(), Step::Request].into_iter().chain(steps)));
        }
        Scenario::Stray { bytes, sent, .. } => answers.push(Answer::steps(stray(bytes, sent))),
        Scenario::Accept { steps, .. } => script = script.on_accept(steps),
        Scenario::Trickle { pause, .. } => script = script.trickle(Duration::from_millis(pause)),
        Scenario::Certificate(certificate) => script = script.certificate(certificate),
        Scenario::ClientCertificate { .. } => {
            script = script.certificate(Certificate::ClientCertificate)
        }
        Scenario::Redirect { status, .. } => {
            let other = Simulator::builder().start().expect("started");
            answers.push(Answer::body(status, "moved").header("location", &other.url()));
            elsewhere = Some(other);
        }
        Scenario::Proxy(behavior, _) => {
            proxy = Some(SimulatedProxy::start(behavior).expect("started"))
        }
        Scenario::LongRequest
        | Scenario::NoProxy(_)
        | Scenario::NoServer(_)
        | Scenario::WrongScheme { .. } => {}
    }
    answers.push(Answer::command("START", Some("t")));
    script = script.commands("id", [Command::new("START", Some("t"))]);
    let mut builder = Simulator::builder().script(script.server("id", answers));
    if !matches!(scenario, Scenario::Stray { .. }) {
        builder = builder.token(TOKEN);
    }
    let wrong_scheme = matches!(scenario, Scenario::WrongScheme { .. });
    if tls != wrong_scheme {
        let is_old = matches!(
            scenario,
            Scenario::Stray { protocol: Protocol::Tls12, .. }
                | Scenario::ClientCertificate { protocol: Protocol::Tls12, .. }
        );
        builder = if is_old { builder.tls12() } else { builder.tls() };
    }
    let simulator = builder.start().expect("started");
    let url = match scenario {
        Scenario::NoServer("") => closed_port(),
        Scenario::NoServer(url) => (*url).to_owned(),
        _ => format!("{}://{}", if tls { "https" } else { "http" }, simulator.addr()),
    };
    Stage { simulator, elsewhere, proxy, url }
}

/// Sends a response, then an unsolicited one. Except for `Sent::Behind`, one write has the end of the first
/// and the beginning of the second, so that no client can send its next request in between.
fn stray(bytes: usize, sent: Sent) -> Vec<Step> {
    let (first, stray) = (long("STOP", bytes), long("DELETE", 5_000));
    let (first, stray) = (first.into_bytes(), stray.into_bytes());
    match sent {
        Sent::InOneWrite => {
            // rustls reads 4,096 bytes at a time. It has the first response before it has all of the
            // second's record.
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
        Sent::HalfRecord => {
            let both = Step::HalfRecord(vec![first, stray.clone()]);
            vec![both, Step::Request, Step::send(stray), Step::Hold]
        }
    }
}

/// Returns the URL of a closed port.
fn closed_port() -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    format!("http://{}", listener.local_addr().expect("an address"))
}

fn through(url: &str) -> Proxy {
    Proxy::Url(ProxyUrl::new(url).expect("an address"))
}

fn parse(url: &str, response: &Response<Vec<u8>>) -> Outcome {
    let endpoint = Endpoint::cleartext(url).or_else(|_| Endpoint::new(url)).expect("an endpoint");
    let call = ObtainCommand::new(&endpoint, &ServerId::new("id").expect("an id"));
    match call.parse(response) {
        Ok(Parsed::Command(command)) => Outcome::Command(command.name.as_str().to_owned().into()),
        Ok(Parsed::NoCommand(_)) => Outcome::NoCommand,
        Ok(Parsed::Task(_)) | Err(ResponseError::Body(_)) => Outcome::Unreadable,
        Err(error) => Outcome::Status(error.status().as_u16()),
    }
}
