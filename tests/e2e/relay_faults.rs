//! Whatever a relay does, it neither delays nor spoils the others, and the answer leaves before the deadline.

use std::time::Duration;

use e2e::{
    Reply, SLOT, Service, Setup, auction, eth, header_request, network_starting_in, relay, relay_bidding,
    validators,
};
use futures_util::future::join_all;
use headstart_devnet::{BidFault, HeaderFault, Relay, WireFault};
use headstart_types::{ForkName, Network, SecretKey, TIMEOUT_MS};

/// What beacon nodes wait for a header: 1 s from Prysm, Teku, Lighthouse and Grandine.
const BEACON_NODES_WAIT: Duration = Duration::from_secs(1);
/// What they say they wait, so that the answer is due long before that.
const SAID_MS: &str = "700";
/// An endless answer is cut at 2 MiB; the rest is what the sockets between hold.
const READ_OF_ENDLESS_MAX: u64 = 32 << 20;
/// Without a beacon node no more auctions of one slot are believed in.
const AUCTIONS_MAX: usize = 12;
/// One call in a long slot, so that dozens of auctions side by side are dozens of calls.
const ASKED_ONCE: &str = "first_ms = -60000\nlast_ms = 3900\nmin_gap_ms = 60000";

/// One fault for each cluster, whose relays have it; with an honest relay beside them or without.
struct Scene {
    faulty: Vec<(String, Relay)>,
    honest: Relay,
    validators: Vec<SecretKey>,
    service: Service,
}

impl Scene {
    async fn new(beside_an_honest_relay: bool, faults: Vec<(String, HeaderFault)>) -> Self {
        let network = network_starting_in(ForkName::Fulu, 60_000, 40_000);
        let honest = relay_bidding(&network, 1, eth("0.01")).await;
        let validators = validators(faults.len());
        let mut setup = Service::on(&network).relay_with("honest", &honest, ASKED_ONCE);
        let mut faulty = Vec::new();
        for (((name, fault), validator), number) in faults.into_iter().zip(&validators).zip(2..) {
            let relay = faulty_relay(&network, number, fault).await;
            let relays = if beside_an_honest_relay { &[&*name, "honest"][..] } else { &[&*name] };
            setup = setup.relay_with(&name, &relay, ASKED_ONCE);
            setup = with_cluster(setup, &name, relays, validator);
            faulty.push((name, relay));
        }
        Self { faulty, honest, validators, service: setup.start().await }
    }

    fn cases(&self) -> impl Iterator<Item = (&str, &Relay, &SecretKey)> {
        self.faulty.iter().zip(&self.validators).map(|((name, relay), validator)| (&**name, relay, validator))
    }
}

async fn ask(service: &Service, validator: &SecretKey) -> Reply {
    service.client().call(&header_request(&auction(validator)).header(TIMEOUT_MS, SAID_MS)).await
}

fn with_cluster(setup: Setup, name: &str, relays: &[&str], validator: &SecretKey) -> Setup {
    let slug: String =
        name.chars().map(|letter| if letter.is_alphanumeric() { letter } else { '-' }).collect();
    setup.cluster(&format!("of-{}", slug.to_lowercase()), relays, std::slice::from_ref(validator))
}

/// Its bid would be the best one, if only it were right.
async fn faulty_relay(network: &Network, number: u64, fault: HeaderFault) -> Relay {
    let relay = relay_bidding(network, number, eth("0.05")).await;
    relay.adjust(|behaviour| behaviour.header = fault);
    relay
}

fn wire_faults(redirects_to: &str) -> Vec<(String, HeaderFault)> {
    let status = |code| WireFault::Status { code, body: format!(r#"{{"code":{code},"message":"no"}}"#) };
    let faults = [
        ("slow head", WireFault::SlowHead { ms: 3_000 }),
        ("slow body", WireFault::SlowBody { bytes_per_s: 200 }),
        ("stall mid-body", WireFault::StallMidBody),
        ("silence", WireFault::Withhold),
        ("reset", WireFault::Reset),
        ("400", status(400)),
        ("403", status(403)),
        ("404", status(404)),
        ("429", WireFault::RateLimited { retry_after_s: 3_600 }),
        ("500", status(500)),
        ("an error page", WireFault::Status { code: 502, body: "<html><body>Bad Gateway".to_owned() }),
        ("redirect", WireFault::Redirect { to: redirects_to.to_owned() }),
        ("html", WireFault::Html200),
        ("10 GB stream", WireFault::Endless),
        ("gzip", WireFault::Gzip),
        ("no version", WireFault::WithoutVersion),
        ("text/plain", WireFault::WrongContentType),
    ];
    let faults = faults.map(|(name, fault)| (name.to_owned(), HeaderFault::Wire(fault)));
    faults.into_iter().chain([("204".to_owned(), HeaderFault::NoBid204)]).collect()
}

/// The faults of bids that can be seen without a beacon node.
fn bid_faults() -> Vec<(String, HeaderFault)> {
    let by_beacon_node = [BidFault::WrongRandao, BidFault::WrongBlockNumber, BidFault::WrongWithdrawals];
    let faults = BidFault::ALL.into_iter().filter(|fault| !by_beacon_node.contains(fault));
    faults.map(|fault| (format!("{fault:?}"), HeaderFault::Bid(fault))).collect()
}

async fn assert_honest_bids_are_served(faults: &[(String, HeaderFault)]) {
    for faults in faults.chunks(AUCTIONS_MAX) {
        assert_honest_bids_are_served_in(Scene::new(true, faults.to_vec()).await).await;
    }
}

async fn assert_honest_bids_are_served_in(scene: Scene) {
    for (name, relay, validator) in scene.cases() {
        let reply = scene.service.header(&auction(validator)).await;
        assert_eq!(reply.status, 200, "beside {name}: {}", reply.text());
        let bid = reply.bid(ForkName::Fulu);
        assert_eq!(bid.message.pubkey(), scene.honest.public_key(), "beside {name}");
        assert!(reply.took < BEACON_NODES_WAIT, "beside {name}: {:?}", reply.took);
        assert!(relay.seen().headers.total() >= 1, "{name} was asked");
    }
}

async fn assert_bad_relays_alone_are_a_204(faults: &[(String, HeaderFault)]) {
    for faults in faults.chunks(AUCTIONS_MAX) {
        assert_bad_relays_alone_are_a_204_in(Scene::new(false, faults.to_vec()).await).await;
    }
}

async fn assert_bad_relays_alone_are_a_204_in(scene: Scene) {
    for (name, relay, validator) in scene.cases() {
        let reply = ask(&scene.service, validator).await;
        assert_eq!(reply.status, 204, "{name}: {}", reply.text());
        assert!(reply.took < BEACON_NODES_WAIT, "{name}: {:?}", reply.took);
        let seen = relay.seen();
        assert!(seen.headers.total() >= 1, "{name} was asked");
        assert!(seen.endless_bytes < READ_OF_ENDLESS_MAX, "{name}: {} bytes", seen.endless_bytes);
    }
    assert_eq!(scene.honest.seen().headers.total(), 0, "it belongs to no cluster");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_fault_on_the_wire_keeps_an_honest_bid_from_being_served() {
    assert_honest_bids_are_served(&wire_faults("http://127.0.0.1:1/")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_on_the_wire_and_nothing_else_is_a_204_in_time() {
    assert_bad_relays_alone_are_a_204(&wire_faults("http://127.0.0.1:1/")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_invalid_bid_keeps_an_honest_one_from_being_served() {
    assert_honest_bids_are_served(&bid_faults()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_bid_and_nothing_else_is_a_204_in_time() {
    assert_bad_relays_alone_are_a_204(&bid_faults()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_not_followed() {
    let network = network_starting_in(ForkName::Fulu, 60_000, 40_000);
    let target = relay_bidding(&network, 1, eth("0.05")).await;
    let validators = validators(1);
    let path = format!("http://{}/eth/v1/builder/header/{}", target.addr(), auction(&validators[0]));
    let redirecting = WireFault::Redirect { to: path };
    let relay = faulty_relay(&network, 2, HeaderFault::Wire(redirecting)).await;
    let setup = Service::on(&network).relay_with("redirecting", &relay, ASKED_ONCE);
    let service = setup.cluster("alpha", &["redirecting"], &validators).start().await;
    assert_eq!(service.header(&auction(&validators[0])).await.status, 204);
    assert_eq!(relay.seen().headers.total(), 1);
    assert_eq!(target.seen().headers.total(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn relays_that_hang_hold_up_only_those_who_wait_for_them() {
    let network = network_starting_in(ForkName::Fulu, 60_000, 40_000);
    let honest = relay_bidding(&network, 1, eth("0.01")).await;
    let silent = faulty_relay(&network, 2, HeaderFault::Wire(WireFault::Withhold)).await;
    let validators = validators(15);
    let (waiting, prompt) = validators.split_at(10);
    let service = Service::on(&network)
        .relay_with("silent", &silent, ASKED_ONCE)
        .relay_with("honest", &honest, ASKED_ONCE)
        .cluster("alpha", &["silent"], waiting)
        .cluster("beta", &["honest"], prompt)
        .start()
        .await;
    let ask = |validator| ask(&service, validator);

    let (waited, prompt) = tokio::join!(join_all(waiting.iter().map(ask)), join_all(prompt.iter().map(ask)));

    assert!(waited.iter().all(|reply| reply.status == 204 && reply.took < BEACON_NODES_WAIT));
    assert!(prompt.iter().all(|reply| reply.status == 200));
    let slowest = prompt.iter().map(|reply| reply.took).max().expect("there are five");
    let fastest_wait = waited.iter().map(|reply| reply.took).min().expect("there are ten");
    assert!(slowest < fastest_wait, "{slowest:?} and {fastest_wait:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_recovers_is_heard_again() {
    let network = network_starting_in(ForkName::Fulu, 12_000, 4_000);
    let relay = relay(&network, 1).await;
    relay.adjust(|behaviour| behaviour.header = HeaderFault::Wire(WireFault::Reset));
    relay.set_bid_value(SLOT, eth("0.02"));
    let validators = validators(1);
    let setup = Service::on(&network).relay("one", &relay);
    let service = setup.cluster("alpha", &["one"], &validators).start().await;
    assert_eq!(service.header(&auction(&validators[0])).await.status, 204);

    relay.adjust(|behaviour| behaviour.header = HeaderFault::None);
    let reply = service.header(&auction(&validators[0])).await;
    assert_eq!(reply.bid(ForkName::Fulu).message.value(), eth("0.02"), "whoever waits has it asked at once");
}
