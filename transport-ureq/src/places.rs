//! A semaphore whose `take` ends at a deadline. It limits how many tasks run at once.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

#[derive(Clone)]
pub(crate) struct Places(Arc<(Mutex<usize>, Condvar)>);

/// A place in [`Places`]. Dropping it gives it back.
pub(crate) struct Place(Places);

impl Places {
    pub(crate) fn new(count: usize) -> Self {
        Self(Arc::new((Mutex::new(count), Condvar::new())))
    }

    /// Takes a place. Returns `None` if no place is free until the deadline.
    pub(crate) fn take(&self, deadline: Instant) -> Option<Place> {
        let left = deadline.saturating_duration_since(Instant::now());
        let waited = self.0.1.wait_timeout_while(self.free(), left, |free| *free == 0);
        let (mut free, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *free = free.checked_sub(1)?;
        Some(Place(self.clone()))
    }

    fn free(&self) -> MutexGuard<'_, usize> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        *self.0.free() += 1;
        self.0.0.1.notify_one();
    }
}
