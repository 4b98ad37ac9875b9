//! What beacon nodes tell of the chain's tip, and what follows from it: which head leads, and on which parents the
//! proposer of a slot may build.

mod known;
mod leading;
mod parents;
mod report;
mod view;

use std::collections::{BTreeMap, VecDeque};

use headstart_types::{BlockHash, Network, Slot, UnixMillis};

use crate::{DependentRoots, ParentFacts};

use known::Known;
use leading::Leading;
use view::View;

pub use parents::PARENTS_AT_ONCE;
pub use report::NodeReport;
pub use view::Soundness;

/// A beacon node, by its place in the configuration.
pub type NodeIndex = usize;

/// Blocks that were told as heads lately and are remembered.
const REMEMBERED: usize = 8;

/// So many slots ahead of the clock a node may announce what it prepares; what is further ahead, or over, says nothing.
const ANNOUNCED_AHEAD_MAX: u64 = 2;
/// Parents of one slot on which payloads are announced; further ones are left out.
const ANNOUNCED_PARENTS_MAX: usize = 16;

/// The newest block of the chain, as a beacon node follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub slot: Slot,
    pub block_hash: BlockHash,
    /// The execution block before it, as far as the beacon node told.
    pub parent_hash: Option<BlockHash>,
}

/// A head in a beacon node's own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToldHead {
    pub head: Head,
    /// When the node said that its head is another now; `None` when it was asked which one it has, for then nobody knows how
    /// long it had been.
    pub changed_at: Option<UnixMillis>,
    /// Its execution client has not checked the block yet; told with a change only.
    pub is_optimistic: bool,
    /// What duties depend on under this head, as far as the node told.
    pub dependent_roots: Option<DependentRoots>,
}

/// What one beacon node tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// Its events are followed from now on.
    Connected,
    /// Its events are lost.
    Disconnected,
    Head(ToldHead),
    /// It leaves the block that is its head; the next head that it tells is of another branch.
    Reorg,
    /// The head that it told last is of another branch than the one before: some nodes say so only afterwards.
    CameByReorg,
    /// In `slot` it prepares a payload on `parent`.
    Announced {
        slot: Slot,
        parent: BlockHash,
        facts: ParentFacts,
    },
    State(NodeState),
}

/// How well a beacon node is, in its own words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeState {
    pub is_syncing: bool,
    /// Its execution client has not checked its head.
    pub is_optimistic: bool,
    /// Its execution client is away.
    pub el_offline: bool,
}

/// What beacon nodes told of the chain's tip, each for itself.
///
/// One of their heads leads: the freshest that a sound node has. It goes forward at once, and back to an earlier slot, or
/// to another block of its slot, only when the node that led there has left it, when no sound node has it any more, or
/// when most have contradicted it for seconds.
#[derive(Clone, Debug, Default)]
pub struct Heads {
    views: BTreeMap<NodeIndex, View>,
    leading: Option<Leading>,
    /// The newest last: whatever any node has told as its head.
    recent: VecDeque<Known>,
    /// The newest last: blocks that led and were left.
    left: VecDeque<BlockHash>,
    facts: BTreeMap<(Slot, BlockHash), ParentFacts>,
}

impl Heads {
    /// Takes what a node tells; whether it says anything new, so that other auctions may be due.
    pub fn take(&mut self, now: UnixMillis, network: &Network, node: NodeIndex, told: Told) -> bool {
        let view = self.views.entry(node).or_insert_with(|| View::new(now));
        // Whoever answers when asked may still have stopped telling.
        if !matches!(told, Told::State(_) | Told::Disconnected) {
            view.heard_at = now;
        }
        let is_new = match told {
            Told::Connected => view.connected(),
            Told::Disconnected => view.disconnected(now),
            Told::Reorg => view.leaves(),
            Told::CameByReorg => self.note_reorg(node),
            Told::State(state) => view.state(state),
            Told::Announced { slot, parent, facts } => {
                let current = network.slot_at(now);
                let is_near = (current..=Slot(current.0 + ANNOUNCED_AHEAD_MAX)).contains(&slot);
                is_near && self.take_announced(node, slot, parent, facts)
            }
            Told::Head(told) => self.take_head(now, node, &told),
        };
        self.elect(now, network) || is_new
    }

    /// Looks what the mere passing of time has changed, and gives the nodes that from now on hold to another head than the
    /// leading one. [`Heads::wake_at`] tells when to look again.
    pub fn look(&mut self, now: UnixMillis, network: &Network) -> Vec<NodeIndex> {
        self.elect(now, network);
        self.note_dissent(now, network)
    }

    fn take_announced(&mut self, node: NodeIndex, slot: Slot, parent: BlockHash, facts: ParentFacts) -> bool {
        let of_slot = self.facts.keys().filter(|(of, _)| *of == slot).count();
        if of_slot >= ANNOUNCED_PARENTS_MAX && !self.facts.contains_key(&(slot, parent)) {
            return false;
        }
        let view = self.views.get_mut(&node);
        let new_parent = view.is_some_and(|view| view.announced.insert(slot, parent) != Some(parent));
        let new_facts = self.facts.insert((slot, parent), facts) != Some(facts);
        new_parent || new_facts
    }

    fn take_head(&mut self, now: UnixMillis, node: NodeIndex, told: &ToldHead) -> bool {
        self.remember(now, node, told);
        let Some(view) = self.views.get_mut(&node) else { return false };
        let former = view.head;
        let was_leaving = view.take_head(now, told);
        let is_new = former.is_none_or(|former| former.block_hash != told.head.block_hash);
        if is_new {
            // Of the block that leads the word of the node counts that led there; others may just be behind it.
            let led_there = |leading: &Leading| {
                leading.node == node
                    && former.is_some_and(|former| former.block_hash == leading.head.block_hash)
            };
            view.led_to_former = self.leading.filter(led_there).map(|leading| leading.head.block_hash);
        }
        if was_leaving && is_new {
            self.note_reorg(node);
        }
        is_new
    }

    /// The node's head is of another branch than the one before it; whether that was not known.
    fn note_reorg(&mut self, node: NodeIndex) -> bool {
        let Some(view) = self.views.get_mut(&node) else { return false };
        let Some(head) = view.head else { return false };
        if std::mem::replace(&mut view.came_by_reorg, true) {
            return false;
        }
        view.tally.reorgs += 1;
        let former = view.led_to_former;
        self.forget_timing(node, head.block_hash);
        self.left.retain(|left| *left != head.block_hash);
        if let Some(former) = former {
            self.leave(former);
        }
        true
    }

    fn leave(&mut self, block: BlockHash) {
        self.left.retain(|left| *left != block);
        self.left.push_back(block);
        if self.left.len() > REMEMBERED {
            self.left.pop_front();
        }
    }

    /// The head that leads.
    pub fn head(&self) -> Option<Head> {
        self.leading.map(|leading| leading.head)
    }

    /// The head of that node.
    pub fn head_of(&self, node: NodeIndex) -> Option<Head> {
        self.views.get(&node).and_then(|view| view.head)
    }

    /// The node whose head leads.
    pub fn leader(&self) -> Option<NodeIndex> {
        self.leading.map(|leading| leading.node)
    }

    /// What duties depend on under the head that leads, as far as its node told.
    pub fn dependent_roots(&self) -> Option<DependentRoots> {
        self.views.get(&self.leader()?)?.dependent_roots
    }

    /// How far that node is to be believed at `now`.
    pub fn soundness(&self, now: UnixMillis, network: &Network, node: NodeIndex) -> Soundness {
        self.views.get(&node).map_or(Soundness::Silent, |view| view.soundness(now, network))
    }

    /// Whether no node is to be believed more than this one.
    pub fn is_among_the_soundest(&self, now: UnixMillis, network: &Network, node: NodeIndex) -> bool {
        let best = self.views.values().map(|view| view.soundness(now, network)).max();
        best.is_none_or(|best| self.soundness(now, network, node) >= best)
    }

    pub fn facts(&self, slot: Slot, parent: BlockHash) -> Option<ParentFacts> {
        self.facts.get(&(slot, parent)).copied()
    }

    /// Forgets what was announced for slots before `slot`.
    pub fn forget_before(&mut self, slot: Slot) {
        for view in self.views.values_mut() {
            view.announced = view.announced.split_off(&slot);
        }
        self.facts = self.facts.split_off(&(slot, BlockHash::default()));
    }
}

#[cfg(test)]
mod tests;
