use core::fmt;
use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

/// Does what blocks and cannot be interrupted on a few threads of its own, which a caller can leave
/// behind.
///
/// Threads are made when they are needed and kept for what follows; there are at most as many as it
/// was made with; one whose caller gave up is left alone until its work returns, and when all are in
/// that state further work is refused at once. A thread that cannot be made is an error, never a
/// panic.
///
/// The threads end when the last clone is dropped (those that hang: when their work returns).
#[derive(Clone)]
pub struct Background {
    owner: Arc<Owner>,
}

/// Delivers what came of some work; it must be quick.
pub type Delivery = Box<dyn FnOnce() + Send>;

/// Work that is under way. Dropping it gives it up: its delivery is then not called, or to no avail.
#[must_use = "dropping it gives the work up"]
pub struct Pending {
    shared: Arc<Shared>,
    id: u64,
}

struct Owner(Arc<Shared>);

struct Shared {
    name: &'static str,
    max_threads: usize,
    state: Mutex<State>,
    work: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Job>,
    running: Vec<Running>,
    threads: usize,
    idle: usize,
    last_id: u64,
    is_closed: bool,
}

struct Job {
    id: u64,
    work: Box<dyn FnOnce() -> Delivery + Send>,
}

struct Running {
    id: u64,
    is_given_up: bool,
}

impl Background {
    /// At most so many threads, of that name.
    #[must_use]
    pub fn new(name: &'static str, max_threads: usize) -> Self {
        let (state, work) = Default::default();
        let shared = Shared { name, max_threads, state, work };
        Self { owner: Arc::new(Owner(Arc::new(shared))) }
    }

    /// Starts some work on another thread.
    ///
    /// # Errors
    /// If all threads hang, or none can be made. Then the work is not done.
    pub fn start(
        &self,
        work: impl FnOnce() -> Delivery + Send + 'static,
    ) -> Result<Pending, io::Error> {
        let shared = &self.owner.0;
        let mut state = shared.state();
        if state.running.iter().filter(|job| job.is_given_up).count() >= shared.max_threads {
            return Err(io::Error::other("earlier ones hang: they have not returned"));
        }
        state.last_id += 1;
        let id = state.last_id;
        state.queue.push_back(Job { id, work: Box::new(work) });
        // A thread that was woken and has not run yet still counts as idle, and its job is still
        // in the queue.
        if state.idle < state.queue.len() && state.threads < shared.max_threads {
            let worker = Arc::clone(shared);
            match thread::Builder::new().name(shared.name.into()).spawn(move || worker.work()) {
                Ok(_) => state.threads += 1,
                Err(error) if state.threads == 0 => {
                    state.queue.pop_back();
                    return Err(error);
                }
                // Those that are there will come to it.
                Err(_) => {}
            }
        }
        drop(state);
        shared.work.notify_one();
        Ok(Pending { shared: Arc::clone(shared), id })
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        let mut state = self.state();
        loop {
            if let Some(job) = state.queue.pop_front() {
                state.running.push(Running { id: job.id, is_given_up: false });
                drop(state);
                let deliver = (job.work)();
                state = self.state();
                state.running.retain(|running| running.id != job.id);
                // Already counted as free: its caller may come back before this thread does.
                state.idle += 1;
                drop(state);
                deliver();
                state = self.state();
                state.idle -= 1;
            } else if state.is_closed {
                state.threads -= 1;
                return;
            } else {
                state.idle += 1;
                state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.idle -= 1;
            }
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.queue.retain(|job| job.id != self.id);
        if let Some(running) = state.running.iter_mut().find(|job| job.id == self.id) {
            running.is_given_up = true;
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.state().is_closed = true;
        self.0.work.notify_all();
    }
}

impl fmt::Debug for Background {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Background").field("name", &self.owner.0.name).finish_non_exhaustive()
    }
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, Receiver, Sender};

    use super::*;

    const MAX_THREADS: usize = 4;

    fn background() -> Background {
        Background::new("test", MAX_THREADS)
    }

    fn start<T: Send + 'static>(
        background: &Background,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<(Pending, Receiver<T>)> {
        let (answer, answered) = mpsc::channel();
        let pending = background.start(move || {
            let done = work();
            // The receiver may be gone, which is what giving up means.
            Box::new(move || drop(answer.send(done)))
        })?;
        Ok((pending, answered))
    }

    /// Work that has begun, and ends when the sender says so.
    fn hang(background: &Background) -> (Pending, Receiver<()>, Sender<()>) {
        let (begun, begins) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let (pending, done) = start(background, move || {
            let _ = begun.send(());
            let _ = released.recv();
        })
        .expect("started");
        begins.recv().expect("begun");
        (pending, done, release)
    }

    fn wait_for_idle(background: &Background) {
        while background.owner.0.state().idle == 0 {
            thread::yield_now();
        }
    }

    #[test]
    fn one_thread_serves_one_after_another() {
        let background = background();
        for number in 0..100 {
            let (_pending, done) = start(&background, move || number).expect("started");
            assert_eq!(done.recv().expect("done"), number);
        }
        assert_eq!(background.owner.0.state().threads, 1);
    }

    #[test]
    fn what_hangs_does_not_block_others_and_is_bounded() {
        let background = background();
        let mut given_up = Vec::new();
        for _ in 0..MAX_THREADS {
            let (pending, done, release) = hang(&background);
            drop(pending);
            given_up.push((done, release));
            if given_up.len() < MAX_THREADS {
                let (_pending, done) = start(&background, || ()).expect("started");
                done.recv().expect("done");
                wait_for_idle(&background);
            }
        }
        assert_eq!(background.owner.0.state().threads, MAX_THREADS);
        start(&background, || ()).map(drop).expect_err("refused at once");

        // One comes back: there is room again.
        given_up.pop();
        wait_for_idle(&background);
        let (_pending, done) = start(&background, || ()).expect("started");
        done.recv().expect("done");
    }

    #[test]
    fn what_was_given_up_in_the_queue_is_never_done() {
        let background = background();
        let mut hanging: Vec<_> = (0..MAX_THREADS).map(|_| hang(&background)).collect();
        let (done, is_done) = mpsc::channel();
        let told = done.clone();
        drop(start(&background, move || told.send("given up")).expect("queued"));
        let (_pending, answered) = start(&background, move || done.send("wanted")).expect("queued");
        hanging.pop();
        answered.recv().expect("done").expect("told");
        assert_eq!(is_done.iter().collect::<Vec<_>>(), ["wanted"]);
    }

    #[test]
    fn threads_end_with_the_last_clone() {
        let background = background();
        let (pending, done) = start(&background, || ()).expect("started");
        done.recv().expect("done");
        drop(pending);
        let shared = Arc::downgrade(&background.owner.0);
        drop(background.clone());
        assert!(shared.upgrade().is_some());
        drop(background);
        // The worker holds the last reference.
        while shared.upgrade().is_some() {
            thread::yield_now();
        }
    }
}
