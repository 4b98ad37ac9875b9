use std::collections::BTreeMap;

use headstart_types::{BlsPublicKey, Root, Slot};

/// The equivocation guard: at most one distinct block of a slot and proposer is forwarded. The network is that of the
/// process.
///
/// Only a block whose proposer signature was verified may be shown to the guard; otherwise anyone could claim it with
/// garbage and have the true block refused.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    claims: BTreeMap<(Slot, BlsPublicKey), Root>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuardVerdict {
    /// The first block of this slot and proposer, or the same one again.
    Forward,
    /// Another block was forwarded before: this one must not be.
    SecondBlock { forwarded: Root },
}

impl Guard {
    /// Claims the slot for a block whose signature was verified.
    pub fn claim(&mut self, slot: Slot, proposer: BlsPublicKey, block_root: Root) -> GuardVerdict {
        let forwarded = *self.claims.entry((slot, proposer)).or_insert(block_root);
        if forwarded == block_root { GuardVerdict::Forward } else { GuardVerdict::SecondBlock { forwarded } }
    }

    /// Another process has forwarded this block: whatever was claimed here gives way to it.
    pub fn overruled(&mut self, slot: Slot, proposer: BlsPublicKey, forwarded: Root) {
        self.claims.insert((slot, proposer), forwarded);
    }

    pub fn forget_before(&mut self, slot: Slot) {
        self.claims.retain(|(claimed, _), _| *claimed >= slot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_distinct_block_is_never_forwarded() {
        let mut guard = Guard::default();
        let proposer = BlsPublicKey::default();
        let (first, second) = (Root::repeat_byte(1), Root::repeat_byte(2));
        assert_eq!(guard.claim(Slot(7), proposer, first), GuardVerdict::Forward);
        assert_eq!(guard.claim(Slot(7), proposer, second), GuardVerdict::SecondBlock { forwarded: first });
        assert_eq!(guard.claim(Slot(7), proposer, first), GuardVerdict::Forward, "the same again is fine");
        assert_eq!(
            guard.claim(Slot(8), proposer, second),
            GuardVerdict::Forward,
            "another slot is another matter"
        );
        guard.forget_before(Slot(8));
        assert_eq!(guard.claims.len(), 1);
    }

    #[test]
    fn a_claim_that_is_overruled_gives_way_to_the_block_that_was_forwarded() {
        let mut guard = Guard::default();
        let proposer = BlsPublicKey::default();
        let (forwarded, refused) = (Root::repeat_byte(1), Root::repeat_byte(2));
        assert_eq!(guard.claim(Slot(7), proposer, refused), GuardVerdict::Forward);
        guard.overruled(Slot(7), proposer, forwarded);
        assert_eq!(guard.claim(Slot(7), proposer, forwarded), GuardVerdict::Forward);
        assert_eq!(guard.claim(Slot(7), proposer, refused), GuardVerdict::SecondBlock { forwarded });
    }
}
