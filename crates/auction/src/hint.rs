use std::fmt;

use headstart_types::{BlockHash, BlsPublicKey, Root, Slot};

/// What an operator says of a slot to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hint {
    pub slot: Slot,
    pub proposer: BlsPublicKey,
    /// The execution block that the proposer will build on; `None` leaves it to our beacon nodes.
    pub parent_hash: Option<BlockHash>,
    /// Under which the operator learnt of the duty.
    pub dependent_root: Option<Root>,
    /// Milliseconds after the start of the slot at which its beacon node will ask.
    pub expected_ask_ms: Option<i64>,
}

/// What came of a hint that was not rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hinted {
    New,
    /// This operator, or another one of the cluster, has said so before.
    Already,
}

/// Why a hint is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HintRejected {
    SlotPast,
    SlotTooFar,
    NotTheProposer,
    NotYours,
    TooManyParents,
    UnknownFork,
}

impl HintRejected {
    pub const ALL: [Self; 6] = [
        Self::SlotPast,
        Self::SlotTooFar,
        Self::NotTheProposer,
        Self::NotYours,
        Self::TooManyParents,
        Self::UnknownFork,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SlotPast => "slot_past",
            Self::SlotTooFar => "slot_too_far",
            Self::NotTheProposer => "not_the_proposer",
            Self::NotYours => "not_yours",
            Self::TooManyParents => "too_many_parents",
            Self::UnknownFork => "unknown_fork",
        }
    }
}

impl fmt::Display for HintRejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SlotPast => "take the hint: its slot is over",
            Self::SlotTooFar => "take the hint: its slot is 64 slots ahead or more",
            Self::NotTheProposer => "take the hint: another validator proposes this slot",
            Self::NotYours => "take the hint: the cluster does not serve this validator",
            Self::TooManyParents => {
                "take the hint: the cluster has hinted as many auctions of this slot as it may"
            }
            Self::UnknownFork => "take the hint: the fork of its slot is unknown here",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_word_and_a_sentence() {
        let words: std::collections::BTreeSet<_> = HintRejected::ALL.map(HintRejected::as_str).into();
        assert_eq!(words.len(), HintRejected::ALL.len());
        assert!(HintRejected::ALL.iter().all(|reason| reason.to_string().starts_with("take the hint: ")));
    }
}
