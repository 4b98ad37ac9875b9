use std::collections::{BTreeMap, BTreeSet};

use headstart_types::{AuctionKey, BlockHash, BlsPublicKey, Network, Slot, UnixMillis};

use crate::{Duties, Heads, Hints};

/// Auctions of one slot and proposer on parents that a beacon node vouches for: the head, the block before a late one, and
/// what replaced it.
pub const KNOWN_PARENTS_MAX: usize = 4;
/// Auctions of one slot and proposer on parents that only the asking beacon node knows.
pub const UNKNOWN_PARENTS_MAX: usize = 2;
/// The same of those that other processes run: each of them has let as many pass.
const ELSEWHERE_PARENTS_MAX: usize = 4;
/// Auctions of one slot that nobody vouches for, over all proposers: one alone can be true.
pub const UNKNOWN_AUCTIONS_MAX: usize = 16;

/// Which auctions have been armed, and which are due: every duty of ours about to begin, on the parent of the moment,
/// and every auction that a cluster has hinted. Neither needs the other.
///
/// What a beacon node vouches for, what a cluster has hinted and what only a caller claims are counted apart, so that
/// made-up parents never keep the true one out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arming {
    vouched: Armory,
    hinted: Armory,
    elsewhere: Armory,
    unknown: Armory,
}

type Armory = BTreeMap<Slot, BTreeSet<(BlsPublicKey, BlockHash)>>;

/// Who wants an auction to be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// A beacon node of ours knows the parent.
    Vouched,
    /// A cluster has hinted it. [`Hints`] bounds how many it can, so here they are not counted again.
    Hinted,
    /// Another process runs it, on a parent that nobody here knows: somebody has asked for it there.
    Elsewhere,
    /// Nobody but the caller knows of it.
    Unknown,
}

/// What our beacon nodes have told so far, of one network.
#[derive(Clone, Copy, Debug)]
pub struct Outlook<'a> {
    pub network: &'a Network,
    pub duties: &'a Duties,
    pub heads: &'a Heads,
}

/// What came of arming one auction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Armed {
    Now,
    Already,
    TooManyParents,
}

impl Arming {
    /// The auctions to start now: those whose slot begins within `lead_ms` or has begun less than so many milliseconds
    /// ago as `cutoff_ms` gives for the slot and its proposer; it gives `None` for a proposer that is not ours.
    ///
    /// A duty runs on the parents that the heads tell, a hinted auction on its own parent or, without one, on the heads'.
    pub fn due(
        &mut self,
        now: UnixMillis,
        outlook: &Outlook<'_>,
        hints: &Hints,
        lead_ms: i64,
        cutoff_ms: impl Fn(Slot, &BlsPublicKey) -> Option<i64>,
    ) -> Vec<AuctionKey> {
        let Outlook { network, duties, heads } = *outlook;
        let current = network.slot_at(now);
        let mut due = Vec::new();
        for slot in [current, current.next()] {
            let now_ms = now - network.slot_start(slot);
            let is_time = |proposer: &BlsPublicKey| {
                cutoff_ms(slot, proposer).is_some_and(|cutoff_ms| (-lead_ms..cutoff_ms).contains(&now_ms))
            };
            let parents = heads.parents_for(slot, now, network);
            for (proposer, parent_hash, standing) in wanted(slot, duties, &parents, hints) {
                let key = AuctionKey { slot, parent_hash, proposer };
                if is_time(&proposer) && self.arm(&key, standing) == Armed::Now {
                    due.push(key);
                }
            }
        }
        due
    }

    /// When [`Arming::due`] can next have something that no new duty or head brings: when the next lead begins.
    pub fn wake_at(now: UnixMillis, network: &Network, lead_ms: i64) -> UnixMillis {
        // Slots may be shorter than the lead: the next lead to begin is then not the next slot's.
        network.slot_start(network.slot_at(now + lead_ms).next()) - lead_ms
    }

    /// Admits one auction, wherever the wish for it comes from.
    pub fn arm(&mut self, key: &AuctionKey, standing: Standing) -> Armed {
        let auction = (key.proposer, key.parent_hash);
        let holds = |armed: &Armory| armed.get(&key.slot).is_some_and(|set| set.contains(&auction));
        if [&self.vouched, &self.hinted, &self.elsewhere, &self.unknown].into_iter().any(holds) {
            return Armed::Already;
        }
        let (armory, parents_max, auctions_max) = match standing {
            Standing::Vouched => (&mut self.vouched, KNOWN_PARENTS_MAX, usize::MAX),
            Standing::Hinted => (&mut self.hinted, usize::MAX, usize::MAX),
            Standing::Elsewhere => (&mut self.elsewhere, ELSEWHERE_PARENTS_MAX, UNKNOWN_AUCTIONS_MAX),
            Standing::Unknown => (&mut self.unknown, UNKNOWN_PARENTS_MAX, UNKNOWN_AUCTIONS_MAX),
        };
        let armed = armory.entry(key.slot).or_default();
        let of_proposer = armed.iter().filter(|(proposer, _)| *proposer == key.proposer).count();
        if of_proposer >= parents_max || armed.len() >= auctions_max {
            return Armed::TooManyParents;
        }
        armed.insert(auction);
        Armed::Now
    }

    pub fn forget_before(&mut self, slot: Slot) {
        for armory in [&mut self.vouched, &mut self.hinted, &mut self.elsewhere, &mut self.unknown] {
            *armory = armory.split_off(&slot);
        }
    }
}

/// The auctions that a slot should have, as far as anyone has told, the schedule's first. `parents` are the heads'.
fn wanted(
    slot: Slot,
    duties: &Duties,
    parents: &[BlockHash],
    hints: &Hints,
) -> impl Iterator<Item = (BlsPublicKey, BlockHash, Standing)> {
    let vouched = |proposer| parents.iter().map(move |parent| (proposer, *parent, Standing::Vouched));
    let scheduled = duties.at(slot).map(|duty| duty.proposer);
    let duty = scheduled.into_iter().flat_map(vouched);
    // A hint may be older than the schedule that contradicts it.
    let hinted =
        hints.auctions(slot).filter(move |hinted| scheduled.is_none_or(|due| due == hinted.proposer));
    let hinted = hinted.flat_map(move |hinted| {
        let on_its_own = hinted.parent_hash.map(|parent| (hinted.proposer, parent, Standing::Hinted));
        let on_theirs = hinted.parent_hash.is_none().then(|| vouched(hinted.proposer));
        on_its_own.into_iter().chain(on_theirs.into_iter().flatten())
    });
    duty.chain(hinted)
}

#[cfg(test)]
#[path = "arming_tests.rs"]
mod tests;
