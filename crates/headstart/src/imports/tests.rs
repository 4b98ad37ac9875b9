use headstart_devnet::Validator;
use headstart_types::{ForkName, UnixMillis};
use serde_json::json;

use super::*;

fn registration(index: u64, timestamp: u64) -> SignedValidatorRegistration {
    let network = headstart_devnet::network(ForkName::Fulu, 12_000, UnixMillis(1_700_000_000_000), 0);
    Validator::new(index).registration(&network, timestamp)
}

/// As Obol writes it: numbers as numbers.
fn as_obol(registration: &SignedValidatorRegistration) -> Value {
    let message = &registration.message;
    json!({
        "message": {
            "fee_recipient": message.fee_recipient.to_string(),
            "gas_limit": message.gas_limit,
            "timestamp": message.timestamp,
            "pubkey": message.pubkey.to_string(),
        },
        "signature": registration.signature.to_string(),
    })
}

fn lock(registration: &SignedValidatorRegistration) -> Value {
    json!({
        "cluster_definition": { "name": "one" },
        "distributed_validators": [{
            "distributed_public_key": registration.message.pubkey.to_string(),
            "public_shares": ["0x00"],
            "builder_registration": as_obol(registration),
        }],
        "lock_hash": "0x00",
    })
}

fn parse(value: &Value) -> Result<Import, Fault> {
    Import::parse(&value.to_string())
}

fn told(value: &Value) -> String {
    parse(value).expect_err("the file has a fault").to_string()
}

#[test]
fn an_obol_cluster_lock_gives_its_registrations() {
    let signed = registration(1, 1_600_000_000);
    let import = parse(&lock(&signed)).unwrap();
    assert_eq!(import.format, Format::ClusterLock);
    assert_eq!(import.validators, [Imported { pubkey: signed.message.pubkey, registration: Some(signed) }]);
}

#[test]
fn a_cluster_lock_without_registrations_gives_its_keys() {
    let signed = registration(1, 1_600_000_000);
    let empty = json!({ "message": { "fee_recipient": "", "gas_limit": 0, "timestamp": 0, "pubkey": "" }, "signature": "" });
    for nothing in [Value::Null, empty] {
        let mut lock = lock(&signed);
        lock["distributed_validators"][0]["builder_registration"] = nothing;
        let import = parse(&lock).unwrap();
        assert_eq!(import.validators, [Imported { pubkey: signed.message.pubkey, registration: None }]);
    }
}

#[test]
fn a_list_of_registrations_is_read_as_validator_clients_write_it() {
    let signed = [registration(1, 1_700_000_000), registration(2, 1_700_000_000)];
    let import = parse(&json!(signed)).unwrap();
    assert_eq!(import.format, Format::Registrations);
    assert_eq!(
        import.validators.iter().filter_map(|imported| imported.registration).collect::<Vec<_>>(),
        signed
    );
}

#[test]
fn of_two_registrations_of_a_validator_the_newer_one_counts() {
    let (older, newer) = (registration(1, 1_600_000_000), registration(1, 1_700_000_000));
    for list in [[&older, &newer], [&newer, &older]] {
        assert_eq!(
            parse(&json!(list)).unwrap().validators,
            [Imported { pubkey: newer.message.pubkey, registration: Some(newer) }]
        );
    }
}

#[test]
fn both_apis_of_ssv_give_keys() {
    let keys = [1, 2].map(|index| Validator::new(index).pubkey);
    let bare = keys.map(|key| json!({ "public_key": key.to_string().trim_start_matches("0x"), "index": 7 }));
    let operator = json!({ "validators": bare, "pagination": { "total": 250, "page": 1 } });
    let node = json!({ "data": keys.map(|key| json!({ "public_key": key.to_string() })) });
    for (value, format, of_total) in
        [(operator, Format::SsvOperatorApi, Some(250)), (node, Format::SsvNodeApi, None)]
    {
        let import = parse(&value).unwrap();
        assert_eq!((import.format, import.of_total), (format, of_total));
        assert_eq!(import.validators.iter().map(|imported| imported.pubkey).collect::<Vec<_>>(), keys);
    }
}

#[test]
fn a_fault_is_named_by_its_place() {
    let signed = registration(1, 1_600_000_000);
    let with = |change: fn(&mut Value)| {
        let mut lock = lock(&signed);
        change(&mut lock["distributed_validators"][0]);
        told(&lock)
    };
    let no_point = "0x".to_owned() + &"11".repeat(48);
    for (told, expected) in [
        (
            with(|validator| validator["builder_registration"]["message"]["gas_limit"] = json!("many")),
            "distributed_validators[0].builder_registration.message.gas_limit: a whole number is expected",
        ),
        (
            with(|validator| validator["builder_registration"]["signature"] = json!("0x12")),
            "distributed_validators[0].builder_registration.signature: \"0x12\" is no signature",
        ),
        (
            with(|validator| validator["distributed_public_key"] = json!("0x".to_owned() + &"11".repeat(48))),
            "distributed_validators[0].builder_registration: it registers 0x",
        ),
        (told(&json!([{ "message": {} }])), "[0].message: fee_recipient is missing"),
        (told(&json!({ "data": [{ "index": 1 }] })), "data[0]: public_key is missing"),
        (told(&json!({ "data": { "index": 1 } })), "data: a list is expected"),
        (told(&json!({ "validators": [{ "public_key": no_point }] })), "validators[0].public_key: 0x1111"),
        (told(&json!({ "keys": [] })), "not a file that is known here; give an Obol cluster-lock.json"),
    ] {
        assert!(told.starts_with(expected), "{told}");
    }
    assert!(Import::parse("{").unwrap_err().to_string().starts_with("no JSON: "));
}
