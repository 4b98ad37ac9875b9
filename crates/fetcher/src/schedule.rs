use headstart_auction::{
    Armed, Arming, AskMoment, AskMoments, AskQuota, CallBudgets, DependentRoots, Duties, Heads, Hints,
    LearntPolicies, RoundTrips, Standing,
};
use headstart_registry::Claim;
use headstart_types::{AuctionKey, Network, Slot, UnixMillis};

/// What this process knows of duties and heads, and which auctions it has armed.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    pub(crate) duties: Duties,
    pub(crate) heads: Heads,
    pub(crate) hints: Hints,
    pub(crate) arming: Arming,
    /// Of the newest head: when they change, duties are fetched anew.
    pub(crate) dependent_roots: DependentRoots,
    pub(crate) round_trips: RoundTrips,
    pub(crate) moments: AskMoments,
    pub(crate) policies: LearntPolicies,
    pub(crate) budgets: CallBudgets,
    pub(crate) asks: AskQuota,
}

impl Schedule {
    /// Admits an auction that a getHeader asks for.
    pub(crate) fn arm(&mut self, key: &AuctionKey) -> Armed {
        let standing = self.standing(key);
        self.arming.arm(key, standing)
    }

    /// Whether a relay's only call of the slot may go to this auction. Where beacon nodes tell of the slot it is for a parent
    /// that they know: the likeliest, or one that is wanted. Where they do not, it is for whatever is wanted.
    pub(crate) fn may_spend_only_call(
        &self,
        key: &AuctionKey,
        is_wanted: bool,
        outlook: (UnixMillis, &Network),
    ) -> bool {
        let parents = self.heads.parents_for(key.slot, outlook.0, outlook.1);
        match parents.first() {
            None => is_wanted,
            Some(likeliest) if *likeliest == key.parent_hash => true,
            Some(_) => is_wanted && self.heads.knows_parent(key.slot, key.parent_hash),
        }
    }

    /// Whether that very cluster has hinted the auction.
    pub(crate) fn is_hinted_by(&self, cluster: &str, key: &AuctionKey) -> bool {
        self.hints.is_hinted_by(cluster, key.slot, &key.proposer, key.parent_hash)
    }

    /// Who vouches for an auction, by what is known now.
    pub(crate) fn standing(&self, key: &AuctionKey) -> Standing {
        if self.hints.wants(key.slot, key.proposer, Some(key.parent_hash)) {
            Standing::Hinted
        } else if self.is_known_duty(key) && self.heads.knows_parent(key.slot, key.parent_hash) {
            Standing::Vouched
        } else {
            Standing::Unknown
        }
    }

    fn is_known_duty(&self, key: &AuctionKey) -> bool {
        let due = self.duties.is_due(key.slot, &key.proposer);
        due.unwrap_or_else(|| self.hints.wants(key.slot, key.proposer, None))
    }

    /// When a cluster that claims the proposer is expected to ask.
    pub(crate) fn ask_moment(&self, key: &AuctionKey, claim: &Claim, now: UnixMillis) -> AskMoment {
        self.moments.expected(&claim.cluster.name, self.said_ms(key, claim), now)
    }

    /// When a cluster asks, by its operators' hint or else by configuration.
    pub(crate) fn said_ms(&self, key: &AuctionKey, claim: &Claim) -> i64 {
        let hinted = self.hints.expected_ask_ms(&claim.cluster.name, key.slot, &key.proposer);
        hinted.unwrap_or(claim.policy.expected_ask_ms)
    }

    pub(crate) fn head_slot(&self) -> Option<Slot> {
        self.heads.head().map(|head| head.slot)
    }

    pub(crate) fn forget_before(&mut self, slot: Slot) {
        self.heads.forget_before(slot);
        self.hints.forget_before(slot);
        self.arming.forget_before(slot);
        self.asks.forget_before(slot);
        self.budgets.forget_before(slot);
    }
}

#[cfg(test)]
mod tests {
    use headstart_auction::{Head, Told, ToldHead};
    use headstart_types::{BlockHash, BlsPublicKey};

    use super::*;

    fn block(byte: u8) -> BlockHash {
        BlockHash([byte; 32].into())
    }

    #[test]
    fn the_only_call_of_a_slot_is_for_a_parent_that_beacon_nodes_know_as_far_as_they_tell() {
        let (network, mut schedule) = (Network::mainnet(), Schedule::default());
        let slot = Slot(13_165_563);
        let now = network.slot_start(slot) - 1_000;
        let may = |schedule: &Schedule, parent, is_wanted| {
            let key = AuctionKey { slot, parent_hash: block(parent), proposer: BlsPublicKey::default() };
            schedule.may_spend_only_call(&key, is_wanted, (now, &network))
        };
        assert_eq!(
            [may(&schedule, 9, true), may(&schedule, 9, false)],
            [true, false],
            "nobody tells of any head"
        );
        let head = Head { slot: slot.previous(), block_hash: block(1), parent_hash: Some(block(2)) };
        let told =
            ToldHead { head, changed_at: Some(now - 10_000), is_optimistic: false, dependent_roots: None };
        schedule.heads.take(now, &network, 0, Told::Connected);
        schedule.heads.take(now, &network, 0, Told::Head(told));
        assert_eq!([may(&schedule, 1, true), may(&schedule, 1, false)], [true, true]);
        assert_eq!(
            [may(&schedule, 2, true), may(&schedule, 2, false)],
            [true, false],
            "the one before it is known"
        );
        assert_eq!([may(&schedule, 9, true), may(&schedule, 9, false)], [false, false], "a made-up one");
    }
}
