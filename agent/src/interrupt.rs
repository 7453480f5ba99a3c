//! Catches interruptions: SIGINT and SIGTERM; on Windows Ctrl-C, Ctrl-Break and the console's end.
//!
//! SIGHUP makes `watch` read its credential's file.

use std::io;

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

/// Calls `then` at each SIGHUP, on a thread of its own. It does not end the process.
#[cfg(unix)]
pub(crate) fn catch_hangups(mut then: impl FnMut() + Send + 'static) -> io::Result<()> {
    use signal_hook::{consts::SIGHUP, iterator::Signals};
    let mut signals = Signals::new([SIGHUP])?;
    std::thread::Builder::new().name("hangups".into()).spawn(move || {
        for _ in signals.forever() {
            then();
        }
    })?;
    Ok(())
}

/// Does nothing, because this system has no SIGHUP.
#[cfg(not(unix))]
pub(crate) fn catch_hangups(_: impl FnMut() + Send + 'static) -> io::Result<()> {
    Ok(())
}
