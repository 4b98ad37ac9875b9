use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use headstart_types::{
    AuctionKey, BlockHash, BlsPublicKey, Encoding, ForkName, Root, SignedBuilderBid, Slot, Wei,
};

use super::bid_fault::announced_fork;
use super::fault::BidFault;
use crate::payload::BuiltBlock;

/// Slots whose bids and payloads are kept; the lowest goes first.
const SLOTS_KEPT: usize = 8;
/// Bids that are kept for one slot; further ones are not made.
const BIDS_PER_SLOT: usize = 8192;

/// What a relay remembers of its slots: the bids it has signed, so that nothing is signed twice, the payloads behind
/// them by block hash, which blocks it has delivered, and who has called.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    slots: BTreeMap<Slot, SlotShelf>,
}

#[derive(Debug, Default)]
struct SlotShelf {
    bids: HashMap<BidId, Arc<MadeBid>>,
    by_hash: HashMap<BlockHash, Arc<MadeBid>>,
    delivered: HashMap<BlsPublicKey, Root>,
    callers: HashSet<BlsPublicKey>,
}

/// What makes one bid differ from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct BidId {
    pub(super) key: AuctionKey,
    pub(super) builder: u64,
    pub(super) step: u64,
    pub(super) value: Wei,
    pub(super) fault: Option<BidFault>,
}

/// A signed bid with the block behind it.
#[derive(Debug)]
pub(super) struct MadeBid {
    pub(super) id: BidId,
    pub(super) block: BuiltBlock,
    pub(super) signed: SignedBuilderBid,
    ssz: OnceLock<Bytes>,
    json: OnceLock<Bytes>,
}

impl MadeBid {
    pub(super) fn new(id: BidId, block: BuiltBlock, signed: SignedBuilderBid) -> Self {
        Self { id, block, signed, ssz: OnceLock::new(), json: OnceLock::new() }
    }

    pub(super) fn block_hash(&self) -> BlockHash {
        self.signed.message.header().block_hash()
    }

    /// The fork that the answer names: the right one, unless that is what is wrong with this bid.
    pub(super) fn fork(&self) -> ForkName {
        announced_fork(self.block.fork(), self.id.fault)
    }

    pub(super) fn bytes(&self, encoding: Encoding) -> Bytes {
        match encoding {
            Encoding::Ssz => self.ssz.get_or_init(|| self.signed.to_ssz().into()).clone(),
            Encoding::Json => self.json.get_or_init(|| self.signed.to_json(self.fork()).into()).clone(),
        }
    }
}

impl Shelf {
    /// The bid of that identity, made with `make` the first time; `None` when its slot's shelf is full.
    pub(super) fn bid(&mut self, id: BidId, make: impl FnOnce() -> MadeBid) -> Option<Arc<MadeBid>> {
        let shelf = self.slot(id.key.slot);
        let full = shelf.bids.len() >= BIDS_PER_SLOT;
        match shelf.bids.entry(id) {
            Entry::Occupied(made) => Some(Arc::clone(made.get())),
            Entry::Vacant(_) if full => None,
            Entry::Vacant(empty) => {
                let made = Arc::new(make());
                shelf.by_hash.insert(made.block_hash(), Arc::clone(&made));
                Some(Arc::clone(empty.insert(made)))
            }
        }
    }

    pub(super) fn by_hash(&self, slot: Slot, hash: BlockHash) -> Option<Arc<MadeBid>> {
        self.slots.get(&slot)?.by_hash.get(&hash).cloned()
    }

    /// Notes that `proposer` has called for `slot`; false if it had before.
    pub(super) fn first_call(&mut self, slot: Slot, proposer: BlsPublicKey) -> bool {
        self.slot(slot).callers.insert(proposer)
    }

    /// Notes the delivery of a block; false if another one of that proposer and slot was delivered before.
    pub(super) fn deliver(&mut self, key: &AuctionKey, block_root: Root) -> bool {
        *self.slot(key.slot).delivered.entry(key.proposer).or_insert(block_root) == block_root
    }

    fn slot(&mut self, slot: Slot) -> &mut SlotShelf {
        while self.slots.len() >= SLOTS_KEPT && !self.slots.contains_key(&slot) {
            self.slots.pop_first();
        }
        self.slots.entry(slot).or_default()
    }
}
