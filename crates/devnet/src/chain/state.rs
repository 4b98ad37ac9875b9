use std::collections::{BTreeMap, HashMap};

use headstart_types::{BlockHash, BlsPublicKey, Epoch, Root, Slot, ValidatorIndex};

use crate::seed::Seed;

/// Blocks older than this many slots before the head are forgotten.
const HISTORY_SLOTS: u64 = 256;

/// The execution block number of genesis: something like mainnet's, so that figures look familiar.
pub(super) const GENESIS_BLOCK_NUMBER: u64 = 24_000_000;

/// A block of the simulated chain: the beacon block and the execution block inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainBlock {
    pub slot: Slot,
    pub root: Root,
    pub parent_root: Root,
    pub proposer_index: ValidatorIndex,
    pub block_hash: BlockHash,
    pub block_number: u64,
}

impl ChainBlock {
    /// A made-up state root; nobody looks into the state.
    pub(crate) fn state_root(&self) -> Root {
        Seed::new(self.slot.0).with_bytes(self.root.as_slice()).with_bytes(b"state").hash()
    }
}

/// Who proposes in a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Duty {
    pub slot: Slot,
    pub validator_index: ValidatorIndex,
    pub pubkey: BlsPublicKey,
}

/// A proposer's block that waits for its moment to become the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revealed {
    pub slot: Slot,
    pub root: Root,
    pub parent_hash: BlockHash,
    pub block_hash: BlockHash,
    /// A relay published it; otherwise the proposer built it locally.
    pub from_builder: bool,
}

/// Duties that a test has set for an epoch.
#[derive(Clone, Debug)]
pub(super) struct SetDuties {
    pub(super) duties: Vec<Duty>,
    pub(super) dependent_root: Option<Root>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) head: ChainBlock,
    blocks: HashMap<Root, ChainBlock>,
    pub(super) revealed: BTreeMap<Slot, Revealed>,
    pub(super) set_duties: BTreeMap<Epoch, SetDuties>,
}

impl State {
    pub(super) fn new(genesis: ChainBlock) -> Self {
        Self {
            head: genesis,
            blocks: HashMap::from([(genesis.root, genesis)]),
            revealed: BTreeMap::new(),
            set_duties: BTreeMap::new(),
        }
    }

    pub(super) fn block(&self, root: Root) -> Option<ChainBlock> {
        self.blocks.get(&root).copied()
    }

    pub(super) fn block_with_hash(&self, hash: BlockHash) -> Option<ChainBlock> {
        self.blocks.values().find(|block| block.block_hash == hash).copied()
    }

    /// The head's ancestor that many blocks back, or the oldest one known.
    pub(super) fn ancestor(&self, depth: usize) -> ChainBlock {
        self.ancestry().nth(depth).or_else(|| self.ancestry().last()).unwrap_or(self.head)
    }

    /// The head's newest ancestor, itself included, at or before `slot`; the oldest one known if all are later.
    pub(super) fn canonical_at(&self, slot: Slot) -> ChainBlock {
        self.ancestry()
            .find(|block| block.slot <= slot)
            .or_else(|| self.ancestry().last())
            .unwrap_or(self.head)
    }

    fn ancestry(&self) -> impl Iterator<Item = ChainBlock> {
        std::iter::successors(Some(self.head), |block| self.block(block.parent_root))
    }

    /// Makes `block` the head; says how many slots of the old chain it left behind, zero if it extends the old head.
    pub(super) fn import(&mut self, block: ChainBlock) -> u64 {
        let left_behind = match self.block(block.parent_root) {
            Some(parent) if parent.root != self.head.root => self.head.slot.0.saturating_sub(parent.slot.0),
            _ => 0,
        };
        self.blocks.insert(block.root, block);
        self.head = block;
        self.forget_before(Slot(block.slot.0.saturating_sub(HISTORY_SLOTS)));
        left_behind
    }

    fn forget_before(&mut self, oldest: Slot) {
        self.blocks.retain(|_, block| block.slot >= oldest);
        self.revealed = self.revealed.split_off(&oldest);
    }
}
