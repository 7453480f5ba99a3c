//! Catches interruptions: SIGINT and SIGTERM; on Windows Ctrl-C, Ctrl-Break and the console's end.
//!
//! SIGHUP keeps its default: it ends a process with its terminal, unless `nohup` ignores it.

/// Calls `then` once, on its own thread, at the first interruption.
#[cfg(unix)]
pub(crate) fn catch(then: impl FnOnce() + Send + 'static) -> Result<(), std::io::Error> {
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
