use headstart_auction::{CallPolicy, DeliveryState};
use headstart_fetcher::Registrant;
use headstart_types::SignedValidatorRegistration;

use crate::relay::Relay;
use crate::world::{Setting, World, clock, eventually, memory, pubkey, validator};

async fn register(world: &World, registrations: &[SignedValidatorRegistration]) {
    let anyone = Registrant::BeaconNode(world.directory.load().asker_open());
    world.fetcher.register(&anyone, registrations.to_vec()).await;
}

fn state(world: &World, relay: &Relay, registration: &SignedValidatorRegistration) -> DeliveryState {
    let id = relay.entry(CallPolicy::MEV_BOOST_RELAY).id;
    world.deliveries.state(id, registration, clock().now())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_relay_publishes_is_confirmed_and_what_it_replaced_is_told_once_more() {
    let [good, bad] = [Relay::start("good").await, Relay::start("bad").await];
    let setting = Setting::default().relay(&good).relay(&bad);
    let world = setting.cluster("alpha", &[&good, &bad], &[1]).start().await;
    let (new, old) = (world.registration(&validator(1), 60), world.registration(&validator(1), 90));
    let publishes = |registration| {
        let body = serde_json::to_string(&registration).unwrap();
        move |request: &crate::relay::Request| {
            ("200 OK", if request.method == "GET" { body.clone() } else { String::new() })
        }
    };
    good.answer(publishes(new));
    bad.answer(publishes(old));
    register(&world, &[new]).await;
    good.is_told(1).await;
    eventually("it is accepted", || state(&world, &bad, &new) == DeliveryState::Accepted).await;
    eventually("it is confirmed", || state(&world, &good, &new) == DeliveryState::Confirmed).await;
    assert_eq!(state(&world, &bad, &new), DeliveryState::Accepted, "one read proves nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_nothing_is_told_twice_and_nothing_is_forgotten() {
    let [well, ill] = [Relay::start("well").await, Relay::start("ill").await];
    let registry = memory().await;
    let setting = Setting::default().relay(&well).relay(&ill).cluster("alpha", &[&well, &ill], &[1, 2]);
    let world = setting.start_on(registry.clone()).await;
    ill.answer(|_| ("503 Service Unavailable", String::new()));
    let first = world.registration(&validator(1), 60);
    register(&world, &[first]).await;
    well.is_told(1).await;
    ill.is_told(1).await;
    eventually("it is accepted", || state(&world, &well, &first) == DeliveryState::Accepted).await;
    world.stop().await;
    let failed = ill.registrations().len();

    ill.answer(|_| ("200 OK", String::new()));
    let world = setting.start_on(registry).await;
    let told = || ill.registrations().len() > failed;
    eventually("the relay that was ill is told without anybody registering again", told).await;
    register(&world, &[world.registration(&validator(2), 60)]).await;
    assert_eq!(well.is_told(2).await, [[pubkey(1)].into(), [pubkey(2)].into()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_a_cluster_adds_is_told_of_what_is_on_record() {
    let [first, second] = [Relay::start("first").await, Relay::start("second").await];
    let world = Setting::default().relay(&first).cluster("alpha", &[&first], &[1, 2]).start().await;
    let body = [world.registration(&validator(1), 60), world.registration(&validator(2), 60)];
    register(&world, &body).await;
    first.is_told(2).await;

    let setting = Setting::default().relay(&first).relay(&second);
    world.directory.replace(setting.cluster("alpha", &[&first, &second], &[1, 2]).directory());

    assert_eq!(second.is_told(2).await, [[pubkey(1), pubkey(2)].into()]);
    assert_eq!(first.registrations().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_two_clusters_trust_is_told_once_and_clusters_are_not_mixed() {
    let shared = Relay::start("shared").await;
    let setting = Setting::default().relay(&shared);
    let setting = setting.cluster("alpha", &[&shared], &[1, 2]).cluster("beta", &[&shared], &[2, 3]);
    let world = setting.start().await;
    let body = [1, 2, 3].map(|number| world.registration(&validator(number), 60));
    register(&world, &body).await;
    let mut calls = shared.is_told(3).await;
    calls.sort_by_key(std::collections::BTreeSet::len);
    assert_eq!(calls, [[pubkey(3)].into(), [pubkey(1), pubkey(2)].into()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_relay_refuses_is_found_noted_and_left_alone() {
    let relay = Relay::start("one").await;
    let disliked = pubkey(3);
    relay.answer(move |request| {
        let registrations = headstart_types::registrations_from_ssz(&request.body).unwrap_or_default();
        let dislikes = registrations.iter().any(|registration| registration.message.pubkey == disliked);
        if dislikes || request.method == "GET" {
            ("400 Bad Request", r#"{"code":400,"message":"unknown validator"}"#.to_owned())
        } else {
            ("200 OK", String::new())
        }
    });
    let world = Setting::default().relay(&relay).cluster("alpha", &[&relay], &[1, 2, 3, 4]).start().await;
    // A first call shows that the relay takes SSZ; before that a 400 may be about the encoding.
    register(&world, &[world.registration(&validator(1), 90)]).await;
    relay.is_told(1).await;
    let body = [1, 2, 3, 4].map(|number| world.registration(&validator(number), 60));
    register(&world, &body).await;
    let accepted = |number: usize| state(&world, &relay, &body[number - 1]) == DeliveryState::Accepted;
    eventually("the others are accepted", || [1, 2, 4].into_iter().all(accepted)).await;
    let fault = || world.deliveries.of_validator(&disliked).first().and_then(|told| told.fault.clone());
    eventually("the fault is noted", || fault().is_some()).await;
    assert!(fault().unwrap().contains("unknown validator"));
    let calls = relay.registrations().len();
    register(&world, &body).await;
    register(&world, &[world.registration(&validator(2), 30)]).await;
    eventually("the next is told", || relay.registrations().len() > calls).await;
    assert_eq!(relay.registrations().last().unwrap().len(), 1, "the refused one rests");
}
