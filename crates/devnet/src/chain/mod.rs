//! The simulated chain that all neighbours share: blocks, duties, and what the next block must look like.
//!
//! A [`Chain`] is moved by its clock task ([`Chain::run`]) or by hand ([`Chain::publish`] and its relatives).

mod attributes;
mod drive;
mod duties;
mod event;
mod state;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use headstart_types::{BlockHash, BlsPublicKey, Clock, Epoch, Network, Root, Slot, ValidatorIndex};
use tokio::sync::{Notify, broadcast};

pub use attributes::PayloadAttributes;
pub use drive::ChainTask;
pub use duties::Duties;
pub use event::Event;
pub use state::{ChainBlock, Duty, Revealed};

use crate::seed::Seed;
use state::{GENESIS_BLOCK_NUMBER, SetDuties, State};

pub(crate) use attributes::fee_recipient;

/// Events that a slow subscriber may lag behind before it misses some.
const EVENTS_KEPT: usize = 256;

/// How a chain comes about; [`ChainConfig::new`] gives the usual numbers.
#[derive(Clone, Debug)]
pub struct ChainConfig {
    pub network: Network,
    pub clock: Clock,
    pub seed: u64,
    /// The validators of all simulated clusters.
    pub validators: Vec<(ValidatorIndex, BlsPublicKey)>,
    /// Slots in a thousand that one of `validators` proposes in; strangers propose in the others.
    pub ours_per_mille: u64,
    /// Strangers' slots in a thousand without a block.
    pub missed_per_mille: u64,
    /// Blocks in a thousand that arrive after the attestation deadline.
    pub late_per_mille: u64,
}

/// A handle on the chain; clones share it.
#[derive(Clone, Debug)]
pub struct Chain(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: ChainConfig,
    seed: Seed,
    strangers: Vec<BlsPublicKey>,
    state: Mutex<State>,
    events: broadcast::Sender<Event>,
    revealed: Notify,
}

impl ChainConfig {
    pub fn new(network: Network, clock: Clock, seed: u64) -> Self {
        Self {
            network,
            clock,
            seed,
            validators: Vec::new(),
            ours_per_mille: 500,
            missed_per_mille: 10,
            late_per_mille: 20,
        }
    }
}

impl Chain {
    pub fn new(config: ChainConfig) -> Self {
        let seed = Seed::new(config.seed).with_bytes(b"chain");
        let genesis = ChainBlock {
            slot: Slot(0),
            root: seed.with_bytes(b"genesis root").hash(),
            parent_root: Root::ZERO,
            proposer_index: ValidatorIndex(0),
            block_hash: BlockHash(seed.with_bytes(b"genesis block").hash()),
            block_number: GENESIS_BLOCK_NUMBER,
        };
        Self(Arc::new(Inner {
            strangers: duties::strangers(config.seed),
            config,
            seed,
            state: Mutex::new(State::new(genesis)),
            events: broadcast::channel(EVENTS_KEPT).0,
            revealed: Notify::new(),
        }))
    }

    pub fn network(&self) -> &Network {
        &self.0.config.network
    }

    pub fn clock(&self) -> Clock {
        self.0.config.clock
    }

    pub fn head(&self) -> ChainBlock {
        self.state().head
    }

    pub fn block(&self, root: Root) -> Option<ChainBlock> {
        self.state().block(root)
    }

    pub fn block_with_hash(&self, hash: BlockHash) -> Option<ChainBlock> {
        self.state().block_with_hash(hash)
    }

    /// The newest block of the canonical chain at or before `slot`; `None` if that is forgotten.
    pub fn canonical_at(&self, slot: Slot) -> Option<ChainBlock> {
        Some(self.state().canonical_at(slot)).filter(|block| block.slot <= slot)
    }

    /// Everything that happens to the chain from now on.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.0.events.subscribe()
    }

    /// Notes a proposer's block, so that the head of its slot will be it. The first one of a slot stays.
    pub fn reveal(&self, block: Revealed) {
        self.state().revealed.entry(block.slot).or_insert(block);
        self.0.revealed.notify_waiters();
    }

    /// The proposer of `slot` has built a block of its own on the head, and published it.
    pub fn reveal_local(&self, slot: Slot) {
        let parent = self.head();
        let seed = self.0.seed.with_slot(slot).with_bytes(parent.root.as_slice()).with_bytes(b"local");
        self.reveal(Revealed {
            slot,
            root: seed.with_bytes(b"root").hash(),
            parent_hash: parent.block_hash,
            block_hash: BlockHash(seed.hash()),
            from_builder: false,
        });
    }

    pub fn revealed(&self, slot: Slot) -> Option<Revealed> {
        self.state().revealed.get(&slot).copied()
    }

    /// Makes the block of `slot` the head: the revealed one, else a stranger's. Tells head and payload attributes.
    pub fn publish(&self, slot: Slot) -> ChainBlock {
        match self.revealed(slot) {
            Some(revealed) => {
                let parent = self.block_with_hash(revealed.parent_hash).unwrap_or_else(|| self.head());
                self.import(slot, parent, revealed.root, revealed.block_hash)
            }
            None => self.publish_block(slot, BlockHash(self.block_seed(slot, self.head().root).hash())),
        }
    }

    /// Makes a block with that execution block hash, on top of the head, the head.
    pub fn publish_block(&self, slot: Slot, block_hash: BlockHash) -> ChainBlock {
        let parent = self.head();
        self.import(slot, parent, self.block_seed(slot, block_hash.0).with_bytes(b"root").hash(), block_hash)
    }

    /// Makes a new block of `slot` the head that leaves the newest `depth` blocks out.
    pub fn reorg(&self, slot: Slot, depth: usize) -> ChainBlock {
        let parent = self.state().ancestor(depth);
        let former = self.head();
        let seed = self.block_seed(slot, parent.root).with_bytes(former.root.as_slice()).with_bytes(b"reorg");
        self.import(slot, parent, seed.with_bytes(b"root").hash(), BlockHash(seed.hash()))
    }

    /// Tells what the block of `slot` on top of the head must look like.
    pub fn announce(&self, slot: Slot) {
        self.announce_on(slot, self.head().block_hash);
    }

    /// Tells the same of a block on another parent, as a node does that is about to re-org the head away.
    pub fn announce_on(&self, slot: Slot, parent_hash: BlockHash) {
        self.tell(Event::PayloadAttributes(self.attributes(slot, parent_hash)));
    }

    /// The block before `block`; `None` if that is forgotten.
    pub fn parent_of(&self, block: ChainBlock) -> Option<ChainBlock> {
        self.block(block.parent_root)
    }

    /// Overrides who proposes in an epoch, and the root that those duties depend on.
    pub fn set_duties(&self, epoch: Epoch, duties: Vec<Duty>, dependent_root: Option<Root>) {
        self.state().set_duties.insert(epoch, SetDuties { duties, dependent_root });
    }

    fn block_seed(&self, slot: Slot, fact: Root) -> Seed {
        self.0.seed.with_slot(slot).with_bytes(fact.as_slice())
    }

    fn import(&self, slot: Slot, parent: ChainBlock, root: Root, block_hash: BlockHash) -> ChainBlock {
        let block = ChainBlock {
            slot,
            root,
            parent_root: parent.root,
            proposer_index: self.duty(slot).validator_index,
            block_hash,
            block_number: parent.block_number + 1,
        };
        let (old_head, depth) = {
            let mut state = self.state();
            (state.head, state.import(block))
        };
        if depth > 0 {
            self.tell(Event::ChainReorg { depth, old_head, new_head: block });
        }
        self.tell(self.head_event(block, old_head));
        self.announce(slot.next());
        block
    }

    fn tell(&self, event: Event) {
        let _nobody_listens = self.0.events.send(event);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
