use headstart_auction::{
    Armed, Arming, AskMoment, AskMoments, AskQuota, CallBudgets, DependentRoots, Duties, Heads, Hints,
    LearntPolicies, RoundTrips, Standing,
};
use headstart_registry::Claim;
use headstart_types::{AuctionKey, Network, RelayId, Slot, UnixMillis};

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

    /// Whether a relay's only call of the slot goes to this auction: the one that somebody has asked for, and until then
    /// the one on the parent that is likeliest.
    pub(crate) fn spends_only_call(
        &mut self,
        key: &AuctionKey,
        relay: RelayId,
        is_asked_for: bool,
        outlook: (UnixMillis, &Network),
    ) -> bool {
        let parents = self.heads.parents_for(key.slot, outlook.0, outlook.1);
        let is_likeliest = parents.first().is_none_or(|parent| *parent == key.parent_hash);
        (is_asked_for || is_likeliest) && self.budgets.spend_only_call(relay, key)
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

    /// When the first of the clusters that claim the proposer is expected to ask.
    pub(crate) fn ask_moment(
        &self,
        key: &AuctionKey,
        claims: &[Claim],
        now: UnixMillis,
    ) -> Option<AskMoment> {
        let moment =
            |claim: &Claim| self.moments.expected(&claim.cluster.name, self.said_ms(key, claim), now);
        claims.first().map(moment)
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
