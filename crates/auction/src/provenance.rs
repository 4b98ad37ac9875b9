use std::collections::HashMap;

use headstart_types::{AuctionKey, BlockHash, RelayId, Slot};

/// Which relays offered which block, in which auction. What is on record stays until its slot is forgotten, whatever
/// replaced the bid: a header that was served must find its way back.
#[derive(Clone, Debug, Default)]
pub struct Provenance {
    origins: HashMap<BlockHash, Origin>,
}

/// Where one block comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    pub key: AuctionKey,
    /// Every relay that offered it, in the order in which they did.
    pub relays: Vec<RelayId>,
}

impl Provenance {
    /// A relay has offered this block.
    pub fn offered(&mut self, key: &AuctionKey, block_hash: BlockHash, relay: RelayId) {
        let new = || Origin { key: *key, relays: Vec::with_capacity(1) };
        let origin = self.origins.entry(block_hash).or_insert_with(new);
        if !origin.relays.contains(&relay) {
            origin.relays.push(relay);
        }
    }

    /// `None` when nobody offered this block to us.
    pub fn of(&self, block_hash: BlockHash) -> Option<&Origin> {
        self.origins.get(&block_hash)
    }

    /// Every block on record.
    pub fn iter(&self) -> impl Iterator<Item = (&BlockHash, &Origin)> {
        self.origins.iter()
    }

    pub fn forget_before(&mut self, slot: Slot) {
        self.origins.retain(|_, origin| origin.key.slot >= slot);
    }

    /// Blocks on record.
    pub fn len(&self) -> usize {
        self.origins.len()
    }

    pub fn is_empty(&self) -> bool {
        self.origins.is_empty()
    }
}
