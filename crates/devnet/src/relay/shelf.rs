use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, OnceLock};

use bytes::Bytes;
use headstart_types::{
    AuctionKey, BlockHash, BlsPublicKey, Encoding, ForkName, Root, SignedBuilderBid, Slot, Wei,
};

use super::bid_fault::announced_fork;
use super::fault::BidFault;
use super::state::{State, lock};
use crate::payload::BuiltBlock;

/// Slots whose bids and payloads are kept; the lowest goes first.
const SLOTS_KEPT: usize = 8;
/// Bids that are kept for one slot; further ones are not made.
const BIDS_PER_SLOT: usize = 8192;

/// The bids that one key has signed, so that none is signed twice. Relays that share a key may share them.
#[derive(Clone, Debug, Default)]
pub struct SignedBids(Arc<Mutex<BTreeMap<Slot, SignedInSlot>>>);

type SignedInSlot = HashMap<BidId, Arc<OnceLock<Arc<MadeBid>>>>;

/// What a relay remembers of its slots: the bids it has given, the payloads behind them by block hash, which blocks it
/// has delivered, and who has called.
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

impl SignedBids {
    /// The bid of that identity, made with `make` the first time. Whoever else wants the same waits for it; nobody waits for
    /// another.
    fn get_or_make(&self, id: BidId, make: impl FnOnce() -> MadeBid) -> Arc<MadeBid> {
        let place = {
            let mut slots = lock(&self.0);
            while slots.len() >= SLOTS_KEPT && !slots.contains_key(&id.key.slot) {
                slots.pop_first();
            }
            Arc::clone(slots.entry(id.key.slot).or_default().entry(id).or_default())
        };
        Arc::clone(place.get_or_init(|| Arc::new(make())))
    }
}

impl State {
    /// The bid of that identity, made with `make` the first time; `None` when its slot's shelf is full.
    pub(super) fn bid(&self, id: BidId, make: impl FnOnce() -> MadeBid) -> Option<Arc<MadeBid>> {
        if let Some(given) = self.shelf().slot(id.key.slot).bids.get(&id) {
            return Some(Arc::clone(given));
        }
        if self.shelf().slot(id.key.slot).bids.len() >= BIDS_PER_SLOT {
            return None;
        }
        let made = self.signed_bids.get_or_make(id, make);
        let mut shelf = self.shelf();
        let shelf = shelf.slot(id.key.slot);
        shelf.by_hash.insert(made.block_hash(), Arc::clone(&made));
        shelf.bids.insert(id, Arc::clone(&made));
        Some(made)
    }
}

impl Shelf {
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
