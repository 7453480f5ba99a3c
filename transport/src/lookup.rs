use core::fmt;
use std::{
    io,
    net::{SocketAddr, ToSocketAddrs},
    sync::Arc,
};

use crate::{Background, LookupError, Pending};

/// How many threads look names up at most, those that hang included.
const MAX_THREADS: usize = 4;

/// Looks host names up in the [`Background`], by the system's resolver, which blocks, cannot be
/// interrupted, and takes as long as it likes.
#[derive(Clone)]
pub struct Lookup {
    background: Background,
    resolve: Arc<Resolve>,
}

type Resolve = dyn Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync;

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
        Self { background: Background::new("dns", MAX_THREADS), resolve: Arc::new(resolve) }
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
        let (resolve, host) = (Arc::clone(&self.resolve), host.to_owned());
        let look_up = move || match resolve(&host) {
            Ok(found) if found.is_empty() => {
                Err(io::Error::new(io::ErrorKind::NotFound, "it has no address"))
            }
            found => found,
        };
        let started = self.background.start(move || {
            let found = look_up().map_err(LookupError);
            Box::new(move || answer(found))
        });
        started.map_err(LookupError)
    }
}

impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookup").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn what_is_found() {
        let found = |addresses: Vec<SocketAddr>| {
            let lookup = Lookup::with(move |host| {
                assert_eq!(host, "name");
                Ok(addresses.clone())
            });
            let (answer, answered) = mpsc::channel();
            let pending = lookup.start("name", move |found| drop(answer.send(found)));
            let _pending = pending.expect("started");
            answered.recv().expect("answered")
        };
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        assert_eq!(found(vec![address]).expect("found"), [address]);
        assert_eq!(found(Vec::new()).expect_err("nothing").to_string(), "it has no address");
    }
}
