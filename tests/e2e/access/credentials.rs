use std::net::{IpAddr, Ipv4Addr};

use e2e::{
    Credential, Reply, Request, Service, Tenants, Version, auction, eth, header_request, network,
    registration, relay_bidding, signed_block, submit_request, validator, validators,
};
use headstart_devnet::Relay;
use headstart_types::{Encoding, ForkName, Network, SecretKey};

use super::{ask, ask_for_nobody, guarded};

const STATUS: &str = "/eth/v1/builder/status";
const VALIDATORS: &str = "/eth/v1/builder/validators";

/// What stands before `/eth` in a client's requests, and in its `Authorization`.
struct Shape {
    client: &'static str,
    base: String,
    authorization: Option<String>,
}

/// What clients make of `https://USER:SECRET@host`, of `https://host/t/TOKEN` and of the same with a slash behind it.
fn shapes(credential: &Credential) -> Vec<Shape> {
    let userinfo =
        |client, base: &str| Shape { client, base: base.to_owned(), authorization: Some(credential.basic()) };
    let token =
        |client, slash| Shape { client, base: format!("{}{slash}", credential.path()), authorization: None };
    vec![
        userinfo("Prysm", ""),
        userinfo("Nimbus", ""),
        userinfo("Grandine", ""),
        userinfo("Lodestar", ""),
        userinfo("Lighthouse", ""),
        userinfo("Lighthouse, with a slash behind the URL", "/"),
        token("Teku, with a slash behind the URL", ""),
        token("Lodestar, with a token", ""),
        token("Lighthouse, with a token", ""),
        token("Lighthouse, with a token and a slash", "/"),
        token("whoever writes two", "//"),
        Shape {
            client: "a proxy with a Bearer",
            base: String::new(),
            authorization: Some(credential.bearer()),
        },
    ]
}

impl Shape {
    fn of(&self, request: Request) -> Request {
        let request = request.under(&self.base);
        let closes = self.client == "Nimbus";
        let request = if closes { request.header("Connection", "close") } else { request };
        match &self.authorization {
            Some(value) => request.header("Authorization", value.as_str()),
            None => request,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_client_is_known_by_the_credential_that_it_can_write() {
    let network = network(ForkName::Fulu);
    let relay = relay_bidding(&network, 1, eth("0.03")).await;
    let (service, mut tenants) = guarded(&network, std::slice::from_ref(&relay)).await;
    let proposers = validators(12);
    tenants.cluster("alpha", &["relay 1"], &proposers).await;
    let credential = tenants.beacon_node("node", &["alpha"]).await;
    let shapes = shapes(&credential);
    assert_eq!(shapes.len(), proposers.len());

    for ((shape, proposer), version) in shapes.iter().zip(&proposers).zip(Version::ALL.into_iter().cycle()) {
        let call = async |request| service.client().call(&shape.of(request)).await;
        assert_eq!(call(Request::get(STATUS)).await.status, 200, "{}", shape.client);
        let body = serde_json::to_vec(&[registration(&network, proposer, 60)]).expect("JSON");
        let registered = call(Request::post(VALIDATORS, "application/json", body)).await;
        assert_eq!(registered.status, 200, "{}: {}", shape.client, registered.text());
        let bid = call(ask_for_nobody(&auction(proposer))).await.bid(ForkName::Fulu);
        let block = signed_block(&network, &bid, proposer);
        let submitted = call(submit_request(version, Encoding::Ssz, ForkName::Fulu, &block)).await;
        assert_eq!(submitted.status, version.success(), "{}: {}", shape.client, submitted.text());
    }
}

/// A service with one cluster, one validator of it and one beacon node.
async fn alpha(network: &Network, relay: &Relay, proposer: &SecretKey) -> (Service, Tenants, Credential) {
    let setup = Service::on(network).builder_api("access = \"credentials\"").relay("relay 1", relay);
    let service = setup.start().await;
    let mut tenants = Tenants::of(&service);
    tenants.cluster("alpha", &["relay 1"], std::slice::from_ref(proposer)).await;
    let credential = tenants.beacon_node("node", &["alpha"]).await;
    (service, tenants, credential)
}

/// Requests that all lack a good credential, each in words.
async fn without_credential(
    tenants: &mut Tenants,
    good: &Credential,
    key: &SecretKey,
) -> Vec<(&'static str, Request)> {
    let (unknown, revoked) = (tenants.unknown_credential(), tenants.rotate("node").await);
    tenants.revoke(&revoked).await;
    let header = || ask_for_nobody(&auction(key));
    let with = |value: &str| header().header("Authorization", value);
    vec![
        ("nothing", header()),
        ("an unknown id", with(&unknown.basic())),
        ("a wrong secret", with(&good.with_secret_of(&unknown))),
        ("a revoked secret", with(&revoked.basic())),
        ("a revoked Bearer", with(&revoked.bearer())),
        ("a revoked token", header().under(&revoked.path())),
        ("garbage in Basic", with("Basic !!!")),
        ("garbage in Bearer", with("Bearer canary")),
        ("another scheme", with("Digest canary")),
        ("a garbage token", header().under("/t/canary")),
        ("a garbage header although the token is good", with("Basic !!!").under(&good.path())),
        ("a token alone", Request::get("/t/canary")),
        ("a token with nothing of ours behind it", Request::get("/t/canary/metrics")),
        ("the status with a revoked token", Request::get(STATUS).under(&revoked.path())),
        ("the status with garbage", Request::get(STATUS).header("Authorization", "Basic !!!")),
        ("registrations", Request::post(VALIDATORS, "application/json", "[]")),
        ("another route", Request::get("/metrics")),
        ("another method", Request::new("DELETE", VALIDATORS)),
        ("a malformed path", Request::get("/eth/v1/builder/header/1/2/3")),
        ("a doubled slash", Request::get("/eth/v1//builder/header/1/2/3")),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_good_credential_everything_is_the_same_401() {
    let network = network(ForkName::Fulu);
    let relay = relay_bidding(&network, 1, eth("0.03")).await;
    let proposer = validator(0);
    let (service, mut tenants, good) = alpha(&network, &relay, &proposer).await;
    let requests = without_credential(&mut tenants, &good, &proposer).await;

    let mut first: Option<Reply> = None;
    for ((what, request), number) in requests.iter().zip(1..) {
        // Each comes from an address of its own, for failures are counted by address.
        let client = service.client().from(IpAddr::V4(Ipv4Addr::new(127, 0, 1, number)));
        let reply = client.call(request).await;
        assert_eq!(reply.status, 401, "{what}: {}", reply.text());
        assert_eq!(reply.header("www-authenticate"), Some("Basic realm=\"headstart\""), "{what}");
        assert!(reply.message().is_some_and(|message| !message.contains("canary")), "{what}");
        let first = first.get_or_insert_with(|| reply.clone());
        assert_eq!(reply.without_date(), first.without_date(), "{what}");
    }
    assert_eq!(relay.seen().headers.total(), 0, "no relay is asked for a stranger");
    assert_eq!(service.client().call(&Request::get(STATUS)).await.status, 200, "the status is for everyone");
    assert_eq!(service.client().call(&ask(&auction(&proposer), &good)).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_secrets_are_good_until_one_is_revoked() {
    let network = network(ForkName::Fulu);
    let relay = relay_bidding(&network, 1, eth("0.03")).await;
    let proposer = validator(0);
    let (service, mut tenants, old) = alpha(&network, &relay, &proposer).await;
    let key = auction(&proposer);
    let status = async |credential| service.client().call(&ask(&key, credential)).await.status;
    let new = tenants.rotate("node").await;
    assert_eq!((status(&old).await, status(&new).await), (200, 200));

    tenants.revoke(&old).await;

    assert_eq!((status(&old).await, status(&new).await), (401, 200));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_listener_needs_no_credential_but_believes_no_bad_one() {
    let network = network(ForkName::Fulu);
    let relay = relay_bidding(&network, 1, eth("0.03")).await;
    let service = Service::on(&network).relay("relay 1", &relay).start().await;
    let mut tenants = Tenants::of(&service);
    let [alice, bob] = [validator(0), validator(1)];
    tenants.cluster("alpha", &["relay 1"], std::slice::from_ref(&alice)).await;
    tenants.cluster("beta", &["relay 1"], std::slice::from_ref(&bob)).await;
    let of_alpha = tenants.beacon_node("node", &["alpha"]).await;
    let call = async |request| service.client().call(&request).await.status;

    for proposer in [&alice, &bob] {
        assert_eq!(call(header_request(&auction(proposer))).await, 200, "whoever reaches it is served");
    }
    assert_eq!(call(ask(&auction(&alice), &of_alpha)).await, 200);
    assert_eq!(call(ask(&auction(&bob), &of_alpha)).await, 204, "a credential is for its clusters alone");
    let unknown = tenants.unknown_credential();
    assert_eq!(call(ask(&auction(&alice), &unknown)).await, 401);
    assert_eq!(call(Request::get(STATUS).under(&unknown.path())).await, 401, "so that the mistake is seen");
    assert_eq!(call(Request::get(STATUS)).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_token_before_no_route_is_explained_without_showing_it() {
    let network = network(ForkName::Fulu);
    let relay = relay_bidding(&network, 1, eth("0.03")).await;
    let (service, _tenants, credential) = alpha(&network, &relay, &validator(0)).await;
    for behind in ["", "/", "/metrics", "/t/canary/eth/v1/builder/status", "/eth"] {
        let reply = service.client().call(&Request::get(format!("{}{behind}", credential.path()))).await;
        assert_eq!(reply.status, 404, "{behind}: {}", reply.text());
        let message = reply.message().expect("an error object");
        assert!(message.contains("/t/TOKEN/eth"), "{message}");
        assert!(!message.contains(&credential.secret()) && !message.contains("canary"), "{message}");
    }
}
