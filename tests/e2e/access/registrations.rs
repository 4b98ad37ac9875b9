use e2e::{
    Credential, Reply, Request, Service, auction, eth, eventually, network, registration, relay_bidding,
    validator, validators,
};
use headstart_registry::QuotaRow;
use headstart_types::{ForkName, SignedValidatorRegistration};

use super::{ask, guarded};

/// As large as a client's body may be.
const MANY: usize = 50_000;

async fn register(
    service: &Service,
    credential: &Credential,
    registrations: &[SignedValidatorRegistration],
) -> Reply {
    let body = serde_json::to_vec(registrations).expect("registrations have a JSON form");
    let request = Request::post("/eth/v1/builder/validators", "application/json", body);
    service.client().call(&request.header("Authorization", credential.basic())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_beacon_node_of_one_cluster_registers_new_validators_for_it() {
    let network = network(ForkName::Fulu);
    let relay = relay_bidding(&network, 1, eth("0.03")).await;
    let (service, mut tenants) = guarded(&network, std::slice::from_ref(&relay)).await;
    tenants.cluster("alpha", &["relay 1"], &[]).await;
    tenants.cluster("beta", &["relay 1"], &[]).await;
    let of_alpha = tenants.beacon_node("one", &["alpha"]).await;
    let of_both = tenants.beacon_node("two", &["alpha", "beta"]).await;
    let [alice, bob] = [validator(0), validator(1)];

    let registered = register(&service, &of_alpha, &[registration(&network, &alice, 60)]).await;
    assert_eq!(registered.status, 200, "{}", registered.text());
    for credential in [&of_alpha, &of_both] {
        let header = service.client().call(&ask(&auction(&alice), credential)).await;
        assert_eq!(header.bid(ForkName::Fulu).message.value(), eth("0.03"), "it is served at once");
    }
    let whose = register(&service, &of_both, &[registration(&network, &bob, 60)]).await;
    assert_eq!(whose.status, 400, "with two clusters nobody can tell for which: {}", whose.text());
    assert!(whose.message().is_some_and(|message| message.contains("unknown validator")));
    let both = [registration(&network, &alice, 30), registration(&network, &bob, 60)];
    let mixed = register(&service, &of_both, &both).await;
    assert_eq!(mixed.status, 200, "what somebody claims already is clear: {}", mixed.text());
    let told = async || relay.seen().registrations.iter().any(|call| call.first.contains(&both[0]));
    eventually("alice's newest registration comes to alpha's relay", told).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_over_a_clusters_quota_spoils_no_body_that_has_something_else() {
    let network = network(ForkName::Fulu);
    let relay = relay_bidding(&network, 1, eth("0.03")).await;
    let (service, mut tenants) = guarded(&network, std::slice::from_ref(&relay)).await;
    let keys = validators(24);
    tenants.cluster("alpha", &["relay 1"], &keys).await;
    tenants.cluster("beta", &["relay 1"], &[validator(99)]).await;
    // Twenty at once, for a burst may be ten times the rate.
    let few = QuotaRow { signature_checks_per_s: Some(2), ..QuotaRow::default() };
    tenants.quotas("alpha", &few).await;
    tenants.quotas("beta", &QuotaRow { validators: Some(1), ..QuotaRow::default() }).await;
    let (alpha, beta) =
        (tenants.beacon_node("one", &["alpha"]).await, tenants.beacon_node("two", &["beta"]).await);
    let body: Vec<_> = keys.iter().map(|key| registration(&network, key, 60)).collect();

    let most = register(&service, &alpha, &body).await;
    assert_eq!(most.status, 200, "the others come with the next body: {}", most.text());
    let told = async || {
        register(&service, &alpha, &body).await;
        relay.seen().registrations.iter().map(|call| call.count).sum::<usize>() >= keys.len()
    };
    eventually("what was taken costs nothing the next time, and so all are", told).await;

    let known = registration(&network, &validator(99), 60);
    let too_many = registration(&network, &validator(98), 60);
    let refused = register(&service, &beta, &[too_many]).await;
    assert_eq!(refused.status, 400, "waiting would not help: {}", refused.text());
    assert!(refused.message().is_some_and(|message| message.contains("quota")), "{}", refused.text());
    let mixed = register(&service, &beta, &[known, too_many]).await;
    assert_eq!(mixed.status, 200, "{}", mixed.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_thousand_registrations_fit_into_one_body() {
    let network = network(ForkName::Fulu);
    let relay = relay_bidding(&network, 1, eth("0.03")).await;
    let (service, mut tenants) = guarded(&network, std::slice::from_ref(&relay)).await;
    let (alice, bob) = (validator(0), validator(1));
    tenants.cluster("alpha", &["relay 1"], &[alice]).await;
    tenants.cluster("beta", &["relay 1"], &[]).await;
    let node = tenants.beacon_node("node", &["alpha", "beta"]).await;
    let of_nobody = vec![registration(&network, &bob, 60); MANY];
    let reply = register(&service, &node, &of_nobody).await;
    assert_eq!(reply.status, 400, "it was read to its end: {}", reply.text());
    assert!(reply.message().is_some_and(|message| message.contains("unknown validator")), "{}", reply.text());
}
