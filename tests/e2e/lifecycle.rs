//! What is promised over the life of the process: nothing is forgotten too early, nothing kept too long, and the end
//! comes in good order.

use std::time::{Duration, Instant};

use e2e::{
    Client, PATIENCE, Request, SLOT, Service, Version, auction, eth, eventually, header_request, network,
    network_starting_in, relay_bidding, signed_block, submit_request, validator,
};
use headstart::clock::SYSTEM;
use headstart_devnet::{HeaderFault, Relay, SubmitFault, WireFault};
use headstart_types::{Encoding, ForkName, SecretKey};

const FORK: ForkName = ForkName::Fulu;

/// A service with one relay and one cluster, and a submission that the relay has received and not answered yet.
struct UnderWay {
    relay: Relay,
    service: Service,
    client: Client,
    request: Request,
}

impl UnderWay {
    async fn new(key: &str, relay_latency_ms: u64) -> Self {
        let network = network(FORK);
        let relay = relay_bidding(&network, 1, eth("0.03")).await;
        let alice = validator(0);
        let setup = Service::on(&network).builder_api(key).relay("one", &relay);
        let service = setup.cluster("alpha", &["one"], std::slice::from_ref(&alice)).start().await;
        let bid = service.header(&auction(&alice)).await.bid(FORK);
        relay.adjust(|behaviour| behaviour.latency_ms = relay_latency_ms);
        let block = signed_block(&network, &bid, &alice);
        let request = submit_request(Version::V2, Encoding::Ssz, FORK, &block);
        Self { relay, client: service.client(), service, request }
    }

    async fn until_the_relay_has_it(&self) {
        assert!(self.relay.has_seen(PATIENCE, |seen| seen.submits.total() == 1).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submission_under_way_is_finished_and_answered_before_the_end() {
    let world = UnderWay::new("drain_timeout_ms = 15000", 600).await;
    let (client, request) = (world.client, world.request.clone());
    let submitting = tokio::spawn(async move { client.call(&request).await });
    world.until_the_relay_has_it().await;

    world.service.stop().await;

    assert_eq!(submitting.await.unwrap().status, 202);
    assert!(client.try_connect().await.is_err(), "the port is closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submission_whose_caller_is_gone_is_finished_too() {
    let world = UnderWay::new("drain_timeout_ms = 15000", 600).await;
    let mut connection = world.client.connect().await;
    connection.send(&world.request.to_bytes()).await.unwrap();
    world.until_the_relay_has_it().await;
    drop(connection);

    world.service.stop().await;

    assert_eq!(world.relay.seen().submits.last().map(|call| call.status), Some(202));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_does_not_wait_longer_than_it_may() {
    let world = UnderWay::new("drain_timeout_ms = 300", 0).await;
    world.relay.adjust(|behaviour| behaviour.submit = SubmitFault::Wire(WireFault::Withhold));
    let mut connection = world.client.connect().await;
    connection.send(&world.request.to_bytes()).await.unwrap();
    world.until_the_relay_has_it().await;

    let began = Instant::now();
    world.service.stop().await;
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_and_running_auctions_do_not_hold_up_the_end() {
    let network = network(FORK);
    let relay = relay_bidding(&network, 1, eth("0.03")).await;
    let alice = validator(0);
    let setup = Service::on(&network).relay("one", &relay);
    let service = setup.cluster("alpha", &["one"], std::slice::from_ref(&alice)).start().await;
    let mut connection = service.client().connect().await;
    let reply = connection.exchange(&header_request(&auction(&alice)).to_bytes()).await.unwrap();
    assert_eq!(reply.status, 200);

    let began = Instant::now();
    service.stop().await;
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    assert!(connection.until_closed().await.expect("closed and not reset").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_getheader_under_way_is_answered_before_the_end() {
    let network = network(FORK);
    let relay = relay_bidding(&network, 1, eth("0.03")).await;
    relay.adjust(|behaviour| behaviour.header = HeaderFault::Wire(WireFault::SlowHead { ms: 300 }));
    let alice = validator(0);
    let setup = Service::on(&network).relay("one", &relay);
    let service = setup.cluster("alpha", &["one"], std::slice::from_ref(&alice)).start().await;
    let (client, request) = (service.client(), header_request(&auction(&alice)));
    let asking = tokio::spawn(async move { client.call(&request).await });
    assert!(relay.has_seen(PATIENCE, |seen| seen.headers.total() == 1).await);

    service.stop().await;

    assert_eq!(asking.await.unwrap().bid(FORK).message.value(), eth("0.03"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_slot_is_lost_while_it_lasts_or_left_two_slots_later() {
    const SLOT_MS: u64 = 1_000;
    let network = network_starting_in(FORK, SLOT_MS, 950);
    let relay = relay_bidding(&network, 1, eth("0.03")).await;
    let [alice, bob] = [validator(0), validator(1)];
    let setup = Service::on(&network).relay("one", &relay);
    let both: &[SecretKey] = &[alice.clone(), bob];
    let service = setup.cluster_with("alpha", &["one"], both, "cutoff_ms = 950").start().await;
    for validator in both {
        assert_eq!(service.header(&auction(validator)).await.status, 200);
    }
    assert_eq!(service.store().size().0, 2);

    eventually("the store is empty", async || service.store().size() == (0, 0)).await;

    assert!(SYSTEM.now() >= network.slot_start(SLOT.next()), "as long as the slot lasts, its block may come");
    let late_ms = SYSTEM.now() - network.slot_start(SLOT) - 3 * SLOT_MS.cast_signed();
    assert!(late_ms < 5_000, "{late_ms} ms after slot + 2");
}
