use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use headstart_types::{AuctionKey, Slot};

use super::{Seen, What};

/// One cluster's auction.
pub(super) type Place = (Arc<str>, AuctionKey);

/// Auctions that are run and whose events are kept at a time, and as many that are not run.
const AUCTIONS_MAX: usize = 1_024;
/// Those of one cluster: each is run in its own slot, and a proposer has few parents.
const RUN_OF_CLUSTER_MAX: usize = 64;
/// Auctions of one cluster that were only hinted, or only asked for.
const NOT_RUN_OF_CLUSTER_MAX: usize = 32;
/// Events kept of one auction; further ones are counted.
const EVENTS_MAX: usize = 1_024;

/// What happened in auctions whose slots are not over.
///
/// Auctions that are run have their own room: hints of slots far ahead and requests of whoever makes up parents are not
/// run, and never keep out one that is; and neither does another cluster's.
#[derive(Debug)]
pub(super) struct Kept {
    run: Shelf,
    not_run: Shelf,
}

/// What happened in one auction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Story {
    seen: Vec<Seen>,
    left_out: u64,
}

#[derive(Debug)]
struct Shelf {
    of_cluster_max: usize,
    stories: HashMap<Place, Story>,
    of_cluster: HashMap<Arc<str>, usize>,
}

impl Default for Kept {
    fn default() -> Self {
        Self { run: Shelf::new(RUN_OF_CLUSTER_MAX), not_run: Shelf::new(NOT_RUN_OF_CLUSTER_MAX) }
    }
}

impl Kept {
    /// Notes what happened in an auction; false if it is left out. Whoever asks may name any slot: a story begins with a
    /// request only in `slots`.
    pub(super) fn note(&mut self, place: Place, seen: Seen, slots: &RangeInclusive<Slot>) -> bool {
        if let Some(story) = self.run.stories.get_mut(&place) {
            story.tell(seen);
            return true;
        }
        if seen.what.is_of_a_run() {
            if !self.run.has_room(&place.0) {
                return false;
            }
            let mut story = self.not_run.take(&place).unwrap_or_default();
            story.tell(seen);
            self.run.put(place, story);
            return true;
        }
        if let Some(story) = self.not_run.stories.get_mut(&place) {
            story.tell(seen);
            return true;
        }
        let may_begin = seen.what == What::Hinted || slots.contains(&place.1.slot);
        let begins = may_begin && self.not_run.has_room(&place.0);
        if begins {
            self.not_run.put(place, Story { seen: vec![seen], left_out: 0 });
        }
        begins
    }

    /// Takes out what belongs to these slots.
    pub(super) fn extract(&mut self, is_over: impl Fn(Slot) -> bool) -> Vec<(Place, Story)> {
        let mut over = self.run.extract(&is_over);
        over.extend(self.not_run.extract(&is_over));
        over
    }
}

impl Shelf {
    fn new(of_cluster_max: usize) -> Self {
        Self { of_cluster_max, stories: HashMap::default(), of_cluster: HashMap::default() }
    }

    fn has_room(&self, cluster: &Arc<str>) -> bool {
        let of_cluster = self.of_cluster.get(cluster).copied().unwrap_or(0);
        self.stories.len() < AUCTIONS_MAX && of_cluster < self.of_cluster_max
    }

    fn put(&mut self, place: Place, story: Story) {
        *self.of_cluster.entry(Arc::clone(&place.0)).or_default() += 1;
        self.stories.insert(place, story);
    }

    fn take(&mut self, place: &Place) -> Option<Story> {
        let story = self.stories.remove(place)?;
        self.gave(&place.0);
        Some(story)
    }

    fn extract(&mut self, is_over: impl Fn(Slot) -> bool) -> Vec<(Place, Story)> {
        let over: Vec<_> = self.stories.extract_if(|(_, key), _| is_over(key.slot)).collect();
        for ((cluster, _), _) in &over {
            self.gave(cluster);
        }
        over
    }

    fn gave(&mut self, cluster: &Arc<str>) {
        if let Some(stories) = self.of_cluster.get_mut(cluster) {
            *stories -= 1;
            if *stories == 0 {
                self.of_cluster.remove(cluster);
            }
        }
    }
}

impl Story {
    fn tell(&mut self, seen: Seen) {
        if self.seen.len() < EVENTS_MAX { self.seen.push(seen) } else { self.left_out += 1 }
    }

    /// What belongs to it beside.
    pub(super) fn join(&mut self, other: &Self) {
        self.seen.extend(other.seen.iter().cloned());
        self.left_out += other.left_out;
    }

    /// In the order of time, and how much was left out.
    pub(super) fn told(mut self) -> Vec<Seen> {
        // Events of one millisecond stay in the order in which they came.
        self.seen.sort_by_key(|seen| seen.at_ms);
        if self.left_out > 0 {
            let at_ms = self.seen.last().map_or(0, |seen| seen.at_ms);
            self.seen.push(Seen { at_ms, what: What::LeftOut { events: self.left_out } });
        }
        self.seen
    }
}

#[cfg(test)]
mod tests {
    use headstart_types::{BlockHash, BlsPublicKey};

    use super::*;

    const OPEN: RangeInclusive<Slot> = Slot(9)..=Slot(11);

    fn place(cluster: &str, slot: u64, parent: usize) -> Place {
        let mut hash = [0; 32];
        hash[..8].copy_from_slice(&parent.to_be_bytes());
        let (parent_hash, proposer) = (BlockHash(hash.into()), BlsPublicKey([1; 48].into()));
        (cluster.into(), AuctionKey { slot: Slot(slot), parent_hash, proposer })
    }

    fn asked_for() -> What {
        What::HeaderAnswered { outcome: "too_late".to_owned(), value: None, block_hash: None, took_us: 5 }
    }

    fn note(kept: &mut Kept, place: Place, what: What) -> bool {
        kept.note(place, Seen { at_ms: 0, what }, &OPEN)
    }

    #[test]
    fn requests_for_far_slots_are_no_story_and_of_near_ones_a_cluster_has_a_few() {
        let mut kept = Kept::default();
        for slot in [0, 8, 12, u64::MAX] {
            assert!(!note(&mut kept, place("alpha", slot, 1), asked_for()), "slot {slot}");
        }
        let noted = (0..2_000).filter(|parent| note(&mut kept, place("alpha", 10, *parent), asked_for()));
        assert_eq!(noted.count(), NOT_RUN_OF_CLUSTER_MAX);
        assert!(note(&mut kept, place("beta", 10, 1), asked_for()), "another cluster has its own");
        assert!(note(&mut kept, place("alpha", 10, 5_000), What::Armed), "and so has what is run");
        assert!(note(&mut kept, place("alpha", 10, 5_000), asked_for()));
        let over = kept.extract(|slot| slot == Slot(10));
        assert_eq!(over.len(), NOT_RUN_OF_CLUSTER_MAX + 2);
        assert!(note(&mut kept, place("alpha", 11, 1), asked_for()), "there is room again");
    }

    #[test]
    fn hints_of_all_clusters_together_keep_no_auction_out() {
        let mut kept = Kept::default();
        for cluster in 0..100 {
            for slot in 10..74 {
                note(&mut kept, place(&cluster.to_string(), slot, 1), What::Hinted);
            }
        }
        assert_eq!(kept.not_run.stories.len(), AUCTIONS_MAX);
        assert!(note(&mut kept, place("alpha", 10, 1), What::Armed));
        assert!(note(&mut kept, place("0", 10, 1), What::Armed));
        let of_first = kept.extract(|slot| slot == Slot(10)).into_iter();
        let mut run = of_first.filter(|((cluster, _), _)| &**cluster == "0");
        let told: Vec<_> = run.next().unwrap().1.told().into_iter().map(|seen| seen.what).collect();
        assert_eq!(told, [What::Hinted, What::Armed], "the hint is part of its auction's story");
        assert!(run.next().is_none());
    }

    #[test]
    fn auctions_of_one_cluster_leave_the_others_room() {
        let mut kept = Kept::default();
        let noted = (0..2_000).filter(|parent| note(&mut kept, place("alpha", 10, *parent), What::Armed));
        assert_eq!(noted.count(), RUN_OF_CLUSTER_MAX);
        assert!(note(&mut kept, place("beta", 10, 1), What::Armed));
    }
}
