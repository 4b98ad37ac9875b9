//! A head that another block replaces when the auction on it has long begun.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_is_replaced_shortly_before_the_slot_is_a_hit_on_the_new_parent() {
    let field = Field::new().await;
    let mut service = field.service(1).await;
    let former = field.head_comes(500).await;
    field.is_held(&service, former).await;
    field.at(-300).await;
    let head = field.chain.reorg(field.ours.previous(), 1);
    field.is_held(&service, head).await;
    field.at(0).await;
    field.each_is_a_hit(&mut service, &[head, former]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_is_replaced_in_the_slot_is_answered_in_time_on_the_new_parent() {
    let field = Field::new().await;
    let service = field.service(1).await;
    let former = field.head_comes(500).await;
    field.is_held(&service, former).await;
    field.at(50).await;
    let head = field.chain.reorg(field.ours.previous(), 1);
    // The beacon node asks at once: whether the service has heard of the head by now is chance.
    let at_once = field.ask(&service, head.block_hash).await;
    assert!(matches!(at_once.status, 200 | 204));
    field.is_held(&service, head).await;
    assert_eq!(field.ask(&service, head.block_hash).await.status, 200);
    assert_eq!(field.ask(&service, former.block_hash).await.status, 200, "the former auction goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_comes_back_finds_its_auction_running() {
    let field = Field::new().await;
    let mut service = field.service(1).await;
    let first = field.head_comes(500).await;
    field.is_held(&service, first).await;
    field.at(-1_500).await;
    let second = field.chain.reorg(field.ours.previous(), 1);
    field.is_held(&service, second).await;
    field.chain.announce_on(field.ours, first.block_hash);
    field.at(0).await;
    field.each_is_a_hit(&mut service, &[first, second]).await;
}
