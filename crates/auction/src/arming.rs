use std::collections::{BTreeMap, BTreeSet};

use headstart_types::{AuctionKey, BlockHash, BlsPublicKey, Network, Slot, UnixMillis};

use crate::{Duties, Heads};

/// Auctions of one slot and proposer on parents that a beacon node vouches for: the head, and what replaced it.
pub const KNOWN_PARENTS_MAX: usize = 4;
/// Auctions of one slot and proposer on parents that only the asking beacon node knows.
pub const UNKNOWN_PARENTS_MAX: usize = 2;
/// Auctions of one slot that nobody vouches for, over all proposers: one alone can be true.
pub const UNKNOWN_AUCTIONS_MAX: usize = 16;

/// Which auctions have been armed, and which are due: every duty of ours about to begin, on the parent of the moment.
///
/// What a beacon node vouches for and what only a caller claims are counted apart, so that made-up parents never keep
/// the true one out.
#[derive(Clone, Debug, Default)]
pub struct Arming {
    known: BTreeMap<Slot, BTreeSet<(BlsPublicKey, BlockHash)>>,
    unknown: BTreeMap<Slot, BTreeSet<(BlsPublicKey, BlockHash)>>,
}

/// What came of arming one auction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Armed {
    Now,
    Already,
    TooManyParents,
}

impl Arming {
    /// The auctions to start now: duties of `ours` whose slot begins within `lead_ms` or has begun less than
    /// `cutoff_ms` ago, each on the parent that the heads tell.
    pub fn due(
        &mut self,
        now: UnixMillis,
        network: &Network,
        duties: &Duties,
        heads: &Heads,
        lead_ms: i64,
        ours: impl Fn(&BlsPublicKey) -> Option<i64>,
    ) -> Vec<AuctionKey> {
        let current = network.slot_at(now);
        let candidates = [current, current.next()].into_iter().filter_map(|slot| {
            let proposer = duties.at(slot)?.proposer;
            let now_ms = now - network.slot_start(slot);
            let cutoff_ms = ours(&proposer)?;
            let parent_hash = heads.parent_for(slot)?;
            (-lead_ms..cutoff_ms).contains(&now_ms).then_some(AuctionKey { slot, parent_hash, proposer })
        });
        candidates.filter(|key| self.arm(key, true) == Armed::Now).collect()
    }

    /// When [`Arming::due`] can next have something that no new duty or head brings: when the next lead begins.
    pub fn wake_at(now: UnixMillis, network: &Network, lead_ms: i64) -> UnixMillis {
        // Slots may be shorter than the lead: the next lead to begin is then not the next slot's.
        network.slot_start(network.slot_at(now + lead_ms).next()) - lead_ms
    }

    /// Admits one auction, wherever the wish for it comes from; `vouched` says that a beacon node knows the parent.
    pub fn arm(&mut self, key: &AuctionKey, vouched: bool) -> Armed {
        let auction = (key.proposer, key.parent_hash);
        let holds = |armed: &BTreeMap<Slot, BTreeSet<_>>| {
            armed.get(&key.slot).is_some_and(|set| set.contains(&auction))
        };
        if holds(&self.known) || holds(&self.unknown) {
            return Armed::Already;
        }
        let (armed, parents_max) = if vouched {
            (&mut self.known, KNOWN_PARENTS_MAX)
        } else {
            (&mut self.unknown, UNKNOWN_PARENTS_MAX)
        };
        let armed = armed.entry(key.slot).or_default();
        let of_proposer = armed.iter().filter(|(proposer, _)| *proposer == key.proposer).count();
        if of_proposer >= parents_max || (!vouched && armed.len() >= UNKNOWN_AUCTIONS_MAX) {
            return Armed::TooManyParents;
        }
        armed.insert(auction);
        Armed::Now
    }

    pub fn forget_before(&mut self, slot: Slot) {
        self.known = self.known.split_off(&slot);
        self.unknown = self.unknown.split_off(&slot);
    }
}

#[cfg(test)]
#[path = "arming_tests.rs"]
mod tests;
