use std::time::Duration;

use e2e::{
    PATIENCE, Service, auction, eth, eventually, header_request, network, network_starting_in, relay,
    relay_bidding, validators,
};
use futures_util::future::join_all;
use headstart_devnet::{HeaderFault, WireFault};
use headstart_types::{ACCEPT_SSZ_THEN_JSON, ForkName, Outcome, TIMEOUT_MS};

use super::ASKED_ONCE;

#[tokio::test(flavor = "multi_thread")]
async fn relays_are_told_who_asks_and_how_long_they_have() {
    let network = network(ForkName::Fulu);
    let relay = relay_bidding(&network, 1, eth("0.03")).await;
    let validators = validators(1);
    let setup = Service::on(&network).relay("one", &relay);
    let service = setup.cluster("alpha", &["one"], &validators).start().await;
    service.header(&auction(&validators[0])).await;

    let seen = relay.seen();
    let call = seen.headers.iter().next().expect("the relay was asked");
    assert_eq!(call.accept.as_deref(), Some(ACCEPT_SSZ_THEN_JSON), "Helix knows this very text");
    assert!(call.user_agent.as_deref().is_some_and(|agent| agent.starts_with("headstart/")));
    assert!(call.timeout_ms.is_some_and(|ms| (1..=1_000).contains(&ms)), "{:?}", call.timeout_ms);
    let sent_at = call.date_ms.expect("Date-Milliseconds");
    assert!((0..PATIENCE.as_millis().cast_signed()).contains(&i128::from(call.asked_at.0 - sent_at)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_is_answered_before_its_own_timeout() {
    let network = network(ForkName::Fulu);
    let relay = relay(&network, 1).await;
    relay.adjust(|behaviour| behaviour.header = HeaderFault::Wire(WireFault::Withhold));
    let validators = validators(5);
    let setup = Service::on(&network).relay("silent", &relay);
    let service = setup.cluster("alpha", &["silent"], &validators).start().await;
    let mut took = Vec::new();
    for validator in &validators {
        let reply =
            service.client().call(&header_request(&auction(validator)).header(TIMEOUT_MS, "300")).await;
        assert_eq!(reply.status, 204);
        took.push(reply.took);
    }
    // What a busy machine adds, it does not add to all of them.
    let least = took.iter().min().expect("there are five");
    assert!(*least < Duration::from_millis(300), "{took:?}");
    assert!(*least > Duration::from_millis(200), "what time there is, is used: {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_is_later_than_the_clusters_cut_off() {
    let network = network_starting_in(ForkName::Fulu, 12_000, -1_000);
    let relay = relay(&network, 1).await;
    relay.adjust(|behaviour| behaviour.header = HeaderFault::Wire(WireFault::Withhold));
    let validators = validators(5);
    let setup = Service::on(&network).relay("silent", &relay);
    let setup = setup.cluster_with("alpha", &["silent"], &validators, "cutoff_ms = 1500");
    let service = setup.start().await;
    let replies = join_all(validators.iter().map(async |key| service.header(&auction(key)).await)).await;
    assert!(replies.iter().all(|reply| reply.status == 204));
    let least = replies.iter().map(|reply| reply.took).min().expect("there are five");
    assert!(least < Duration::from_millis(750), "{least:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_hangs_up_cancels_nothing() {
    let network = network(ForkName::Fulu);
    let relay = relay_bidding(&network, 1, eth("0.03")).await;
    relay.adjust(|behaviour| behaviour.latency_ms = 300);
    let validators = validators(1);
    let setup = Service::on(&network).relay_with("slow", &relay, ASKED_ONCE);
    let mut service = setup.cluster("alpha", &["slow"], &validators).start().await;
    let key = auction(&validators[0]);
    let mut connection = service.client().connect().await;
    connection.send(&header_request(&key).to_bytes()).await.unwrap();
    assert!(relay.has_seen(PATIENCE, |seen| seen.headers.total() == 1).await);
    drop(connection);

    let held = async || service.store().auction(&key).is_some_and(|auction| !auction.offers().is_empty());
    eventually("the bid is held although nobody waits for it", held).await;

    assert_eq!(service.header(&key).await.bid(ForkName::Fulu).message.value(), eth("0.03"));
    assert_eq!(service.next_outcome().await, Outcome::Hit);
    assert_eq!(relay.seen().headers.total(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn any_number_of_askers_cost_one_call_to_each_relay() {
    let network = network(ForkName::Fulu);
    let relays =
        [relay_bidding(&network, 1, eth("0.03")).await, relay_bidding(&network, 2, eth("0.04")).await];
    let patient = "first_ms = -12000\nlast_ms = 3900\nmin_gap_ms = 60000";
    let mut setup = Service::on(&network);
    for (name, relay) in ["one", "two"].iter().zip(&relays) {
        relay.adjust(|behaviour| behaviour.latency_ms = 100);
        setup = setup.relay_with(name, relay, patient);
    }
    let validators = validators(1);
    let service = setup.cluster("alpha", &["one", "two"], &validators).start().await;
    let key = auction(&validators[0]);

    let replies = join_all((0..39).map(|_| service.header(&key))).await;

    assert!(replies.iter().all(|reply| reply.bid(ForkName::Fulu).message.value() == eth("0.04")));
    assert_eq!(relays.map(|relay| relay.seen().headers.total()), [1, 1]);
}
