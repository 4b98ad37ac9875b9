use headstart_devnet::{Validator, sign_registration};
use headstart_types::{Network, SecretKey, ValidatorRegistration};
use serde_json::{Value, json};

use super::folder::{Folder, pubkey, registration, stray_registration};

const OLD: u64 = 1_600_000_000;
const NEW: u64 = 1_700_000_000;

fn lock(indices: &[u64]) -> Value {
    let validators = indices.iter().map(|index| {
        let signed = registration(*index, OLD);
        json!({ "distributed_public_key": pubkey(*index), "builder_registration": signed })
    });
    json!({ "distributed_validators": validators.collect::<Vec<_>>() })
}

fn acme() -> Folder {
    let folder = Folder::new();
    folder.text(&["tenant", "add", "acme", "--relays", "one"]);
    folder
}

#[test]
fn an_obol_lock_claims_its_validators_and_records_their_registrations() {
    let folder = acme();
    let file = folder.write("cluster-lock.json", &lock(&[1, 2]).to_string());
    let import = folder.json(&["validators", "import", "acme", &file]);
    assert_eq!((&import["format"], &import["level"]), (&"obol cluster lock".into(), &"registered".into()));
    assert_eq!((&import["validators"], &import["claims_changed"]), (&2.into(), &2.into()));
    let listed = folder.json(&["validators", "list", "--cluster", "acme"]);
    assert_eq!((listed.as_array().map(Vec::len), &listed[0]["registered_at"]), (Some(2), &OLD.into()));
    let again = folder.json(&["validators", "import", "acme", &file, "--vouch"]);
    assert_eq!((&again["claims_changed"], &again["level"]), (&2.into(), &"proven".into()));
    let lower = folder.json(&["validators", "import", "acme", &file]);
    assert_eq!(lower["claims_changed"], 0, "no import takes a proof back");
}

#[test]
fn an_older_registration_does_not_replace_a_newer_one() {
    let folder = acme();
    let newer = folder.write("registrations.json", &json!([registration(1, NEW)]).to_string());
    assert_eq!(folder.json(&["validators", "import", "acme", &newer])["registrations_older"], 0);
    let older = folder.write("cluster-lock.json", &lock(&[1]).to_string());
    assert_eq!(folder.json(&["validators", "import", "acme", &older])["registrations_older"], 1);
    assert_eq!(folder.json(&["validators", "list", "--cluster", "acme"])[0]["registered_at"], NEW);
}

#[test]
fn a_registration_that_differs_from_the_one_on_record_keeps_no_other_out() {
    let folder = acme();
    let first = folder.write("first.json", &json!([registration(1, NEW)]).to_string());
    folder.text(&["validators", "import", "acme", &first]);
    let (key, same) = (Validator::new(1).key, registration(1, NEW).message);
    let other =
        sign_registration(&Network::mainnet(), &key, same.fee_recipient, same.gas_limit + 1, same.timestamp);
    let second = folder.write("second.json", &json!([other, registration(2, NEW)]).to_string());
    let import = folder.json(&["validators", "import", "acme", &second]);
    assert_eq!((&import["registrations"], &import["registrations_conflicting"]), (&2.into(), &1.into()));
    let listed = folder.json(&["validators", "list", "--cluster", "acme"]);
    let recorded = listed.as_array().unwrap().iter().filter(|validator| validator["registered_at"] == NEW);
    assert_eq!(recorded.count(), 2, "{listed}");
    let told = folder.text(&["validators", "import", "acme", &second]);
    assert!(told.contains("1 of them differ from those on record"), "{told}");
}

#[test]
fn a_page_of_the_operator_api_says_that_there_are_more() {
    let folder = acme();
    let page = json!({ "validators": [{ "public_key": pubkey(1).trim_start_matches("0x") }], "pagination": { "total": 250 } });
    let file = folder.write("page.json", &page.to_string());
    let told = folder.text(&["validators", "import", "acme", &file]);
    assert!(told.contains("the file is one page: 250 validators in all"), "{told}");
}

#[test]
fn a_file_with_a_fault_changes_nothing_and_the_fault_is_named() {
    let folder = acme();
    let stray = json!([registration(1, NEW), stray_registration(2)]).to_string();
    for (content, expected) in [
        (stray.as_str(), "1 of 2 registrations are refused"),
        ("{\"keys\": []}", "not a file that is known here"),
        ("{\"data\": [{\"public_key\": \"0x12\"}]}", "data[0].public_key: \"0x12\" is no BLS public key"),
    ] {
        let file = folder.write("file.json", content);
        let fault = folder.fault(&["validators", "import", "acme", &file]);
        assert!(fault.contains(expected) && fault.contains("file.json"), "{fault}");
    }
    assert_eq!(folder.json(&["validators", "list", "--cluster", "acme"]), json!([]));
    let file = folder.write("file.json", &lock(&[1]).to_string());
    let fault = folder.fault(&["validators", "import", "nobody", &file]);
    assert!(fault.contains("find cluster nobody; `headstart tenant list` shows them"), "{fault}");
}

#[test]
fn a_quota_bounds_what_is_claimed() {
    let folder = acme();
    folder.text(&["tenant", "set", "acme", "--validators", "1"]);
    let file = folder.write("file.json", &lock(&[1, 2]).to_string());
    let fault = folder.fault(&["validators", "import", "acme", &file]);
    assert!(
        fault.contains("would have 2 and may have 1; `headstart tenant set acme --validators N` raises that"),
        "{fault}"
    );
}

/// Signs the message of a challenge.
fn sign(challenge: &Value, key: &SecretKey) -> Value {
    let message: ValidatorRegistration =
        serde_json::from_value(challenge.clone()).expect("a challenge is a registration message");
    let ValidatorRegistration { fee_recipient, gas_limit, timestamp, .. } = message;
    json!(sign_registration(&Network::mainnet(), key, fee_recipient, gas_limit, timestamp))
}

#[test]
fn a_signed_challenge_proves_a_claim_and_nothing_else_does() {
    let folder = acme();
    let file = folder.write("lock.json", &lock(&[1]).to_string());
    folder.text(&["validators", "import", "acme", &file]);
    let level = || folder.json(&["validators", "list", "--cluster", "acme"])[0]["level"].clone();
    let prove = |proof: &Value| {
        let file = folder.write("proof.json", &proof.to_string());
        folder.run(&["validators", "claim", "acme", "--proof", &file])
    };
    let told = folder.text(&["validators", "claim", "acme", "--challenge", &pubkey(1)]);
    let challenge: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(challenge["fee_recipient"], json!(registration(1, OLD).message.fee_recipient));

    for wrong in [json!(registration(1, NEW)), sign(&challenge, &Validator::new(2).key)] {
        assert_eq!(prove(&wrong).status.code(), Some(1), "{wrong}");
        assert_eq!(level(), "registered");
    }
    let proof = sign(&challenge, &Validator::new(1).key);
    assert!(prove(&proof).status.success());
    assert_eq!(level(), "proven");
    let again = prove(&proof);
    assert!(
        super::text(&again.stderr).contains("has no open challenge for it"),
        "{}",
        super::text(&again.stderr)
    );
    assert_eq!(
        registration(1, OLD).message.timestamp,
        OLD,
        "the challenge was not recorded as a registration"
    );
    assert_eq!(folder.json(&["validators", "list", "--cluster", "acme"])[0]["registered_at"], OLD);
}

#[test]
fn a_challenge_needs_a_registration_and_a_cluster() {
    let folder = acme();
    for (command, expected) in [
        (["validators", "claim", "acme", "--challenge", &pubkey(1)], "no registration of it is on record"),
        (["validators", "claim", "nobody", "--challenge", &pubkey(1)], "find cluster nobody"),
    ] {
        let fault = folder.fault(&command);
        assert!(fault.contains(expected), "{fault}");
    }
}

#[test]
fn explain_tells_each_value_and_where_it_comes_from() {
    let folder = acme();
    let file = folder.write("lock.json", &lock(&[1]).to_string());
    folder.text(&["validators", "import", "acme", &file]);
    folder.text(&["validators", "import", "filed", &file, "--vouch"]);
    folder.text(&["beacon-node", "add", "both", "--cluster", "acme", "--cluster", "filed"]);
    folder.text(&["beacon-node", "add", "theirs", "--cluster", "acme"]);
    folder.text(&["tenant", "set", "acme", "--cutoff-ms", "1500"]);
    folder.text(&["validators", "set", &pubkey(1), "--cluster", "acme", "--min-bid-eth", "0.05"]);

    let view = folder.json(&["explain", &pubkey(1)]);
    let (filed, acme) = (&view["claims"][0], &view["claims"][1]);
    assert_eq!(
        (&filed["cluster"], &filed["level"], &filed["open"]),
        (&"filed".into(), &"proven".into(), &true.into())
    );
    assert_eq!((&filed["beacon_nodes"], &acme["beacon_nodes"]), (&json!(["both"]), &json!(["theirs"])));
    assert_eq!(acme["policy"]["min_bid_wei"], "50000000000000000");
    let sources = &acme["sources"];
    assert_eq!((&sources["min_bid_wei"], &sources["cutoff_ms"]), (&"validator".into(), &"cluster".into()));
    assert_eq!((&sources["mode"], &sources["relays"]), (&"default".into(), &"cluster".into()));
    assert_eq!(view["registration"]["timestamp"], OLD);

    let text = folder.text(&["explain", &pubkey(1), "--cluster", "acme"]);
    assert!(text.contains("min bid       0.05 ETH  validator"), "{text}");
    folder.text(&["tenant", "set", "acme", "--timing", "obol"]);
    let view = folder.json(&["explain", &pubkey(1)]);
    let (policy, sources) = (&view["claims"][1]["policy"], &view["claims"][1]["sources"]);
    assert_eq!((&sources["cutoff_ms"], &sources["timing"]), (&"cluster".into(), &"cluster".into()));
    assert_eq!((&policy["expected_ask_ms"], &sources["expected_ask_ms"]), (&100.into(), &"preset".into()));
    assert_eq!((&policy["sticky_ms"], &sources["sticky_ms"]), (&2000.into(), &"preset".into()));
    folder.text(&["validators", "set", &pubkey(1), "--cluster", "acme", "--timing", "solo"]);
    let view = folder.json(&["explain", &pubkey(1)]);
    let (policy, sources) = (&view["claims"][1]["policy"], &view["claims"][1]["sources"]);
    assert_eq!((&policy["cutoff_ms"], &sources["cutoff_ms"]), (&2000.into(), &"preset".into()));
    assert_eq!((&policy["timing"], &sources["timing"]), (&"solo".into(), &"validator".into()));
    let text = folder.text(&["explain", &pubkey(1), "--cluster", "acme"]);
    assert!(text.contains("2000 ms (4/8 of attestation due)  preset"), "{text}");
    folder.text(&["validators", "set", &pubkey(1), "--cluster", "acme", "--unset", "min-bid-eth,timing"]);
    assert_eq!(folder.json(&["explain", &pubkey(1)])["claims"][1]["sources"]["min_bid_wei"], "default");
    folder.text(&["tenant", "suspend", "acme"]);
    assert_eq!(folder.json(&["explain", &pubkey(1)])["suspended"], json!(["acme"]));
    let nobody = folder.text(&["explain", &pubkey(9)]);
    assert!(nobody.contains("no cluster claims it"), "{nobody}");
    let fault = folder.fault(&["validators", "set", &pubkey(9), "--cluster", "filed", "--min-bid-eth", "1"]);
    assert!(fault.contains("`headstart validators import` makes one"), "{fault}");
}
