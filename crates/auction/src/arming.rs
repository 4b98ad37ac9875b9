use std::collections::{BTreeMap, BTreeSet};

use headstart_types::{AuctionKey, BlockHash, BlsPublicKey, Network, Slot, UnixMillis};

use crate::{Duties, Heads};

/// Auctions of one slot and proposer: the head, its parent, and one for a beacon node that knows better.
pub const MAX_PARENTS_PER_SLOT: usize = 3;

/// Which auctions have been armed, and which are due: every duty of ours about to begin, on the parent of the moment.
#[derive(Clone, Debug, Default)]
pub struct Arming {
    parents: BTreeMap<(Slot, BlsPublicKey), BTreeSet<BlockHash>>,
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
        candidates.filter(|key| self.arm(key) == Armed::Now).collect()
    }

    /// When [`Arming::due`] can next have something that no new duty or head brings: the next slot's lead.
    pub fn wake_at(now: UnixMillis, network: &Network, lead_ms: i64) -> UnixMillis {
        let next = network.slot_at(now).next();
        let begins = network.slot_start(next) - lead_ms;
        if begins > now { begins } else { network.slot_start(next.next()) - lead_ms }
    }

    /// Admits one auction, wherever the wish for it comes from.
    pub fn arm(&mut self, key: &AuctionKey) -> Armed {
        let parents = self.parents.entry((key.slot, key.proposer)).or_default();
        if parents.contains(&key.parent_hash) {
            return Armed::Already;
        }
        if parents.len() >= MAX_PARENTS_PER_SLOT {
            return Armed::TooManyParents;
        }
        parents.insert(key.parent_hash);
        Armed::Now
    }

    pub fn forget_before(&mut self, slot: Slot) {
        self.parents.retain(|(armed, _), _| *armed >= slot);
    }
}

#[cfg(test)]
#[path = "arming_tests.rs"]
mod tests;
