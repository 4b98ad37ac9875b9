//! Beacon nodes that do not tell who proposes.

use headstart_devnet::{BeaconBehaviour, BidFault};

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn bids_that_contradict_a_later_announcement_are_withdrawn_although_no_duty_is_known() {
    let field = Field::new().await;
    let node = &field.nodes[0];
    node.refuse_duties(field.network.epoch(field.ours));
    field.relay.adjust(|behaviour| *behaviour = Behaviour::by_hand().with_bid_fault(BidFault::WrongRandao));
    let service = field.service(1).await;
    let key = field.key(field.chain.head().block_hash);
    field.at(0).await;
    let answered = async |status| service.header(&key).await.status == status;
    eventually("nobody can tell that the bid is wrong", async || answered(200).await).await;
    field.chain.announce_on(field.ours, key.parent_hash);
    eventually("the bid is withdrawn", async || answered(204).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_slot_of_an_epoch_is_early_although_the_duties_of_the_one_before_are_refused() {
    let field = Field::with_ours(Slot(64)).await;
    field.nodes[0].refuse_duties(field.network.epoch(field.ours.previous()));
    let mut service = field.service(1).await;
    let head = field.head_comes(500).await;
    field.is_held(&service, head).await;
    assert!(SYSTEM.now() < field.network.slot_start(field.ours), "before its epoch begins");
    field.at(0).await;
    field.each_is_a_hit(&mut service, &[head]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_slot_of_an_epoch_is_early_with_a_node_that_tells_it_only_out_of_its_state() {
    let field = Field::with_ours(Slot(64)).await;
    field.nodes[0].behave(BeaconBehaviour::WithoutNextDuties);
    let mut service = field.service(1).await;
    let head = field.head_comes(500).await;
    field.is_held(&service, head).await;
    assert!(SYSTEM.now() < field.network.slot_start(field.ours), "before its epoch begins");
    field.at(0).await;
    field.each_is_a_hit(&mut service, &[head]).await;
}
