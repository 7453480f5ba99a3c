//! A line of the journal: `<checksum> <length> <JSON>`.
//!
//! The checksum is the beginning of a SHA-256 of the checksum before and the JSON, so that a line that is missing
//! or elsewhere is found, too. The length tells a line without its line break from one that was never whole.

use std::str;

use hmac_sha256::Hash;

/// The checksum of a line, in hexadecimal digits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Checksum(String);

impl Checksum {
    fn next(&self, json: &[u8]) -> Self {
        let mut hash = Hash::new();
        hash.update(&self.0);
        hash.update(json);
        let hash = hash.finalize();
        Self(hash[..8].iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

/// Why a line cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// It is not a whole line with its own checksum. The last line can be so after a crash.
    Torn,
    /// It was whole.
    Damaged,
}

/// Writes a line after the one with this checksum.
pub(super) fn write(before: &Checksum, json: &[u8]) -> (Vec<u8>, Checksum) {
    let checksum = before.next(json);
    let mut line = format!("{} {} ", checksum.0, json.len()).into_bytes();
    line.extend_from_slice(json);
    line.push(b'\n');
    (line, checksum)
}

/// Reads a line, with its line break if it has one, after the one with this checksum.
pub(super) fn read<'a>(before: &Checksum, line: &'a [u8]) -> Result<(&'a [u8], Checksum), Problem> {
    let mut parts = line.splitn(3, |byte| *byte == b' ');
    let mut text = || str::from_utf8(parts.next()?).ok();
    let (Some(checksum), Some(length)) = (text(), text()) else { return Err(Problem::Torn) };
    let rest = parts.next().unwrap_or_default();
    let length = length.parse().unwrap_or(usize::MAX);
    let Some((json, end)) = rest.split_at_checked(length) else { return Err(Problem::Torn) };
    let next = before.next(json);
    match (next.0 == checksum, end) {
        (true, b"\n") => Ok((json, next)),
        (false, _) | (true, b"") => Err(Problem::Torn),
        (true, _) => Err(Problem::Damaged),
    }
}
