//! What is promised over the life of the process: nothing is forgotten too early, nothing kept too long, and the end
//! comes in good order.

use std::time::{Duration, Instant};

use e2e::{
    Client, PATIENCE, Request, SLOT, Service, Version, auction, eth, eventually, header_request, network,
    network_starting_in, relay_bidding, signed_block, submit_request, validator,
};
use headstart::clock::SYSTEM;
use headstart_devnet::{HeaderFault, Relay, SubmitFault, WireFault};
use headstart_types::{Encoding, ForkName, Network, SecretKey};

const FORK: ForkName = ForkName::Fulu;

/// A service with one relay and one cluster, and a submission that the relay has received and not answered yet.
struct UnderWay {
    network: Network,
    relay: Relay,
    service: Service,
    client: Client,
    request: Request,
    /// Before the header of the block was asked for, which is waited for from then on.
    asked: Instant,
}

/// A process that has served a header waits so long for its block, when it is not in a hurry.
const WAITED_FOR_A_BLOCK: Duration = Duration::from_secs(6);
/// What ended sooner did not wait for a block.
const SOONER: Duration = Duration::from_millis(5_500);
/// So long everything under way may take when nothing else is said.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);

impl UnderWay {
    async fn new(key: &str, relay_latency_ms: u64) -> Self {
        let network = network(FORK);
        let relay = relay_bidding(&network, 1, eth("0.03")).await;
        let alice = validator(0);
        let setup = Service::on(&network).builder_api(key).relay("one", &relay);
        let service = setup.cluster("alpha", &["one"], &[alice.clone(), validator(1)]).start().await;
        let asked = Instant::now();
        let bid = service.header(&auction(&alice)).await.bid(FORK);
        relay.adjust(|behaviour| behaviour.latency_ms = relay_latency_ms);
        let block = signed_block(&network, &bid, &alice);
        let request = submit_request(Version::V2, Encoding::Ssz, FORK, &block);
        Self { network, relay, client: service.client(), service, request, asked }
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
    let submitted = Instant::now();
    world.until_the_relay_has_it().await;

    world.service.stop().await;
    // What is under way when the doors close has ten seconds.
    assert!(submitted.elapsed() < Duration::from_secs(9), "{:?}", submitted.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_and_running_auctions_do_not_hold_up_the_end() {
    let network = network(FORK);
    let relay = relay_bidding(&network, 1, eth("0.03")).await;
    let alice = validator(0);
    let setup = Service::on(&network).relay("one", &relay);
    let service = setup.cluster("alpha", &["one"], std::slice::from_ref(&alice)).start().await;
    let mut connection = service.client().connect().await;
    let asked = Instant::now();
    let reply = connection.exchange(&header_request(&auction(&alice)).to_bytes()).await.unwrap();
    assert_eq!(reply.status, 200);

    service.stop().await;
    assert!(asked.elapsed() < SOONER, "{:?}", asked.elapsed());
    assert!(connection.until_closed().await.expect("closed and not reset").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_drains_says_so_and_serves_on_until_the_block_of_its_header_has_come() {
    let world = UnderWay::new("", 0).await;
    world.service.shut_down();
    eventually("it is not ready any more", async || world.service.admin("/readyz").await.status == 503).await;
    assert!(world.service.admin("/readyz").await.text().contains("draining"));
    assert_eq!(world.service.admin("/livez").await.status, 200, "nobody should kill it");
    let status = world.client.call(&Request::get("/eth/v1/builder/status")).await;
    assert_eq!((status.status, status.header("connection")), (200, Some("close")));
    let again = world.service.header(&auction(&validator(0))).await;
    assert_eq!((again.status, again.header("connection")), (200, Some("close")));
    let missed = world.service.header(&auction(&validator(1))).await;
    assert_eq!(missed.status, 200, "what nobody has asked for yet is asked for");

    let submitted = world.client.call(&world.request).await;
    assert_eq!(submitted.status, 202);
    let block = signed_block(&world.network, &missed.bid(FORK), &validator(1));
    let submitted = Instant::now();
    assert_eq!(world.service.submit(Version::V2, Encoding::Ssz, &block).await.status, 202);
    world.service.ended().await;
    assert!(submitted.elapsed() < SOONER, "{:?}", submitted.elapsed());
    assert!(world.client.try_connect().await.is_err(), "the port is closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_that_never_comes_is_waited_for_six_seconds() {
    let world = UnderWay::new("", 0).await;
    world.service.shut_down();
    world.service.ended().await;
    let took = world.asked.elapsed();
    assert!(took >= WAITED_FOR_A_BLOCK && took < DRAIN_TIMEOUT, "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_does_not_wait_for_blocks() {
    let world = UnderWay::new("", 0).await;
    world.service.shut_down();
    eventually("it drains", async || world.service.admin("/readyz").await.status == 503).await;
    world.service.stop().await;
    assert!(world.asked.elapsed() < SOONER, "{:?}", world.asked.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_served_nothing_ends_at_once_and_behind_a_load_balancer_when_it_is_noticed() {
    for (drain_min_ms, least_ms) in [(0, 0), (700, 700)] {
        let network = network(FORK);
        let setup = Service::on(&network).admin(&format!("drain_min_ms = {drain_min_ms}"));
        let service = setup.start().await;
        let began = Instant::now();
        service.shut_down();
        service.ended().await;
        let took = began.elapsed();
        let least = Duration::from_millis(least_ms);
        assert!(took >= least && took < least + SOONER, "{drain_min_ms}: {took:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_come_when_the_doors_close_is_still_answered() {
    let world = UnderWay::new("", 0).await;
    let mut waiting = Vec::new();
    for _ in 0..50 {
        waiting.push(world.client.connect().await);
    }
    let status = Request::get("/eth/v1/builder/status").to_bytes();
    for connection in &mut waiting {
        connection.send(&status).await.unwrap();
    }
    world.service.stop().await;
    for mut connection in waiting {
        let answer = connection.until_closed().await.expect("closed and not reset");
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", answer.escape_ascii());
    }
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
    const SLOT_MS: u64 = 4_000;
    let network = network_starting_in(FORK, SLOT_MS, 3_900);
    let relay = relay_bidding(&network, 1, eth("0.03")).await;
    let [alice, bob] = [validator(0), validator(1)];
    let setup = Service::on(&network).relay("one", &relay);
    let both: &[SecretKey] = &[alice.clone(), bob];
    let service = setup.cluster_with("alpha", &["one"], both, "cutoff_ms = 3900").start().await;
    for validator in both {
        assert_eq!(service.header(&auction(validator)).await.status, 200);
    }
    assert_eq!(service.store().size().0, 2);

    eventually("the store is empty", async || service.store().size() == (0, 0)).await;

    assert!(SYSTEM.now() >= network.slot_start(SLOT.next()), "as long as the slot lasts, its block may come");
    let late_ms = SYSTEM.now() - network.slot_start(SLOT) - 3 * SLOT_MS.cast_signed();
    assert!(late_ms < 5_000, "{late_ms} ms after slot + 2");
}
