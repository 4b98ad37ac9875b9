//! Every route of the Builder API, with every kind of credential.

#![expect(clippy::unwrap_used, reason = "a test stops when its set-up fails")]

use e2e::{PARENT, Reply, Request, SLOT, registration, signed_block};
use headstart::clock::SYSTEM;
use headstart_builder_api::ROUTES;
use headstart_registry::NewSecret;
use headstart_types::{AuctionKey, CONSENSUS_VERSION, SignedBuilderBid, SignedValidatorRegistration};

use super::world::{FORK, Owner, World, attempts, root};

/// A call of the route that concerns alpha's validator, with the credential in the way that Teku writes it.
async fn call(world: &World, route: &str, secret: Option<&NewSecret>, bid: &SignedBuilderBid) -> Reply {
    let prefix = secret.map_or_else(String::new, |secret| format!("/t/{}", secret.token()));
    let key = AuctionKey { slot: SLOT, parent_hash: PARENT, proposer: Owner::Alpha.pubkey() };
    let block = signed_block(&world.network, bid, &Owner::Alpha.validator());
    let request = match route {
        "/eth/v1/builder/status" => Request::get(format!("{prefix}{route}")),
        "/eth/v1/builder/header/{slot}/{parent_hash}/{pubkey}" => {
            Request::get(format!("{prefix}/eth/v1/builder/header/{key}"))
        }
        "/eth/v1/builder/validators" => {
            let body = serde_json::to_vec(&[registration(&world.network, &Owner::Alpha.validator(), 5)]);
            Request::post(format!("{prefix}{route}"), "application/json", body.unwrap())
        }
        "/eth/v1/builder/blinded_blocks" | "/eth/v2/builder/blinded_blocks" => {
            Request::post(format!("{prefix}{route}"), "application/octet-stream", block.to_ssz())
                .header(CONSENSUS_VERSION, FORK.as_str())
        }
        new => panic!("{new} has no row here: say how it is called and what each credential gets"),
    };
    world.service.client().call(&request).await
}

/// The statuses for: no credential, a refused one, another cluster's, a revoked one, the right one.
fn expected(route: &str) -> [u16; 5] {
    match route {
        "/eth/v1/builder/status" => [200, 401, 200, 401, 200],
        "/eth/v1/builder/header/{slot}/{parent_hash}/{pubkey}" => [401, 401, 204, 401, 200],
        // A signed registration is public: whoever brings it makes a claim of his own and touches nobody else's.
        "/eth/v1/builder/validators" => [401, 401, 200, 401, 200],
        // A block that its proposer signed is its own credential: nothing of ours may lose it.
        "/eth/v1/builder/blinded_blocks" => [200, 200, 200, 200, 200],
        "/eth/v2/builder/blinded_blocks" => [202, 202, 202, 202, 202],
        new => panic!("{new} has no row here: say what each credential gets"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_serves_those_whom_the_cluster_granted_and_nobody_else() {
    let world = World::new().await;
    let right = world.beacon_node("right", &["alpha"]).await;
    let others = world.beacon_node("others", &["beta"]).await;
    let revoked = world.beacon_node("revoked", &["alpha"]).await;
    let registry = world.service.registry();
    registry.revoke_beacon_node_secret(&root(), SYSTEM.now(), revoked.id()).await.unwrap();
    world.until_shown().await;
    let unknown = NewSecret::draw(&mut rand::rng());
    let key = AuctionKey { slot: SLOT, parent_hash: PARENT, proposer: Owner::Alpha.pubkey() };
    let header = Request::get(format!("/t/{}/eth/v1/builder/header/{key}", right.token()));
    let bid = world.service.client().call(&header).await.bid(FORK);

    let mut routes = ROUTES;
    routes.sort_by_key(|route| !route.contains("header"));
    for route in routes {
        let kinds = [None, Some(&unknown), Some(&others), Some(&revoked), Some(&right)];
        for (secret, status) in kinds.into_iter().zip(expected(route)) {
            let reply = call(&world, route, secret, &bid).await;
            let kind = secret.map(NewSecret::id);
            assert_eq!(reply.status, status, "{route} with {kind:?}: {}", reply.text());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_clusters_validator_is_like_one_that_nobody_has() {
    let world = World::new().await;
    let node = world.beacon_node("node", &["beta"]).await;
    let mut answers = Vec::new();
    for owner in [Owner::Alpha, Owner::Nobody] {
        let key = AuctionKey { slot: SLOT, parent_hash: PARENT, proposer: owner.pubkey() };
        let header = Request::get(format!("/t/{}/eth/v1/builder/header/{key}", node.token()));
        let reply = world.service.client().call(&header).await;
        assert_eq!(reply.status, 204);
        answers.push(reply.without_date());
    }
    assert_eq!(answers[0], answers[1], "byte for byte");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_of_anothers_validator_is_answered_like_one_of_nobodys() {
    let world = World::new().await;
    let of_alpha = world.beacon_node("of-alpha", &["alpha"]).await;
    let of_beta = world.beacon_node("of-beta", &["beta"]).await;
    let register = async |secret: &NewSecret, registration: SignedValidatorRegistration| {
        let path = format!("/t/{}/eth/v1/builder/validators", secret.token());
        let body = serde_json::to_vec(&[registration]).unwrap();
        world.service.client().call(&Request::post(path, "application/json", body)).await
    };
    let recorded = registration(&world.network, &Owner::Alpha.validator(), 60);
    assert_eq!(register(&of_alpha, recorded).await.status, 200);

    let mut answers = [Owner::Alpha, Owner::Nobody].map(|_| Vec::new());
    for (owner, answers) in [Owner::Alpha, Owner::Nobody].into_iter().zip(&mut answers) {
        for attempt in attempts(&world.network, &owner.validator()) {
            let reply = register(&of_beta, attempt).await;
            // Whoever asks has named the key itself.
            let (status, headers, text) = reply.without_date();
            let text = text.replace(&owner.pubkey().to_string(), "PUBKEY");
            answers.push((status, headers, text));
        }
    }
    assert_eq!(answers[0], answers[1], "byte for byte");
    let statuses: Vec<_> = answers[0].iter().map(|(status, ..)| *status).collect();
    assert_eq!(statuses, [400, 400, 400, 200]);
}
