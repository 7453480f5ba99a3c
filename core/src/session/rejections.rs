use alloc::{boxed::Box, collections::BTreeMap};
use core::{ops::Add, time::Duration};

use super::{event::Event, poller::rejection_pause};
use crate::{
    auth::Fingerprint,
    error::{ApiError, ApiErrorKind, ResponseError},
};

/// Shares rejected credentials between sessions. Without it, several sessions with one wrong key could lock
/// the key.
///
/// One session at a time tries a credential that is not known to be accepted. After a rejection, no session
/// sends it until the pause is over: 5 minutes, then 10, 20, 40 and 60 for each further rejection in a row.
/// Call [`poll`](Self::poll) before you poll a session, and report each outcome.
///
/// Each client of `huaweicloud-sms` has one. Put it into a lock if your sessions run on several
/// threads.
///
/// ```
/// # use huaweicloud_sms_core as huaweicloud_sms;
/// # use std::time::Duration;
/// # use huaweicloud_sms::{
/// #     Action, AuthToken, Endpoint, Event, ObtainCommand, Operation, Pace, Permit, Rejections, ServerId,
/// #     Session, Timestamp, http,
/// # };
/// # let endpoint = Endpoint::new("https://sms.ap-southeast-3.myhuaweicloud.com")?;
/// # let call = || ObtainCommand::new(&endpoint, &ServerId::new("a").expect("valid"));
/// # let (now, clock) = (Duration::ZERO, Timestamp::from_unix_time(Duration::ZERO));
/// # let mut sent = 0;
/// # let mut send = |_: http::Request<Vec<u8>>| {
/// #     sent += 1;
/// #     http::Response::builder().status(401).body("").expect("valid")
/// # };
/// let token = AuthToken::new("MIIVYgYJKoZIhvcNAQcCoIIVUzCCFU8CAQEx")?;
/// let mut sessions = [1, 2, 3].map(|seed| {
///     Session::new(call(), token.clone(), Pace::default(), seed, now)
/// });
/// let mut rejections = Rejections::default();
/// for session in &mut sessions {
///     let credential = session.credential_due(now).expect("a first call is due");
///     let event = match rejections.poll(credential, now) {
///         Permit::Send => {
///             let Action::Send(request) = session.poll(now, clock) else { panic!("it is due") };
///             let event = session.on_response(now, clock, &send(request));
///             rejections.on_event(credential, now, &event);
///             event
///         }
///         Permit::Rejected(error) => session.on_rejected_elsewhere(now, error),
///         Permit::WaitUntil(_) => panic!("no other session is trying it"),
///     };
///     assert!(matches!(event, Event::CredentialRejected(_)));
/// }
/// assert_eq!(sent, 1);
/// # Ok::<(), huaweicloud_sms::InvalidInput>(())
/// ```
///
/// It knows up to 64 credentials, and forgets accepted ones first.
#[derive(Clone, Debug)]
pub struct Rejections<T> {
    known: BTreeMap<Fingerprint, Known<T>>,
}

/// The permission of a session to send its credential; see [`Rejections::poll`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Permit<T> {
    /// Poll the session and report the outcome.
    Send,
    /// Another session is trying the credential. Call `poll` again at this instant, or when
    /// [`Rejections::on_event`] returns `true`.
    WaitUntil(T),
    /// Another session's request was rejected. Hand the error to
    /// [`Session::on_rejected_elsewhere`](crate::Session::on_rejected_elsewhere).
    Rejected(ResponseError),
}

#[derive(Clone, Debug)]
struct Known<T> {
    status: Status<T>,
    /// The rejections in a row.
    rejections: u8,
}

#[derive(Clone, Debug)]
enum Status<T> {
    Accepted,
    /// It was neither accepted nor rejected, and no session is trying it.
    Unknown,
    /// A session is trying it. If no outcome is reported, another session may try it from this instant on.
    /// The flag is true if another session waits for the outcome.
    OnTrial(T, bool),
    /// It was rejected, and no session sends it before this instant.
    Rejected(T, Box<ResponseError>),
}

impl<T> Known<T> {
    fn is_awaited(&self) -> bool {
        matches!(self.status, Status::OnTrial(_, true))
    }
}

impl<T> Default for Rejections<T> {
    fn default() -> Self {
        Self { known: BTreeMap::new() }
    }
}

impl<T: Copy + Ord + Add<Duration, Output = T>> Rejections<T> {
    /// The largest number of credentials that are kept. It bounds the memory.
    const MAX: usize = 64;
    /// The time for which the other sessions wait for a trial without an outcome. It is short, so that a dead
    /// network delays them little, and long enough that few signatures are under way at a time.
    const TRIAL: Duration = Duration::from_secs(10);
    /// The time after which a waiting session polls again. A failed trial wakes no session, because in an
    /// outage each failure in a large fleet would wake all other sessions.
    const RETRY: Duration = Duration::from_secs(1);

    /// Returns whether a session may send this credential now. If the credential is not known to be accepted,
    /// [`Permit::Send`] makes the other sessions wait.
    pub fn poll(&mut self, credential: Fingerprint, now: T) -> Permit<T> {
        let known = self.know(credential);
        match &mut known.status {
            Status::Accepted => return Permit::Send,
            Status::OnTrial(end, is_awaited) if now < *end => {
                *is_awaited = true;
                return Permit::WaitUntil((now + Self::RETRY).min(*end));
            }
            Status::Rejected(end, error) if now < *end => {
                return Permit::Rejected((**error).clone());
            }
            Status::Unknown | Status::OnTrial(..) | Status::Rejected(..) => {}
        }
        known.status = Status::OnTrial(now + Self::TRIAL, false);
        Permit::Send
    }

    /// Records the event of a session's request with this credential. Returns whether the waiting sessions
    /// should poll again now.
    pub fn on_event<A>(&mut self, credential: Fingerprint, now: T, event: &Event<A>) -> bool {
        match event {
            Event::Answer(_) | Event::LoggedIn(_) | Event::Reported => self.accept(credential),
            Event::Error(error) if is_no_task(error) => self.accept(credential),
            Event::CredentialRejected(error) => self.reject(credential, now, error),
            Event::Error(_)
            | Event::LoginError(_)
            | Event::ReportError(_)
            | Event::ReportRejected(_) => {
                self.on_failure(credential);
                false
            }
        }
    }

    /// Records that a session's request with this credential got no response, or was given up.
    pub fn on_failure(&mut self, credential: Fingerprint) {
        let known = self.know(credential);
        if matches!(known.status, Status::OnTrial(..)) {
            known.status = Status::Unknown;
        }
    }

    /// Records the result of a single call with this credential. Such a call needs no permit.
    pub fn on_result<A>(
        &mut self,
        credential: Fingerprint,
        now: T,
        result: &Result<A, ResponseError>,
    ) {
        match result {
            Err(error) if error.is_unauthorized() => drop(self.reject(credential, now, error)),
            Err(error) if !is_no_task(error) => {}
            _ => drop(self.accept(credential)),
        }
    }

    /// Returns whether a credential was rejected and not accepted since.
    pub fn has_rejected(&self) -> bool {
        self.known.values().any(|known| known.rejections > 0)
    }

    fn accept(&mut self, credential: Fingerprint) -> bool {
        let known = self.know(credential);
        let is_awaited = known.is_awaited();
        *known = Known { status: Status::Accepted, rejections: 0 };
        is_awaited
    }

    fn reject(&mut self, credential: Fingerprint, now: T, error: &ResponseError) -> bool {
        let known = self.know(credential);
        let is_awaited = known.is_awaited();
        // Rejections of requests that were under way at the same time count once.
        if !matches!(known.status, Status::Rejected(end, _) if now < end) {
            let wait = error.retry_after().unwrap_or_default();
            let end = now + rejection_pause(known.rejections).max(wait);
            known.status = Status::Rejected(end, Box::new(error.clone()));
            known.rejections = known.rejections.saturating_add(1);
        }
        is_awaited
    }

    fn know(&mut self, credential: Fingerprint) -> &mut Known<T> {
        if self.known.len() >= Self::MAX && !self.known.contains_key(&credential) {
            let least = self.known.iter().min_by_key(|(_, known)| match known.status {
                Status::Accepted => (0, None),
                Status::Unknown => (1, None),
                Status::OnTrial(end, _) => (2, Some(end)),
                Status::Rejected(end, _) => (3, Some(end)),
            });
            if let Some((&least, _)) = least {
                self.known.remove(&least);
            }
        }
        let new = || Known { status: Status::Unknown, rejections: 0 };
        self.known.entry(credential).or_insert_with(new)
    }
}

fn is_no_task(error: &ResponseError) -> bool {
    error.api().map(ApiError::kind) == Some(ApiErrorKind::NoTask)
}
