use headstart_types::{BlockHash, Network, Slot, UnixMillis};

use super::leading::{Leading, outvoted_at};
use super::view::View;
use super::{Heads, NodeIndex, Soundness};

/// Parents of one slot on which auctions are wanted at one moment.
pub const PARENTS_AT_ONCE: usize = 3;
/// Until then a node that has another head is just slower than the others.
const DISSENT_MS: i64 = 500;
/// A node whose head is further behind says nothing of the slot to come, whatever it announces.
const BEHIND_SLOTS_MAX: u64 = 2;

impl Heads {
    /// The execution blocks that the proposer of `slot` may build on, as far as anyone can tell now, the likeliest first;
    /// none once the slot has its block.
    ///
    /// That is what the leading node prepares for, else the leading head; with a late head also the block before it; and
    /// what other nodes hold to that are not just slower.
    pub fn parents_for(&self, slot: Slot, now: UnixMillis, network: &Network) -> Vec<BlockHash> {
        let mut parents = Vec::new();
        if self.leading.is_some_and(|leading| leading.head.slot >= slot) {
            return parents;
        }
        if let Some(leading) = &self.leading {
            let announced = self.views.get(&leading.node).and_then(|view| view.announced.get(&slot));
            parents.push(announced.copied().unwrap_or(leading.head.block_hash));
            parents.extend(self.reorg_parents(leading, slot, network).into_iter().flatten());
        }
        parents.extend(self.views.values().filter_map(|view| self.other_parent(view, slot, now, network)));
        let mut wanted = Vec::with_capacity(PARENTS_AT_ONCE);
        for parent in parents {
            if !wanted.contains(&parent) && wanted.len() < PARENTS_AT_ONCE {
                wanted.push(parent);
            }
        }
        wanted
    }

    /// Both blocks that the next proposer may choose from if it may re-org the head away, as Lodestar's and Lighthouse's
    /// proposers do: only a late head, only in the very next slot, only a single slot back, and not at the start of an
    /// epoch, where the shuffling would change. A node that already prepares for it says so itself.
    fn reorg_parents(&self, leading: &Leading, slot: Slot, network: &Network) -> Option<[BlockHash; 2]> {
        let head = leading.head;
        let parent = head.parent_hash?;
        let is_late = self.known(head.block_hash).is_some_and(|known| known.is_late(network));
        let is_planned = self.views.values().any(|view| view.announced.get(&slot) == Some(&parent));
        let is_single = self.known(parent).is_none_or(|known| known.head.slot.next() == head.slot);
        let begins_epoch = network.first_slot(network.epoch(slot)) == slot;
        let may_be = is_late && is_single && !begins_epoch;
        (head.slot.next() == slot && (may_be || is_planned)).then_some([head.block_hash, parent])
    }

    /// What a node holds to that has not the leading head: at once what it prepares for or came to by a re-org, and after
    /// a while whatever it has.
    fn other_parent(&self, view: &View, slot: Slot, now: UnixMillis, network: &Network) -> Option<BlockHash> {
        if view.soundness(now, network) < Soundness::Optimistic {
            return None;
        }
        if view.head.is_some_and(|head| self.is_far_behind(head.slot)) {
            return None;
        }
        let announced = view.announced.get(&slot).copied();
        announced.or_else(|| {
            let head = view.head.filter(|head| head.slot < slot)?;
            let dissents = view.came_by_reorg || self.dissents_from(view)? <= now;
            dissents.then_some(head.block_hash)
        })
    }

    fn is_far_behind(&self, slot: Slot) -> bool {
        self.leading.is_some_and(|leading| leading.head.slot.0 > slot.0 + BEHIND_SLOTS_MAX)
    }

    /// When a node that has not the leading head is no longer just slower.
    fn dissents_from(&self, view: &View) -> Option<UnixMillis> {
        let leading = self.leading.filter(|leading| !view.has(leading.head.block_hash))?;
        let came_at = self.known(leading.head.block_hash).map_or(leading.since, |known| known.first_at);
        view.head.map(|_| view.since.max(came_at) + DISSENT_MS)
    }

    /// Counts each node's dissent once; gives those that were not counted before.
    pub(super) fn note_dissent(&mut self, now: UnixMillis, network: &Network) -> Vec<NodeIndex> {
        let dissents = |view: &View| {
            view.soundness(now, network) >= Soundness::Optimistic
                && self.dissents_from(view).is_some_and(|from| from <= now)
        };
        let nodes = self.views.iter().filter(|(_, view)| !view.dissent_noted && dissents(view));
        let nodes: Vec<_> = nodes.map(|(node, _)| *node).collect();
        for node in &nodes {
            if let Some(view) = self.views.get_mut(node) {
                view.dissent_noted = true;
                view.tally.dissents += 1;
            }
        }
        nodes
    }

    /// When [`Heads::look`] may next find something that no node's word brings; with one node there is nothing.
    pub fn wake_at(&self, now: UnixMillis, network: &Network) -> Option<UnixMillis> {
        if self.views.len() < 2 {
            return None;
        }
        let moments = self.views.values().flat_map(|view| {
            let dissents = self.dissents_from(view);
            let led_since = self.leading.filter(|_| dissents.is_some()).map(|leading| leading.since);
            [Some(view.silent_from(network)), dissents, led_since.map(|led| outvoted_at(led.max(view.since)))]
        });
        moments.flatten().filter(|moment| *moment > now).min()
    }
}
