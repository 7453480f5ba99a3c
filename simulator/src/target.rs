//! The parts of a request's target.

use percent_encoding::percent_decode_str;

pub(crate) fn path(target: &str) -> &str {
    target.split_once('?').map_or(target, |(path, _)| path)
}

/// The names and values of the query, decoded, in their order; a `+` is no space.
pub(crate) fn query(target: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    let query = target.split_once('?').map_or("", |(_, query)| query);
    let decoded = |part: &str| percent_decode_str(part).collect::<Vec<u8>>();
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}
