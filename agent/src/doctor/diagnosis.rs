//! The results of all checks.

use std::collections::BTreeMap;

use super::{
    check::{Check, Verdict},
    step::Step,
};

#[derive(Default)]
pub(super) struct Diagnosis(BTreeMap<Step, Check>);

impl Diagnosis {
    /// Adds a result. A check may have a result for each host.
    pub(super) fn add(&mut self, step: Step, check: Check) {
        let check = match self.0.remove(&step) {
            Some(before) => before.and(check),
            None => check,
        };
        self.0.insert(step, check);
    }

    /// Returns the first check that failed.
    pub(super) fn failed(&self) -> Option<Step> {
        let mut failed = self.0.iter().filter(|(_, check)| check.verdict == Verdict::Fail);
        failed.next().map(|(step, _)| *step)
    }

    pub(super) fn has_failed(&self, step: Step) -> bool {
        self.0.get(&step).is_some_and(|check| check.verdict == Verdict::Fail)
    }

    /// Adds the checks that were not made as skipped. The first check that failed is the reason.
    pub(super) fn complete(mut self) -> Self {
        let because = match self.failed() {
            Some(step) => format!("because of {}", step.name()),
            None => "not reached".into(),
        };
        for step in Step::ALL {
            self.0.entry(step).or_insert_with(|| Check::skipped(because.as_str()));
        }
        self
    }

    pub(super) fn checks(&self) -> impl Iterator<Item = (Step, &Check)> {
        self.0.iter().map(|(step, check)| (*step, check))
    }
}
