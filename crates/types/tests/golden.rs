//! Vectors with real signatures, made by an independent implementation: every encoding round-trips byte for byte, every
//! root is the expected one, and every invalid registration is refused for its own reason.

#![expect(clippy::unwrap_used, reason = "a vector that does not decode fails its test")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use headstart_types::{
    ForkName, Network, PublicKey, RegistrationRejected, Root, SignedBlindedBeaconBlock, SignedBuilderBid,
    SignedValidatorRegistration, Slot, TreeHash, UnblindedPayload, UnixMillis, registrations_from_ssz,
    registrations_to_ssz, signing_root,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Expected {
    slot: Slot,
    parent_hash: headstart_types::BlockHash,
    block_hash: headstart_types::BlockHash,
    value: headstart_types::Wei,
    proposer_pubkey: headstart_types::BlsPublicKey,
    relay_pubkey: headstart_types::BlsPublicKey,
    bid_root: Root,
    builder_domain: Root,
    bid_signing_root: Root,
    header_root: Root,
    payload_root: Root,
    blinded_block_root: Root,
    proposer_domain: Root,
    block_signing_root: Root,
    signed_bid_bytes: usize,
}

fn golden(path: &str) -> Vec<u8> {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/golden").join(path);
    std::fs::read(&file).unwrap_or_else(|error| panic!("failed to read {}: {error}", file.display()))
}

/// The vectors are indented; we write compact JSON. No string in them has white space.
fn compact(json: &[u8]) -> Vec<u8> {
    json.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect()
}

fn assert_same(ours: &[u8], golden: &[u8], what: &str) {
    assert!(ours == golden, "{what}: {} bytes differ from the {} expected", ours.len(), golden.len());
}

fn for_every_fork(check: impl Fn(ForkName, Expected)) {
    for fork in ForkName::ALL {
        check(fork, serde_json::from_slice(&golden(&format!("{fork}/expected.json"))).unwrap());
    }
}

#[test]
fn bids_round_trip_and_verify_in_every_fork() {
    for_every_fork(|fork, expected| {
        let network = Network::mainnet();
        assert_eq!(network.fork_at(expected.slot), Some(fork));
        let (ssz, json) = (
            golden(&format!("{fork}/signed_builder_bid.ssz")),
            golden(&format!("{fork}/signed_builder_bid.json")),
        );
        let bid = SignedBuilderBid::from_ssz(fork, &ssz).unwrap();
        assert_eq!(bid, SignedBuilderBid::from_json(fork, &json).unwrap());
        assert_eq!(ssz.len(), expected.signed_bid_bytes);
        assert_same(&bid.to_ssz(), &ssz, "bid SSZ");
        assert_same(&bid.to_json(fork), &compact(&json), "bid JSON");

        assert_eq!(bid.message.tree_hash_root(), expected.bid_root);
        assert_eq!(bid.message.header().tree_hash_root(), expected.header_root);
        assert_eq!(bid.message.value(), expected.value);
        assert_eq!(bid.message.header().parent_hash(), expected.parent_hash);
        assert_eq!(bid.message.header().block_hash(), expected.block_hash);
        assert_eq!(bid.message.header().timestamp(), network.payload_timestamp(expected.slot));
        assert_eq!(network.builder_domain(), expected.builder_domain);
        let root = signing_root(bid.message.tree_hash_root(), network.builder_domain());
        assert_eq!(root, expected.bid_signing_root);
        assert!(PublicKey::decompress(&expected.relay_pubkey).unwrap().verify(root, &bid.signature));
    });
}

#[test]
fn blinded_blocks_round_trip_and_verify_in_every_fork() {
    for_every_fork(|fork, expected| {
        let network = Network::mainnet();
        let ssz = golden(&format!("{fork}/signed_blinded_beacon_block.ssz"));
        let json = golden(&format!("{fork}/signed_blinded_beacon_block.json"));
        assert_eq!(SignedBlindedBeaconBlock::slot_of_ssz(&ssz), Some(expected.slot));
        assert_eq!(SignedBlindedBeaconBlock::slot_of_json(&json).unwrap(), expected.slot);
        let block = SignedBlindedBeaconBlock::from_ssz(fork, &ssz).unwrap();
        assert_eq!(block, SignedBlindedBeaconBlock::from_json(fork, &json).unwrap());
        assert_same(&block.to_ssz(), &ssz, "block SSZ");
        assert_same(&block.to_json(), &compact(&json), "block JSON");

        assert_eq!(block.message.tree_hash_root(), expected.blinded_block_root);
        assert_eq!(network.proposer_domain(expected.slot), expected.proposer_domain);
        let root = signing_root(block.message.tree_hash_root(), expected.proposer_domain);
        assert_eq!(root, expected.block_signing_root);
        assert!(PublicKey::decompress(&expected.proposer_pubkey).unwrap().verify(root, &block.signature));
    });
}

#[test]
fn payloads_round_trip_and_match_the_signed_header_in_every_fork() {
    for_every_fork(|fork, expected| {
        let ssz = golden(&format!("{fork}/unblinded_payload.ssz"));
        let json = golden(&format!("{fork}/unblinded_payload.json"));
        let payload = UnblindedPayload::from_ssz(fork, &ssz).unwrap();
        assert!(payload == UnblindedPayload::from_json(fork, &json).unwrap());
        assert_same(&payload.to_ssz(), &ssz, "payload SSZ");
        assert_same(&payload.to_json(fork), &compact(&json), "payload JSON");
        assert_eq!(payload.payload_root(), expected.payload_root);
        assert_eq!(payload.block_hash(), expected.block_hash);
    });
}

#[test]
fn a_message_of_another_fork_is_refused_by_name() {
    let json = golden("fulu/signed_builder_bid.json");
    let refusal = SignedBuilderBid::from_json(ForkName::Electra, &json).unwrap_err().to_string();
    assert_eq!(
        refusal,
        "decode the signed builder bid: it is of fork \"fulu\", and electra rules in its slot"
    );
    assert!(SignedBuilderBid::from_ssz(ForkName::Capella, &golden("fulu/signed_builder_bid.ssz")).is_err());
}

#[test]
fn truncated_and_oversized_ssz_is_refused_in_every_fork() {
    for fork in ForkName::ALL {
        let bid = golden(&format!("{fork}/signed_builder_bid.ssz"));
        for length in 0..bid.len() {
            // A list at the end may lose whole items and still be a list, but then the value of a fixed field moves.
            if let Ok(shorter) = SignedBuilderBid::from_ssz(fork, &bid[..length]) {
                assert_same(&shorter.to_ssz(), &bid[..length], "a decoded prefix encodes to itself");
            }
        }
        let oversized = vec![0; SignedBuilderBid::max_ssz_bytes(fork) + 1];
        let refusal = SignedBuilderBid::from_ssz(fork, &oversized).unwrap_err().to_string();
        assert!(refusal.contains("are more than"), "{refusal}");
    }
}

#[derive(Deserialize)]
struct RegistrationRoots {
    builder_domain: Root,
    message_roots: Vec<Root>,
}

fn networks() -> [(&'static str, Network); 2] {
    [("mainnet", Network::mainnet()), ("hoodi", Network::hoodi())]
}

/// A moment after every timestamp in the vectors.
const NOW: UnixMillis = UnixMillis::from_seconds(1_900_000_000);

#[test]
fn registrations_round_trip_and_verify_on_both_networks() {
    for (name, network) in networks() {
        let json = golden(&format!("registrations/{name}.json"));
        let ssz = golden(&format!("registrations/{name}.ssz"));
        let roots: RegistrationRoots =
            serde_json::from_slice(&golden(&format!("registrations/{name}.roots.json"))).unwrap();
        let registrations = registrations_from_ssz(&ssz).unwrap();
        assert_eq!(registrations.len(), 16);
        assert_eq!(registrations, serde_json::from_slice::<Vec<SignedValidatorRegistration>>(&json).unwrap());
        assert_same(&registrations_to_ssz(&registrations), &ssz, "registrations SSZ");
        assert_same(&serde_json::to_vec(&registrations).unwrap(), &compact(&json), "registrations JSON");
        assert_eq!(network.builder_domain(), roots.builder_domain);
        for (registration, root) in registrations.iter().zip(roots.message_roots) {
            assert_eq!(registration.message.tree_hash_root(), root);
            registration.verify(&network, NOW).unwrap();
        }
    }
}

#[test]
fn every_invalid_registration_is_refused_for_its_own_reason() {
    let reason = |name: &str| match name {
        "pubkey_not_on_curve" | "infinity_pubkey" => RegistrationRejected::PublicKey,
        "flipped_signature_bit"
        | "signature_of_another_validator"
        | "other_network_domain"
        | "fee_recipient_changed_after_signing" => RegistrationRejected::Signature,
        other => panic!("{other} has no expected reason"),
    };
    for (name, network) in networks() {
        let invalid: BTreeMap<String, SignedValidatorRegistration> =
            serde_json::from_slice(&golden(&format!("registrations/{name}.invalid.json"))).unwrap();
        assert_eq!(invalid.len(), 6);
        for (kind, registration) in invalid {
            assert_eq!(registration.verify(&network, NOW), Err(reason(&kind)), "{kind} on {name}");
        }
    }
}

#[test]
fn registrations_are_monotonic_in_time() {
    let registrations = registrations_from_ssz(&golden("registrations/mainnet.ssz")).unwrap();
    let recorded = registrations[0];
    assert_eq!(recorded.may_replace(&recorded.message), Ok(()), "the very same again is fine");
    let mut other = recorded;
    other.message.gas_limit += 1;
    assert_eq!(other.may_replace(&recorded.message), Err(RegistrationRejected::ConflictsWithRecorded));
    other.message.timestamp += 1;
    assert_eq!(other.may_replace(&recorded.message), Ok(()));
    assert_eq!(recorded.may_replace(&other.message), Err(RegistrationRejected::OlderThanRecorded));
    let at = UnixMillis::from_seconds(recorded.message.timestamp - 11);
    assert_eq!(recorded.verify(&Network::mainnet(), at), Err(RegistrationRejected::FromTheFuture));
    assert_eq!(recorded.verify(&Network::mainnet(), at + 1000), Ok(()), "ten seconds ahead are allowed");
}
