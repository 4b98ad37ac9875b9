use headstart_auction::TimingPreset;
use headstart_proto::v1::Quotas;
use headstart_registry::{PolicyRow, QuotaRow};
use headstart_types::Wei;

use crate::world::{CLOCK, Setup, World, root};

#[tokio::test]
async fn a_cluster_sees_itself_as_it_is_served() {
    let quotas = QuotaRow { hints_per_s: Some(7), streams: Some(3), ..QuotaRow::default() };
    let world = World::with(Setup { quotas, ..Setup::default() }).await;
    let policy = PolicyRow {
        min_bid: Some(Wei::new(5)),
        cutoff_ms: Some(1_500),
        sticky: Some(true),
        sticky_ms: Some(700),
        ..PolicyRow::default()
    };
    world.registry.set_policy(&root(), CLOCK.now(), "alpha", &policy).await.unwrap();
    world.claim("alpha", &[1, 2]).await;
    let told = world.client("alpha", "one").cluster().await.unwrap();
    assert_eq!((told.name.as_str(), told.network.as_str(), told.validators), ("alpha", "mainnet", 2));
    assert_eq!((told.min_bid_wei.as_str(), told.cutoff_ms, told.sticky), ("5", 1_500, true));
    assert_eq!((told.mode.as_str(), told.operators), ("serve", vec!["one".to_owned(), "two".to_owned()]));
    assert_eq!((told.sticky_ms, told.timing.as_str()), (700, ""));
    let Quotas { hints_per_s, streams, .. } = told.quotas.unwrap();
    assert_eq!((hints_per_s, streams), (7, 3));
}

#[tokio::test]
async fn a_clusters_preset_and_what_it_comes_to_are_told() {
    let world = World::new().await;
    let policy = PolicyRow { timing: Some(TimingPreset::Ssv), ..PolicyRow::default() };
    world.registry.set_policy(&root(), CLOCK.now(), "alpha", &policy).await.unwrap();
    world.refresh().await;
    let told = world.client("alpha", "one").cluster().await.unwrap();
    assert_eq!((told.timing.as_str(), told.cutoff_ms, told.expected_ask_ms), ("ssv", 1_500, 170));
    assert_eq!((told.sticky, told.sticky_ms), (true, 2_000));
}

#[tokio::test]
async fn a_change_is_seen_by_the_next_call() {
    let world = World::new().await;
    let client = world.client("alpha", "one");
    assert_eq!(client.cluster().await.unwrap().mode, "serve");
    let policy = PolicyRow { mode: Some("shadow".parse().unwrap()), ..PolicyRow::default() };
    world.registry.set_policy(&root(), CLOCK.now(), "alpha", &policy).await.unwrap();
    world.refresh().await;
    assert_eq!(client.cluster().await.unwrap().mode, "shadow");
}
