use headstart_auction::{CallPolicy, HintRejected};
use headstart_bid_store::AuctionEventKind;

use crate::relay::Relay;
use crate::world::{Setting, hint, key};

/// Asked once in an auction, so that every further auction or cluster would show.
const ONCE: CallPolicy = CallPolicy { calls_max: 1, ..CallPolicy::MEV_BOOST_RELAY };

#[tokio::test(flavor = "multi_thread")]
async fn a_hint_runs_an_auction_without_any_beacon_node() {
    let relay = Relay::start("one").await;
    let world = Setting::default().relay(&relay).cluster("alpha", &[&relay], &[1]).start().await;
    let mut events = world.store.watch();

    world.fetcher.hint(&world.cluster("alpha"), &hint(1, 7)).unwrap();

    relay.is_asked().await;
    assert_eq!(relay.asks()[0], format!("/eth/v1/builder/header/{}", key(1, 7)));
    let [hinted, armed] = [events.recv().await.unwrap(), events.recv().await.unwrap()];
    assert_eq!((hinted.what, hinted.key), (AuctionEventKind::Hinted, key(1, 7)));
    assert_eq!((armed.cluster.as_deref(), armed.key), (Some("alpha"), key(1, 7)));
    assert_eq!(armed.what, AuctionEventKind::Armed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetcher_that_arms_no_more_runs_only_what_a_get_header_asks_for() {
    let relay = Relay::start("one").await;
    let world = Setting::default().relay(&relay).cluster("alpha", &[&relay], &[1, 2]).start().await;
    world.fetcher.arm_no_more();
    world.fetcher.hint(&world.cluster("alpha"), &hint(1, 7)).unwrap();
    world.fetcher.join(key(2, 8), &"alpha".into()).unwrap();
    relay.is_asked().await;
    assert!(relay.asks().iter().all(|ask| *ask == format!("/eth/v1/builder/header/{}", key(2, 8))));
    assert!(world.store.auction(&key(1, 7)).is_none(), "another process runs it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_hints_only_for_validators_that_it_serves() {
    let relay = Relay::start("one").await;
    let setting = Setting::default().relay(&relay);
    let world = setting.cluster("alpha", &[&relay], &[1]).cluster("beta", &[&relay], &[2]).start().await;
    let beta = world.cluster("beta");
    assert_eq!(world.fetcher.hint(&beta, &hint(1, 7)), Err(HintRejected::NotYours));
    assert_eq!(world.fetcher.hint(&beta, &hint(3, 7)), Err(HintRejected::NotYours), "nor for nobody's");
    assert_eq!(world.fetcher.hint(&beta, &hint(2, 7)), Ok(()));
    assert_eq!(world.fetcher.hint(&beta, &hint(2, 8)), Err(HintRejected::TooManyParents));
}

#[tokio::test(flavor = "multi_thread")]
async fn however_many_operators_and_clusters_hint_an_auction_relays_are_asked_for_one() {
    let [shared, witness] = [Relay::start("shared").await, Relay::start("witness").await];
    let world = Setting::default()
        .relay_with(&shared, ONCE)
        .relay_with(&witness, ONCE)
        .cluster("alpha", &[&shared], &[1, 2])
        .cluster("beta", &[&shared, &witness], &[1])
        .start()
        .await;
    for name in ["alpha", "beta"] {
        for _operator in 0..4 {
            world.fetcher.hint(&world.cluster(name), &hint(1, 7)).unwrap();
        }
    }
    // Its auction is asked for last, so all that came before has had its turn by then.
    witness.is_asked().await;
    world.fetcher.join(key(2, 8), &"alpha".into()).unwrap();
    crate::world::eventually("the second auction is run", || shared.asks().len() >= 2).await;
    let path = |proposer, parent| format!("/eth/v1/builder/header/{}", key(proposer, parent));
    assert_eq!(shared.asks(), [path(1, 7), path(2, 8)]);
    assert_eq!(witness.asks(), [path(1, 7)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_made_up_parent_concerns_nobody_but_who_hinted_it_until_a_get_header_asks_for_it() {
    let [of_alpha, of_beta] = [Relay::start("of alpha").await, Relay::start("of beta").await];
    let world = Setting::default()
        .relay(&of_alpha)
        .relay(&of_beta)
        .cluster("alpha", &[&of_alpha], &[1])
        .cluster("beta", &[&of_beta], &[1])
        .start()
        .await;
    let mut events = world.store.watch();
    world.fetcher.hint(&world.cluster("beta"), &hint(1, 66)).unwrap();
    of_beta.is_asked().await;
    let told: Vec<_> = std::iter::from_fn(|| events.try_recv().ok()).collect();
    assert!(!told.is_empty());
    assert!(
        told.iter().all(|event| event.cluster.as_deref() == Some("beta")),
        "alpha hears nothing: {told:?}"
    );
    assert!(of_alpha.asks().is_empty());

    world.fetcher.join(key(1, 66), &"alpha".into()).unwrap();

    of_alpha.is_asked().await;
}
