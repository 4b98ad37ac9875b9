//! What this process holds of the current slots: all that a header is served from.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use headstart_auction::{Bid, Offered, Origin, Provenance};
use headstart_types::{AuctionKey, BlockHash, RelayId, Slot};

use crate::AuctionEntry;

/// The most auctions held at a time. One network has one proposer a slot, so this is slots times parents with room to
/// spare; a further auction is refused, and its getHeader answered with "no bid".
pub const MAX_AUCTIONS: usize = 1_024;

#[derive(Debug, Default)]
pub(crate) struct Near {
    auctions: RwLock<HashMap<AuctionKey, Arc<AuctionEntry>>>,
    provenance: RwLock<Provenance>,
    /// Serialises writers, so that a snapshot is made from the one before it.
    writing: Mutex<()>,
}

impl Near {
    pub(crate) fn auction(&self, key: &AuctionKey) -> Option<Arc<AuctionEntry>> {
        read(&self.auctions).get(key).cloned()
    }

    pub(crate) fn open(&self, key: AuctionKey) -> Option<Arc<AuctionEntry>> {
        let mut auctions = write(&self.auctions);
        if auctions.len() >= MAX_AUCTIONS && !auctions.contains_key(&key) {
            return None;
        }
        Some(Arc::clone(auctions.entry(key).or_insert_with(|| Arc::new(AuctionEntry::new()))))
    }

    pub(crate) fn offered(&self, key: &AuctionKey, block_hash: BlockHash, relay: RelayId) {
        write(&self.provenance).offered(key, block_hash, relay);
    }

    pub(crate) fn take(&self, key: &AuctionKey, bid: Bid) -> Offered {
        let Some(entry) = self.auction(key) else { return Offered::Overtaken };
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        self.offered(key, bid.block_hash(), bid.relay());
        match entry.offers().with(Arc::new(bid)) {
            Some(offers) => {
                entry.publish(offers);
                Offered::Newest
            }
            None => Offered::Overtaken,
        }
    }

    pub(crate) fn withdraw(&self, key: &AuctionKey, stands: impl Fn(&Bid) -> bool) -> usize {
        let Some(entry) = self.auction(key) else { return 0 };
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let held = entry.offers();
        let kept = held.keeping(&stands);
        let withdrawn = kept.as_ref().map_or(0, |kept| held.bids().len() - kept.bids().len());
        if let Some(kept) = kept {
            entry.publish(kept);
        }
        // Also what was served may have to go, although its relay has replaced it; first the offers, lest it come back.
        entry.forget_served(&stands);
        withdrawn
    }

    pub(crate) fn origin(&self, block_hash: BlockHash) -> Option<Origin> {
        read(&self.provenance).of(block_hash).cloned()
    }

    pub(crate) fn origins(&self) -> Vec<(BlockHash, Origin)> {
        read(&self.provenance).iter().map(|(hash, origin)| (*hash, origin.clone())).collect()
    }

    pub(crate) fn auctions(&self) -> Vec<(AuctionKey, Arc<AuctionEntry>)> {
        read(&self.auctions).iter().map(|(key, entry)| (*key, Arc::clone(entry))).collect()
    }

    pub(crate) fn forget_before(&self, slot: Slot) {
        write(&self.auctions).retain(|key, _| key.slot >= slot);
        write(&self.provenance).forget_before(slot);
    }

    pub(crate) fn size(&self) -> (usize, usize) {
        (read(&self.auctions).len(), read(&self.provenance).len())
    }
}

/// Maps stay whole when a thread panics with the lock held: no critical section leaves one half changed.
fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
