//! A cluster of four operators, each with its own key and its own beacon node, as the relays and the cluster see it.

#![expect(clippy::unwrap_used, reason = "a test stops when its set-up fails")]

use std::time::Duration;

use e2e::{
    Credential, PARENT, SLOT, Service, Tenants, auction, eth, eventually, header_request, network,
    network_starting_in, policy, relay_bidding, validator,
};
use futures_util::StreamExt;
use futures_util::future::join_all;
use headstart::clock::SYSTEM;
use headstart_devnet::Relay;
use headstart_proto::v1::cluster_service_client::ClusterServiceClient;
use headstart_proto::v1::hint_ack::Verdict;
use headstart_proto::v1::push_duty_hints_response::Response;
use headstart_proto::v1::{DutyHint, PushDutyHintsRequest};
use headstart_registry::{Actor, Claims, PolicyRow, Scopes, SigningKey, token_audience};
use headstart_types::{ACCEPT_SSZ_THEN_JSON, ForkName, Network, SecretKey, Wei};
use tonic::Request;
use tonic::transport::Endpoint;

const OPERATORS: usize = 4;
/// Auctions begin when they are hinted.
const AUCTIONS: &str = "[fetcher]\nlead_ms = 12000";
/// One ask an auction, so that every further ask or auction shows.
const ONCE: &str = "first_ms = -12000\nlast_ms = 3900\ncalls_max = 1";
const RELAYS: [&str; 2] = ["one", "two"];
/// Into the slot, when no header is served any more.
const CUTOFF_MS: i64 = 3_900;
/// As many asks as there is time for.
const POLLED: &str = "first_ms = -12000\nlast_ms = 3900\nmin_gap_ms = 100\ncalls_max = 400";
/// Within which a relay would be asked again if anything of it were left to ask.
const A_WHILE: Duration = Duration::from_millis(500);

/// One operator: for whose block it hints and asks, what it signs with, and what its beacon node shows.
struct Operator {
    cluster: &'static str,
    proposer: SecretKey,
    name: String,
    key: SigningKey,
    credential: Credential,
}

#[tokio::test(flavor = "multi_thread")]
async fn four_operators_who_hint_and_ask_cost_each_relay_one_ask_and_get_one_header() {
    let network = network(ForkName::Fulu);
    let relays =
        [relay_bidding(&network, 1, eth("0.03")).await, relay_bidding(&network, 2, eth("0.02")).await];
    let service = service(&network, &relays, ONCE).await;
    let mut tenants = Tenants::of(&service);
    let operators = cluster(&service, &mut tenants, "alpha", &policy(&RELAYS), OPERATORS).await;

    let hints = operators.iter().map(|operator| hint(&service, &network, operator));
    assert_eq!(join_all(hints).await, [Verdict::Applied; OPERATORS]);
    are_held(&service, &operators[0], relays.len()).await;
    let first = join_all(operators[..2].iter().map(|operator| ask(&service, operator))).await;
    for relay in &relays {
        relay.set_bid_value(SLOT, eth("0.09"));
    }
    let later = join_all(operators.iter().map(|operator| ask(&service, operator))).await;

    let (header, value) = &first[0];
    assert_eq!(*value, eth("0.03"));
    for (number, (again, _)) in first[1..].iter().chain(&later).enumerate() {
        assert_eq!(again, header, "answer {number} is the same header, byte by byte");
    }
    for (relay, number) in relays.iter().zip(1..) {
        let asked_again = relay.has_seen(A_WHILE, |seen| seen.headers.total() > 1).await;
        assert!(!asked_again, "relay {number} was asked once for all of them");
        assert_eq!(relay.seen().headers.iter().map(|call| call.parent_hash).collect::<Vec<_>>(), [PARENT]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn seven_operators_cost_a_polled_relay_as_many_asks_as_one() {
    let network = network_starting_in(ForkName::Fulu, 12_000, 4_000);
    let relays =
        [relay_bidding(&network, 1, eth("0.03")).await, relay_bidding(&network, 2, eth("0.03")).await];
    let service = service(&network, &relays, POLLED).await;
    let mut tenants = Tenants::of(&service);
    let mut operators = Vec::new();
    for (relay, (name, count)) in RELAYS.iter().zip([("of-one", 1), ("of-seven", 7)]) {
        // A header that is the same for all is a reason to ask less.
        let policy = PolicyRow { sticky: Some(false), ..policy(&[relay]) };
        operators.extend(cluster(&service, &mut tenants, name, &policy, count).await);
    }

    join_all(operators.iter().map(|operator| hint(&service, &network, operator))).await;
    for operator in &operators {
        are_held(&service, operator, 1).await;
    }
    join_all(operators.iter().map(|operator| ask(&service, operator))).await;
    let auctions_end = network.slot_start(SLOT) + CUTOFF_MS;
    tokio::time::sleep(SYSTEM.now().until(auctions_end)).await;

    let [of_one, of_seven] = relays.map(|relay| relay.seen().headers.total());
    assert!(of_one >= 4, "it is polled: {of_one} asks");
    assert!(of_seven <= of_one + of_one / 2, "{of_seven} asks for seven operators, {of_one} for one");
}

/// A service that asks for credentials, and may ask these relays.
async fn service(network: &Network, relays: &[Relay; 2], keys: &str) -> Service {
    let mut setup = Service::on(network).builder_api("access = \"credentials\"").section(AUCTIONS);
    for (relay, name) in relays.iter().zip(RELAYS) {
        setup = setup.relay_with(name, relay, keys);
    }
    setup.start().await
}

/// Operators of a new cluster with one validator, each with a key and a beacon node of its own.
async fn cluster(
    service: &Service,
    tenants: &mut Tenants,
    cluster: &'static str,
    policy: &PolicyRow,
    count: usize,
) -> Vec<Operator> {
    let (proposer, root) = (validator(count as u64), Actor::cli("root"));
    tenants.cluster_with(cluster, policy, std::slice::from_ref(&proposer)).await;
    let mut operators = Vec::new();
    for number in 1..=count {
        let (name, key) = (format!("op{number}"), SigningKey::generate().unwrap());
        let public = key.verifying_key(Some(&name)).unwrap().into();
        service.registry().add_operator_key(&root, SYSTEM.now(), cluster, &name, &public).await.unwrap();
        let credential = tenants.beacon_node(&format!("{cluster}-{number}"), &[cluster]).await;
        operators.push(Operator { cluster, proposer: proposer.clone(), name, key, credential });
    }
    operators
}

/// Waits until so many relays' bids are held.
async fn are_held(service: &Service, operator: &Operator, count: usize) {
    let (store, key) = (service.store(), auction(&operator.proposer));
    let held = async || store.auction(&key).is_some_and(|auction| auction.offers().bids().len() == count);
    eventually("the hint has relays asked, whose bids are held", held).await;
}

/// Pushes the duty to come over a stream of the operator's own.
async fn hint(service: &Service, network: &Network, operator: &Operator) -> Verdict {
    let channel = Endpoint::from_shared(service.cluster_api_url()).unwrap().connect().await.unwrap();
    let mut client = ClusterServiceClient::new(channel);
    let hint = DutyHint {
        seq: 1,
        slot: SLOT.0,
        validator_pubkey: operator.proposer.public_key().0.to_vec(),
        parent_hash: Some(PARENT.0.to_vec()),
        ..DutyHint::default()
    };
    let mut request = Request::new(futures_util::stream::iter([PushDutyHintsRequest { hint: Some(hint) }]));
    let token = format!("Bearer {}", token(network, operator));
    request.metadata_mut().insert("authorization", token.parse().unwrap());
    let mut answers = client.push_duty_hints(request).await.unwrap().into_inner();
    loop {
        match answers.next().await.expect("the hint is judged").unwrap().response {
            Some(Response::Ack(ack)) if ack.verdict() != Verdict::Resume => return ack.verdict(),
            _ => {}
        }
    }
}

fn token(network: &Network, operator: &Operator) -> String {
    let claims = Claims {
        cluster: operator.cluster,
        operator: &operator.name,
        audience: &token_audience(network),
        scopes: Scopes::all(),
        expires_at: SYSTEM.now() + 60_000,
        service_token: None,
    };
    operator.key.sign(&operator.name, claims).unwrap()
}

/// What the operator's beacon node is served, and the value in it.
async fn ask(service: &Service, operator: &Operator) -> (Vec<u8>, Wei) {
    let request = header_request(&auction(&operator.proposer)).header("Accept", ACCEPT_SSZ_THEN_JSON);
    let reply = service.client().call(&request.header("Authorization", operator.credential.basic())).await;
    let value = reply.bid(ForkName::Fulu).message.value();
    (reply.body, value)
}
