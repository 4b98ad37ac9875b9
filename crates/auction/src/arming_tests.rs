use headstart_types::{Root, ValidatorIndex};

use super::*;
use crate::{Duty, Head, ParentFacts};

const LEAD_MS: i64 = 2_500;
const SLOT: Slot = Slot(13_165_563);

fn key(byte: u8) -> BlsPublicKey {
    BlsPublicKey([byte; 48].into())
}

fn hash(byte: u8) -> BlockHash {
    BlockHash([byte; 32].into())
}

/// A chain whose head is the block before `SLOT`, and a schedule in which key 1 proposes it.
struct Chain {
    network: Network,
    duties: Duties,
    heads: Heads,
    arming: Arming,
}

impl Chain {
    fn new() -> Self {
        let network = Network::mainnet();
        let mut duties = Duties::default();
        let duty = |slot, byte| Duty { slot, proposer: key(byte), validator_index: ValidatorIndex(7) };
        duties.set(network.epoch(SLOT), [Root::ZERO; 2], [duty(SLOT.previous(), 9), duty(SLOT, 1)]);
        let mut heads = Heads::default();
        heads.set_head(Head { slot: SLOT.previous(), block_hash: hash(1) });
        Self { network, duties, heads, arming: Arming::default() }
    }

    fn due(&mut self, offset_ms: i64) -> Vec<BlockHash> {
        let now = self.network.slot_start(SLOT) + offset_ms;
        let ours = |proposer: &BlsPublicKey| (*proposer == key(1)).then_some(2_000);
        let due = self.arming.due(now, &self.network, &self.duties, &self.heads, LEAD_MS, ours);
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
    chain.heads.set_head(Head { slot: SLOT.previous(), block_hash: hash(2) });
    assert_eq!(chain.due(-300), [hash(2)]);
    chain.heads.set_head(Head { slot: SLOT.previous(), block_hash: hash(1) });
    assert!(chain.due(-200).is_empty(), "the first auction is still running");
}

#[test]
fn the_announced_parent_goes_before_the_head() {
    let mut chain = Chain::new();
    let facts =
        ParentFacts { prev_randao: Root::ZERO, parent_block_number: None, withdrawals_root: Root::ZERO };
    chain.heads.announce(SLOT, hash(7), facts);
    assert_eq!(chain.due(-1_000), [hash(7)]);
    chain.heads.set_head(Head { slot: SLOT.previous(), block_hash: hash(8) });
    assert_eq!(chain.due(-500), [hash(8)], "an announcement for a former head is void");
}

#[test]
fn parents_are_bounded_whatever_the_chain_does() {
    let mut chain = Chain::new();
    let mut armed = 0;
    for byte in 10..40 {
        chain.heads.set_head(Head { slot: SLOT.previous(), block_hash: hash(byte) });
        armed += chain.due(-1_000).len();
    }
    assert_eq!(armed, KNOWN_PARENTS_MAX);
}

#[test]
fn nothing_is_armed_past_the_cut_off_or_on_the_slots_own_block() {
    let mut chain = Chain::new();
    assert!(chain.due(2_000).is_empty());
    chain.heads.set_head(Head { slot: SLOT, block_hash: hash(3) });
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
    assert!(chain.arming.known.is_empty());
}

#[test]
fn made_up_parents_are_few_and_never_keep_the_true_one_out() {
    let mut chain = Chain::new();
    let claim =
        |proposer, parent| AuctionKey { slot: SLOT, parent_hash: hash(parent), proposer: key(proposer) };
    let armed = (50..100).filter(|parent| chain.arming.arm(&claim(1, *parent), false) == Armed::Now).count();
    assert_eq!(armed, UNKNOWN_PARENTS_MAX);
    assert_eq!(chain.due(-1_000), [hash(1)], "the head's parent is armed all the same");
    let strangers =
        (2..60).filter(|proposer| chain.arming.arm(&claim(*proposer, 50), false) == Armed::Now).count();
    assert_eq!(strangers + UNKNOWN_PARENTS_MAX, UNKNOWN_AUCTIONS_MAX);
    assert_eq!(
        chain.arming.arm(&claim(1, 50), true),
        Armed::Already,
        "one auction is one, whoever vouches for it"
    );
}

#[test]
fn former_heads_are_known_for_a_while() {
    let mut heads = Heads::default();
    for byte in 1..10 {
        heads.set_head(Head { slot: Slot(u64::from(byte)), block_hash: hash(byte) });
    }
    assert!(heads.knows_parent(SLOT, hash(9)) && heads.knows_parent(SLOT, hash(6)));
    assert!(!heads.knows_parent(SLOT, hash(5)) && !heads.knows_parent(SLOT, hash(77)));
}
