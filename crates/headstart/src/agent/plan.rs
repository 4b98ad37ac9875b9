use std::collections::{BTreeMap, BTreeSet};

use headstart_auction::{DependentRoots, Duties, Duty, HINTED_SLOTS, Hint};
use headstart_types::{BlockHash, BlsPublicKey, Epoch, Network, Root, Slot, UnixMillis};

/// Which hints to push, given what the cluster's own beacon node tells and what was pushed before.
///
/// A duty is hinted as soon as it is known. Its parent follows once it is all but certain, because a service that follows
/// no beacon node takes one parent for each slot and believes it: when the block before the slot is the head, when the
/// beacon node prepares a payload on it, or when the slot before has all but passed without a block.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    ours: BTreeSet<BlsPublicKey>,
    duties: Duties,
    dependent_roots: BTreeMap<Epoch, Root>,
    head: Option<(Slot, BlockHash)>,
    /// The parents that the beacon node prepares payloads on.
    announced: BTreeMap<Slot, BlockHash>,
    said: BTreeMap<Slot, BTreeSet<(BlsPublicKey, Option<BlockHash>)>>,
    /// To be taken out of `said` once the slot of that moment is over.
    later: BTreeSet<(Slot, BlsPublicKey, Option<BlockHash>)>,
    /// Everything before this slot is forgotten.
    oldest: Slot,
    expected_ask_ms: Option<i64>,
}

impl Plan {
    /// `expected_ask_ms` is when the cluster's beacon nodes ask for headers, in milliseconds into the slot.
    pub(crate) fn new(expected_ask_ms: Option<i64>) -> Self {
        Self { expected_ask_ms, ..Self::default() }
    }

    /// The hints to push now, the most urgent first.
    pub(crate) fn due(&self, now: UnixMillis, network: &Network) -> Vec<Hint> {
        let current = network.slot_at(now);
        let slots = (current.0..current.0 + HINTED_SLOTS).map(Slot);
        let duties = slots.filter_map(|slot| self.duties.at(slot));
        let ours = duties.filter(|duty| self.ours.contains(&duty.proposer));
        let mut due: Vec<_> = ours
            .flat_map(|duty| {
                let parent = self.parent_of(duty.slot, now, network).map(Some);
                parent.into_iter().chain([None]).map(|parent| self.hint(duty, parent, network))
            })
            .filter(|hint| !self.has_said(hint))
            .collect();
        due.sort_by_key(|hint| (hint.parent_hash.is_none(), hint.slot));
        due
    }

    /// When [`Plan::due`] may have something that no news of the beacon node brings: as a slot begins, or runs out.
    pub(crate) fn wake_at(now: UnixMillis, network: &Network) -> UnixMillis {
        let next = network.slot_start(network.slot_at(now).next());
        let running_out = next - running_out_ms(network);
        if now < running_out { running_out } else { next }
    }

    /// The service has taken the hint, or will not take it if it comes again.
    pub(crate) fn note_said(&mut self, hint: &Hint) {
        self.said.entry(hint.slot).or_default().insert((hint.proposer, hint.parent_hash));
    }

    /// A service that was away may have forgotten everything.
    pub(crate) fn forget_said(&mut self) {
        self.said.clear();
    }

    /// The service did not take the hint, and may yet: it is said again as soon as a further slot has begun.
    pub(crate) fn say_again_later(&mut self, hint: &Hint) {
        self.later.insert((hint.slot, hint.proposer, hint.parent_hash));
    }

    pub(crate) fn set_validators(&mut self, validators: BTreeSet<BlsPublicKey>) {
        self.ours = validators;
    }

    pub(crate) fn set_duties(
        &mut self,
        epoch: Epoch,
        under: DependentRoots,
        dependent_root: Root,
        duties: impl IntoIterator<Item = Duty>,
    ) {
        self.duties.set(epoch, under, duties);
        self.dependent_roots.insert(epoch, dependent_root);
    }

    /// The newest block of the chain: its slot, and its execution block.
    pub(crate) fn set_head(&mut self, slot: Slot, block_hash: BlockHash) {
        self.head = Some((slot, block_hash));
        // What was announced on another head was for another chain.
        self.announced.retain(|_, parent| *parent == block_hash);
    }

    /// The beacon node prepares a payload of `slot` on `parent`.
    pub(crate) fn announce(&mut self, slot: Slot, parent: BlockHash) {
        self.announced.insert(slot, parent);
    }

    /// Forgets what was before `slot`; cheap as long as it is the same one.
    pub(crate) fn forget_before(&mut self, slot: Slot, network: &Network) {
        if std::mem::replace(&mut self.oldest, slot) == slot {
            return;
        }
        self.announced = self.announced.split_off(&slot);
        self.duties.forget_before(network.epoch(slot));
        self.dependent_roots = self.dependent_roots.split_off(&network.epoch(slot));
        self.said = self.said.split_off(&slot);
        for (slot, proposer, parent) in std::mem::take(&mut self.later) {
            self.said.entry(slot).or_default().remove(&(proposer, parent));
        }
    }

    fn hint(&self, duty: &Duty, parent_hash: Option<BlockHash>, network: &Network) -> Hint {
        Hint {
            slot: duty.slot,
            proposer: duty.proposer,
            parent_hash,
            dependent_root: self.dependent_roots.get(&network.epoch(duty.slot)).copied(),
            expected_ask_ms: self.expected_ask_ms,
        }
    }

    fn has_said(&self, hint: &Hint) -> bool {
        let said = self.said.get(&hint.slot);
        said.is_some_and(|said| said.contains(&(hint.proposer, hint.parent_hash)))
    }

    fn parent_of(&self, slot: Slot, now: UnixMillis, network: &Network) -> Option<BlockHash> {
        let on_head = || {
            let (head_slot, block_hash) = self.head.filter(|(head_slot, _)| *head_slot < slot)?;
            let running_out = network.slot_start(slot) - running_out_ms(network);
            (head_slot.next() == slot || now >= running_out).then_some(block_hash)
        };
        self.announced.get(&slot).copied().or_else(on_head)
    }
}

/// A block that has not come by the last third of its slot has hardly a chance to be built on.
fn running_out_ms(network: &Network) -> i64 {
    (network.slot_duration_ms / 3).cast_signed()
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
