//! Wakes the thread of `watch` while it waits for its next request.

use std::{
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, SyncSender},
    },
    time::Duration,
};

/// Wakes a [`Sleeper`], from any thread.
#[derive(Debug)]
pub(crate) struct Waker {
    wake: SyncSender<()>,
    has_hung_up: AtomicBool,
}

/// Sleeps until it is woken.
#[derive(Debug)]
pub(crate) struct Sleeper(Receiver<()>);

impl Waker {
    pub(crate) fn new() -> (Self, Sleeper) {
        // One waiting message is enough to wake the sleeper.
        let (wake, wakes) = mpsc::sync_channel(1);
        (Self { wake, has_hung_up: AtomicBool::new(false) }, Sleeper(wakes))
    }

    /// Ends the present sleep, or the next one.
    pub(crate) fn wake(&self) {
        let _ = self.wake.try_send(());
    }

    /// Records a SIGHUP, and wakes the sleeper.
    pub(crate) fn hang_up(&self) {
        self.has_hung_up.store(true, Ordering::Release);
        self.wake();
    }

    /// Returns whether there was a SIGHUP that [`take_hangup`](Self::take_hangup) has not seen yet.
    pub(crate) fn has_hung_up(&self) -> bool {
        self.has_hung_up.load(Ordering::Acquire)
    }

    /// Returns whether there was a SIGHUP since the last call.
    pub(crate) fn take_hangup(&self) -> bool {
        self.has_hung_up.swap(false, Ordering::AcqRel)
    }
}

impl Sleeper {
    /// Sleeps for this long at most. The waker must be alive.
    pub(crate) fn sleep(&self, limit: Duration) {
        let _ = self.0.recv_timeout(limit);
    }
}
