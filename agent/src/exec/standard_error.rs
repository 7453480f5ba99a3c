//! Logs a program's standard error, line by line and within a limit.

use std::{
    io::{self, BufRead, BufReader, ErrorKind, Read},
    time::{Duration, Instant},
};

/// The longest line that is logged, in bytes.
const MAX_LINE: usize = 1024;
/// The largest number of bytes that are logged within a [`WINDOW`].
const MAX_WINDOW: usize = 64 * 1024;
const WINDOW: Duration = Duration::from_secs(60);
/// Each line counts as this many bytes more than its text. Without that, empty lines could flood the log.
const PER_LINE: usize = 32;

/// Logs the lines of a program until its output ends. `name` is the program's.
///
/// The lines are warnings, because the agent logs no lower level by default.
pub(super) fn log(pipe: impl Read, name: &str) -> io::Result<()> {
    let mut limit = Limit::new(Instant::now());
    let result = lines(pipe, |line, length| {
        let Some(left_out) = limit.admit(Instant::now(), line.len()) else { return };
        log_left_out(name, left_out);
        let line = String::from_utf8_lossy(line);
        match length as usize > MAX_LINE {
            true => log::warn!("{name}: {line}... [cut: {MAX_LINE} of {length} bytes]"),
            false => log::warn!("{name}: {line}"),
        }
    });
    log_left_out(name, limit.left_out);
    result
}

fn log_left_out(name: &str, count: u64) {
    if count > 0 {
        log::warn!("{name}: [{count} lines left out: more than 64 KiB in a minute]");
    }
}

/// Calls back with the first [`MAX_LINE`] bytes of each line, and with the line's length.
fn lines(pipe: impl Read, mut on_line: impl FnMut(&[u8], u64)) -> io::Result<()> {
    let mut pipe = BufReader::new(pipe);
    let (mut line, mut length) = (Vec::with_capacity(MAX_LINE), 0);
    loop {
        let bytes = match pipe.fill_buf() {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if bytes.is_empty() {
            if length > 0 {
                on_line(&line, length);
            }
            return Ok(());
        }
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let part = &bytes[..end.unwrap_or(bytes.len())];
        line.extend_from_slice(&part[..part.len().min(MAX_LINE - line.len())]);
        length += part.len() as u64;
        let used = part.len() + usize::from(end.is_some());
        pipe.consume(used);
        if end.is_some() {
            on_line(line.strip_suffix(b"\r").unwrap_or(&line), length);
            line.clear();
            length = 0;
        }
    }
}

/// Limits how much is logged within a [`WINDOW`].
struct Limit {
    since: Instant,
    used: usize,
    left_out: u64,
}

impl Limit {
    fn new(now: Instant) -> Self {
        Self { since: now, used: 0, left_out: 0 }
    }

    /// Returns the number of lines that were left out before this line, or `None` if it must not be logged.
    fn admit(&mut self, now: Instant, length: usize) -> Option<u64> {
        if now.saturating_duration_since(self.since) >= WINDOW {
            (self.since, self.used) = (now, 0);
        }
        self.used = self.used.saturating_add(length + PER_LINE);
        if self.used > MAX_WINDOW {
            self.left_out += 1;
            return None;
        }
        Some(std::mem::take(&mut self.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_lines_and_keeps_the_last_one_without_a_line_break() {
        let long = "x".repeat(3000);
        let text = format!("one\r\n\n{long}\nlast");
        let mut found = Vec::new();
        lines(text.as_bytes(), |line, length| found.push((line.to_vec(), length))).expect("read");
        let expected = [("one", 4), ("", 0), (&long[..MAX_LINE], 3000), ("last", 4)]
            .map(|(line, length)| (line.into(), length));
        assert_eq!(found, expected);
    }

    #[test]
    fn lines_over_the_limit_are_counted_and_reported_in_the_next_window() {
        let start = Instant::now();
        let mut limit = Limit::new(start);
        let admitted = (0..1_000_000).filter(|_| limit.admit(start, 0).is_some()).count();
        assert_eq!(admitted, MAX_WINDOW / PER_LINE);
        let left_out = 1_000_000 - admitted as u64;
        assert_eq!(limit.admit(start + WINDOW, 10), Some(left_out));
        assert_eq!(limit.admit(start + WINDOW, 10), Some(0));
    }
}
