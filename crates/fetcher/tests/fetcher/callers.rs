//! Whom a getHeader concerns: it costs those who asked, and takes nothing from others.

use headstart_auction::CallPolicy;
use headstart_bid_store::AuctionEventKind;

use crate::relay::Relay;
use crate::world::{Setting, eventually, hint, key};

fn path(parent: u8) -> String {
    format!("/eth/v1/builder/header/{}", key(1, parent))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_made_up_parent_costs_the_cluster_alone_that_asked_for_it() {
    let [of_alpha, of_beta] = [Relay::start("of alpha").await, Relay::start("of beta").await];
    let setting = Setting::default().relay(&of_alpha).relay(&of_beta);
    let setting = setting.cluster("alpha", &[&of_alpha], &[1]).cluster("beta", &[&of_beta], &[1]);
    let world = setting.start().await;
    let mut events = world.store.watch();

    world.fetcher.join(key(1, 66), &"beta".into()).unwrap();
    of_beta.is_asked().await;

    assert!(of_alpha.asks().is_empty());
    let told: Vec<_> = std::iter::from_fn(|| events.try_recv().ok()).collect();
    assert!(told.iter().any(|event| matches!(event.what, AuctionEventKind::Asked { .. })), "{told:?}");
    assert!(told.iter().all(|event| event.cluster.as_deref() == Some("beta")), "{told:?}");

    world.fetcher.join(key(1, 66), &"alpha".into()).unwrap();
    of_alpha.is_asked().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_cluster_is_told_of_its_own_moment_and_of_nobody_elses() {
    let relay = Relay::start("one").await;
    let setting = Setting::default().relay(&relay).cluster("alpha", &[&relay], &[1]);
    let world = setting.cluster("beta", &[&relay], &[1]).start().await;
    let mut events = world.store.watch();
    for (cluster, ms) in [("alpha", 170), ("beta", 900)] {
        let mut hint = hint(1, 7);
        hint.expected_ask_ms = Some(ms);
        world.fetcher.hint(&world.cluster(cluster), &hint).unwrap();
    }
    let mut moments = Vec::new();
    while moments.len() < 2 {
        let event = events.recv().await.unwrap();
        if let (AuctionEventKind::Expected(moment), Some(cluster)) = (event.what, event.cluster) {
            moments.retain(|(known, _)| *known != cluster);
            moments.push((cluster, moment.likely_ms));
        }
    }
    moments.sort();
    assert_eq!(moments, [("alpha".into(), 170), ("beta".into(), 900)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_only_call_of_a_relay_goes_to_one_parent_alone() {
    let (once, polled) = (Relay::start("once").await, Relay::start("polled").await);
    let policy = CallPolicy { calls_max: 1, ..CallPolicy::MEV_BOOST_RELAY };
    let world = Setting::default()
        .relay_with(&once, policy)
        .relay(&polled)
        .cluster("alpha", &[&once, &polled], &[1])
        .start()
        .await;
    world.fetcher.join(key(1, 7), &"alpha".into()).unwrap();
    once.is_asked().await;
    world.fetcher.join(key(1, 8), &"alpha".into()).unwrap();
    eventually("the other parent's auction is run", || polled.asks().contains(&path(8))).await;
    assert_eq!(once.asks(), [path(7)]);
}
