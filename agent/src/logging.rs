//! Logs to standard error.

use std::io::Write;

use log::LevelFilter;

use crate::redactor;

/// Starts logging. The level is WARN, and one more for each `-v`.
pub(crate) fn start(verbose: u8) {
    let level = match verbose {
        0 => LevelFilter::Warn,
        1 => LevelFilter::Info,
        2 => LevelFilter::Debug,
        _ => LevelFilter::Trace,
    };
    env_logger::Builder::new()
        // At DEBUG and TRACE, the HTTP clients log headers and bytes with the token.
        .filter_level(level.min(LevelFilter::Info))
        .filter_module("huaweicloud_sms", level)
        .format(|line, record| {
            let text = redactor::shown_line(&record.args().to_string());
            writeln!(line, "[{:<5} {}] {text}", record.level(), record.target())
        })
        .init();
}
