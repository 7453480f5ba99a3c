//! Which calls are still getting a connection.
//!
//! hyper-util tells by an extension of the request, at four allocations a call. But it starts to
//! connect while the call is polled, so a number that is there meanwhile does.

use std::{
    cell::Cell,
    future::{Future, poll_fn},
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

thread_local! {
    /// The call that is being polled.
    static CURRENT: Cell<u64> = const { Cell::new(0) };
}

/// The calls for which a connection is being made, by their numbers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connecting(Arc<Mutex<Vec<u64>>>);

/// A connection that is being made, until it is dropped.
pub(crate) struct Begun {
    connecting: Connecting,
    call: u64,
}

/// A number that no other call has.
pub(crate) fn number() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed) + 1
}

/// Runs a future as the call of this number.
pub(crate) async fn numbered<F: Future>(call: u64, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|context| {
        let outer = CURRENT.replace(call);
        let polled = future.as_mut().poll(context);
        CURRENT.set(outer);
        polled
    })
    .await
}

impl Connecting {
    /// A connection is being made for the call that is being polled.
    pub(crate) fn begin(&self) -> Begun {
        let call = CURRENT.get();
        self.calls().push(call);
        Begun { connecting: self.clone(), call }
    }

    /// Whether one is being made for this call. (Also when the call has since got one that became
    /// free, and the other is still being made.)
    pub(crate) fn is_for(&self, call: u64) -> bool {
        self.calls().contains(&call)
    }

    fn calls(&self) -> MutexGuard<'_, Vec<u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let mut calls = self.connecting.calls();
        if let Some(index) = calls.iter().position(|call| *call == self.call) {
            calls.swap_remove(index);
        }
    }
}
