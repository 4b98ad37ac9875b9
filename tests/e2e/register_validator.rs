//! `POST /eth/v1/builder/validators`

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use e2e::{
    PATIENCE, Reply, Request, Service, eventually, network, registration, relay, validator, validators,
};
use headstart_devnet::{Registrations, Relay};
use headstart_types::{BlsPublicKey, Encoding, ForkName, Network, SecretKey, SignedValidatorRegistration};

const PATH: &str = "/eth/v1/builder/validators";

fn golden(file: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("data/golden").join(file);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The validators whose registrations Lodestar has signed.
fn golden_validators() -> Vec<SecretKey> {
    let keys: serde_json::Value = serde_json::from_slice(&golden("keys.json")).expect("JSON");
    let keys = keys["validators"].as_array().expect("a list").iter();
    keys.map(|key| {
        let secret = key["secret"].as_str().and_then(|text| text.strip_prefix("0x")).expect("0x");
        let secret = hex::decode(secret).expect("hexadecimal").try_into().expect("32 bytes");
        SecretKey::from_bytes(&secret).expect("a secret key")
    })
    .collect()
}

/// One relay and one cluster.
async fn alpha(network: &Network, relay: &Relay, validators: &[SecretKey]) -> Service {
    Service::on(network).relay("one", relay).cluster("alpha", &["one"], validators).start().await
}

/// Waits until the relay has received so many registrations, and gives all of them.
async fn received(relay: &Relay, count: u64) -> Vec<SignedValidatorRegistration> {
    let enough = relay.has_seen(PATIENCE, |seen| seen.registrations_received >= count).await;
    let seen = relay.seen();
    assert!(enough, "{} of {count} registrations came", seen.registrations_received);
    assert_eq!(seen.registrations_received, count, "and no more");
    seen.registrations.iter().flat_map(|call| call.first.clone()).collect()
}

fn assert_refused(reply: &Reply, reason: &str) {
    assert_eq!(reply.status, 400, "{}", reply.text());
    let message = reply.message().expect("an error object");
    assert!(message.contains(reason), "{message:?} does not say {reason:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn registrations_in_either_encoding_come_to_the_relay_as_they_were_signed() {
    let expected: BTreeSet<_> =
        serde_json::from_slice::<Vec<SignedValidatorRegistration>>(&golden("registrations/hoodi.json"))
            .expect("registrations")
            .iter()
            .map(|registration| registration.signature.to_string())
            .collect();
    for (file, encoding) in [("hoodi.json", Encoding::Json), ("hoodi.ssz", Encoding::Ssz)] {
        let network = Network::hoodi();
        let relay = relay(&network, 1).await;
        let service = alpha(&network, &relay, &golden_validators()).await;

        let body = golden(&format!("registrations/{file}"));
        let reply = service.client().call(&Request::post(PATH, encoding.content_type(), body)).await;

        assert_eq!((reply.status, reply.body.len()), (200, 0), "{file}: {}", reply.text());
        let signatures = received(&relay, 16).await.iter().map(|one| one.signature.to_string()).collect();
        assert_eq!(expected, signatures, "{file}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_invalid_registration_is_refused_for_its_own_reason() {
    let network = Network::hoodi();
    let relay = relay(&network, 1).await;
    let service = alpha(&network, &relay, &golden_validators()).await;
    let invalid: BTreeMap<String, SignedValidatorRegistration> =
        serde_json::from_slice(&golden("registrations/hoodi.invalid.json")).expect("registrations");
    for (name, registration) in invalid {
        let reason = match &*name {
            // No configuration takes such a key, so it is one that belongs to nobody.
            "pubkey_not_on_curve" | "infinity_pubkey" => "unknown validator",
            _ => "signature does not fit",
        };
        for encoding in [Encoding::Json, Encoding::Ssz] {
            assert_refused(&service.register(encoding, &[registration]).await, reason);
        }
    }
    assert_eq!(relay.seen().registrations.total(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_registration_does_not_spoil_the_good_ones_beside_it() {
    let network = network(ForkName::Fulu);
    let relay = relay(&network, 1).await;
    let validators = validators(4);
    let service = alpha(&network, &relay, &validators).await;
    let good = [&validators[0], &validators[1], &validators[2]].map(|key| registration(&network, key, 60));
    let mut forged = registration(&network, &validators[3], 60);
    forged.message.gas_limit += 1;
    let stranger = registration(&network, &validator(9), 60);
    let body = [good[0], forged, good[1], stranger, good[2]];

    let reply = service.register(Encoding::Ssz, &body).await;

    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(keys_of(&received(&relay, 3).await), keys_of(&good));
    assert_refused(&service.register(Encoding::Json, &[forged, stranger]).await, "signature does not fit");
    assert_refused(&service.register(Encoding::Json, &[stranger]).await, "unknown validator");
    assert_eq!(service.register(Encoding::Json, &[]).await.status, 200, "nothing to register is no fault");
}

fn keys_of(registrations: &[SignedValidatorRegistration]) -> BTreeSet<String> {
    registrations.iter().map(|registration| registration.message.pubkey.to_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_unchanged_is_accepted_and_not_sent_on_again() {
    let network = network(ForkName::Fulu);
    let relay = relay(&network, 1).await;
    let validators = validators(2);
    let service = alpha(&network, &relay, &validators).await;
    let first = [registration(&network, &validators[0], 60), registration(&network, &validators[1], 60)];
    assert_eq!(service.register(Encoding::Ssz, &first).await.status, 200);
    received(&relay, 2).await;

    for encoding in [Encoding::Json, Encoding::Ssz, Encoding::Json] {
        assert_eq!(service.register(encoding, &first).await.status, 200);
    }
    let newer = registration(&network, &validators[0], 30);
    assert_eq!(service.register(Encoding::Ssz, &[newer, first[1]]).await.status, 200);

    let all = received(&relay, 3).await;
    assert_eq!(all.last(), Some(&newer), "only what is new was sent on");
}

#[tokio::test(flavor = "multi_thread")]
async fn registrations_only_move_forward_in_time() {
    let network = network(ForkName::Fulu);
    let relay = relay(&network, 1).await;
    let alice = validator(0);
    let service = alpha(&network, &relay, std::slice::from_ref(&alice)).await;
    let recorded = registration(&network, &alice, 60);
    assert_eq!(service.register(Encoding::Ssz, &[recorded]).await.status, 200);

    let older = registration(&network, &alice, 600);
    assert_refused(
        &service.register(Encoding::Ssz, &[older]).await,
        "older than that of the registration on record",
    );
    let mut message = recorded.message;
    message.gas_limit += 1;
    let other = headstart_devnet::sign_registration(
        &network,
        &alice,
        message.fee_recipient,
        message.gas_limit,
        message.timestamp,
    );
    assert_refused(&service.register(Encoding::Ssz, &[other]).await, "timestamp does not");
    let far = headstart_devnet::sign_registration(
        &network,
        &alice,
        message.fee_recipient,
        message.gas_limit,
        message.timestamp + 3_600,
    );
    assert_refused(&service.register(Encoding::Ssz, &[far]).await, "10 s ahead");
    received(&relay, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clusters_are_never_mixed_in_one_call_to_a_relay() {
    let network = network(ForkName::Fulu);
    let [shared, of_alpha, of_beta] =
        [relay(&network, 1).await, relay(&network, 2).await, relay(&network, 3).await];
    let validators = validators(6);
    let (alpha, beta) = validators.split_at(3);
    let service = Service::on(&network)
        .relay("shared", &shared)
        .relay("of alpha", &of_alpha)
        .relay("of beta", &of_beta)
        .cluster("alpha", &["shared", "of alpha"], alpha)
        .cluster("beta", &["shared", "of beta"], beta)
        .start()
        .await;
    let mixed: Vec<_> =
        [0, 3, 1, 4, 2, 5].map(|place: usize| registration(&network, &validators[place], 60)).to_vec();

    assert_eq!(service.register(Encoding::Ssz, &mixed).await.status, 200);

    let keys = |cluster: &[SecretKey]| -> BTreeSet<String> {
        cluster.iter().map(|key| key.public_key().to_string()).collect()
    };
    assert_eq!(keys_of(&received(&of_alpha, 3).await), keys(alpha));
    assert_eq!(keys_of(&received(&of_beta, 3).await), keys(beta));
    received(&shared, 6).await;
    let calls: Vec<_> = shared.seen().registrations.iter().map(|call| keys_of(&call.first)).collect();
    assert_eq!(calls.len(), 2);
    assert!(calls.contains(&keys(alpha)) && calls.contains(&keys(beta)), "{calls:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_dislikes_one_validator_still_gets_the_others() {
    let network = network(ForkName::Fulu);
    let relay = relay(&network, 1).await;
    let validators = validators(9);
    let disliked = validators[4].public_key();
    relay.adjust(|behaviour| behaviour.registrations = Registrations::Unknown(vec![disliked]));
    let service = alpha(&network, &relay, &validators).await;
    let all: Vec<_> = validators.iter().map(|key| registration(&network, key, 60)).collect();

    assert_eq!(service.register(Encoding::Ssz, &all).await.status, 200, "the relay's opinion is not ours");

    eventually("all others are accepted", async || accepted(&relay).len() == 8).await;
    assert!(!accepted(&relay).contains(&disliked.to_string()));
}

/// Whose registrations the relay has answered with 200.
fn accepted(relay: &Relay) -> BTreeSet<String> {
    let seen = relay.seen();
    let accepted = seen.registrations.iter().filter(|call| call.status == 200);
    accepted.flat_map(|call| keys_of(&call.first)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_reads_only_json_gets_json() {
    let network = network(ForkName::Fulu);
    let relay = relay(&network, 1).await;
    relay.adjust(|behaviour| behaviour.registrations = Registrations::OnlyJson);
    let alice = validator(0);
    let service = alpha(&network, &relay, std::slice::from_ref(&alice)).await;

    assert_eq!(service.register(Encoding::Ssz, &[registration(&network, &alice, 60)]).await.status, 200);

    eventually("the relay accepts it", async || accepted(&relay).len() == 1).await;
    let calls: Vec<_> = relay.seen().registrations.iter().map(|call| (call.ssz, call.status)).collect();
    assert_eq!(calls, [(true, 415), (false, 200)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_fails_is_told_again_while_the_beacon_node_has_long_been_answered() {
    let network = network(ForkName::Fulu);
    let relay = relay(&network, 1).await;
    relay.adjust(|behaviour| behaviour.registrations = Registrations::Status(503));
    let alice = validator(0);
    let service = alpha(&network, &relay, std::slice::from_ref(&alice)).await;

    assert_eq!(service.register(Encoding::Ssz, &[registration(&network, &alice, 60)]).await.status, 200);
    assert!(relay.has_seen(PATIENCE, |seen| seen.registrations.total() == 1).await);
    relay.adjust(|behaviour| behaviour.registrations = Registrations::Accept);

    eventually("the relay accepts it", async || accepted(&relay).len() == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_registrations_are_sent_on_in_batches() {
    const COUNT: usize = 620;
    let network = network(ForkName::Fulu);
    let relay = relay(&network, 1).await;
    let validators = validators(COUNT);
    let service = alpha(&network, &relay, &validators).await;
    let all: Vec<_> = validators.iter().map(|key| registration(&network, key, 60)).collect();

    assert_eq!(service.register(Encoding::Json, &all).await.status, 200);

    received(&relay, COUNT as u64).await;
    let sizes: Vec<_> = relay.seen().registrations.iter().map(|call| call.count).collect();
    // The first batch may leave before the last registration has come.
    assert!(sizes.len() <= 3 && sizes.contains(&500), "{sizes:?}");
    assert!(sizes.iter().all(|size| *size <= 500), "{sizes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_named() {
    let network = network(ForkName::Fulu);
    let relay = relay(&network, 1).await;
    let alice = validator(0);
    let service = alpha(&network, &relay, std::slice::from_ref(&alice)).await;
    let client = service.client();
    let text = client.call(&Request::post(PATH, "text/plain", "[]")).await;
    assert_eq!(text.status, 415, "{}", text.text());
    assert!(text.message().expect("an error object").contains("Content-Type"));
    let truncated = client.call(&Request::post(PATH, "application/octet-stream", vec![0; 179])).await;
    assert_refused(&truncated, "179 bytes");
    let no_list = client.call(&Request::post(PATH, "application/json", "{}")).await;
    assert_refused(&no_list, "from JSON");
    let named: BlsPublicKey = alice.public_key();
    let nameless = format!(
        r#"[{{"message":{{"fee_recipient":"0x00","gas_limit":"1","timestamp":"1","pubkey":"{named}"}},"signature":"0x"}}]"#
    );
    assert_eq!(client.call(&Request::post(PATH, "application/json", nameless)).await.status, 400);
}
