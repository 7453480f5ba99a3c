//! Logs to standard error.

use log::LevelFilter;

/// Starts logging: warnings, and with each `-v` one level more.
pub(crate) fn start(verbose: u8) {
    let level = match verbose {
        0 => LevelFilter::Warn,
        1 => LevelFilter::Info,
        2 => LevelFilter::Debug,
        _ => LevelFilter::Trace,
    };
    env_logger::Builder::new()
        .filter_level(level)
        // At TRACE it dumps every sent byte, the token included.
        .filter_module("ureq_proto", level.min(LevelFilter::Debug))
        .init();
}
