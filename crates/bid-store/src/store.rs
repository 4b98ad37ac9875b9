use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use headstart_auction::{Bid, Offered, Origin, Provenance};
use headstart_types::{AuctionKey, BlockHash, Slot};

use crate::AuctionEntry;

/// The most auctions held at a time. One network has one proposer a slot, so this is slots times parents with room to
/// spare; a further auction is refused, and its getHeader answered with "no bid".
pub const MAX_AUCTIONS: usize = 1_024;

/// The bid store of one network, in this process. A handle: clones share it.
#[derive(Clone, Debug, Default)]
pub struct BidStore {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    auctions: RwLock<HashMap<AuctionKey, Arc<AuctionEntry>>>,
    provenance: RwLock<Provenance>,
    /// Serialises writers, so that a snapshot is made from the one before it.
    writing: Mutex<()>,
}

impl BidStore {
    /// The auction, if it is held. This is the read of the hot path.
    pub fn auction(&self, key: &AuctionKey) -> Option<Arc<AuctionEntry>> {
        read(&self.shared.auctions).get(key).cloned()
    }

    /// The auction, opened if need be; `None` when the store is full.
    pub fn open(&self, key: AuctionKey) -> Option<Arc<AuctionEntry>> {
        let mut auctions = write(&self.shared.auctions);
        if auctions.len() >= MAX_AUCTIONS && !auctions.contains_key(&key) {
            return None;
        }
        Some(Arc::clone(auctions.entry(key).or_insert_with(|| Arc::new(AuctionEntry::new()))))
    }

    /// Takes a bid into an open auction. Its provenance is on record before anyone can see it.
    pub fn offer(&self, key: &AuctionKey, bid: Bid) -> Offered {
        let Some(entry) = self.auction(key) else { return Offered::Overtaken };
        let _writing = self.shared.writing.lock().unwrap_or_else(PoisonError::into_inner);
        write(&self.shared.provenance).offered(key, bid.block_hash(), bid.relay());
        match entry.offers().with(Arc::new(bid)) {
            Some(offers) => {
                entry.publish(offers);
                Offered::Newest
            }
            None => Offered::Overtaken,
        }
    }

    /// Withdraws bids of an auction that turned out not to stand; how many. Their provenance stays.
    pub fn withdraw(&self, key: &AuctionKey, stands: impl Fn(&Bid) -> bool) -> usize {
        let Some(entry) = self.auction(key) else { return 0 };
        let _writing = self.shared.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let held = entry.offers();
        let Some(kept) = held.keeping(stands) else { return 0 };
        let withdrawn = held.bids().len() - kept.bids().len();
        entry.publish(kept);
        withdrawn
    }

    /// Which relays offered this block, in which auction; `None` when nobody offered it to us.
    pub fn origin(&self, block_hash: BlockHash) -> Option<Origin> {
        read(&self.shared.provenance).of(block_hash).cloned()
    }

    /// Forgets everything of the slots before `slot`.
    pub fn forget_before(&self, slot: Slot) {
        write(&self.shared.auctions).retain(|key, _| key.slot >= slot);
        write(&self.shared.provenance).forget_before(slot);
    }

    /// Auctions and block hashes held, for gauges.
    pub fn size(&self) -> (usize, usize) {
        (read(&self.shared.auctions).len(), read(&self.shared.provenance).len())
    }
}

/// Maps stay whole when a thread panics with the lock held: no critical section leaves one half changed.
fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
