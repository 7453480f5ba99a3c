use core::fmt;
use std::{
    collections::VecDeque,
    io,
    net::{SocketAddr, ToSocketAddrs},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use crate::LookupError;

/// How many threads look names up at most, those that hang included.
const MAX_THREADS: usize = 4;

/// Looks host names up on a few threads of its own, by the system's resolver.
///
/// That resolver blocks, cannot be interrupted, and takes as long as it likes. So: threads are
/// made when they are needed and kept for the following look-ups, there are at most four, one
/// whose caller gave up is left alone until the system returns, and when all four are in that
/// state a look-up fails at once. A thread that cannot be made is an error, never a panic.
///
/// The threads end when the last clone is dropped (those that hang: when the system returns).
#[derive(Clone)]
pub struct Lookup {
    owner: Arc<Owner>,
}

type Found = Result<Vec<SocketAddr>, LookupError>;
type Resolve = dyn Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync;

/// A look-up that is under way. Dropping it gives it up: its answer is then not delivered, or
/// delivered to no avail.
#[must_use = "dropping it gives the look-up up"]
pub struct Pending {
    shared: Arc<Shared>,
    id: u64,
}

struct Owner(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    work: Condvar,
    resolve: Box<Resolve>,
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
    host: String,
    answer: Box<dyn FnOnce(Found) + Send>,
}

struct Running {
    id: u64,
    is_given_up: bool,
}

impl Default for Lookup {
    fn default() -> Self {
        Self::with(|host| Ok((host, 0).to_socket_addrs()?.collect()))
    }
}

impl Lookup {
    /// Looks names up by `resolve` in place of the system's resolver; it may block, and hang.
    pub fn with(
        resolve: impl Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Self {
        let shared =
            Shared { state: Mutex::default(), work: Condvar::new(), resolve: Box::new(resolve) };
        Self { owner: Arc::new(Owner(Arc::new(shared))) }
    }

    /// Starts to look a name up. `answer` is called on another thread, with at least one address
    /// (of port 0) or why there is none; it must be quick.
    ///
    /// # Errors
    /// If all threads hang, or none can be made. Then `answer` is not called.
    pub fn start(
        &self,
        host: &str,
        answer: impl FnOnce(Result<Vec<SocketAddr>, LookupError>) + Send + 'static,
    ) -> Result<Pending, LookupError> {
        let shared = &self.owner.0;
        let mut state = shared.state();
        if state.running.iter().filter(|job| job.is_given_up).count() >= MAX_THREADS {
            let hang = "the system's resolver hangs: earlier look-ups have not returned";
            return Err(LookupError(io::Error::other(hang)));
        }
        state.last_id += 1;
        let id = state.last_id;
        state.queue.push_back(Job { id, host: host.to_owned(), answer: Box::new(answer) });
        // A thread that was woken and has not run yet still counts as idle, and its job is still
        // in the queue.
        if state.idle < state.queue.len() && state.threads < MAX_THREADS {
            let worker = Arc::clone(shared);
            match thread::Builder::new().name("dns".into()).spawn(move || worker.work()) {
                Ok(_) => state.threads += 1,
                Err(error) if state.threads == 0 => {
                    state.queue.pop_back();
                    return Err(LookupError(error));
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
                let found = (self.resolve)(&job.host).and_then(|found| match found.is_empty() {
                    true => Err(io::Error::new(io::ErrorKind::NotFound, "it has no address")),
                    false => Ok(found),
                });
                state = self.state();
                state.running.retain(|running| running.id != job.id);
                // Already counted as free: its caller may come back before this thread does.
                state.idle += 1;
                drop(state);
                (job.answer)(found.map_err(LookupError));
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

impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookup").finish_non_exhaustive()
    }
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, Receiver};

    use super::*;

    fn address() -> SocketAddr {
        ([127, 0, 0, 1], 0).into()
    }

    fn look_up(lookup: &Lookup, host: &str) -> Result<(Pending, Receiver<Found>), LookupError> {
        let (answer, found) = mpsc::channel();
        // The receiver may be gone, which is what giving up means.
        let pending = lookup.start(host, move |result| drop(answer.send(result)))?;
        Ok((pending, found))
    }

    /// Says when it begins, and ends when it is told to.
    fn hanging() -> (Lookup, Receiver<String>, mpsc::Sender<()>) {
        let (begun, begins) = mpsc::channel();
        let (release, released) = mpsc::channel();
        let released = Mutex::new(released);
        let lookup = Lookup::with(move |host| {
            drop(begun.send(host.to_owned()));
            if host == "hang" {
                let _ = released.lock().expect("sound").recv();
            }
            Ok(vec![address()])
        });
        (lookup, begins, release)
    }

    #[test]
    fn one_thread_serves_one_after_another() {
        let lookup = Lookup::with(|_| Ok(vec![address()]));
        for _ in 0..100 {
            let (_pending, found) = look_up(&lookup, "name").expect("started");
            assert_eq!(found.recv().expect("answered").expect("found"), [address()]);
        }
        assert_eq!(lookup.owner.0.state().threads, 1);
    }

    #[test]
    fn no_address_is_a_failure() {
        let lookup = Lookup::with(|_| Ok(Vec::new()));
        let (_pending, found) = look_up(&lookup, "name").expect("started");
        found.recv().expect("answered").expect_err("nothing found");
    }

    #[test]
    fn hanging_look_ups_do_not_block_others_and_are_bounded() {
        let (lookup, begins, release) = hanging();
        let mut given_up = Vec::new();
        for _ in 0..MAX_THREADS {
            let (pending, found) = look_up(&lookup, "hang").expect("started");
            assert_eq!(begins.recv().expect("begun"), "hang");
            drop(pending);
            given_up.push(found);
            if given_up.len() < MAX_THREADS {
                let (_pending, found) = look_up(&lookup, "quick").expect("started");
                assert_eq!(begins.recv().expect("begun"), "quick");
                found.recv().expect("answered").expect("found");
                while lookup.owner.0.state().idle == 0 {
                    thread::yield_now();
                }
            }
        }
        assert_eq!(lookup.owner.0.state().threads, MAX_THREADS);
        look_up(&lookup, "quick").map(drop).expect_err("refused at once");

        // One comes back: there is room again.
        release.send(()).expect("hanging");
        while lookup.owner.0.state().idle == 0 {
            thread::yield_now();
        }
        let (_pending, found) = look_up(&lookup, "quick").expect("started");
        found.recv().expect("answered").expect("found");
    }

    #[test]
    fn what_was_given_up_in_the_queue_is_never_looked_up() {
        let (lookup, begins, release) = hanging();
        let hanging: Vec<_> = (0..MAX_THREADS)
            .map(|_| {
                let started = look_up(&lookup, "hang").expect("started");
                begins.recv().expect("begun");
                started
            })
            .collect();
        drop(look_up(&lookup, "given up").expect("queued"));
        let (_pending, found) = look_up(&lookup, "wanted").expect("queued");
        release.send(()).expect("hanging");
        found.recv().expect("answered").expect("found");
        assert_eq!(begins.recv().expect("begun"), "wanted");
        drop(release);
        drop(hanging);
    }

    #[test]
    fn threads_end_with_the_last_clone() {
        let lookup = Lookup::with(|_| Ok(vec![address()]));
        let (pending, found) = look_up(&lookup, "name").expect("started");
        found.recv().expect("answered").expect("found");
        drop(pending);
        let shared = Arc::downgrade(&lookup.owner.0);
        drop(lookup.clone());
        assert!(shared.upgrade().is_some());
        drop(lookup);
        // The worker holds the last reference.
        while shared.upgrade().is_some() {
            thread::yield_now();
        }
    }
}
