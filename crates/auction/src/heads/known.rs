use std::collections::BTreeSet;

use headstart_types::{BlockHash, Network, Slot, UnixMillis};

use super::{Head, Heads, NodeIndex, REMEMBERED, ToldHead};

/// A block that some node has told as its head.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) head: Head,
    /// When the first node told of it.
    pub(super) first_at: UnixMillis,
    /// The nodes that said that it had just come; without one nobody can tell when it did.
    timed_by: BTreeSet<NodeIndex>,
}

impl Known {
    /// It came after the moment at which validators had to attest to it: few did, and the next proposer may re-org it.
    pub(super) fn is_late(&self, network: &Network) -> bool {
        let due = network.slot_start(self.head.slot) + network.attestation_due_ms(self.head.slot);
        !self.timed_by.is_empty() && self.first_at > due
    }
}

impl Heads {
    /// Notes the block, and how long after others this node has it.
    pub(super) fn remember(&mut self, now: UnixMillis, node: NodeIndex, told: &ToldHead) {
        let told_at = told.changed_at.unwrap_or(now);
        let view = self.views.get_mut(&node);
        // What wins a re-org may have come long ago, and has votes: the next proposer does not leave it out.
        let is_timed = told.changed_at.is_some() && view.as_ref().is_some_and(|view| !view.is_leaving);
        let timed_by = is_timed.then_some(node);
        let tally = view.map(|view| &mut view.tally);
        let is_same = |known: &&mut Known| known.head.block_hash == told.head.block_hash;
        if let Some(known) = self.recent.iter_mut().find(is_same) {
            known.head.parent_hash = told.head.parent_hash.or(known.head.parent_hash);
            if let Some(tally) = tally.filter(|_| told.changed_at.is_some()) {
                tally.followed(told_at - known.first_at);
            }
            known.first_at = known.first_at.min(told_at);
            known.timed_by.extend(timed_by);
            return;
        }
        let timed_by = timed_by.into_iter().collect();
        self.recent.push_back(Known { head: told.head, first_at: told_at, timed_by });
        if self.recent.len() > REMEMBERED {
            self.recent.pop_front();
        }
        if let Some(tally) = tally {
            tally.first += 1;
        }
    }

    /// The node has learnt that its head won a re-org, which says nothing of when it came.
    pub(super) fn forget_timing(&mut self, node: NodeIndex, block: BlockHash) {
        if let Some(known) = self.recent.iter_mut().find(|known| known.head.block_hash == block) {
            known.timed_by.remove(&node);
        }
    }

    pub(super) fn known(&self, block: BlockHash) -> Option<&Known> {
        self.recent.iter().find(|known| known.head.block_hash == block)
    }

    /// Whether a proposer of `slot` may well build on `parent`: a node prepares a payload on it, has it as its head or had
    /// it when the head's slot or the one before was the newest, or it is the block before such a head, which a proposer
    /// builds on that re-orgs a late head away. What lies further back is as good as made up.
    pub fn knows_parent(&self, slot: Slot, parent: BlockHash) -> bool {
        let newest = self.head().map_or(Slot(0), |head| head.slot);
        let is_recent = |head: &Head| head.slot.next() >= newest && head.block_hash == parent;
        let is_before = |head: &Head| head.slot >= newest && head.parent_hash == Some(parent);
        let is_held = |head: &Head| head.block_hash == parent;
        self.facts.contains_key(&(slot, parent))
            || self.recent.iter().any(|known| is_recent(&known.head) || is_before(&known.head))
            || self.views.values().filter_map(|view| view.head).any(|head| is_held(&head))
    }
}
