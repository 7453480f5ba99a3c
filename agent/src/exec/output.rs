//! Reads a program's standard output and keeps the first part of it.

use std::{
    io::{self, ErrorKind, Read},
    sync::{Mutex, PoisonError},
};

use huaweicloud_sms::ReportResult;

/// The longest `result_detail`, in bytes. No more than this is kept of an output.
pub(super) const MAX: usize = ReportResult::MAX_DETAIL;

/// The standard output of a program.
#[derive(Clone, Debug, Default)]
pub(super) struct Output {
    /// The first bytes, at most [`MAX`].
    pub(super) head: Vec<u8>,
    /// The number of all bytes.
    pub(super) bytes: u64,
}

impl Output {
    pub(super) fn is_truncated(&self) -> bool {
        self.bytes > self.head.len() as u64
    }

    fn add(&mut self, bytes: &[u8]) {
        let room = MAX - self.head.len();
        self.head.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.bytes += bytes.len() as u64;
    }
}

/// Reads to the end, so that the program never waits for a full pipe.
pub(super) fn read(mut pipe: impl Read, output: &Mutex<Output>) -> io::Result<()> {
    let mut buffer = [0; 8 * 1024];
    loop {
        match pipe.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(length) => {
                output.lock().unwrap_or_else(PoisonError::into_inner).add(&buffer[..length])
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_first_part_and_counts_the_rest() {
        let output = Mutex::default();
        read(io::repeat(b'x').take(10_000_000), &output).expect("read");
        let output = output.into_inner().expect("unpoisoned");
        assert_eq!((output.head.len(), output.bytes), (MAX, 10_000_000));
        assert!(output.is_truncated());
    }

    #[test]
    fn an_output_of_the_limit_is_whole() {
        let output = Mutex::default();
        read(io::repeat(b'x').take(MAX as u64), &output).expect("read");
        assert!(!output.into_inner().expect("unpoisoned").is_truncated());
    }
}
