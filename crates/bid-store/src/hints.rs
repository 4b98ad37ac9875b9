use std::collections::VecDeque;

use crate::SharedHint;

/// Names one hint on its way to a fetcher.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HintId(pub(crate) String);

/// A hint that is this process's to act upon, until it says that it is done with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenHint {
    pub id: HintId,
    /// `None` when it cannot be read: a version to come may have put it there.
    pub hint: Option<SharedHint>,
}

/// Names what the store has kept since it was last found empty: under another name nothing is left of what was there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Life(pub(crate) Vec<u8>);

/// Hints of one process that survive the loss of the store; the oldest go first.
const PASSED_ON_MAX: usize = 8_192;

/// Hints that this process has passed on, should the store lose them.
#[derive(Debug, Default)]
pub(crate) struct PassedOn {
    hints: VecDeque<(SharedHint, bool)>,
    life: Option<Life>,
}

impl PassedOn {
    /// Remembers a hint, and whether it is in the store.
    pub(crate) fn add(&mut self, hint: SharedHint, is_there: bool) {
        self.hints.push_back((hint, is_there));
        if self.hints.len() > PASSED_ON_MAX {
            self.hints.pop_front();
        }
    }

    pub(crate) fn retain(&mut self, keep: impl Fn(&SharedHint) -> bool) {
        self.hints.retain(|(hint, _)| keep(hint));
    }

    /// Takes out what is not in the store that has this life; whoever puts it there adds it again.
    pub(crate) fn take_missing(&mut self, life: Life) -> Vec<SharedHint> {
        let is_emptied = self.life.as_ref().is_some_and(|before| *before != life);
        self.life = Some(life);
        let all = std::mem::take(&mut self.hints);
        let (there, missing): (VecDeque<_>, VecDeque<_>) =
            all.into_iter().partition(|(_, is_there)| *is_there && !is_emptied);
        self.hints = there;
        missing.into_iter().map(|(hint, _)| hint).collect()
    }
}
