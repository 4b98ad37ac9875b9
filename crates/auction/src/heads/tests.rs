use headstart_types::Root;

use super::*;

const SLOT: Slot = Slot(13_165_563);
const A: NodeIndex = 0;
const B: NodeIndex = 1;
const C: NodeIndex = 2;

fn hash(byte: u8) -> BlockHash {
    BlockHash([byte; 32].into())
}

/// Nodes that tell of the slots around `SLOT`; times are milliseconds relative to its start.
struct Nodes {
    network: Network,
    heads: Heads,
}

impl Nodes {
    fn new() -> Self {
        Self { network: Network::mainnet(), heads: Heads::default() }
    }

    fn at(&self, ms: i64) -> UnixMillis {
        self.network.slot_start(SLOT) + ms
    }

    fn tell(&mut self, ms: i64, node: NodeIndex, told: Told) -> bool {
        self.heads.take(self.at(ms), &self.network, node, told)
    }

    /// `node` has the block `byte` of the slot so many before `SLOT`, on top of `parent`.
    fn head(&mut self, ms: i64, node: NodeIndex, before: u64, byte: u8, parent: u8) -> bool {
        let head =
            Head { slot: Slot(SLOT.0 - before), block_hash: hash(byte), parent_hash: Some(hash(parent)) };
        let changed_at = Some(self.at(ms));
        let told = ToldHead { head, changed_at, is_optimistic: false, dependent_roots: None };
        self.tell(ms, node, Told::Head(told))
    }

    fn announce(&mut self, ms: i64, node: NodeIndex, parent: u8) -> bool {
        let facts =
            ParentFacts { prev_randao: Root::ZERO, parent_block_number: None, withdrawals_root: Root::ZERO };
        self.tell(ms, node, Told::Announced { slot: SLOT, parent: hash(parent), facts })
    }

    fn optimistic(&mut self, ms: i64, node: NodeIndex, is_optimistic: bool) {
        self.tell(ms, node, Told::State(NodeState { is_optimistic, ..NodeState::default() }));
    }

    fn leading(&mut self, ms: i64) -> BlockHash {
        self.heads.look(self.at(ms), &self.network);
        self.heads.head().unwrap().block_hash
    }

    fn parents(&mut self, ms: i64) -> Vec<BlockHash> {
        self.heads.look(self.at(ms), &self.network);
        self.heads.parents_for(SLOT, self.at(ms), &self.network)
    }
}

#[test]
fn a_slower_node_does_not_take_the_head_back() {
    let mut nodes = Nodes::new();
    for node in [A, B] {
        nodes.head(-23_000, node, 2, 1, 0);
    }
    assert!(nodes.head(-11_000, A, 1, 2, 1));
    for ms in (-11_000..-10_600).step_by(50) {
        assert_eq!(nodes.parents(ms), [hash(2)]);
    }
    assert!(nodes.announce(-10_700, B, 1), "the slower node prepares on its own head");
    nodes.head(-10_600, B, 1, 2, 1);
    assert_eq!(nodes.parents(-10_000), [hash(2)], "nobody holds to the former head any more");
    assert_eq!(nodes.heads.leader(), Some(A));
    let report = nodes.heads.report(nodes.at(-10_000), &nodes.network);
    assert_eq!((report[A].first, report[A].followed, report[B].first), (2, 0, 0));
    assert_eq!((report[B].followed, report[B].followed_ms, report[B].dissents), (2, 400, 0));
}

#[test]
fn a_node_that_stays_behind_has_an_auction_of_its_own_after_a_while() {
    let mut nodes = Nodes::new();
    nodes.head(-23_000, A, 2, 1, 0);
    nodes.head(-23_000, B, 2, 1, 0);
    nodes.head(-11_000, A, 1, 2, 1);
    assert_eq!(nodes.heads.wake_at(nodes.at(-11_000), &nodes.network), Some(nodes.at(-10_500)));
    assert_eq!(nodes.parents(-10_501), [hash(2)]);
    assert_eq!(nodes.parents(-10_500), [hash(2), hash(1)]);
    assert_eq!(nodes.heads.report(nodes.at(0), &nodes.network)[B].dissents, 1);
    nodes.parents(-9_000);
    assert_eq!(nodes.heads.report(nodes.at(0), &nodes.network)[B].dissents, 1, "counted once");
}

#[test]
fn a_reorg_of_the_leading_node_counts_at_once_and_of_another_beside_it() {
    for node in [A, B] {
        let mut nodes = Nodes::new();
        nodes.head(-11_000, A, 1, 2, 1);
        nodes.head(-10_900, B, 1, 2, 1);
        nodes.tell(-300, node, Told::Reorg);
        assert!(nodes.head(-300, node, 1, 3, 1));
        if node == A {
            assert_eq!(nodes.parents(-300)[0], hash(3));
            assert_eq!(nodes.parents(200), [hash(3), hash(2)], "the other may hold to its head");
        } else {
            assert_eq!(nodes.parents(-300), [hash(2), hash(3)]);
        }
        nodes.tell(-200, A + B - node, Told::Reorg);
        nodes.head(-200, A + B - node, 1, 3, 1);
        assert_eq!(nodes.parents(-200), [hash(3)]);
        let report = nodes.heads.report(nodes.at(-200), &nodes.network);
        assert_eq!([A, B].map(|node| report[node].reorgs), [1, 1]);
    }
}

#[test]
fn a_reorg_that_is_told_after_its_head_counts_as_one_that_is_told_before() {
    let mut nodes = Nodes::new();
    nodes.head(-11_000, A, 1, 2, 1);
    nodes.head(-10_900, B, 1, 2, 1);
    assert!(nodes.head(-300, A, 1, 3, 1));
    assert_eq!(nodes.parents(-300), [hash(2)], "another head of the same slot alone says nothing yet");
    assert!(nodes.tell(-299, A, Told::CameByReorg));
    assert_eq!(nodes.parents(-299), [hash(3)], "the node that led there has left it, whoever else has it");
    assert!(!nodes.tell(-298, A, Told::CameByReorg), "it is one re-org however often it is told");
    nodes.head(-200, B, 1, 3, 1);
    nodes.tell(-199, B, Told::CameByReorg);
    assert_eq!(nodes.parents(-199), [hash(3)]);
    let report = nodes.heads.report(nodes.at(-199), &nodes.network);
    assert_eq!([A, B].map(|node| report[node].reorgs), [1, 1]);
}

#[test]
fn a_reorg_of_a_node_that_does_not_lead_is_auctioned_beside_the_leading_head_at_once() {
    let mut nodes = Nodes::new();
    nodes.head(-11_000, A, 1, 2, 1);
    nodes.head(-10_900, B, 1, 2, 1);
    nodes.head(-300, B, 1, 3, 1);
    nodes.tell(-299, B, Told::CameByReorg);
    assert_eq!(nodes.parents(-299), [hash(2), hash(3)]);
}

#[test]
fn the_head_after_a_reorg_is_an_ordinary_one_whichever_was_told_first() {
    for is_told_before in [true, false] {
        let mut nodes = Nodes::new();
        nodes.head(-23_500, A, 2, 1, 0);
        if is_told_before {
            nodes.tell(-22_000, A, Told::Reorg);
        }
        nodes.head(-22_000, A, 2, 2, 0);
        if !is_told_before {
            nodes.tell(-22_000, A, Told::CameByReorg);
        }
        nodes.head(-300, A, 1, 3, 2);
        assert_eq!(nodes.parents(-200), [hash(3), hash(2)], "a late head may be re-orged");
        assert_eq!(nodes.heads.report(nodes.at(0), &nodes.network)[A].reorgs, 1);
    }
}

#[test]
fn what_wins_a_reorg_is_not_late_whichever_was_told_first() {
    for is_told_before in [true, false] {
        let mut nodes = Nodes::new();
        nodes.head(-23_500, A, 2, 1, 0);
        nodes.head(-11_500, A, 1, 2, 1);
        if is_told_before {
            nodes.tell(-300, A, Told::Reorg);
        }
        nodes.head(-300, A, 1, 3, 1);
        if !is_told_before {
            nodes.tell(-300, A, Told::CameByReorg);
        }
        assert_eq!(nodes.parents(-200), [hash(3)], "it may have come long ago");
    }
}

#[test]
fn the_head_goes_back_to_an_earlier_slot_only_with_reason() {
    let mut nodes = Nodes::new();
    nodes.head(-11_000, A, 1, 2, 1);
    nodes.head(-10_900, B, 1, 2, 1);
    nodes.head(-9_000, A, 2, 1, 0);
    assert_eq!(nodes.leading(-8_000), hash(2), "one node alone may have been started anew");
    nodes.head(-7_000, B, 2, 1, 0);
    assert_eq!(nodes.leading(-7_000), hash(1), "nobody has it any more");
    nodes.head(-6_000, A, 1, 2, 1);
    nodes.tell(-5_000, A, Told::Reorg);
    nodes.head(-5_000, A, 2, 1, 0);
    assert_eq!(nodes.leading(-5_000), hash(1), "the node that led there has left it");
    nodes.head(-4_900, B, 1, 2, 1);
    assert_eq!(nodes.leading(-4_900), hash(1), "and one that is slow does not bring it back");
    nodes.head(-1_000, B, 0, 3, 2);
    assert_eq!(nodes.leading(-1_000), hash(3), "but a block on top of it does");
}

#[test]
fn most_nodes_together_are_believed_more_than_the_first_of_them() {
    let mut nodes = Nodes::new();
    nodes.head(-11_000, A, 1, 9, 1);
    for node in [B, C] {
        nodes.head(-10_900, node, 1, 2, 1);
    }
    assert_eq!(nodes.leading(-9_000), hash(9));
    assert_eq!(nodes.parents(-9_000), [hash(9), hash(2)]);
    assert_eq!(nodes.leading(-8_900), hash(2));
    assert_eq!(nodes.parents(-8_000), [hash(2), hash(9)]);
}

#[test]
fn an_optimistic_node_leads_only_when_there_is_no_better_one() {
    let mut nodes = Nodes::new();
    nodes.head(-23_000, A, 2, 1, 0);
    nodes.optimistic(-23_000, A, true);
    assert_eq!(nodes.leading(-22_000), hash(1), "one optimistic head is better than none");
    nodes.head(-22_000, B, 2, 1, 0);
    assert_eq!(nodes.heads.leader(), Some(B));
    nodes.head(-11_500, A, 1, 2, 1);
    nodes.optimistic(-11_500, A, true);
    assert_eq!(nodes.parents(-11_400), [hash(1)]);
    assert_eq!(nodes.parents(-10_900), [hash(1), hash(2)], "but it has its auction");
    nodes.optimistic(-10_000, A, false);
    assert_eq!(nodes.leading(-10_000), hash(2), "its head was checked");
}

#[test]
fn a_silent_node_gives_the_lead_away_and_a_short_break_is_no_silence() {
    let mut nodes = Nodes::new();
    nodes.head(-11_000, A, 1, 2, 1);
    nodes.head(-23_000, B, 2, 1, 0);
    nodes.tell(-5_000, A, Told::Disconnected);
    assert_eq!(nodes.leading(-4_501), hash(2));
    nodes.tell(-4_600, A, Told::Connected);
    assert_eq!(nodes.leading(-4_000), hash(2), "it was back in time");
    nodes.tell(-3_000, A, Told::Disconnected);
    assert_eq!(nodes.leading(-2_500), hash(1));
    assert!(nodes.heads.knows_parent(SLOT, hash(2)), "whoever builds on it is not taken for a stranger");
}

#[test]
fn a_late_head_may_be_reorged_by_the_next_proposer_only() {
    let late = |before: u64, came_ms: i64, parent_before: u64| {
        let mut nodes = Nodes::new();
        nodes.head(-12_000 * i64::try_from(parent_before).unwrap() + 900, A, parent_before, 1, 0);
        nodes.head(came_ms, A, before, 2, 1);
        nodes.parents(-500)
    };
    assert_eq!(late(1, -8_001, 2), [hash(2)], "a third of the slot is in time");
    assert_eq!(late(1, -8_000, 2), [hash(2), hash(1)]);
    assert_eq!(late(1, -300, 2), [hash(2), hash(1)]);
    assert_eq!(late(1, -300, 3), [hash(2)], "only one slot can be left out");
    assert_eq!(late(2, -12_300, 3), [hash(2)], "a slot was missed since");
}

#[test]
fn no_head_is_reorged_where_an_epoch_begins() {
    let mut nodes = Nodes::new();
    let first = nodes.network.first_slot(nodes.network.epoch(SLOT));
    let now = nodes.network.slot_start(first) - 300;
    let heads = [(2, 1, 0), (1, 2, 1)];
    for (before, byte, parent) in heads {
        let head =
            Head { slot: Slot(first.0 - before), block_hash: hash(byte), parent_hash: Some(hash(parent)) };
        let told = ToldHead { head, changed_at: Some(now), is_optimistic: false, dependent_roots: None };
        nodes.heads.take(now, &nodes.network, A, Told::Head(told));
    }
    assert_eq!(nodes.heads.parents_for(first, now, &nodes.network), [hash(2)]);
}

#[test]
fn a_node_that_prepares_on_the_block_before_the_head_is_taken_at_its_word() {
    let mut nodes = Nodes::new();
    nodes.head(-23_000, A, 2, 1, 0);
    nodes.head(-11_000, A, 1, 2, 1);
    assert_eq!(nodes.parents(-5_000), [hash(2)]);
    nodes.announce(-4_000, A, 1);
    assert_eq!(nodes.parents(-4_000), [hash(1), hash(2)]);
}

#[test]
fn announcements_of_far_slots_and_on_countless_parents_are_left_out() {
    let mut nodes = Nodes::new();
    let facts =
        ParentFacts { prev_randao: Root::ZERO, parent_block_number: None, withdrawals_root: Root::ZERO };
    let announced = |slot, byte| Told::Announced { slot: Slot(slot), parent: hash(byte), facts };
    let slots = [0, SLOT.0 - 1, SLOT.0, SLOT.0 + 2, SLOT.0 + 3, u64::MAX];
    assert_eq!(
        slots.map(|slot| nodes.tell(100, A, announced(slot, 1))),
        [false, false, true, true, false, false]
    );
    let taken = (1..=255).filter(|byte| nodes.tell(200, A, announced(SLOT.0 + 1, *byte))).count();
    assert_eq!(taken, ANNOUNCED_PARENTS_MAX);
    assert!(nodes.heads.facts(SLOT.next(), hash(1)).is_some());
    assert!(nodes.heads.facts(SLOT.next(), hash(200)).is_none());
}

#[test]
fn what_is_told_when_asked_says_nothing_of_lateness() {
    let mut nodes = Nodes::new();
    let head = Head { slot: SLOT.previous(), block_hash: hash(2), parent_hash: Some(hash(1)) };
    let told = ToldHead { head, changed_at: None, is_optimistic: false, dependent_roots: None };
    nodes.tell(-1_000, A, Told::Head(told));
    assert_eq!(nodes.parents(-900), [hash(2)]);
}

#[test]
fn a_proposer_may_build_on_what_is_near_and_on_nothing_further_back() {
    let mut nodes = Nodes::new();
    for byte in 1..10 {
        nodes.head(-60_000, A, u64::from(10 - byte), byte, byte - 1);
    }
    let knows = |byte| nodes.heads.knows_parent(SLOT, hash(byte));
    assert_eq!([9, 8, 7, 6, 77].map(knows), [true, true, false, false, false]);
}

#[test]
fn the_same_block_told_twice_is_one_head_and_its_parent_is_kept() {
    let mut nodes = Nodes::new();
    let bare = Head { slot: SLOT.previous(), block_hash: hash(1), parent_hash: None };
    let told =
        |head| Told::Head(ToldHead { head, changed_at: None, is_optimistic: false, dependent_roots: None });
    assert!(nodes.tell(0, A, told(bare)));
    assert!(!nodes.tell(0, A, told(Head { parent_hash: Some(hash(8)), ..bare })));
    assert!(!nodes.tell(0, A, told(bare)));
    assert!(nodes.heads.knows_parent(SLOT, hash(8)) && nodes.heads.knows_parent(SLOT, hash(1)));
    assert!(!nodes.heads.knows_parent(SLOT, hash(9)));
}

#[test]
fn duties_depend_on_the_roots_of_the_head_that_leads() {
    let mut nodes = Nodes::new();
    let tell = |nodes: &mut Nodes, node, before, byte| {
        let head = Head { slot: Slot(SLOT.0 - before), block_hash: hash(byte), parent_hash: None };
        let dependent_roots = Some([Root::repeat_byte(byte); 2]);
        nodes.tell(
            -9_000,
            node,
            Told::Head(ToldHead { head, changed_at: None, is_optimistic: false, dependent_roots }),
        );
    };
    tell(&mut nodes, A, 1, 2);
    tell(&mut nodes, B, 2, 1);
    assert_eq!(nodes.heads.dependent_roots(), Some([Root::repeat_byte(2); 2]), "not of the slower node's");
}
