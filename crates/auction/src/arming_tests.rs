use std::sync::Arc;

use headstart_types::{Root, ValidatorIndex};

use super::*;
use crate::{Duty, Head, Hint, HintRejected, Hinted, NodeIndex, ParentFacts, Told, ToldHead};

const LEAD_MS: i64 = 2_500;
const SLOT: Slot = Slot(13_165_563);

fn key(byte: u8) -> BlsPublicKey {
    BlsPublicKey([byte; 48].into())
}

fn hash(byte: u8) -> BlockHash {
    BlockHash([byte; 32].into())
}

fn head(slot: Slot, byte: u8) -> Head {
    Head { slot, block_hash: hash(byte), parent_hash: None }
}

/// A chain whose head is the block before `SLOT`, and a schedule in which key 1 proposes it.
struct Chain {
    network: Network,
    duties: Duties,
    heads: Heads,
    hints: Hints,
    arming: Arming,
}

impl Chain {
    fn new() -> Self {
        let network = Network::mainnet();
        let mut duties = Duties::default();
        let duty = |slot, byte| Duty { slot, proposer: key(byte), validator_index: ValidatorIndex(7) };
        duties.set(network.epoch(SLOT), [Root::ZERO; 2], [duty(SLOT.previous(), 9), duty(SLOT, 1)]);
        let (heads, hints, arming) = (Heads::default(), Hints::default(), Arming::default());
        let mut chain = Self { network, duties, heads, hints, arming };
        chain.set_head(head(SLOT.previous(), 1));
        chain
    }

    /// The one beacon node has this head, which came in time.
    fn set_head(&mut self, head: Head) {
        self.told(0, head, 1_000);
    }

    /// That beacon node has this head from so many milliseconds into its slot on.
    fn told(&mut self, node: NodeIndex, head: Head, offset_ms: i64) {
        let now = self.network.slot_start(head.slot) + offset_ms;
        let told = ToldHead { head, changed_at: Some(now), is_optimistic: false, dependent_roots: None };
        self.heads.take(now, &self.network, node, Told::Head(told));
    }

    fn announce(&mut self, node: NodeIndex, slot: Slot, parent: u8) {
        let facts =
            ParentFacts { prev_randao: Root::ZERO, parent_block_number: None, withdrawals_root: Root::ZERO };
        let now = self.network.slot_start(slot) - 4_000;
        let told = Told::Announced { slot, parent: hash(parent), facts };
        self.heads.take(now, &self.network, node, told);
    }

    fn due(&mut self, offset_ms: i64) -> Vec<BlockHash> {
        let now = self.network.slot_start(SLOT) + offset_ms;
        let ours = |_: Slot, proposer: &BlsPublicKey| (*proposer == key(1)).then_some(2_000);
        let outlook = Outlook { network: &self.network, duties: &self.duties, heads: &self.heads };
        let due = self.arming.due(now, &outlook, &self.hints, LEAD_MS, ours);
        assert!(due.iter().all(|due| due.slot == SLOT && due.proposer == key(1)));
        due.into_iter().map(|due| due.parent_hash).collect()
    }
}

#[test]
fn an_auction_is_armed_once_when_its_lead_begins() {
    let mut chain = Chain::new();
    assert!(chain.due(-2_501).is_empty());
    assert_eq!(chain.due(-2_500), [hash(1)]);
    assert!(chain.due(-2_400).is_empty(), "it is armed already");
}

#[test]
fn a_changed_head_arms_the_auction_again_on_the_new_parent() {
    let mut chain = Chain::new();
    assert_eq!(chain.due(-2_000), [hash(1)]);
    chain.set_head(head(SLOT.previous(), 2));
    assert_eq!(chain.due(-300), [hash(2)]);
    chain.set_head(head(SLOT.previous(), 1));
    assert!(chain.due(-200).is_empty(), "the first auction is still running");
}

#[test]
fn the_announced_parent_goes_before_the_head() {
    let mut chain = Chain::new();
    chain.announce(0, SLOT, 7);
    assert_eq!(chain.due(-1_000), [hash(7)]);
    chain.set_head(head(SLOT.previous(), 8));
    assert_eq!(chain.due(-500), [hash(8)], "an announcement for a former head is void");
}

#[test]
fn parents_are_bounded_whatever_the_chain_does() {
    let mut chain = Chain::new();
    let mut armed = 0;
    for byte in 10..40 {
        chain.set_head(head(SLOT.previous(), byte));
        armed += chain.due(-1_000).len();
    }
    assert_eq!(armed, KNOWN_PARENTS_MAX);
}

#[test]
fn nothing_is_armed_past_the_cut_off_or_on_the_slots_own_block() {
    let mut chain = Chain::new();
    assert!(chain.due(2_000).is_empty());
    chain.set_head(head(SLOT, 3));
    assert!(chain.due(500).is_empty(), "the slot has its block");
}

#[test]
fn the_loop_sleeps_until_the_next_lead() {
    let network = Network::mainnet();
    let start = network.slot_start(SLOT);
    assert_eq!(Arming::wake_at(start - 3_000, &network, LEAD_MS), start - 2_500);
    assert_eq!(Arming::wake_at(start - 2_500, &network, LEAD_MS), start + 12_000 - 2_500);
}

#[test]
fn the_loop_never_sleeps_until_now_however_short_the_slots() {
    for slot_duration_ms in [400, 2_000, 2_500, 3_000] {
        let network = Network { slot_duration_ms, ..Network::mainnet() };
        let start = network.slot_start(SLOT);
        for offset_ms in 0..3_000 {
            let now = start + offset_ms;
            let pause_ms = Arming::wake_at(now, &network, LEAD_MS) - now;
            assert!(
                (1..=slot_duration_ms.cast_signed()).contains(&pause_ms),
                "{pause_ms} ms at {offset_ms} ms"
            );
        }
    }
}

#[test]
fn what_is_over_is_forgotten() {
    let mut chain = Chain::new();
    chain.due(-1_000);
    chain.arming.forget_before(SLOT.next());
    assert!(chain.arming.vouched.is_empty());
}

#[test]
fn made_up_parents_are_few_and_never_keep_the_true_one_out() {
    let mut chain = Chain::new();
    let claim =
        |proposer, parent| AuctionKey { slot: SLOT, parent_hash: hash(parent), proposer: key(proposer) };
    let armed = (50..100)
        .filter(|parent| chain.arming.arm(&claim(1, *parent), Standing::Unknown) == Armed::Now)
        .count();
    assert_eq!(armed, UNKNOWN_PARENTS_MAX);
    assert_eq!(chain.due(-1_000), [hash(1)], "the head's parent is armed all the same");
    let strangers = (2..60)
        .filter(|proposer| chain.arming.arm(&claim(*proposer, 50), Standing::Unknown) == Armed::Now)
        .count();
    assert_eq!(strangers + UNKNOWN_PARENTS_MAX, UNKNOWN_AUCTIONS_MAX);
    assert_eq!(
        chain.arming.arm(&claim(1, 50), Standing::Vouched),
        Armed::Already,
        "one auction is one, whoever vouches for it"
    );
}

#[test]
fn a_late_head_and_the_block_before_it_both_have_an_auction() {
    let mut chain = Chain::new();
    let before = head(Slot(SLOT.0 - 2), 5);
    chain.told(0, before, 1_000);
    let late = Head { parent_hash: Some(hash(5)), ..head(SLOT.previous(), 6) };
    chain.told(0, late, 4_200);
    assert_eq!(chain.due(-2_500), [hash(6), hash(5)]);
}

impl Chain {
    /// Nothing is known but what clusters hint.
    fn without_beacon_node() -> Self {
        Self { duties: Duties::default(), heads: Heads::default(), ..Self::new() }
    }

    fn hint(&mut self, cluster: &str, proposer: u8, parent: Option<u8>) -> Result<Hinted, HintRejected> {
        let hint = Hint {
            slot: SLOT,
            proposer: key(proposer),
            parent_hash: parent.map(hash),
            dependent_root: None,
            expected_ask_ms: None,
        };
        let outlook = Outlook { network: &self.network, duties: &self.duties, heads: &self.heads };
        let now = self.network.slot_start(SLOT) - 6_000;
        self.hints.take(now, &Arc::from(cluster), &hint, &outlook)
    }
}

#[test]
fn a_hinted_auction_is_armed_in_its_lead_without_any_beacon_node() {
    let mut chain = Chain::without_beacon_node();
    chain.hint("alpha", 1, Some(7)).unwrap();
    chain.hint("beta", 1, Some(7)).unwrap();
    assert!(chain.due(-2_501).is_empty());
    assert_eq!(chain.due(-2_500), [hash(7)], "two clusters' hints for one auction are one auction");
    assert!(chain.due(-2_400).is_empty());
    assert!(chain.due(2_000).is_empty());
}

#[test]
fn a_hint_after_the_lead_began_is_armed_until_the_cut_off() {
    let mut chain = Chain::without_beacon_node();
    assert!(chain.due(-1_000).is_empty());
    chain.hint("alpha", 1, Some(7)).unwrap();
    assert_eq!(chain.due(1_999), [hash(7)]);
}

#[test]
fn a_hint_without_a_parent_waits_for_a_head_and_makes_the_duty_known() {
    let mut chain = Chain::without_beacon_node();
    chain.hint("alpha", 1, None).unwrap();
    assert!(chain.due(-2_000).is_empty(), "nobody knows a parent");
    chain.set_head(head(SLOT.previous(), 3));
    assert_eq!(chain.due(-1_500), [hash(3)]);
    chain.set_head(head(SLOT.previous(), 4));
    assert_eq!(chain.due(-500), [hash(4)], "and follows the head");
}

#[test]
fn a_hint_and_the_schedule_together_arm_one_auction() {
    let mut chain = Chain::new();
    chain.hint("alpha", 1, Some(1)).unwrap();
    chain.hint("alpha", 1, None).unwrap();
    assert_eq!(chain.due(-2_000), [hash(1)]);
    chain.hint("alpha", 1, Some(7)).unwrap();
    assert_eq!(
        chain.due(-1_000),
        [hash(7)],
        "a parent that our beacon node does not know has its own auction"
    );
}

#[test]
fn a_hint_that_the_schedule_contradicts_by_now_is_not_armed() {
    let mut chain = Chain::without_beacon_node();
    chain.hint("alpha", 1, Some(7)).unwrap();
    let other = Duty { slot: SLOT, proposer: key(9), validator_index: ValidatorIndex(8) };
    chain.duties.set(chain.network.epoch(SLOT), [Root::ZERO; 2], [other]);
    assert!(chain.due(-1_000).is_empty());
}

#[test]
fn a_hint_for_a_validator_of_nobody_is_not_armed() {
    let mut chain = Chain::without_beacon_node();
    chain.hint("alpha", 2, Some(7)).unwrap();
    assert!(chain.due(-1_000).is_empty(), "only key 1 is ours");
}

#[test]
fn neither_strangers_nor_heads_keep_a_hinted_auction_out() {
    let mut chain = Chain::new();
    let claim =
        |proposer, parent| AuctionKey { slot: SLOT, parent_hash: hash(parent), proposer: key(proposer) };
    for stranger in 1..60 {
        chain.arming.arm(&claim(stranger, 100), Standing::Unknown);
        chain.arming.arm(&claim(stranger, 101), Standing::Unknown);
    }
    for parent in 10..40 {
        chain.arming.arm(&claim(1, parent), Standing::Vouched);
    }
    chain.hint("alpha", 1, Some(77)).unwrap();
    assert_eq!(chain.due(-1_000), [hash(77)]);
}

#[test]
fn hinted_auctions_leave_strangers_and_heads_their_room() {
    let mut chain = Chain::new();
    for cluster in 0..40_u8 {
        chain.hint(&format!("cluster-{cluster}"), 1, Some(100 + cluster)).unwrap();
    }
    assert_eq!(chain.due(-1_000).len(), 41, "forty hints and the head's");
    let stranger = AuctionKey { slot: SLOT, parent_hash: hash(99), proposer: key(1) };
    assert_eq!(chain.arming.arm(&stranger, Standing::Unknown), Armed::Now);
    chain.set_head(head(SLOT.previous(), 2));
    assert_eq!(chain.due(-500), [hash(2)]);
}
