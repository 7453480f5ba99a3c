use std::{
    collections::BTreeMap,
    future::poll_fn,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    task::{Poll, Waker},
    time::Instant,
};

/// Tells sleeping watches that their client was shut down.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    is_stopped: bool,
    last_id: u64,
    /// The tasks of the async watches.
    wakers: BTreeMap<u64, Waker>,
}

impl Stop {
    pub(crate) fn stop(&self) {
        let mut state = self.state();
        state.is_stopped = true;
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        self.changed.notify_all();
        wakers.into_values().for_each(Waker::wake);
    }

    /// Sleeps until this instant. Returns whether the client was shut down.
    pub(crate) fn wait_until(&self, instant: Instant) -> bool {
        let wait = instant.saturating_duration_since(Instant::now());
        let is_running = |state: &mut State| !state.is_stopped;
        let waited = self.changed.wait_timeout_while(self.state(), wait, is_running);
        waited.unwrap_or_else(PoisonError::into_inner).0.is_stopped
    }

    /// An id for an async watch, to [`wait`](Self::wait) with.
    pub(crate) fn register(&self) -> u64 {
        let mut state = self.state();
        state.last_id += 1;
        state.last_id
    }

    /// Completes when the client is shut down.
    pub(crate) async fn wait(&self, id: u64) {
        poll_fn(|context| {
            let mut state = self.state();
            if state.is_stopped {
                return Poll::Ready(());
            }
            let waker = state.wakers.entry(id).or_insert_with(|| context.waker().clone());
            waker.clone_from(context.waker());
            Poll::Pending
        })
        .await;
    }

    pub(crate) fn unregister(&self, id: u64) {
        self.state().wakers.remove(&id);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
