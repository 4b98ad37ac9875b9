use std::sync::Arc;

use headstart_types::{BlockHash, RelayId};

use crate::Bid;

/// Each relay's newest bid in one auction: an immutable snapshot that readers hold as long as they like.
///
/// A relay may lower its bid or take one back, so its newest counts and not its highest.
#[derive(Clone, Debug, Default)]
pub struct Offers {
    bids: Vec<Arc<Bid>>,
}

/// What an offer changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offered {
    /// It is the relay's newest bid now.
    Newest,
    /// A later call of the same relay has already been answered; this one changes nothing.
    Overtaken,
}

impl Offers {
    /// The snapshot that follows when `bid` arrives; `None` when it changes nothing.
    #[must_use]
    pub fn with(&self, bid: Arc<Bid>) -> Option<Self> {
        let held = self.bids.iter().position(|held| held.relay() == bid.relay());
        let mut bids = self.bids.clone();
        match held {
            Some(index) if bids[index].asked_at() > bid.asked_at() => return None,
            Some(index) => bids[index] = bid,
            None => bids.push(bid),
        }
        Some(Self { bids })
    }

    /// The snapshot without the bids that do not stand; `None` when all do.
    #[must_use]
    pub fn keeping(&self, stands: impl Fn(&Bid) -> bool) -> Option<Self> {
        let bids: Vec<_> = self.bids.iter().filter(|bid| stands(bid)).cloned().collect();
        (bids.len() < self.bids.len()).then_some(Self { bids })
    }

    pub fn bids(&self) -> &[Arc<Bid>] {
        &self.bids
    }

    pub fn is_empty(&self) -> bool {
        self.bids.is_empty()
    }

    pub fn of(&self, relay: RelayId) -> Option<&Arc<Bid>> {
        self.bids.iter().find(|bid| bid.relay() == relay)
    }

    /// Whether any relay's newest bid is this block.
    pub fn contains(&self, block_hash: BlockHash) -> bool {
        self.bids.iter().any(|bid| bid.block_hash() == block_hash)
    }
}
