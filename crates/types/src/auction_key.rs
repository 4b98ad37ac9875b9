use std::fmt;

use crate::{BlockHash, BlsPublicKey, Slot};

/// One auction: who may propose which slot on top of which execution block. The network is that of the process's store.
///
/// Bids are only ever looked up by the exact key: never a newer one, never a neighbouring one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AuctionKey {
    pub slot: Slot,
    pub parent_hash: BlockHash,
    pub proposer: BlsPublicKey,
}

impl fmt::Display for AuctionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.slot, self.parent_hash, self.proposer)
    }
}
