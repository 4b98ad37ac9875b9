//! What an auction owes to the clusters that claim its proposer: their relays, their moments, their quotas, their events.

use std::collections::BTreeSet;
use std::sync::Arc;

use headstart_auction::{AskMoment, AskTurn, Auction, DEFAULT_STICKY_MS, Standing, Timing};
use headstart_bid_store::{AuctionEvent, AuctionEventKind};
use headstart_registry::{Claim, Directory};
use headstart_types::{AuctionKey, BlsPublicKey, RelayId, Slot, UnixMillis};
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
    /// One auction for all clusters that claim the proposer: it asks every relay that any of them trusts, until the last of
    /// their cut-offs, and is at its best when the first of them is expected to ask.
    pub(crate) fn auction(&self, key: AuctionKey, claims: &[Claim]) -> Option<Auction> {
        let directory = self.shared.config.directory.load();
        let schedule = self.schedule();
        let turn = |relay: RelayId| {
            let policy = schedule.policies.policy(relay, directory.call_policy(relay), key.slot);
            let turn = AskTurn::new(policy, schedule.round_trips.expected_ms(relay));
            let streams = directory.relay(relay).is_some_and(|relay| relay.stream);
            (relay, if streams { turn.with_stream() } else { turn })
        };
        let sticky_ms = |claim: &Claim| if claim.policy.sticky { claim.policy.sticky_ms } else { 0 };
        let timing = Timing {
            moment: schedule.ask_moment(&key, claims, self.now())?,
            cutoff_ms: self.last_cutoff_ms(claims, key.slot)?,
            sticky_ms: claims.iter().map(sticky_ms).min()?,
        };
        let slot_start = self.network().slot_start(key.slot);
        Some(Auction::new(key, slot_start, relays_of(claims).into_iter().map(turn), timing))
    }

    /// When the first getHeader of this auction is expected, as far as is known by now.
    pub(crate) fn ask_moment(&self, key: &AuctionKey) -> Option<AskMoment> {
        let directory = self.shared.config.directory.load();
        self.schedule().ask_moment(key, directory.claims(&key.proposer), self.now())
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

    /// Takes one call of what the relay lets pass, over all auctions; whether there was one.
    pub(crate) fn spends_call(
        &self,
        key: &AuctionKey,
        relay: RelayId,
        is_asked_for: bool,
        now: UnixMillis,
    ) -> bool {
        let policy = self.shared.config.directory.load().call_policy(relay);
        let mut schedule = self.schedule();
        if policy.is_one_shot() && !schedule.spends_only_call(key, relay, is_asked_for, (now, self.network()))
        {
            return false;
        }
        let is_vouched = schedule.standing(key) != Standing::Unknown;
        schedule.budgets.spend(relay, &policy, is_vouched, now)
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
    pub(crate) fn pay(&self, key: &AuctionKey, relay: RelayId, is_asked_for: bool) -> Paid {
        let directory = self.shared.config.directory.load();
        let concerned = self.concerned(&directory, key, is_asked_for);
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
    pub(crate) fn tell(&self, key: &AuctionKey, is_asked_for: bool, what: &AuctionEventKind) {
        let directory = self.shared.config.directory.load();
        let sees = |claim: &&Claim| match what {
            AuctionEventKind::BidHeld { relay, .. }
            | AuctionEventKind::Asked { relay, .. }
            | AuctionEventKind::Answered { relay, .. } => claim.policy.trusts(*relay),
            _ => true,
        };
        for claim in self.concerned(&directory, key, is_asked_for).into_iter().filter(sees) {
            let (cluster, at) = (Some(Arc::clone(&claim.cluster.name)), self.now());
            self.shared.config.store.tell(AuctionEvent { cluster, key: *key, at, what: what.clone() });
        }
    }

    /// The claims that an auction is run for. A parent that only a cluster's hint names concerns nobody else, until a beacon
    /// node of ours knows it or a getHeader has asked for it: another's made-up parent costs nobody anything.
    fn concerned<'a>(
        &self,
        directory: &'a Directory,
        key: &AuctionKey,
        is_asked_for: bool,
    ) -> Vec<&'a Claim> {
        let schedule = self.schedule();
        let AuctionKey { slot, parent_hash, proposer } = key;
        let hints = &schedule.hints;
        let only_hinted = !is_asked_for
            && hints.wants(*slot, *proposer, Some(*parent_hash))
            && !schedule.heads.knows_parent(*slot, *parent_hash);
        let has_hinted =
            |claim: &Claim| hints.is_hinted_by(&claim.cluster.name, *slot, proposer, *parent_hash);
        directory.claims(proposer).iter().filter(|claim| !only_hinted || has_hinted(claim)).collect()
    }
}

/// Every relay that any of these trusts.
pub(crate) fn relays_of(claims: &[Claim]) -> BTreeSet<RelayId> {
    claims.iter().flat_map(|claim| claim.policy.relays().iter().copied()).collect()
}
