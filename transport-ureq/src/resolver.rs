//! Look-ups of host names within a time limit.
//!
//! ureq's own resolver has no bound without a time limit, and with one makes a thread for each
//! request and panics when it can't. This one has at most four threads, made when first needed,
//! and answers an address without any.

use std::{
    collections::VecDeque,
    fmt, io,
    net::{SocketAddr, ToSocketAddrs},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        mpsc::{self, RecvTimeoutError, SyncSender},
    },
    thread,
};

use http::Uri;
use huaweicloud_sms_transport::LookupError;
use ureq::{
    config::Config,
    unversioned::{
        resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver},
        transport::NextTimeout,
    },
};

type Addresses = io::Result<Vec<SocketAddr>>;
type LookUp = fn(&str) -> Addresses;

/// How many look-ups run at once, which is how many threads hang at most.
const MAX_THREADS: usize = 4;
/// As many as ureq tries.
const MAX_ADDRESSES: usize = 16;

pub(crate) struct LookupPool {
    shared: Arc<Shared>,
}

struct Shared {
    look_up: LookUp,
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    next_id: u64,
    threads: usize,
    /// Threads that wait for a job, or are about to.
    free: usize,
    is_closed: bool,
}

struct Job {
    id: u64,
    /// `host:port`
    name: String,
    answer: SyncSender<Addresses>,
}

impl Default for LookupPool {
    fn default() -> Self {
        Self::new(|name| Ok(name.to_socket_addrs()?.take(MAX_ADDRESSES).collect()))
    }
}

impl LookupPool {
    fn new(look_up: LookUp) -> Self {
        let shared = Shared { look_up, state: Mutex::default(), wake: Condvar::new() };
        Self { shared: Arc::new(shared) }
    }

    /// Hands a name to a thread and waits for its answer.
    fn look_up(&self, name: String, timeout: &NextTimeout) -> Result<Vec<SocketAddr>, ureq::Error> {
        let (answer, answered) = mpsc::sync_channel(1);
        let id = self.shared.submit(name, answer).map_err(ureq::Error::Io)?;
        match answered.recv_timeout(*timeout.after) {
            Ok(addresses) => {
                addresses.map_err(|error| ureq::Error::Other(LookupError(error).into()))
            }
            Err(RecvTimeoutError::Timeout) => {
                self.shared.forget(id);
                Err(ureq::Error::Timeout(timeout.reason))
            }
            // The thread panicked, which the system's resolver does not.
            Err(RecvTimeoutError::Disconnected) => Err(ureq::Error::HostNotFound),
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn submit(self: &Arc<Self>, name: String, answer: SyncSender<Addresses>) -> io::Result<u64> {
        let mut state = self.state();
        if state.free <= state.jobs.len() && state.threads < MAX_THREADS {
            let shared = Arc::clone(self);
            let thread = thread::Builder::new().name("look-up".into());
            match thread.spawn(move || shared.work()) {
                Ok(_) => {
                    state.threads += 1;
                    state.free += 1;
                }
                // With none at all nobody would ever answer.
                Err(error) if state.threads == 0 => return Err(error),
                Err(_) => {}
            }
        }
        let id = state.next_id;
        state.next_id += 1;
        state.jobs.push_back(Job { id, name, answer });
        self.wake.notify_one();
        Ok(id)
    }

    /// Takes a job whose caller has given up out of the queue, if no thread has it yet.
    fn forget(&self, id: u64) {
        self.state().jobs.retain(|job| job.id != id);
    }

    fn work(&self) {
        let mut state = self.state();
        while !state.is_closed {
            let Some(job) = state.jobs.pop_front() else {
                state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            state.free -= 1;
            drop(state);
            let addresses = (self.look_up)(&job.name);
            // Free before its caller knows: the next look-up finds this thread.
            state = self.state();
            state.free += 1;
            // Nobody waits any more if the look-up took too long.
            let _ = job.answer.send(addresses);
        }
    }
}

impl Drop for LookupPool {
    fn drop(&mut self) {
        self.shared.state().is_closed = true;
        self.shared.wake.notify_all();
    }
}

impl fmt::Debug for LookupPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LookupPool")
    }
}

impl Resolver for LookupPool {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let name = uri
            .scheme()
            .zip(uri.authority())
            .and_then(|(scheme, authority)| DefaultResolver::host_and_port(scheme, authority));
        let Some(name) = name else { return Err(ureq::Error::HostNotFound) };
        let addresses = match name.parse::<SocketAddr>() {
            Ok(address) => vec![address],
            Err(_) => self.look_up(name, &timeout)?,
        };
        let mut resolved = self.empty();
        let wanted = config.ip_family();
        for address in wanted.keep_wanted(addresses.into_iter()).take(MAX_ADDRESSES) {
            resolved.push(address);
        }
        if resolved.is_empty() { Err(ureq::Error::HostNotFound) } else { Ok(resolved) }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            OnceLock,
            atomic::{AtomicUsize, Ordering},
        },
        time::Duration,
    };

    use super::*;

    fn within(limit: Duration) -> NextTimeout {
        NextTimeout {
            after: ureq::unversioned::transport::time::Duration::Exact(limit),
            reason: ureq::Timeout::Global,
            per_read: None,
            per_write: None,
        }
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn one_thread_serves_look_ups_one_after_the_other() {
        let pool = LookupPool::new(|_| Ok(vec![([127, 0, 0, 1], 1).into()]));
        for _ in 0..100 {
            assert_eq!(pool.look_up("h:1".into(), &within(LONG)).expect("resolved").len(), 1);
            assert_eq!(pool.shared.state().threads, 1);
        }
    }

    #[test]
    fn a_failed_look_up_is_told_from_other_errors() {
        let pool = LookupPool::new(|_| Err(io::Error::other("no such name")));
        let error = pool.look_up("h:1".into(), &within(LONG)).expect_err("failed");
        assert!(matches!(error, ureq::Error::Other(error) if error.is::<LookupError>()));
    }

    #[test]
    fn hanging_look_ups_are_bounded_and_hold_nobody() {
        static STARTED: AtomicUsize = AtomicUsize::new(0);
        static GATE: OnceLock<(Mutex<bool>, Condvar)> = OnceLock::new();
        fn gate() -> &'static (Mutex<bool>, Condvar) {
            GATE.get_or_init(Default::default)
        }
        fn hang(_: &str) -> Addresses {
            STARTED.fetch_add(1, Ordering::SeqCst);
            let (open, opened) = gate();
            let open = open.lock().expect("not poisoned");
            drop(opened.wait_while(open, |open| !*open).expect("not poisoned"));
            Ok(Vec::new())
        }
        let pool = LookupPool::new(hang);
        for _ in 0..10 {
            let error = pool.look_up("h:1".into(), &within(Duration::from_millis(5)));
            assert!(matches!(error, Err(ureq::Error::Timeout(ureq::Timeout::Global))));
        }
        {
            let state = pool.shared.state();
            assert!(state.threads <= MAX_THREADS && state.jobs.len() <= MAX_THREADS);
        }
        assert!(STARTED.load(Ordering::SeqCst) <= MAX_THREADS);
        *gate().0.lock().expect("not poisoned") = true;
        gate().1.notify_all();
        // What hung is done, and the pool serves again.
        assert!(pool.look_up("h:1".into(), &within(LONG)).expect("resolved").is_empty());
    }
}
