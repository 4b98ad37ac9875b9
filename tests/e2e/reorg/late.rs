//! A head that comes after validators had to attest to it: the next proposer may leave it out.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_late_head_and_the_block_before_it_are_both_hits() {
    let field = Field::new().await;
    let mut service = field.service(1).await;
    let before = field.chain.head();
    let late = field.head_comes(DUE_MS + 1_000).await;
    field.is_held(&service, late).await;
    field.is_held(&service, before).await;
    assert!(SYSTEM.now() < field.network.slot_start(field.ours), "and before the slot begins");
    field.at(0).await;
    field.each_is_a_hit(&mut service, &[late, before]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_in_time_has_one_auction() {
    let field = Field::new().await;
    let mut service = field.service(1).await;
    let head = field.head_comes(500).await;
    field.is_held(&service, head).await;
    field.at(0).await;
    field.each_is_a_hit(&mut service, &[head]).await;
    let strangers: BTreeSet<_> =
        field.asked_parents().into_iter().filter(|p| *p != head.block_hash).collect();
    assert_eq!(strangers, BTreeSet::from([BlockHash([0xee; 32].into())]), "but for whoever asked on another");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_proposer_that_leaves_a_late_head_out_has_its_bid() {
    let field = Field::new().await;
    let mut service = field.service(1).await;
    let before = field.chain.head();
    let late = field.head_comes(DUE_MS + 500).await;
    field.at(-1_000).await;
    field.chain.announce_on(field.ours, before.block_hash);
    field.is_held(&service, before).await;
    field.at(20).await;
    let reply = field.ask(&service, before.block_hash).await;
    assert_eq!(service.next_outcome().await, Outcome::Hit);
    assert_eq!(reply.bid(ForkName::Fulu).message.value(), eth("0.05"));
    assert_eq!(field.ask(&service, late.block_hash).await.status, 200, "others may not leave it out");
    assert_eq!(service.next_outcome().await, Outcome::Hit);
    let block = field.chain.reorg(field.ours, 1);
    assert_eq!(field.chain.parent_of(block), Some(before), "so it is built");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_plans_to_leave_a_head_in_time_out_is_believed() {
    let field = Field::new().await;
    let mut service = field.service(1).await;
    let before = field.chain.head();
    let head = field.head_comes(500).await;
    field.is_held(&service, head).await;
    field.chain.announce_on(field.ours, before.block_hash);
    field.is_held(&service, before).await;
    field.at(0).await;
    field.each_is_a_hit(&mut service, &[head, before]).await;
}
