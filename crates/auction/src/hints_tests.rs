use headstart_types::{Network, ValidatorIndex};
use proptest::prelude::*;

use super::*;
use crate::{DependentRoots, Duties, Duty, Head, Heads, Told, ToldHead};

const SLOT: Slot = Slot(13_165_563);

fn key(byte: u8) -> BlsPublicKey {
    BlsPublicKey([byte; 48].into())
}

fn hash(byte: u8) -> BlockHash {
    BlockHash([byte; 32].into())
}

fn cluster(name: &str) -> Arc<str> {
    Arc::from(name)
}

fn hint(proposer: u8, parent: u8) -> Hint {
    Hint {
        slot: SLOT,
        proposer: key(proposer),
        parent_hash: (parent > 0).then(|| hash(parent)),
        dependent_root: None,
        expected_ask_ms: None,
    }
}

/// The book, and what beacon nodes have told.
struct World {
    network: Network,
    duties: Duties,
    heads: Heads,
    hints: Hints,
}

impl World {
    fn without_beacon_node() -> Self {
        Self {
            network: Network::mainnet(),
            duties: Duties::default(),
            heads: Heads::default(),
            hints: Hints::default(),
        }
    }

    /// Key 1 proposes the slot; heads 1, 2 and 3 are known.
    fn with_beacon_node() -> Self {
        let mut world = Self::without_beacon_node();
        let duty = Duty { slot: SLOT, proposer: key(1), validator_index: ValidatorIndex(7) };
        world.duties.set(world.network.epoch(SLOT), DependentRoots::default(), [duty]);
        for byte in 1..=3 {
            world.set_head(Head { slot: SLOT.previous(), block_hash: hash(byte), parent_hash: None });
        }
        world
    }

    fn set_head(&mut self, head: Head) {
        let now = self.network.slot_start(SLOT) - 4_000;
        let told = ToldHead { head, changed_at: None, is_optimistic: false, dependent_roots: None };
        self.heads.take(now, &self.network, 0, Told::Head(told));
    }

    fn take_of(&mut self, name: &str, hint: Hint) -> Result<Hinted, HintRejected> {
        let outlook = Outlook { network: &self.network, duties: &self.duties, heads: &self.heads };
        self.hints.take(self.network.slot_start(SLOT), &cluster(name), &hint, &outlook)
    }

    fn take(&mut self, hint: Hint) -> Result<Hinted, HintRejected> {
        self.take_of("alpha", hint)
    }
}

#[test]
fn a_slot_can_be_hinted_from_now_on_and_64_slots_ahead() {
    let mut world = World::without_beacon_node();
    let mut take = |slot| world.take(Hint { slot: Slot(slot), ..hint(1, 1) });
    assert_eq!(take(SLOT.0 - 1), Err(HintRejected::SlotPast));
    assert_eq!(take(SLOT.0), Ok(Hinted::New));
    assert_eq!(take(SLOT.0 + 63), Ok(Hinted::New));
    assert_eq!(take(SLOT.0 + 64), Err(HintRejected::SlotTooFar));
    assert_eq!(take(u64::MAX), Err(HintRejected::SlotTooFar));
}

#[test]
fn where_the_schedule_is_known_the_proposer_must_be_the_scheduled_one() {
    let mut world = World::with_beacon_node();
    assert_eq!(world.take(hint(2, 1)), Err(HintRejected::NotTheProposer));
    assert_eq!(world.take(hint(1, 1)), Ok(Hinted::New));
    let unknown = Hint { slot: SLOT.next(), ..hint(2, 1) };
    assert_eq!(world.take(unknown), Ok(Hinted::New), "of the next slot nobody has told");
}

#[test]
fn a_slot_of_an_unknown_fork_cannot_be_hinted() {
    let mut world = World::without_beacon_node();
    let before_capella = Slot(1);
    let outlook = Outlook { network: &world.network, duties: &world.duties, heads: &world.heads };
    let now = world.network.slot_start(before_capella);
    let hint = Hint { slot: before_capella, ..hint(1, 1) };
    let taken = world.hints.take(now, &cluster("alpha"), &hint, &outlook);
    assert_eq!(taken, Err(HintRejected::UnknownFork));
}

#[test]
fn two_known_parents_and_one_other_is_all_that_a_cluster_can_hint() {
    let mut world = World::with_beacon_node();
    assert_eq!(world.take(hint(1, 1)), Ok(Hinted::New));
    assert_eq!(world.take(hint(1, 2)), Ok(Hinted::New));
    assert_eq!(world.take(hint(1, 3)), Err(HintRejected::TooManyParents));
    assert_eq!(world.take(hint(1, 77)), Ok(Hinted::New));
    assert_eq!(world.take(hint(1, 78)), Err(HintRejected::TooManyParents));
    assert_eq!(world.take(hint(1, 2)), Ok(Hinted::Already), "another operator says the same");
    assert_eq!(world.take(hint(1, 0)), Ok(Hinted::New), "a hint without a parent counts none");
    assert_eq!(world.take_of("beta", hint(1, 3)), Ok(Hinted::New), "another cluster has room of its own");
}

#[test]
fn a_rejected_hint_leaves_no_trace() {
    let mut world = World::with_beacon_node();
    for parent in [1, 2, 77] {
        world.take(hint(1, parent)).unwrap();
    }
    let before = world.hints.clone();
    let rejected = Hint { expected_ask_ms: Some(100), ..hint(1, 78) };
    assert!(world.take(rejected).is_err() && world.take(hint(2, 1)).is_err());
    assert_eq!(world.hints, before);
}

#[test]
fn a_parent_that_our_beacon_node_learns_later_gives_its_place_back() {
    let mut world = World::without_beacon_node();
    assert_eq!(world.take(hint(1, 7)), Ok(Hinted::New));
    assert_eq!(world.take(hint(1, 8)), Err(HintRejected::TooManyParents));
    world.set_head(Head { slot: SLOT.previous(), block_hash: hash(7), parent_hash: None });
    assert_eq!(world.take(hint(1, 7)), Ok(Hinted::Already));
    assert_eq!(world.take(hint(1, 8)), Ok(Hinted::New));
}

#[test]
fn the_block_before_a_head_is_a_known_parent_too() {
    let mut world = World::with_beacon_node();
    let late = Head { slot: SLOT.previous(), block_hash: hash(4), parent_hash: Some(hash(9)) };
    world.set_head(late);
    assert_eq!(world.take(hint(1, 9)), Ok(Hinted::New));
    assert_eq!(world.take(hint(1, 4)), Ok(Hinted::New));
    assert_eq!(world.take(hint(1, 77)), Ok(Hinted::New), "neither took the place of an unknown one");
}

#[test]
fn without_a_schedule_a_cluster_names_few_proposers_of_a_slot() {
    let mut world = World::without_beacon_node();
    let taken = (1..100).filter(|proposer| world.take(hint(*proposer, 0)).is_ok()).count();
    assert_eq!(taken, HINTED_PROPOSERS_MAX);
    assert_eq!(world.take(hint(1, 0)), Ok(Hinted::Already));
}

#[test]
fn the_earliest_expected_ask_of_a_cluster_counts_within_reason() {
    let mut world = World::with_beacon_node();
    for (ms, expected) in [(900, 900), (1_500, 900), (150, 150), (i64::MIN, -2_000)] {
        world.take(Hint { expected_ask_ms: Some(ms), ..hint(1, 1) }).unwrap();
        assert_eq!(world.hints.expected_ask_ms("alpha", SLOT, &key(1)), Some(expected));
    }
    world.take_of("beta", Hint { expected_ask_ms: Some(i64::MAX), ..hint(1, 0) }).unwrap();
    assert_eq!(world.hints.expected_ask_ms("beta", SLOT, &key(1)), Some(4_000));
    assert_eq!(world.hints.expected_ask_ms("alpha", SLOT, &key(2)), None);
}

#[test]
fn the_auctions_of_a_slot_are_those_of_all_clusters() {
    let mut world = World::without_beacon_node();
    world.take_of("beta", hint(2, 0)).unwrap();
    world.take_of("alpha", hint(1, 7)).unwrap();
    let auctions: Vec<_> = world.hints.auctions(SLOT).collect();
    let on = |proposer, parent_hash| HintedAuction { proposer: key(proposer), parent_hash };
    assert_eq!(auctions, [on(1, Some(hash(7))), on(2, None)]);
    assert!(world.hints.wants(SLOT, key(1), Some(hash(7))) && !world.hints.wants(SLOT, key(1), None));
    assert!(world.hints.is_hinted_by("alpha", SLOT, &key(1), hash(7)));
    assert!(!world.hints.is_hinted_by("beta", SLOT, &key(1), hash(7)));
    assert_eq!(world.hints.proposers_from(SLOT).collect::<Vec<_>>(), [key(1), key(2)]);
    assert_eq!(world.hints.proposers_from(SLOT.next()).count(), 0);
    world.hints.forget_before(SLOT.next());
    assert_eq!(world.hints, Hints::default());
}

/// Any hint of a few clusters, slots, proposers and parents; some parents are known.
fn any_hint() -> impl Strategy<Value = (usize, Hint)> {
    let ask = prop::option::of(any::<i64>());
    (0_usize..3, 0_u64..3, 1_u8..5, 0_u8..12, ask).prop_map(|(cluster, ahead, proposer, parent, ask)| {
        (cluster, Hint { slot: Slot(SLOT.0 + ahead), expected_ask_ms: ask, ..hint(proposer, parent) })
    })
}

const CLUSTERS: [&str; 3] = ["alpha", "beta", "gamma"];

proptest! {
    #[test]
    fn whatever_is_sprayed_a_cluster_never_gets_more(
        scheduled in any::<bool>(),
        hints in prop::collection::vec((any_hint(), any::<bool>()), 0..300),
    ) {
        let mut world = if scheduled { World::with_beacon_node() } else { World::without_beacon_node() };
        for ((cluster, hint), new_head) in hints {
            if let (Some(parent), true) = (hint.parent_hash, new_head) {
                world.set_head(Head { slot: SLOT.previous(), block_hash: parent, parent_hash: None });
            }
            let _ = world.take_of(CLUSTERS[cluster], hint);
            for told in world.hints.slots.values().flat_map(BTreeMap::values) {
                prop_assert!(told.count(true) <= VERIFIED_PARENTS_MAX);
                prop_assert!(told.count(false) <= UNVERIFIED_PARENTS_MAX);
                prop_assert!(told.proposers.len() <= HINTED_PROPOSERS_MAX);
                prop_assert!(told.expected_asks.len() <= VERIFIED_PARENTS_MAX + UNVERIFIED_PARENTS_MAX + HINTED_PROPOSERS_MAX);
            }
        }
    }

    #[test]
    fn what_comes_of_a_clusters_hints_does_not_depend_on_the_others(
        hints in prop::collection::vec(any_hint(), 0..200),
    ) {
        let mut together = World::with_beacon_node();
        let mixed: Vec<_> =
            hints.iter().map(|(cluster, hint)| (*cluster, together.take_of(CLUSTERS[*cluster], *hint))).collect();
        let mut one_by_one = World::with_beacon_node();
        for place in (0..CLUSTERS.len()).rev() {
            let own = hints.iter().filter(|(cluster, _)| *cluster == place);
            let alone: Vec<_> = own.map(|(_, hint)| one_by_one.take_of(CLUSTERS[place], *hint)).collect();
            let in_the_mix: Vec<_> =
                mixed.iter().filter(|(cluster, _)| *cluster == place).map(|(_, taken)| *taken).collect();
            prop_assert_eq!(alone, in_the_mix);
        }
        prop_assert_eq!(together.hints, one_by_one.hints);
    }
}
