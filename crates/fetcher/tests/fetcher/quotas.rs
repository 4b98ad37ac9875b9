use headstart_auction::Quotas;

use crate::relay::Relay;
use crate::world::{Setting, World, eventually, key};

fn asks_per_slot(asks: u32) -> Quotas {
    Quotas { upstream_asks_per_slot: asks, ..Quotas::default() }
}

/// Joins an auction of a validator that has quota of its own, and waits until its relay was asked a few times more: so
/// long has every auction had its chance.
async fn a_while(world: &World, witness: &Relay, asks: usize) {
    world.fetcher.join(key(9, 9), &"alpha".into()).unwrap();
    eventually("time passes", || witness.asks().len() >= asks).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_over_its_quota_asks_no_more_in_that_slot_and_others_do() {
    let [relay, witness] = [Relay::start("one").await, Relay::start("witness").await];
    let world = Setting::default()
        .quotas(asks_per_slot(8))
        .relay(&relay)
        .relay(&witness)
        .cluster("alpha", &[&relay], &[1, 2, 3])
        .cluster("other", &[&witness], &[9])
        .start()
        .await;
    for proposer in [1, 2, 3] {
        world.fetcher.join(key(proposer, 7), &"alpha".into()).unwrap();
    }
    eventually("the quota is used up", || relay.asks().len() == 8).await;
    a_while(&world, &witness, 8).await;
    assert_eq!(relay.asks().len(), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ask_for_two_clusters_is_paid_by_one_and_the_other_goes_on_when_it_cannot() {
    let [relay, witness] = [Relay::start("one").await, Relay::start("witness").await];
    let world = Setting::default()
        .quotas(asks_per_slot(3))
        .relay(&relay)
        .relay(&witness)
        .cluster("alpha", &[&relay], &[1])
        .cluster("beta", &[&relay], &[1])
        .cluster("other", &[&witness], &[9])
        .start()
        .await;
    for cluster in ["alpha", "beta"] {
        world.fetcher.join(key(1, 7), &cluster.into()).unwrap();
    }
    eventually("both have paid", || relay.asks().len() == 6).await;
    a_while(&world, &witness, 3).await;
    assert_eq!(relay.asks().len(), 6);
}
