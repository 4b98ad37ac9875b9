use headstart_auction::{Armed, Arming, DependentRoots, Duties, Heads, RoundTrips};
use headstart_types::{AuctionKey, Slot};

/// What this process knows of duties and heads, and which auctions it has armed.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    pub(crate) duties: Duties,
    pub(crate) heads: Heads,
    pub(crate) arming: Arming,
    /// Of the newest head: when they change, duties are fetched anew.
    pub(crate) dependent_roots: DependentRoots,
    pub(crate) round_trips: RoundTrips,
}

impl Schedule {
    /// Admits an auction that a getHeader asks for.
    pub(crate) fn arm(&mut self, key: &AuctionKey) -> Armed {
        let due = self.duties.is_due(key.slot, &key.proposer) == Some(true);
        let vouched = due && self.heads.knows_parent(key.slot, key.parent_hash);
        self.arming.arm(key, vouched)
    }

    pub(crate) fn head_slot(&self) -> Option<Slot> {
        self.heads.head().map(|head| head.slot)
    }

    pub(crate) fn forget_before(&mut self, slot: Slot) {
        self.heads.forget_before(slot);
        self.arming.forget_before(slot);
    }
}
