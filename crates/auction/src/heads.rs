use std::collections::{BTreeMap, VecDeque};

use headstart_types::{BlockHash, Slot};

use crate::ParentFacts;

/// Former heads that a late or re-organised proposer may still build on.
const RECENT_HEADS: usize = 4;

/// The newest block of the chain, as a beacon node follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub slot: Slot,
    pub block_hash: BlockHash,
}

/// What beacon nodes told of the chain's tip: the head, and what payloads on top of it must be like.
#[derive(Clone, Debug, Default)]
pub struct Heads {
    /// The newest last: the head and those before it.
    recent: VecDeque<Head>,
    /// The parent that the beacon node itself prepares a payload on, for each slot to come.
    announced: BTreeMap<Slot, BlockHash>,
    facts: BTreeMap<(Slot, BlockHash), ParentFacts>,
}

impl Heads {
    /// Takes a head; whether it changed. A re-org may well lead to an earlier slot.
    pub fn set_head(&mut self, head: Head) -> bool {
        let changed = self.head() != Some(head);
        // The announcement was for the former head; a new one follows if the node prepares payloads at all.
        if changed {
            self.announced.retain(|_, parent| *parent == head.block_hash);
            self.recent.push_back(head);
            if self.recent.len() > RECENT_HEADS {
                self.recent.pop_front();
            }
        }
        changed
    }

    /// Takes `payload_attributes`: in `slot` a payload is prepared on `parent`. Whether it says anything new.
    pub fn announce(&mut self, slot: Slot, parent: BlockHash, facts: ParentFacts) -> bool {
        let new_parent = self.announced.insert(slot, parent) != Some(parent);
        let new_facts = self.facts.insert((slot, parent), facts) != Some(facts);
        new_parent || new_facts
    }

    pub fn head(&self) -> Option<Head> {
        self.recent.back().copied()
    }

    /// Whether a proposer of `slot` may well build on `parent`: it was announced, or is the head or was one lately.
    pub fn knows_parent(&self, slot: Slot, parent: BlockHash) -> bool {
        self.facts.contains_key(&(slot, parent)) || self.recent.iter().any(|head| head.block_hash == parent)
    }

    /// The execution block that the proposer of `slot` will build on, as far as anyone can tell now.
    pub fn parent_for(&self, slot: Slot) -> Option<BlockHash> {
        let announced = self.announced.get(&slot).copied();
        announced.or_else(|| self.head().filter(|head| head.slot < slot).map(|head| head.block_hash))
    }

    pub fn facts(&self, slot: Slot, parent: BlockHash) -> Option<ParentFacts> {
        self.facts.get(&(slot, parent)).copied()
    }

    /// Forgets what was announced for slots before `slot`.
    pub fn forget_before(&mut self, slot: Slot) {
        self.announced = self.announced.split_off(&slot);
        self.facts = self.facts.split_off(&(slot, BlockHash::default()));
    }
}
