//! Lets a test end the process at a step of the journal.

use super::Entry;

/// Ends the process here if `SMS_AGENT_CRASH_AT` names this point, such as `finished:before`. The name of the
/// entry with the process of a started program is `process`.
pub(super) fn point(entry: &Entry, when: &str) {
    if is_at(entry, when) {
        std::process::abort();
    }
}

/// Returns whether a test wants the process to end here.
#[cfg(feature = "crash-test")]
pub(super) fn is_at(entry: &Entry, when: &str) -> bool {
    let json = serde_json::to_value(entry).expect("it serializes");
    let name = match entry {
        Entry::Started { process: Some(_), .. } => "process",
        _ => json["entry"].as_str().expect("a name"),
    };
    let here = format!("{name}:{when}");
    std::env::var("SMS_AGENT_CRASH_AT").is_ok_and(|at| at == here)
}

#[cfg(not(feature = "crash-test"))]
pub(super) fn is_at(_: &Entry, _: &str) -> bool {
    false
}
