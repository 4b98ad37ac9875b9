use std::collections::BTreeMap;
use std::sync::Arc;

use headstart_types::{BlockHash, BlsPublicKey, Slot, UnixMillis};

use crate::{Hint, HintRejected, Hinted, Outlook};

/// Slots that can be hinted: the current one and those after it, as far as proposers are ever known.
pub const HINTED_SLOTS: u64 = 64;
/// Auctions of one slot that a cluster can hint on parents that a beacon node of ours knows.
pub const VERIFIED_PARENTS_MAX: usize = 2;
/// Auctions of one slot that a cluster can hint on parents that only it knows.
pub const UNVERIFIED_PARENTS_MAX: usize = 1;
/// Proposers of one slot that a cluster can hint without a parent. One alone can be true, but where no schedule is
/// known it may change its mind.
pub const HINTED_PROPOSERS_MAX: usize = 2;
/// The moments at which a getHeader can be expected at all.
const EXPECTED_ASK_MS: std::ops::RangeInclusive<i64> = -2_000..=4_000;

/// An auction that a cluster wants to be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HintedAuction {
    pub proposer: BlsPublicKey,
    /// `None`: on whatever parent our beacon nodes tell.
    pub parent_hash: Option<BlockHash>,
}

/// What clusters have hinted for the slots to come.
///
/// Each cluster has its own room in every slot, so that what one sprays never keeps another's hint out, and what comes
/// of a cluster's hints never depends on how they are mixed with those of others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    slots: BTreeMap<Slot, BTreeMap<Arc<str>, OfCluster>>,
}

/// What one cluster has hinted for one slot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct OfCluster {
    auctions: Vec<OnParent>,
    /// Hinted without a parent.
    proposers: Vec<BlsPublicKey>,
    /// The earliest that its operators told, in milliseconds after the slot's start.
    expected_asks: BTreeMap<BlsPublicKey, i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct OnParent {
    proposer: BlsPublicKey,
    parent_hash: BlockHash,
    /// It fills a place of those on parents that a beacon node knows.
    verified: bool,
}

impl Hints {
    /// Takes a hint of a cluster that serves the validator, or says why not. A rejected hint leaves no trace.
    pub fn take(
        &mut self,
        now: UnixMillis,
        cluster: &Arc<str>,
        hint: &Hint,
        outlook: &Outlook<'_>,
    ) -> Result<Hinted, HintRejected> {
        check_slot(outlook.network.slot_at(now), hint.slot)?;
        if outlook.network.fork_at(hint.slot).is_none() {
            return Err(HintRejected::UnknownFork);
        }
        if outlook.duties.is_due(hint.slot, &hint.proposer) == Some(false) {
            return Err(HintRejected::NotTheProposer);
        }
        let known = self.slots.get_mut(&hint.slot).and_then(|slot| slot.get_mut(cluster));
        let mut told = known.as_deref().cloned().unwrap_or_default();
        match hint.parent_hash {
            Some(parent) => {
                told.take_parent(hint.proposer, parent, |hash| outlook.heads.knows_parent(hint.slot, hash))
            }
            None => told.take_proposer(hint.proposer),
        }?;
        told.expect_ask(hint.proposer, hint.expected_ask_ms);
        if known.is_some_and(|known| *known == told) {
            return Ok(Hinted::Already);
        }
        self.slots.entry(hint.slot).or_default().insert(Arc::clone(cluster), told);
        Ok(Hinted::New)
    }

    /// The auctions of a slot that clusters want, cluster by cluster; the same one may come more than once.
    pub fn auctions(&self, slot: Slot) -> impl Iterator<Item = HintedAuction> {
        let clusters = self.slots.get(&slot).into_iter().flat_map(BTreeMap::values);
        clusters.flat_map(|told| {
            let on_parents = told.auctions.iter().map(|auction| HintedAuction {
                proposer: auction.proposer,
                parent_hash: Some(auction.parent_hash),
            });
            let on_any = told
                .proposers
                .iter()
                .map(|proposer| HintedAuction { proposer: *proposer, parent_hash: None });
            on_parents.chain(on_any)
        })
    }

    /// Whoever is hinted to propose in `slot` or later.
    pub fn proposers_from(&self, slot: Slot) -> impl Iterator<Item = BlsPublicKey> {
        self.slots.range(slot..).flat_map(|(slot, _)| self.auctions(*slot)).map(|hinted| hinted.proposer)
    }

    /// Whether any cluster wants the auction of this proposer on this parent; `None` stands for whichever parent our
    /// beacon nodes tell.
    pub fn wants(&self, slot: Slot, proposer: BlsPublicKey, parent_hash: Option<BlockHash>) -> bool {
        self.auctions(slot).any(|hinted| hinted == HintedAuction { proposer, parent_hash })
    }

    /// Whether this very cluster wants it on this very parent.
    pub fn is_hinted_by(
        &self,
        cluster: &str,
        slot: Slot,
        proposer: &BlsPublicKey,
        parent_hash: BlockHash,
    ) -> bool {
        let told = self.slots.get(&slot).and_then(|slot| slot.get(cluster));
        told.is_some_and(|told| told.holds(proposer, parent_hash))
    }

    /// When the beacon nodes of `cluster` will ask, if its operators have told: milliseconds after the slot's start.
    pub fn expected_ask_ms(&self, cluster: &str, slot: Slot, proposer: &BlsPublicKey) -> Option<i64> {
        self.slots.get(&slot)?.get(cluster)?.expected_asks.get(proposer).copied()
    }

    pub fn forget_before(&mut self, slot: Slot) {
        self.slots = self.slots.split_off(&slot);
    }
}

fn check_slot(current: Slot, slot: Slot) -> Result<(), HintRejected> {
    match slot.0.checked_sub(current.0) {
        None => Err(HintRejected::SlotPast),
        Some(ahead) if ahead >= HINTED_SLOTS => Err(HintRejected::SlotTooFar),
        Some(_) => Ok(()),
    }
}

impl OfCluster {
    fn take_parent(
        &mut self,
        proposer: BlsPublicKey,
        parent_hash: BlockHash,
        knows: impl Fn(BlockHash) -> bool,
    ) -> Result<(), HintRejected> {
        if self.holds(&proposer, parent_hash) {
            return Ok(());
        }
        self.verify_late(&knows);
        let verified = knows(parent_hash);
        let max = if verified { VERIFIED_PARENTS_MAX } else { UNVERIFIED_PARENTS_MAX };
        if self.count(verified) >= max {
            return Err(HintRejected::TooManyParents);
        }
        self.auctions.push(OnParent { proposer, parent_hash, verified });
        Ok(())
    }

    /// An operator may well know a parent before our beacon nodes do: once they do, its place is free for another.
    fn verify_late(&mut self, knows: impl Fn(BlockHash) -> bool) {
        for place in 0..self.auctions.len() {
            let room = self.count(true) < VERIFIED_PARENTS_MAX;
            let told = &mut self.auctions[place];
            told.verified = told.verified || (room && knows(told.parent_hash));
        }
    }

    fn holds(&self, proposer: &BlsPublicKey, parent_hash: BlockHash) -> bool {
        self.auctions.iter().any(|told| told.proposer == *proposer && told.parent_hash == parent_hash)
    }

    fn count(&self, verified: bool) -> usize {
        self.auctions.iter().filter(|told| told.verified == verified).count()
    }

    fn take_proposer(&mut self, proposer: BlsPublicKey) -> Result<(), HintRejected> {
        if !self.proposers.contains(&proposer) {
            if self.proposers.len() >= HINTED_PROPOSERS_MAX {
                return Err(HintRejected::TooManyParents);
            }
            self.proposers.push(proposer);
        }
        Ok(())
    }

    fn expect_ask(&mut self, proposer: BlsPublicKey, expected_ask_ms: Option<i64>) {
        let Some(ms) = expected_ask_ms.map(|ms| ms.clamp(*EXPECTED_ASK_MS.start(), *EXPECTED_ASK_MS.end()))
        else {
            return;
        };
        self.expected_asks.entry(proposer).and_modify(|known| *known = ms.min(*known)).or_insert(ms);
    }
}

#[cfg(test)]
#[path = "hints_tests.rs"]
mod tests;
