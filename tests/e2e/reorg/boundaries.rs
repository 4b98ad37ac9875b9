//! Slots without a block, and the slots around the start of an epoch.

use headstart_devnet::BeaconBehaviour;
use headstart_types::Epoch;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn after_a_missed_slot_the_parent_stays_and_head_gated_relays_are_asked_in_time() {
    let field = Field::new().await;
    let keys = "policy = \"helix\"\nfirst_ms = -12000\nlast_ms = 3900";
    let mut service = field.setup(1, keys).start().await;
    let parent = field.chain.head();
    assert_eq!(parent.slot.0 + 2, field.ours.0);
    field.at(-1_500).await;
    field.chain.announce(field.ours);
    field.is_held(&service, parent).await;
    let first = field.relay.seen().headers_of(field.ours).next().expect("it was asked").asked_at;
    let start = field.network.slot_start(field.ours);
    // Not sooner than it answers: on its way the ask may be held up.
    assert!((-510..500).contains(&(first - start)), "asked {} ms into the slot", first - start);
    field.at(0).await;
    field.each_is_a_hit(&mut service, &[parent]).await;
    assert_eq!(field.asked_parents().len(), 2, "and the stranger's");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_slot_of_an_epoch_is_as_early_as_any() {
    the_first_slot_is_early(BeaconBehaviour::Healthy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_slot_of_an_epoch_is_early_with_a_node_that_knows_only_old_duties() {
    the_first_slot_is_early(BeaconBehaviour::WithoutDutiesV2).await;
}

async fn the_first_slot_is_early(behaviour: BeaconBehaviour) {
    let field = Field::with_ours(Slot(64)).await;
    field.nodes[0].behave(behaviour);
    let mut service = field.service(1).await;
    let head = field.head_comes(DUE_MS + 500).await;
    field.is_held(&service, head).await;
    let first = field.relay.seen().headers_of(field.ours).next().expect("it was asked").asked_at;
    let start = field.network.slot_start(field.ours);
    assert!(first - start < -1_000, "asked {} ms into the slot", first - start);
    field.at(0).await;
    field.each_is_a_hit(&mut service, &[head]).await;
    assert_eq!(field.asked_parents().len(), 2, "no proposer leaves a late head out at the start of an epoch");
}

#[tokio::test(flavor = "multi_thread")]
async fn duties_that_change_with_the_block_before_their_epoch_are_fetched_again() {
    let field = Field::with_ours(Slot(65)).await;
    let ours =
        Duty { slot: field.ours, pubkey: field.validator.pubkey, validator_index: field.validator.index };
    let stranger = Validator::new(78);
    let theirs = Duty { pubkey: stranger.pubkey, validator_index: stranger.index, ..ours };
    field.chain.set_duties(Epoch(2), vec![theirs], None);
    let mut service = field.service(1).await;
    let mut outcome = Outcome::NoBid;
    eventually("the schedule of the next epoch is known", async || {
        service.header(&field.key(field.chain.head().block_hash)).await;
        outcome = service.next_outcome().await;
        outcome == Outcome::NotTheProposer
    })
    .await;
    field.chain.set_duties(Epoch(2), vec![ours], None);
    let head = field.head_comes(500).await;
    field.is_held(&service, head).await;
    field.at(0).await;
    field.each_is_a_hit(&mut service, &[head]).await;
}
