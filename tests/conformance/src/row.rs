//! A row of the table: a scenario and its right outcomes.

use huaweicloud_sms_simulator::{Answer, Certificate, Step, proxy::ProxyBehavior};

use crate::{Adapter, Outcome};

pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) scenario: Scenario,
    wanted: Outcome,
    deviations: Vec<Deviation>,
}

/// A known deviation of a client, and the reason why it is harmless.
struct Deviation {
    client: &'static str,
    outcomes: Vec<Outcome>,
    why: &'static str,
}

/// Marks a [`Deviation`] of the clients that the caller passes to `with_agent` and `with_client`.
const OWN: &str = "own client";

/// The servers, proxies and responses that the transport meets.
#[derive(Clone)]
pub(crate) enum Scenario {
    /// This response to the only request, over TCP and over TLS.
    Response(Answer),
    /// This response to the only request, over TLS only.
    TlsResponse(Answer),
    /// A request with a long head. The server does not read all of it, responds with 431 and closes.
    LongRequest,
    /// A valid response, then these steps while the connection is idle. Another connection serves the
    /// second call, which counts.
    Idle(Vec<Step>),
    /// As `Idle`, but the steps follow the response at once.
    Behind(Vec<Step>),
    /// A valid response, then these steps upon the next request, which counts.
    Race(Vec<Step>),
    /// A report of the largest size, on the connection that served a call before. The service responds with
    /// this answer, or as it normally does.
    Report(Option<Answer>),
    /// As `Idle`, but the second call is a report.
    IdleReport(Vec<Step>),
    /// A response of `bytes` bytes, then an unsolicited one. Another connection serves the second call, which
    /// counts and has the token of another user.
    Stray { protocol: Protocol, bytes: usize, sent: Sent },
    /// These steps on each new connection.
    Accept { tls: bool, steps: Vec<Step> },
    /// Each byte in a write of its own, with a pause of this many milliseconds before it.
    Trickle { tls: bool, pause: u64 },
    /// A server with this certificate.
    Certificate(Certificate),
    /// A server that wants a client certificate. `long` gives the request a long head.
    ClientCertificate { protocol: Protocol, long: bool },
    /// A redirect to another server of HTTP.
    Redirect { tls: bool, status: u16 },
    /// A proxy, and the `user:password@` in its URL.
    Proxy(ProxyBehavior, &'static str),
    /// A URL of a proxy that cannot be reached. If empty, it names a closed port.
    NoProxy(&'static str),
    /// A URL of a server that cannot be reached. If empty, it names a closed port.
    NoServer(&'static str),
    /// HTTPS to a server of HTTP, or the reverse.
    WrongScheme { tls: bool },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http,
    Tls12,
    Tls13,
}

/// The way in which the unsolicited response is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sent {
    /// In one write with the first response, over TLS in records of its own.
    InOneWrite,
    /// Both responses in many writes. One write has the end of the first and the beginning of the second.
    InManyWrites,
    /// After the client has read the first response.
    Behind,
    /// In one write with the first response, but only the first half of its TLS record. The rest follows upon
    /// the next request.
    HalfRecord,
}

pub(crate) fn row(name: impl Into<String>, scenario: Scenario, wanted: Outcome) -> Row {
    Row { name: name.into(), scenario, wanted, deviations: Vec::new() }
}

impl Row {
    pub(crate) fn ureq(self, outcome: Outcome, why: &'static str) -> Self {
        self.deviation("ureq", vec![outcome], why)
    }

    pub(crate) fn own_client(self, outcomes: impl Into<Vec<Outcome>>, why: &'static str) -> Self {
        self.deviation(OWN, outcomes.into(), why)
    }

    fn deviation(
        mut self,
        client: &'static str,
        outcomes: Vec<Outcome>,
        why: &'static str,
    ) -> Self {
        self.deviations.push(Deviation { client, outcomes, why });
        self
    }

    /// Returns the right outcomes for one of our adapters or, with `None`, for another transport. Another
    /// transport may have the deviations of all our adapters.
    pub(crate) fn allowed(&self, adapter: Option<Adapter>) -> Vec<&Outcome> {
        let Some(adapter) = adapter else {
            let deviations = self.deviations.iter().flat_map(|deviation| &deviation.outcomes);
            return [&self.wanted].into_iter().chain(deviations).collect();
        };
        let of = |client| self.deviations.iter().find(|deviation| deviation.client == client);
        let own = of(OWN).filter(|_| !adapter.connects());
        match own.or_else(|| of(adapter.client())) {
            Some(deviation) => deviation.outcomes.iter().collect(),
            None => vec![&self.wanted],
        }
    }

    pub(crate) fn allows(&self, adapter: Option<Adapter>, outcome: &Outcome) -> bool {
        // A client of the caller does not say whether it was still connecting.
        let vague = adapter.is_none_or(|adapter| !adapter.connects());
        self.allowed(adapter).into_iter().any(|allowed| match vague {
            true => outcome.is_vaguely(allowed),
            false => outcome == allowed,
        })
    }

    /// Describes the wanted outcome and the known deviations.
    pub(crate) fn expectation(&self) -> String {
        let mut text = self.wanted.to_string();
        for Deviation { client, outcomes, why } in &self.deviations {
            let outcomes = outcomes.iter().map(Outcome::to_string).collect::<Vec<_>>().join(" or ");
            text.push_str(&format!("; {client}: {outcomes} ({why})"));
        }
        text
    }

    /// Returns whether the call that counts follows another one on the same connection.
    pub(crate) fn is_second(&self) -> bool {
        use Scenario::{Behind, Idle, Race, Stray};
        matches!(self.scenario, Idle(_) | Behind(_) | Race(_) | Stray { .. }) || self.is_report()
    }

    /// Returns whether the call that counts is a report.
    pub(crate) fn is_report(&self) -> bool {
        matches!(self.scenario, Scenario::Report(_) | Scenario::IdleReport(_))
    }

    /// Returns whether the scenario runs over TCP (`false`), TLS (`true`) or both.
    pub(crate) fn schemes(&self) -> &'static [bool] {
        match self.scenario {
            Scenario::TlsResponse(_)
            | Scenario::Certificate(_)
            | Scenario::ClientCertificate { .. }
            | Scenario::Stray { protocol: Protocol::Tls12 | Protocol::Tls13, .. }
            | Scenario::Accept { tls: true, .. }
            | Scenario::Trickle { tls: true, .. }
            | Scenario::Redirect { tls: true, .. }
            | Scenario::WrongScheme { tls: true } => &[true],
            Scenario::Response(_)
            | Scenario::LongRequest
            | Scenario::Idle(_)
            | Scenario::Behind(_)
            | Scenario::Race(_)
            | Scenario::Report(_)
            | Scenario::IdleReport(_)
            | Scenario::Proxy(..) => &[false, true],
            _ => &[false],
        }
    }

    /// Returns whether the scenario needs a transport that makes and keeps its connections itself.
    pub(crate) fn needs_connector(&self) -> bool {
        !matches!(
            self.scenario,
            Scenario::Response(_)
                | Scenario::LongRequest
                | Scenario::Report(_)
                | Scenario::Accept { .. }
                | Scenario::Trickle { .. }
                | Scenario::Redirect { .. }
                | Scenario::WrongScheme { .. }
                | Scenario::NoServer("")
        )
    }
}
