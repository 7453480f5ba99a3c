//! What a row of the table says.

use huaweicloud_sms_simulator::{Answer, Certificate, Step, proxy::ProxyBehavior};
use huaweicloud_sms_transport_conformance::Subject;

/// A scenario and what must come of it.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) world: World,
    pub(crate) expected: Expected,
}

/// What is on the other side.
#[derive(Clone)]
pub(crate) enum World {
    /// This answer to the one request, over TCP and TLS.
    Answer(Answer),
    /// The same, over TLS alone.
    TlsAnswer(Answer),
    /// An honest answer, then these steps while the connection is idle; the call that counts is
    /// the next one, which another connection answers honestly.
    Idle(Vec<Step>),
    /// The same with the steps right behind the answer.
    Behind(Vec<Step>),
    /// An honest answer, then these steps when the next request is there, which is the call that
    /// counts.
    Race(Vec<Step>),
    /// A response of so many bytes, then another one that nobody asked for; the call that counts is
    /// the next one, by another user. Another connection answers it honestly.
    Stray { protocol: Protocol, bytes: usize, sent: Sent },
    /// These steps for each new connection, under TLS if so.
    Accept { tls: bool, steps: Vec<Step> },
    /// Every byte by itself, with this pause in milliseconds before it, under TLS if so.
    Trickle { tls: bool, pause: u64 },
    /// A certificate.
    Certificate(Certificate),
    /// A redirect to another server, from HTTPS to HTTP if so.
    Redirect { tls: bool, status: u16 },
    /// A proxy, and what the client tells it.
    Proxy(ProxyBehavior, &'static str),
    /// A proxy of this address.
    NoProxy(&'static str),
    /// A URL where nobody is; of a port that was just closed, if it names none.
    Nobody(&'static str),
    /// HTTPS to a server that speaks HTTP, or the reverse.
    WrongScheme { tls: bool },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http,
    Tls12,
    Tls13,
}

/// How the stray response is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sent {
    /// In one write with the first, over TLS in records of their own.
    InOneWrite,
    /// Both in many writes, one of which has the end of the first and the beginning of the stray.
    InManyWrites,
    /// When the first was read.
    Behind,
}

/// The outcomes that are right, several with ` | ` between them.
pub(crate) struct Expected {
    pub(crate) ureq: &'static str,
    pub(crate) hyper: &'static str,
    /// Of a client of the caller's, where it is another.
    pub(crate) callers: Option<&'static str>,
    /// Why they differ, or why more than one outcome is right.
    pub(crate) why: &'static str,
}

/// A row on which both clients agree.
pub(crate) fn row(name: impl Into<String>, world: World, expected: &'static str) -> Row {
    Row {
        name: name.into(),
        world,
        expected: Expected { ureq: expected, hyper: expected, callers: None, why: "" },
    }
}

/// A row on which they do not, and why.
pub(crate) fn differing(
    name: &'static str,
    world: World,
    ureq: &'static str,
    hyper: &'static str,
    why: &'static str,
) -> Row {
    let name = name.into();
    Row { name, world, expected: Expected { ureq, hyper, callers: None, why } }
}

impl Row {
    /// With a client of the caller's it is this, and why.
    pub(crate) fn callers(mut self, expected: &'static str, why: &'static str) -> Self {
        self.expected.callers = Some(expected);
        self.expected.why = why;
        self
    }

    pub(crate) fn expected_of(&self, subject: Subject) -> &'static str {
        match self.expected.callers {
            Some(callers) if !subject.connects() => callers,
            _ if subject.client() == "ureq" => self.expected.ureq,
            _ => self.expected.hyper,
        }
    }

    /// Whether this outcome is right for this subject.
    pub(crate) fn allows(&self, subject: Subject, outcome: &str) -> bool {
        self.expected_of(subject).split(" | ").any(|expected| {
            // Of a client of the caller's only it knows whether it was still connecting.
            let is_callers = matches!(subject, Subject::UreqAgent | Subject::HyperClient);
            let is_unknown = is_callers && outcome == "timeout";
            expected == outcome || is_unknown && expected.starts_with("timeout ")
        })
    }
}

impl World {
    /// Under which schemes it is tried: HTTP, HTTPS or both.
    pub(crate) fn schemes(&self) -> &'static [bool] {
        match self {
            Self::TlsAnswer(_) | Self::Certificate(_) => &[true],
            Self::Accept { tls, .. }
            | Self::Trickle { tls, .. }
            | Self::Redirect { tls, .. }
            | Self::WrongScheme { tls } => {
                if *tls {
                    &[true]
                } else {
                    &[false]
                }
            }
            Self::NoProxy(_) | Self::Nobody(_) => &[false],
            Self::Stray { protocol: Protocol::Http, .. } => &[false],
            Self::Stray { .. } => &[true],
            _ => &[false, true],
        }
    }

    /// Whether it only makes sense for a transport that makes its own connections and keeps them.
    pub(crate) fn needs_connector(&self) -> bool {
        match self {
            Self::Answer(_)
            | Self::Accept { .. }
            | Self::Trickle { .. }
            | Self::Redirect { .. }
            | Self::WrongScheme { .. } => false,
            // Who has no resolver is not asked for a name.
            Self::Nobody(url) => !url.is_empty(),
            _ => true,
        }
    }
}
