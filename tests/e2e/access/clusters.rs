use e2e::{
    Credential, Service, Tenants, auction, eth, eventually, network, policy, relay_bidding, validator,
    validators,
};
use headstart_auction::Mode;
use headstart_bid_store::AuctionEventKind;
use headstart_devnet::Relay;
use headstart_registry::{ClaimLevel, PolicyRow};
use headstart_types::{ForkName, Network, Outcome, SecretKey, Wei};

use super::{ask, guarded};

async fn relays<const COUNT: usize>(network: &Network, values: [&str; COUNT]) -> Vec<Relay> {
    let mut relays = Vec::new();
    for (value, number) in values.into_iter().zip(1..) {
        relays.push(relay_bidding(network, number, eth(value)).await);
    }
    relays
}

/// The value of what the beacon node is served; nothing where there is no header.
async fn value(service: &Service, proposer: &SecretKey, credential: &Credential) -> Wei {
    let reply = service.client().call(&ask(&auction(proposer), credential)).await;
    if reply.status == 204 { Wei::ZERO } else { reply.bid(ForkName::Fulu).message.value() }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_beacon_node_gets_each_cluster_its_own_relays_bids_and_a_fourth_cluster_nothing() {
    let network = network(ForkName::Fulu);
    let relays = relays(&network, ["0.01", "0.02", "0.03", "0.04"]).await;
    let (mut service, mut tenants) = guarded(&network, &relays).await;
    let proposers = validators(4);
    let names = ["alpha", "beta", "gamma", "delta"];
    for ((name, relay), proposer) in names.iter().zip(1..).zip(&proposers) {
        tenants.cluster(name, &[&format!("relay {relay}")], std::slice::from_ref(proposer)).await;
    }
    let credential = tenants.beacon_node("shared", &names[..3]).await;

    for ((proposer, bid), name) in proposers.iter().zip(["0.01", "0.02", "0.03"]).zip(names) {
        assert_eq!(value(&service, proposer, &credential).await, eth(bid));
        let served = service.next_event(|event| {
            matches!(event.what, AuctionEventKind::HeaderAnswered { .. }).then(|| event.cluster.clone())
        });
        assert_eq!(served.await.as_deref(), Some(name), "and only that cluster may hear of it");
    }
    let delta = service.client().call(&ask(&auction(&proposers[3]), &credential)).await;
    assert_eq!(service.next_outcome().await, Outcome::UnknownValidator);
    let nobody = service.client().call(&ask(&auction(&validator(9)), &credential)).await;
    assert_eq!(delta.status, 204);
    assert_eq!(delta.without_date(), nobody.without_date());
    assert_eq!(relays[3].seen().headers.total(), 0, "the fourth cluster's relay was never asked");
    for (relay, proposer) in relays.iter().zip(&proposers) {
        let own = relay.seen().headers.iter().all(|call| call.proposer == proposer.public_key());
        assert!(own, "a relay is asked for its own clusters' validators only");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_validators_own_policy_beats_its_clusters() {
    let network = network(ForkName::Fulu);
    let relays = relays(&network, ["0.01", "0.04"]).await;
    let (mut service, mut tenants) = guarded(&network, &relays).await;
    let [usual, patient, special] = [validator(0), validator(1), validator(2)];
    let dear = PolicyRow { min_bid: Some(eth("0.02")), ..policy(&["relay 1"]) };
    tenants.cluster_with("alpha", &dear, &[usual.clone(), patient.clone(), special.clone()]).await;
    let credential = tenants.beacon_node("node", &["alpha"]).await;
    let any = PolicyRow { min_bid: Some(eth("0.01")), ..PolicyRow::default() };
    tenants.validator_policy("alpha", &patient, &any).await;
    let other_relay = PolicyRow { relays: Some(vec!["relay 2".to_owned()]), ..PolicyRow::default() };
    tenants.validator_policy("alpha", &special, &other_relay).await;

    assert_eq!(value(&service, &usual, &credential).await, Wei::ZERO);
    assert_eq!(service.next_outcome().await, Outcome::BelowMinBid);
    assert_eq!(value(&service, &patient, &credential).await, eth("0.01"));
    assert_eq!(value(&service, &special, &credential).await, eth("0.04"));
    let asked_for_special = relays[0].seen().headers.iter().any(|call| call.proposer == special.public_key());
    assert!(!asked_for_special, "the cluster's relay is not asked for it");
}

/// One validator, truly of alpha, and claimed by eve, whose relay promises more.
async fn claimed_twice(
    network: &Network,
    relays: &[Relay],
    level: ClaimLevel,
) -> (Service, Tenants, SecretKey) {
    let (service, tenants) = guarded(network, relays).await;
    let proposer = validator(0);
    tenants.cluster("alpha", &["relay 1"], std::slice::from_ref(&proposer)).await;
    tenants.cluster("eve", &["relay 2"], &[]).await;
    tenants.claim("eve", level, std::slice::from_ref(&proposer)).await;
    (service, tenants, proposer)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_false_claim_changes_nothing_for_the_owner() {
    for level in [ClaimLevel::Registered, ClaimLevel::Proven] {
        let network = network(ForkName::Fulu);
        let relays = relays(&network, ["0.01", "0.09"]).await;
        let (service, mut tenants, proposer) = claimed_twice(&network, &relays, level).await;
        let owners = tenants.beacon_node("owner", &["alpha"]).await;
        let eves = tenants.beacon_node("eve", &["eve"]).await;

        assert_eq!(value(&service, &proposer, &owners).await, eth("0.01"));
        let eve_is_served = async || value(&service, &proposer, &eves).await == eth("0.09");
        eventually("eve gets what her own relay bids", eve_is_served).await;
        assert_eq!(value(&service, &proposer, &owners).await, eth("0.01"), "{level:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_beacon_node_of_two_clusters_gets_the_better_founded_claims_bids() {
    let network = network(ForkName::Fulu);
    let relays = relays(&network, ["0.01", "0.09"]).await;
    let (service, mut tenants, proposer) = claimed_twice(&network, &relays, ClaimLevel::Registered).await;
    let shared = tenants.beacon_node("shared", &["eve", "alpha"]).await;
    assert_eq!(value(&service, &proposer, &shared).await, eth("0.01"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_cluster_is_like_none_and_comes_back() {
    let network = network(ForkName::Fulu);
    let relays = relays(&network, ["0.01"]).await;
    let (service, mut tenants) = guarded(&network, &relays).await;
    let proposer = validator(0);
    tenants.cluster("alpha", &["relay 1"], std::slice::from_ref(&proposer)).await;
    let credential = tenants.beacon_node("node", &["alpha"]).await;

    tenants.suspend("alpha").await;
    let suspended = service.client().call(&ask(&auction(&proposer), &credential)).await;
    let nobody = service.client().call(&ask(&auction(&validator(9)), &credential)).await;
    assert_eq!(suspended.status, 204);
    assert_eq!(suspended.without_date(), nobody.without_date());
    assert_eq!(relays[0].seen().headers.total(), 0);

    tenants.resume("alpha").await;
    assert_eq!(value(&service, &proposer, &credential).await, eth("0.01"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_in_shadow_is_served_nothing() {
    let network = network(ForkName::Fulu);
    let relays = relays(&network, ["0.01"]).await;
    let (mut service, mut tenants) = guarded(&network, &relays).await;
    let [shadowed, served] = [validator(0), validator(1)];
    let shadow = PolicyRow { mode: Some(Mode::Shadow), ..policy(&["relay 1"]) };
    tenants.cluster_with("alpha", &shadow, &[shadowed.clone(), served.clone()]).await;
    let serve = PolicyRow { mode: Some(Mode::Serve), ..PolicyRow::default() };
    tenants.validator_policy("alpha", &served, &serve).await;
    let credential = tenants.beacon_node("node", &["alpha"]).await;

    assert_eq!(value(&service, &shadowed, &credential).await, Wei::ZERO);
    assert_eq!(service.next_outcome().await, Outcome::Shadow);
    assert_eq!(value(&service, &served, &credential).await, eth("0.01"));
}
