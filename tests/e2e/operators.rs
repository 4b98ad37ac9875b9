//! A cluster of four operators, each with its own key and its own beacon node, as the relays and the cluster see it.

#![expect(clippy::unwrap_used, reason = "a test stops when its set-up fails")]

use std::time::Duration;

use e2e::{
    Credential, PARENT, PATIENCE, SLOT, Service, Tenants, auction, eth, header_request, network,
    relay_bidding, validator,
};
use futures_util::StreamExt;
use futures_util::future::join_all;
use headstart::clock::SYSTEM;
use headstart_devnet::Relay;
use headstart_proto::v1::cluster_service_client::ClusterServiceClient;
use headstart_proto::v1::hint_ack::Verdict;
use headstart_proto::v1::push_duty_hints_response::Response;
use headstart_proto::v1::{DutyHint, PushDutyHintsRequest};
use headstart_registry::{Actor, Claims, Scopes, SigningKey, token_audience};
use headstart_types::{ACCEPT_SSZ_THEN_JSON, ForkName, Network, SecretKey, Wei};
use tonic::Request;
use tonic::transport::Endpoint;

const OPERATORS: usize = 4;
/// One ask an auction, so that every further ask or auction shows.
const ONCE: &str = "first_ms = -12000\nlast_ms = 3900\ncalls_max = 1";
/// Within which a relay would be asked again if anything of it were left to ask.
const A_WHILE: Duration = Duration::from_millis(500);

/// One operator: what it signs with, and what its beacon node shows.
struct Operator {
    name: String,
    key: SigningKey,
    credential: Credential,
}

#[tokio::test(flavor = "multi_thread")]
async fn four_operators_who_hint_and_ask_cost_each_relay_one_ask_and_get_one_header() {
    let network = network(ForkName::Fulu);
    let relays =
        [relay_bidding(&network, 1, eth("0.03")).await, relay_bidding(&network, 2, eth("0.02")).await];
    let (service, operators) = cluster_of_four(&network, &relays).await;
    let proposer = validator(0);

    let hints = operators.iter().map(|operator| hint(&service, &network, operator, &proposer));
    assert_eq!(join_all(hints).await, [Verdict::Applied; OPERATORS]);
    for relay in &relays {
        assert!(relay.has_seen(PATIENCE, |seen| seen.headers.total() > 0).await, "the hint has it asked");
    }
    let first = join_all(operators[..2].iter().map(|operator| ask(&service, operator, &proposer))).await;
    for relay in &relays {
        relay.set_bid_value(SLOT, eth("0.09"));
    }
    let later = join_all(operators.iter().map(|operator| ask(&service, operator, &proposer))).await;

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

/// A service that asks for credentials, with one cluster that trusts these relays.
async fn cluster_of_four(network: &Network, relays: &[Relay; 2]) -> (Service, Vec<Operator>) {
    let mut setup = Service::on(network).builder_api("access = \"credentials\"");
    for (relay, name) in relays.iter().zip(["one", "two"]) {
        setup = setup.relay_with(name, relay, ONCE);
    }
    let service = setup.start().await;
    let mut tenants = Tenants::of(&service);
    tenants.cluster("alpha", &["one", "two"], &[validator(0)]).await;
    let mut operators = Vec::new();
    for number in 1..=OPERATORS {
        let (name, key) = (format!("op{number}"), SigningKey::generate().unwrap());
        let public = key.verifying_key(Some(&name)).unwrap().into();
        let root = Actor::cli("root");
        service.registry().add_operator_key(&root, SYSTEM.now(), "alpha", &name, &public).await.unwrap();
        let credential = tenants.beacon_node(&format!("node-{number}"), &["alpha"]).await;
        operators.push(Operator { name, key, credential });
    }
    (service, operators)
}

/// Pushes the duty to come over a stream of the operator's own.
async fn hint(service: &Service, network: &Network, operator: &Operator, proposer: &SecretKey) -> Verdict {
    let channel = Endpoint::from_shared(service.cluster_api_url()).unwrap().connect().await.unwrap();
    let mut client = ClusterServiceClient::new(channel);
    let hint = DutyHint {
        seq: 1,
        slot: SLOT.0,
        validator_pubkey: proposer.public_key().0.to_vec(),
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
        cluster: "alpha",
        operator: &operator.name,
        audience: &token_audience(network),
        scopes: Scopes::all(),
        expires_at: SYSTEM.now() + 60_000,
        service_token: None,
    };
    operator.key.sign(&operator.name, claims).unwrap()
}

/// What the operator's beacon node is served, and the value in it.
async fn ask(service: &Service, operator: &Operator, proposer: &SecretKey) -> (Vec<u8>, Wei) {
    let request = header_request(&auction(proposer)).header("Accept", ACCEPT_SSZ_THEN_JSON);
    let reply = service.client().call(&request.header("Authorization", operator.credential.basic())).await;
    let value = reply.bid(ForkName::Fulu).message.value();
    (reply.body, value)
}
