//! Ends the process at a step of the journal, for tests. Builds with optimisation do not have it.

/// Whether to end at this moment of a step. `SMS_AGENT_CRASH_AT` names it with its number, counted from 1:
///
/// * `received-before:1`: nothing is written of the first command that is received.
/// * `finished-torn:2`: half a line is written of the second result.
/// * `reported-after:3`: the line of the third report is written and synced.
///
/// The steps are `received`, `started`, `finished`, `reported` and `dropped`.
#[cfg(all(feature = "simulator", debug_assertions))]
pub(super) fn is_due(step: &str, moment: &str) -> bool {
    use std::{
        env,
        sync::atomic::{AtomicU64, Ordering},
    };
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let Ok(at) = env::var("SMS_AGENT_CRASH_AT") else { return false };
    let Some((name, number)) = at.split_once(':') else { return false };
    name.split_once('-') == Some((step, moment))
        && number.parse() == Ok(COUNT.fetch_add(1, Ordering::Relaxed) + 1)
}

#[cfg(not(all(feature = "simulator", debug_assertions)))]
pub(super) const fn is_due(_: &str, _: &str) -> bool {
    false
}
