//! Beacon nodes that tell of a re-org before the head that it led to, and such that tell of it afterwards.

use super::several_nodes::figure;
use super::*;

/// Without announcements heads are all that nodes tell.
async fn field_where(heads_come_first: bool) -> Field {
    let field = Field::new().await;
    for node in &field.nodes {
        node.announce_nothing();
        if heads_come_first {
            node.tell_heads_before_reorgs();
        }
    }
    field
}

#[tokio::test(flavor = "multi_thread")]
async fn the_node_that_led_takes_the_lead_to_its_new_head_whichever_it_tells_first() {
    for heads_come_first in [false, true] {
        let field = field_where(heads_come_first).await;
        let [here, there] = &field.nodes;
        let mut service = field.service(2).await;
        there.hear_after(Duration::from_millis(400));
        let former = field.head_comes(500).await;
        field.is_held(&service, former).await;
        eventually("both have the head", async || there.head() == former).await;
        there.cut_off();
        field.at(-1_500).await;
        let head = field.chain.reorg(field.ours.previous(), 1);
        field.is_held(&service, head).await;
        let leads = async || figure(&service, "leads", here).await > 0.5;
        eventually("the node that led leads with its new head", leads).await;
        field.at(0).await;
        field.each_is_a_hit(&mut service, &[head, former]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_head_after_a_reorg_may_be_left_out_whichever_was_told_first() {
    for heads_come_first in [false, true] {
        let field = field_where(heads_come_first).await;
        let mut service = field.service(1).await;
        let node = &field.nodes[0];
        eventually("the node is followed", async || figure(&service, "leads", node).await > 0.5).await;
        let before = field.chain.reorg(Slot(field.ours.0 - 2), 1);
        let reorgs = async || figure(&service, "reorgs_total", node).await;
        eventually("the re-org is counted", async || reorgs().await >= 1.0).await;
        let late = field.head_comes(DUE_MS + 1_000).await;
        field.is_held(&service, late).await;
        field.is_held(&service, before).await;
        assert!((1.0..2.0).contains(&reorgs().await), "the late head is no re-org");
        field.at(0).await;
        field.each_is_a_hit(&mut service, &[late, before]).await;
    }
}
