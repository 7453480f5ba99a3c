//! The result of one check.

use std::time::Duration;

/// The verdicts. Each outweighs those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    Skipped,
    Ok,
    Warn,
    Fail,
}

impl Verdict {
    /// Returns the verdict as a word, for text and JSON.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Skipped => "skipped",
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "FAIL",
        }
    }
}

/// The result of one check. Its texts are neither withheld nor escaped.
pub(super) struct Check {
    pub(super) verdict: Verdict,
    pub(super) found: String,
    pub(super) reason: Option<String>,
    pub(super) remedy: Option<String>,
    pub(super) time: Option<Duration>,
}

impl Check {
    pub(super) fn ok(found: impl Into<String>) -> Self {
        Self { verdict: Verdict::Ok, found: found.into(), reason: None, remedy: None, time: None }
    }

    pub(super) fn warn(
        found: impl Into<String>,
        reason: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let (reason, remedy) = (Some(reason.into()), Some(remedy.into()));
        Self { verdict: Verdict::Warn, reason, remedy, ..Self::ok(found) }
    }

    pub(super) fn fail(
        found: impl Into<String>,
        reason: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { verdict: Verdict::Fail, ..Self::warn(found, reason, remedy) }
    }

    pub(super) fn skipped(reason: impl Into<String>) -> Self {
        Self { verdict: Verdict::Skipped, reason: Some(reason.into()), ..Self::ok("") }
    }

    pub(super) fn within(self, time: Duration) -> Self {
        Self { time: Some(time), ..self }
    }

    /// Adds the result of the same check for another host. Keeps the worse verdict and its reason.
    pub(super) fn and(mut self, mut other: Self) -> Self {
        if other.verdict > self.verdict {
            (self.verdict, other.verdict) = (other.verdict, self.verdict);
            std::mem::swap(&mut self.reason, &mut other.reason);
            std::mem::swap(&mut self.remedy, &mut other.remedy);
        }
        // Both hosts may be the same.
        if !other.found.is_empty() && other.found != self.found {
            let separator = if self.found.is_empty() { "" } else { "; " };
            self.found = format!("{}{separator}{}", self.found, other.found);
        }
        self.reason = self.reason.or(other.reason);
        self.remedy = self.remedy.or(other.remedy);
        self.time = match (self.time, other.time) {
            (Some(one), Some(other)) => Some(one.saturating_add(other)),
            (one, other) => one.or(other),
        };
        self
    }
}
