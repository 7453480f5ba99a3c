use std::{
    collections::BTreeMap,
    future::poll_fn,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    task::{Poll, Waker},
    time::Instant,
};

/// Wakes sleeping watches when their client is shut down, or when the service accepts or rejects a credential
/// that another watch was trying.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    is_stopped: bool,
    /// The number of times that the watches were woken.
    wake_ups: u64,
    last_id: u64,
    /// The tasks of the async watches.
    wakers: BTreeMap<u64, Waker>,
}

impl Stop {
    pub(crate) fn stop(&self) {
        self.state().is_stopped = true;
        self.wake();
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.state().is_stopped
    }

    /// Wakes all watches, so that each decides again what to do.
    pub(crate) fn wake(&self) {
        let mut state = self.state();
        state.wake_ups += 1;
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        self.changed.notify_all();
        wakers.into_values().for_each(Waker::wake);
    }

    /// Returns the number of wake-ups. Read it before you decide what to do, so that you miss no later
    /// wake-up.
    pub(crate) fn wake_ups(&self) -> u64 {
        self.state().wake_ups
    }

    /// Sleeps until this instant, or until there are more wake-ups than these.
    pub(crate) fn sleep_until(&self, instant: Instant, wake_ups: u64) {
        let wait = instant.saturating_duration_since(Instant::now());
        let is_asleep = |state: &mut State| state.wake_ups == wake_ups;
        let waited = self.changed.wait_timeout_while(self.state(), wait, is_asleep);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// Returns an id for an async watch, for [`wait`](Self::wait).
    pub(crate) fn register(&self) -> u64 {
        let mut state = self.state();
        state.last_id += 1;
        state.last_id
    }

    /// Completes when the client is shut down.
    pub(crate) async fn wait(&self, id: u64) {
        poll_fn(|context| {
            // A waker may own its task, and the task may own another watch. So the code of a waker runs
            // without the lock.
            let waker = context.waker().clone();
            let mut state = self.state();
            if state.is_stopped {
                return Poll::Ready(());
            }
            let old = state.wakers.insert(id, waker);
            drop(state);
            drop(old);
            Poll::Pending
        })
        .await;
    }

    pub(crate) fn unregister(&self, id: u64) {
        let old = self.state().wakers.remove(&id);
        drop(old);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
