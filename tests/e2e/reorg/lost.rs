//! Heads of which the beacon node does not give the block at once, or which it never tells of.

use super::several_nodes::figure;
use super::*;

/// A little more often than anybody goes on to ask for the block of one head.
const TOO_OFTEN: usize = 29;

/// A field without announcements, and a service that follows its first node.
async fn followed_field() -> (Field, Service) {
    let field = Field::new().await;
    field.nodes[0].announce_nothing();
    let service = field.service(1).await;
    let leads = async || figure(&service, "leads", &field.nodes[0]).await > 0.5;
    eventually("the node is followed", leads).await;
    (field, service)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_whose_block_is_not_given_at_once_is_asked_for_again() {
    let (field, mut service) = followed_field().await;
    let former = field.head_comes(500).await;
    field.is_held(&service, former).await;
    field.nodes[0].withhold_blocks(4);
    let head = field.chain.reorg(field.ours.previous(), 1);
    field.is_held(&service, head).await;
    assert!(SYSTEM.now() < field.network.slot_start(field.ours), "nobody waits for the next slot");
    field.at(0).await;
    field.each_is_a_hit(&mut service, &[head, former]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_whose_block_is_not_given_for_seconds_is_found_when_the_node_is_asked_how_it_is() {
    let (field, service) = followed_field().await;
    field.nodes[0].withhold_blocks(TOO_OFTEN);
    let head = field.head_comes(100).await;
    field.is_held(&service, head).await;
    assert_eq!(field.nodes[0].blocks_withheld(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_replaced_another_of_its_slot_untold_is_found() {
    let (field, service) = followed_field().await;
    let node = &field.nodes[0];
    field.head_comes(100).await;
    let heads = async || figure(&service, "heads_first_total", node).await;
    eventually("both heads are taken in", async || heads().await >= 2.0).await;
    node.cut_off();
    let head = field.chain.reorg(field.ours.previous(), 1);
    node.cut_off_at(head);
    field.is_held(&service, head).await;
}
