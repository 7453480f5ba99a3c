//! Faults by turn.

use crate::answer::Answer;

/// The faults of the requests for each operation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    pub(crate) get: Cycle,
    pub(crate) report: Cycle,
    pub(crate) login: Cycle,
}

/// A list of faults, one for each request in turn. After its last entry it begins again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cycle {
    turns: Vec<Option<Answer>>,
    next: usize,
    /// The number of times that the next entry was given already.
    given: u32,
}

impl Cycle {
    pub(crate) fn new(turns: impl IntoIterator<Item = Option<Answer>>) -> Self {
        Self { turns: turns.into_iter().collect(), ..Self::default() }
    }

    /// Returns the fault of the next request, or `None` if it has no fault.
    pub(crate) fn next(&mut self) -> Option<Answer> {
        let turn = self.turns.get(self.next)?.clone();
        self.given += 1;
        if turn.as_ref().is_none_or(|fault| self.given >= fault.times) {
            self.given = 0;
            self.next = (self.next + 1) % self.turns.len();
        }
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cycle_begins_again_and_repeats_an_entry_as_often_as_it_says() {
        let fault = |status: u16| Some(Answer::body(status, ""));
        let mut cycle = Cycle::new([None, fault(500).map(|fault| fault.times(2)), fault(404)]);
        let are_faults: Vec<bool> = (0..8).map(|_| cycle.next().is_some()).collect();
        assert_eq!(are_faults, [false, true, true, true, false, true, true, true]);
        assert!(Cycle::default().next().is_none());
    }
}
