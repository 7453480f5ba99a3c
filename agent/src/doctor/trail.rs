//! Records the events of the transport while it makes the connection of a call.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use huaweicloud_sms::{Settings, internal::TraceEvent};

/// Collects events until they are taken.
#[derive(Clone, Default)]
pub(super) struct Recorder(Arc<Mutex<Trail>>);

/// The steps of making a connection, each with its instant.
#[derive(Default)]
pub(super) struct Trail {
    pub(super) looked_up: Option<(Instant, Vec<SocketAddr>)>,
    pub(super) failures: Vec<(SocketAddr, String)>,
    pub(super) connected: Option<(Instant, SocketAddr)>,
    pub(super) tunnelled: Option<Instant>,
    /// The peer's certificates in DER.
    pub(super) certificates: Vec<Vec<u8>>,
    pub(super) secured: Option<(Instant, &'static str)>,
}

impl Recorder {
    /// Makes the settings report their events to this recorder.
    pub(super) fn observe(&self, settings: Settings) -> Settings {
        let trail = Arc::clone(&self.0);
        settings.with_trace(Arc::new(move |event| {
            trail.lock().unwrap_or_else(PoisonError::into_inner).add(Instant::now(), event);
        }))
    }

    pub(super) fn take(&self) -> Trail {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Trail {
    fn add(&mut self, now: Instant, event: TraceEvent<'_>) {
        match event {
            // A connection begins.
            TraceEvent::LookedUp(addresses) => {
                *self = Self { looked_up: Some((now, addresses.to_vec())), ..Self::default() };
            }
            TraceEvent::ConnectFailed(address, error) => {
                let is_silent = error.kind() == io::ErrorKind::TimedOut;
                let why = if is_silent { NO_ANSWER.into() } else { error.to_string() };
                self.failures.push((address, why));
            }
            TraceEvent::Connected(address) => self.connected = Some((now, address)),
            TraceEvent::Tunnelled => self.tunnelled = Some(now),
            TraceEvent::Certificates(chain) => {
                self.certificates = chain.iter().map(|certificate| certificate.to_vec()).collect();
            }
            TraceEvent::Secured(version) => self.secured = Some((now, version)),
            _ => {}
        }
    }

    /// Returns whether the transport has not begun to connect.
    pub(super) fn is_empty(&self) -> bool {
        self.looked_up.is_none()
    }

    /// Returns the addresses that were tried before one was reached, each with the reason why it failed. If
    /// no address was reached, returns all.
    pub(super) fn tried(&self) -> Vec<(SocketAddr, &str)> {
        let addresses = self.looked_up.as_ref().map_or(&[][..], |(_, addresses)| addresses);
        let reached = self.connected.map(|(_, address)| address);
        let before = addresses.iter().take_while(|address| Some(**address) != reached);
        let why = |address: &SocketAddr| {
            let failure = self.failures.iter().find(|(failed, _)| failed == address);
            failure.map_or(NO_ANSWER, |(_, why)| why)
        };
        before.map(|address| (*address, why(address))).collect()
    }

    /// Returns the duration of the part of the call that ended at `end`, from the last event before it.
    pub(super) fn since_last(&self, started: Instant, end: Instant) -> Duration {
        let instants = [
            self.looked_up.as_ref().map(|(at, _)| *at),
            self.connected.map(|(at, _)| at),
            self.tunnelled,
            self.secured.map(|(at, _)| at),
        ];
        let before = instants.into_iter().flatten().filter(|at| *at < end).max();
        end.saturating_duration_since(before.unwrap_or(started))
    }
}

const NO_ANSWER: &str = "no answer";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_neither_failed_nor_was_reached_did_not_answer() {
        let addresses = ["[::1]:1", "127.0.0.1:1", "127.0.0.2:1"];
        let [one, two, three] = addresses.map(|address| address.parse().expect("an address"));
        let (mut trail, now) = (Trail::default(), Instant::now());
        trail.add(now, TraceEvent::LookedUp(&[one, two, three]));
        trail.add(now, TraceEvent::ConnectFailed(two, &io::Error::other("refused")));
        assert_eq!(trail.tried(), [(one, NO_ANSWER), (two, "refused"), (three, NO_ANSWER)]);
        trail.add(now, TraceEvent::Connected(three));
        assert_eq!(trail.tried(), [(one, NO_ANSWER), (two, "refused")]);
    }
}
