//! What an auction owes to the clusters that claim its proposer: their relays, their moments, their quotas, their events.

use std::collections::BTreeSet;
use std::sync::Arc;

use headstart_auction::{Answer, AskTurn, Auction, DEFAULT_STICKY_MS, Interest, Offers, Standing, may_win};
use headstart_bid_store::{AuctionEvent, AuctionEventKind};
use headstart_registry::{Claim, ClaimLevel, Directory};
use headstart_types::{AuctionKey, BlsPublicKey, RelayId, Slot, UnixMillis, Wei};
use tracing::warn;

use crate::Fetcher;

/// Whether a relay may be asked, as far as those go who pay for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paid {
    Yes,
    /// Only clusters trust the relay that have not asked for this auction, on a parent that nobody vouches for.
    NotYet,
    /// Those who would pay have nothing left in this slot.
    OverQuota,
}

impl Fetcher {
    /// Whether a bid of that value changes what any cluster is served that claims the proposer.
    pub(crate) fn may_win(&self, key: &AuctionKey, offers: &Offers, relay: RelayId, value: Wei) -> bool {
        let directory = self.shared.config.directory.load();
        may_win(offers, directory.claims(&key.proposer).iter().map(|claim| &*claim.policy), relay, value)
    }

    /// One auction for all clusters that claim the proposer: it asks every relay that any of them trusts, until the last of
    /// their cut-offs.
    pub(crate) fn auction(&self, key: AuctionKey, claims: &[Claim]) -> Option<Auction> {
        let directory = self.shared.config.directory.load();
        let schedule = self.schedule();
        let turn = |relay: RelayId| {
            let policy = schedule.policies.policy(relay, directory.call_policy(relay), key.slot);
            let turn = AskTurn::new(policy, schedule.round_trips.expected(relay));
            let streams = directory.relay(relay).is_some_and(|relay| relay.stream);
            (relay, if streams { turn.with_stream() } else { turn })
        };
        let cutoff_ms = self.last_cutoff_ms(claims, key.slot)?;
        let slot_start = self.network().slot_start(key.slot);
        Some(Auction::new(key, slot_start, relays_of(claims).into_iter().map(turn), cutoff_ms))
    }

    /// What the clusters want for whom an auction is run, and whose claims are as good as any: a claim that anybody can make
    /// moves nothing beside one that is proven.
    pub(crate) fn interests(
        &self,
        key: &AuctionKey,
        asked_by: &BTreeSet<Arc<str>>,
    ) -> Vec<(Arc<str>, Interest)> {
        let directory = self.shared.config.directory.load();
        let concerned = self.concerned(&directory, key, asked_by);
        let (schedule, now) = (self.schedule(), self.now());
        let interest = |claim: &Claim| {
            let moment = schedule.ask_moment(key, claim, now);
            let sticky_ms = if claim.policy.sticky { claim.policy.sticky_ms } else { 0 };
            (Arc::clone(&claim.cluster.name), Interest { moment, sticky_ms })
        };
        let best = best_level(directory.claims(&key.proposer));
        concerned.into_iter().filter(|claim| Some(claim.level) == best).map(interest).collect()
    }

    /// A cluster was served its first header of this auction, by a request that came at `at`.
    pub(crate) fn learn_moment(
        &self,
        key: &AuctionKey,
        cluster: &Arc<str>,
        node: Option<&Arc<str>>,
        at: UnixMillis,
    ) {
        let directory = self.shared.config.directory.load();
        let asked_ms = at - self.network().slot_start(key.slot);
        if let Some(claim) =
            directory.claims(&key.proposer).iter().find(|claim| claim.cluster.name == *cluster)
        {
            let mut schedule = self.schedule();
            let said_ms = schedule.said_ms(key, claim);
            schedule.moments.heard(cluster, node, said_ms, asked_ms);
        }
    }

    /// Takes one call of what the relay lets pass, over all auctions, or says what stands for its answer. A call that is
    /// another auction's is not worth waiting for; one that only the relay's rate forbids comes later.
    pub(crate) fn spends_call(
        &self,
        key: &AuctionKey,
        relay: RelayId,
        asked_by: &BTreeSet<Arc<str>>,
        now: UnixMillis,
    ) -> Result<(), Answer> {
        let directory = self.shared.config.directory.load();
        let policy = directory.call_policy(relay);
        let mut schedule = self.schedule();
        if policy.is_one_shot() {
            let claims = directory.claims(&key.proposer);
            let best = best_level(claims);
            let is_wanted = claims.iter().filter(|claim| Some(claim.level) == best).any(|claim| {
                asked_by.contains(&claim.cluster.name) || schedule.is_hinted_by(&claim.cluster.name, key)
            });
            if !schedule.may_spend_only_call(key, is_wanted, (now, self.network())) {
                return Err(Answer::NotAsked);
            }
        }
        let is_vouched = schedule.standing(key) != Standing::Unknown;
        if !schedule.budgets.spend(relay, &policy, is_vouched, now) {
            return Err(Answer::Postponed);
        }
        let is_ours = !policy.is_one_shot() || schedule.budgets.spend_only_call(relay, key);
        is_ours.then_some(()).ok_or(Answer::NotAsked)
    }

    /// A beacon node has asked for the status.
    pub fn probed(&self, node: &str) {
        let now = self.now();
        self.schedule().moments.probed(node, now);
    }

    /// Milliseconds after the start of `slot` at which the last cluster that claims the proposer stops serving headers.
    pub(crate) fn cutoff_ms(&self, slot: Slot, proposer: &BlsPublicKey) -> Option<i64> {
        let directory = self.shared.config.directory.load();
        self.last_cutoff_ms(directory.claims(proposer), slot)
    }

    fn last_cutoff_ms(&self, claims: &[Claim], slot: Slot) -> Option<i64> {
        claims.iter().map(|claim| claim.policy.cutoff_ms(self.network(), slot)).max()
    }

    /// For how long a cluster is served its first header of the auction again. One that claims the proposer no longer
    /// is served nothing here anyway.
    pub(crate) fn sticky_ms(&self, key: &AuctionKey, cluster: &str) -> i64 {
        let directory = self.shared.config.directory.load();
        directory.claim_of(&key.proposer, cluster).map_or(DEFAULT_STICKY_MS, |claim| claim.policy.sticky_ms)
    }

    /// Charges one ask of an auction to the best claiming cluster that trusts the relay.
    pub(crate) fn pay(&self, key: &AuctionKey, relay: RelayId, asked_by: &BTreeSet<Arc<str>>) -> Paid {
        let directory = self.shared.config.directory.load();
        let concerned = self.concerned(&directory, key, asked_by);
        let trusting = concerned.into_iter().filter(|claim| claim.policy.trusts(relay));
        let payers: Vec<_> = trusting
            .map(|claim| (&claim.cluster.name, claim.cluster.quotas.upstream_asks_per_slot))
            .collect();
        if payers.is_empty() {
            return Paid::NotYet;
        }
        let charge = self.schedule().asks.charge(key.slot, payers);
        for cluster in charge.exhausted {
            warn!(%cluster, slot = %key.slot, "cluster over its quota of upstream asks: relays are not asked for it");
        }
        if charge.payer.is_some() { Paid::Yes } else { Paid::OverQuota }
    }

    /// Tells each claiming cluster of its auction; of a relay's bid only those who trust the relay.
    pub(crate) fn tell(&self, key: &AuctionKey, asked_by: &BTreeSet<Arc<str>>, what: &AuctionEventKind) {
        let directory = self.shared.config.directory.load();
        let sees = |claim: &&Claim| match what {
            AuctionEventKind::BidHeld { relay, .. }
            | AuctionEventKind::Asked { relay, .. }
            | AuctionEventKind::Answered { relay, .. } => claim.policy.trusts(*relay),
            _ => true,
        };
        for claim in self.concerned(&directory, key, asked_by).into_iter().filter(sees) {
            self.tell_one(key, &claim.cluster.name, what.clone());
        }
    }

    /// Tells one cluster what is its own business.
    pub(crate) fn tell_one(&self, key: &AuctionKey, cluster: &Arc<str>, what: AuctionEventKind) {
        let (cluster, at) = (Some(Arc::clone(cluster)), self.now());
        self.shared.config.store.tell(AuctionEvent { cluster, key: *key, at, what });
    }

    /// The claims that an auction is run for. A parent that no beacon node of ours knows concerns those alone who have hinted
    /// it or have asked for it: another's made-up parent costs nobody anything.
    fn concerned<'a>(
        &self,
        directory: &'a Directory,
        key: &AuctionKey,
        asked_by: &BTreeSet<Arc<str>>,
    ) -> Vec<&'a Claim> {
        let claims = directory.claims(&key.proposer).iter();
        let schedule = self.schedule();
        let wants = |claim: &&Claim| {
            asked_by.contains(&claim.cluster.name) || schedule.is_hinted_by(&claim.cluster.name, key)
        };
        if schedule.heads.knows_parent(key.slot, key.parent_hash) {
            return claims.collect();
        }
        let wanted: Vec<_> = claims.clone().filter(wants).collect();
        // Another process has begun it, and who asked there is not known here.
        if wanted.is_empty() { claims.collect() } else { wanted }
    }
}

/// The highest level that any of them has.
fn best_level(claims: &[Claim]) -> Option<ClaimLevel> {
    claims.iter().map(|claim| claim.level).max()
}

/// Every relay that any of these trusts.
pub(crate) fn relays_of(claims: &[Claim]) -> BTreeSet<RelayId> {
    claims.iter().flat_map(|claim| claim.policy.relays().iter().copied()).collect()
}
