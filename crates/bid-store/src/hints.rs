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
