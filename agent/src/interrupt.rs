//! Catches interruptions: SIGINT and SIGTERM; on Windows Ctrl-C, Ctrl-Break and the console's end.
//!
//! SIGHUP asks `watch` to look at its credential's file.

use std::{io, time::Duration};

/// Calls `then` once, on its own thread, at the first interruption.
#[cfg(unix)]
pub(crate) fn catch(then: impl FnOnce() + Send + 'static) -> Result<(), io::Error> {
    use signal_hook::{
        consts::{SIGINT, SIGTERM},
        iterator::Signals,
    };
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        if signals.forever().next().is_some() {
            then();
        }
    })?;
    Ok(())
}

/// Calls `then` once, on its own thread, at the first interruption.
#[cfg(not(unix))]
pub(crate) fn catch(then: impl FnOnce() + Send + 'static) -> Result<(), ctrlc::Error> {
    let mut then = Some(then);
    ctrlc::set_handler(move || {
        if let Some(then) = then.take() {
            then();
        }
    })
}

/// The SIGHUPs of this process. They do not end it.
#[cfg(unix)]
pub(crate) struct Hangups(std::sync::mpsc::Receiver<()>);

#[cfg(unix)]
impl Hangups {
    /// Calls `then` at each one, on a thread of its own.
    pub(crate) fn catch(mut then: impl FnMut() + Send + 'static) -> io::Result<Self> {
        use signal_hook::{consts::SIGHUP, iterator::Signals};
        let mut signals = Signals::new([SIGHUP])?;
        // One that waits to be seen stands for all that follow.
        let (hangup, hangups) = std::sync::mpsc::sync_channel(1);
        std::thread::Builder::new().name("hangups".into()).spawn(move || {
            for _ in signals.forever() {
                let _ = hangup.try_send(());
                then();
            }
        })?;
        Ok(Self(hangups))
    }

    /// Waits for one. Returns whether there was one within the limit.
    pub(crate) fn wait(&self, limit: Duration) -> bool {
        self.0.recv_timeout(limit).is_ok()
    }
}

/// There are none on this system.
#[cfg(not(unix))]
pub(crate) struct Hangups;

#[cfg(not(unix))]
impl Hangups {
    pub(crate) fn catch(_: impl FnMut() + Send + 'static) -> io::Result<Self> {
        Ok(Self)
    }

    pub(crate) fn wait(&self, limit: Duration) -> bool {
        std::thread::sleep(limit);
        false
    }
}
