use headstart_types::{ForkName, ValidatorIndex};

use super::*;

const SLOT_MS: i64 = 12_000;

fn network() -> Network {
    headstart_devnet::network(ForkName::Fulu, 12_000, UnixMillis(1_700_000_000_000), 0)
}

fn key(number: u8) -> BlsPublicKey {
    BlsPublicKey([number; 48].into())
}

fn hash(number: u8) -> BlockHash {
    BlockHash([number; 32].into())
}

fn duty(slot: u64, proposer: u8) -> Duty {
    Duty { slot: Slot(slot), proposer: key(proposer), validator_index: ValidatorIndex(slot) }
}

/// Validator 1 is ours and proposes slots 40 and 45; somebody else proposes 41.
fn plan() -> Plan {
    let mut plan = Plan::new(Some(170));
    plan.set_validators([key(1)].into());
    plan.set_duties(
        Epoch(1),
        DependentRoots::default(),
        Root::repeat_byte(9),
        [duty(40, 1), duty(41, 2), duty(45, 1)],
    );
    plan
}

/// So many milliseconds into the slot.
fn at(slot: u64, ms: i64) -> UnixMillis {
    network().slot_start(Slot(slot)) + ms
}

/// Slots and parents of what is due, in order.
fn due(plan: &Plan, now: UnixMillis) -> Vec<(u64, Option<BlockHash>)> {
    plan.due(now, &network()).iter().map(|hint| (hint.slot.0, hint.parent_hash)).collect()
}

fn say_all(plan: &mut Plan, now: UnixMillis) {
    for hint in plan.due(now, &network()) {
        plan.note_said(&hint);
    }
}

#[test]
fn every_duty_of_ours_is_hinted_once_and_nobody_elses() {
    let mut plan = plan();
    assert_eq!(due(&plan, at(38, 0)), [(40, None), (45, None)]);
    let hint = plan.due(at(38, 0), &network())[0];
    assert_eq!((hint.proposer, hint.expected_ask_ms), (key(1), Some(170)));
    assert_eq!(hint.dependent_root, Some(Root::repeat_byte(9)));
    say_all(&mut plan, at(38, 0));
    assert_eq!(due(&plan, at(39, 0)), []);
}

#[test]
fn the_parent_follows_with_the_block_before_the_slot() {
    let mut plan = plan();
    say_all(&mut plan, at(38, 0));
    plan.set_head(Slot(38), hash(38));
    assert_eq!(due(&plan, at(38, 3_000)), [], "the next slot's block may still come between");
    plan.set_head(Slot(39), hash(39));
    assert_eq!(due(&plan, at(39, 2_000)), [(40, Some(hash(39)))]);
}

#[test]
fn an_empty_slot_is_given_up_in_its_last_third() {
    let mut plan = plan();
    say_all(&mut plan, at(38, 0));
    plan.set_head(Slot(38), hash(38));
    assert_eq!(due(&plan, at(39, 7_999)), []);
    assert_eq!(Plan::wake_at(at(39, 0), &network()), at(39, 8_000));
    assert_eq!(due(&plan, at(39, 8_000)), [(40, Some(hash(38)))]);
    assert_eq!(Plan::wake_at(at(39, 8_000), &network()), at(39, SLOT_MS));
}

#[test]
fn what_the_beacon_node_prepares_on_counts_at_once() {
    let mut plan = plan();
    say_all(&mut plan, at(38, 0));
    plan.set_head(Slot(38), hash(38));
    plan.announce(Slot(40), hash(38));
    assert_eq!(due(&plan, at(39, 1_000)), [(40, Some(hash(38)))]);
    say_all(&mut plan, at(39, 1_000));
    plan.set_head(Slot(39), hash(39));
    assert_eq!(due(&plan, at(39, 3_000)), [(40, Some(hash(39)))], "the late block is the parent after all");
}

#[test]
fn a_changed_head_is_another_parent_of_the_current_slot_too() {
    let mut plan = plan();
    plan.set_head(Slot(39), hash(39));
    say_all(&mut plan, at(39, 4_000));
    plan.set_head(Slot(39), hash(99));
    assert_eq!(due(&plan, at(40, 50)), [(40, Some(hash(99)))]);
    assert_eq!(due(&plan, at(41, 0)), [], "the slot is over");
}

#[test]
fn parents_come_before_duties_and_near_slots_before_far_ones() {
    let mut plan = plan();
    plan.set_duties(Epoch(2), DependentRoots::default(), Root::ZERO, [duty(64, 1), duty(65, 1)]);
    plan.set_head(Slot(44), hash(44));
    assert_eq!(due(&plan, at(44, 5_000)), [(45, Some(hash(44))), (45, None), (64, None), (65, None)]);
}

#[test]
fn a_service_that_was_away_is_told_again() {
    let mut plan = plan();
    say_all(&mut plan, at(38, 0));
    plan.forget_said();
    assert_eq!(due(&plan, at(38, 0)).len(), 2);
}

#[test]
fn changed_duties_and_validators_are_hinted_anew() {
    let mut plan = plan();
    say_all(&mut plan, at(38, 0));
    plan.set_validators([key(1), key(2)].into());
    assert_eq!(due(&plan, at(38, 0)), [(41, None)]);
    plan.set_duties(Epoch(1), [Root::repeat_byte(1); 2], Root::ZERO, [duty(40, 2)]);
    assert_eq!(due(&plan, at(38, 0)), [(40, None)], "another of ours proposes it now");
}

#[test]
fn what_the_service_did_not_take_yet_is_said_again_with_the_next_slot() {
    let mut plan = plan();
    plan.forget_before(Slot(38), &network());
    let hint = plan.due(at(38, 0), &network())[0];
    say_all(&mut plan, at(38, 0));
    plan.say_again_later(&hint);
    plan.forget_before(Slot(38), &network());
    assert_eq!(due(&plan, at(38, 1)), []);
    plan.forget_before(Slot(39), &network());
    assert_eq!(due(&plan, at(39, 0)), [(40, None)]);
}

#[test]
fn nothing_of_a_slot_is_kept_once_it_is_over() {
    let mut plan = plan();
    plan.announce(Slot(40), hash(39));
    say_all(&mut plan, at(38, 0));
    plan.forget_before(Slot(64), &network());
    assert_eq!((plan.said.len(), plan.announced.len(), plan.dependent_roots.len()), (0, 0, 0));
    assert_eq!(due(&plan, at(40, 0)), []);
}
