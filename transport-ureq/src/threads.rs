//! What blocks and cannot be interrupted, on threads that a call can leave behind: when its time is
//! over, or when the transport is shut down.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use huaweicloud_sms_transport::{Background, ConnectTimeout, Lookup};
use ureq::{Error, unversioned::transport::NextTimeout};

/// How many connections are made at once on threads of their own; further ones wait.
const MAX_CONNECTS: usize = 16;
/// How soon a shutdown is noticed.
const CHECK: Duration = Duration::from_millis(50);

/// Look-ups and connects.
#[derive(Clone, Debug)]
pub(crate) struct Threads {
    pub(crate) lookup: Lookup,
    pub(crate) connect: Background,
    is_shut_down: Arc<AtomicBool>,
}

impl Threads {
    pub(crate) fn new(lookup: Lookup) -> Self {
        let connect = Background::new("connect", MAX_CONNECTS);
        Self { lookup, connect, is_shut_down: Arc::default() }
    }

    /// Ends all waiting, now and in future.
    pub(crate) fn shutdown(&self) {
        self.is_shut_down.store(true, Ordering::Relaxed);
    }

    /// Waits for what another thread sends.
    pub(crate) fn wait<T>(&self, answered: &Receiver<T>, timeout: NextTimeout) -> Result<T, Error> {
        let start = Instant::now();
        loop {
            if self.is_shut_down.load(Ordering::Relaxed) {
                let shut_down = "the transport is shut down";
                return Err(io::Error::new(io::ErrorKind::NotConnected, shut_down).into());
            }
            let left = timeout.after.saturating_sub(start.elapsed());
            match answered.recv_timeout(left.min(CHECK)) {
                Ok(answer) => return Ok(answer),
                Err(RecvTimeoutError::Timeout) if left.is_zero() => {
                    return Err(Error::Other(ConnectTimeout.into()));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(error @ RecvTimeoutError::Disconnected) => {
                    return Err(io::Error::other(error).into());
                }
            }
        }
    }
}
