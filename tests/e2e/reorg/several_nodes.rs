//! Two beacon nodes that do not tell the same.

use headstart_devnet::BeaconBehaviour;

use super::*;

/// A figure of a node, as `/metrics` tells it.
pub(super) async fn figure(service: &Service, name: &str, node: &BeaconNode) -> f64 {
    let text = service.admin("/metrics").await.text();
    let start = format!("headstart_beacon_node_{name}{{node=\"{}\"}} ", node.url());
    let line = text.lines().find_map(|line| line.strip_prefix(&start));
    // Of a node that has not told anything yet there are no figures.
    line.map_or(0.0, |figure| figure.parse().expect("a figure"))
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_disagree_each_find_their_bid() {
    let field = Field::new().await;
    let mut service = field.service(2).await;
    let [here, there] = &field.nodes;
    let former = field.head_comes(500).await;
    field.is_held(&service, former).await;
    there.cut_off();
    field.at(-1_500).await;
    let head = field.chain.reorg(field.ours.previous(), 1);
    field.is_held(&service, head).await;
    assert_eq!((here.head(), there.head()), (head, former));
    // Whichever of them told the former head first leads, and the other one dissents.
    let dissents = async |node| figure(&service, "dissents_total", node).await;
    eventually("the dissent is counted", async || dissents(here).await + dissents(there).await >= 1.0).await;
    field.at(0).await;
    field.each_is_a_hit(&mut service, &[head, former]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_on_an_older_head_has_its_auction_beside_the_true_one() {
    let field = Field::new().await;
    let [_, there] = &field.nodes;
    let before = field.chain.head();
    let mut service = field.service(2).await;
    there.cut_off();
    let head = field.head_comes(500).await;
    field.is_held(&service, head).await;
    field.is_held(&service, before).await;
    field.at(0).await;
    field.each_is_a_hit(&mut service, &[head, before]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slower_node_takes_nothing_back_and_costs_no_auction() {
    let field = Field::new().await;
    let [here, there] = &field.nodes;
    let mut service = field.service(2).await;
    there.hear_after(Duration::from_millis(400));
    let head = field.head_comes(500).await;
    field.is_held(&service, head).await;
    let lag = async || figure(&service, "heads_lag_milliseconds_total", there).await;
    eventually("the slower node's lag is counted", async || lag().await >= 350.0).await;
    assert!(figure(&service, "leads", here).await > 0.5);
    field.at(0).await;
    field.each_is_a_hit(&mut service, &[head]).await;
    assert_eq!(field.asked_parents().len(), 2, "and the stranger's");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_tells_nothing_is_in_nobodys_way() {
    let field = Field::new().await;
    let [silent, telling] = &field.nodes;
    silent.behave(BeaconBehaviour::Silent);
    silent.cut_off();
    let mut service = field.service(2).await;
    let head = field.head_comes(500).await;
    field.is_held(&service, head).await;
    eventually("the other leads", async || figure(&service, "leads", telling).await > 0.5).await;
    field.at(0).await;
    field.each_is_a_hit(&mut service, &[head]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_dies_leaves_the_lead_to_the_other() {
    let field = Field::new().await;
    let [dying, other] = &field.nodes;
    let mut service = field.service(2).await;
    let before = field.head_comes(500).await;
    field.is_held(&service, before).await;
    dying.behave(BeaconBehaviour::Unavailable);
    field.at(-500).await;
    let head = field.chain.reorg(field.ours.previous(), 1);
    field.is_held(&service, head).await;
    eventually("the other leads", async || figure(&service, "leads", other).await > 0.5).await;
    field.at(0).await;
    field.each_is_a_hit(&mut service, &[head, before]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_optimistic_head_is_auctioned_and_a_checked_one_leads() {
    let field = Field::new().await;
    let [optimistic, checking] = &field.nodes;
    let before = field.chain.head();
    let mut service = field.service(2).await;
    checking.cut_off();
    optimistic.behave(BeaconBehaviour::Optimistic);
    let head = field.head_comes(500).await;
    field.is_held(&service, head).await;
    field.is_held(&service, before).await;
    assert!(figure(&service, "leads", checking).await > 0.5);
    assert!(figure(&service, "optimistic_heads_total", optimistic).await >= 1.0);
    field.at(0).await;
    field.each_is_a_hit(&mut service, &[head, before]).await;
}
