use super::folder::{Folder, OTHER_RELAY, RELAY};

#[test]
fn a_tenant_is_added_in_five_commands() {
    let folder = Folder::new();
    folder.text(&["relay", "add", "two", "--url", OTHER_RELAY, "--policy", "ultrasound"]);
    let added = folder.text(&["tenant", "add", "acme", "--relays", "one,two", "--min-bid-eth", "0.02"]);
    assert!(added.contains("headstart validators import acme FILE"), "{added}");
    let ssv = serde_json::json!({ "data": [{ "public_key": super::folder::pubkey(1) }] });
    let file = folder.write("validators.json", &ssv.to_string());
    folder.text(&["validators", "import", "acme", &file, "--vouch"]);
    folder.text(&["beacon-node", "add", "bn1", "--cluster", "acme"]);
    folder.text(&["token", "issue", "acme", "op1", "--scope", "register,hint,view"]);

    let tenants = folder.json(&["tenant", "list"]);
    let acme = &tenants[0];
    assert_eq!((acme["name"].as_str(), acme["declared"].as_bool()), (Some("acme"), Some(false)));
    assert_eq!(acme["relays"].as_array().map(Vec::len), Some(2));
    assert_eq!(acme["min_bid_wei"], "20000000000000000");
    assert_eq!((acme["validators"].as_u64(), &acme["beacon_nodes"][0]), (Some(1), &"bn1".into()));
    assert_eq!(acme["operators"][0], "op1");
    assert_eq!((tenants[1]["name"].as_str(), tenants[1]["declared"].as_bool()), (Some("filed"), Some(true)));
}

#[test]
fn policy_and_quotas_change_by_their_names_and_the_rest_stays() {
    let folder = Folder::new();
    folder.text(&["tenant", "add", "acme", "--relays", "one", "--mode", "shadow", "--streams", "3"]);
    let changed = folder.json(&["tenant", "set", "acme", "--cutoff-ms", "1500", "--expected-ask-ms=-80"]);
    assert_eq!((changed["cutoff_ms"].as_i64(), changed["expected_ask_ms"].as_i64()), (Some(1500), Some(-80)));
    assert_eq!((changed["mode"].as_str(), changed["quotas"]["streams"].as_u64()), (Some("shadow"), Some(3)));
    let changed = folder.json(&["tenant", "set", "acme", "--unset", "cutoff-ms,mode", "--hints-per-s", "9"]);
    assert_eq!((changed["cutoff_ms"].as_i64(), changed["mode"].as_str()), (Some(2000), Some("serve")));
    assert_eq!(
        (changed["quotas"]["streams"].as_u64(), changed["quotas"]["hints_per_s"].as_u64()),
        (Some(3), Some(9))
    );
}

#[test]
fn a_preset_says_the_moments_that_a_tenant_does_not() {
    let folder = Folder::new();
    let moments = |tenant: &serde_json::Value| {
        let number = |key: &str| tenant[key].as_i64();
        (number("cutoff_ms"), number("expected_ask_ms"), tenant["sticky"].as_bool(), number("sticky_ms"))
    };
    let preset = (Some(1500), Some(170), Some(true), Some(2000));
    let added = folder.json(&["tenant", "add", "acme", "--relays", "one", "--timing", "ssv"]);
    assert_eq!((&added["timing"], moments(&added)), (&"ssv".into(), preset));
    let listed = folder.text(&["tenant", "list"]);
    assert!(listed.contains("1500 ms (3/8 of attestation due)"), "{listed}");
    let said = folder.json(&["tenant", "set", "acme", "--cutoff-ms", "1700", "--sticky-ms", "300"]);
    assert_eq!(moments(&said), (Some(1700), Some(170), Some(true), Some(300)));
    let unset = folder.json(&["tenant", "set", "acme", "--unset", "cutoff-ms,sticky-ms"]);
    assert_eq!(moments(&unset), preset);
    let without = folder.json(&["tenant", "set", "acme", "--unset", "timing"]);
    assert_eq!(moments(&without), (Some(2000), Some(0), Some(false), Some(1000)));
    assert!(without["timing"].is_null());
}

#[test]
fn a_suspended_tenant_keeps_everything() {
    let folder = Folder::new();
    folder.text(&["tenant", "add", "acme", "--relays", "one"]);
    assert_eq!(folder.json(&["tenant", "suspend", "acme"])["suspended"], true);
    assert_eq!(folder.json(&["tenant", "suspend", "acme"])["suspended"], true, "once more changes nothing");
    let listed = folder.json(&["tenant", "list"]);
    assert_eq!((&listed[0]["name"], &listed[0]["relays"][0]), (&"acme".into(), &"one".into()));
    assert_eq!(folder.json(&["tenant", "resume", "acme"])["suspended"], false);
}

#[test]
fn what_cannot_be_done_to_a_tenant_is_told_with_the_remedy() {
    let folder = Folder::new();
    folder.text(&["tenant", "add", "acme", "--relays", "one"]);
    for (command, expected) in [
        (
            ["tenant", "add", "acme"].as_slice(),
            "add cluster acme: it exists already; `headstart tenant set` changes it",
        ),
        (&["tenant", "add", "filed"], "add cluster filed: it exists already"),
        (&["tenant", "add", "new", "--relays", "three"], "find relay three; known are: one"),
        (&["tenant", "suspend", "nobody"], "find cluster nobody; `headstart tenant list` shows them"),
        (&["tenant", "set", "nobody", "--cutoff-ms", "1"], "`headstart tenant list` shows them"),
        (&["tenant", "set", "acme"], "name what to change"),
        (
            &["tenant", "set", "filed", "--cutoff-ms", "1"],
            "the configuration file declares it; change it there",
        ),
    ] {
        let fault = folder.fault(command);
        assert!(fault.contains(expected), "{command:?}: {fault}");
    }
    for wrong in ["Acme", "headstart", "a_b"] {
        assert_eq!(folder.run(&["tenant", "add", wrong]).status.code(), Some(2), "{wrong} is no name");
    }
}

#[test]
fn relays_of_the_file_and_of_the_database_are_one_catalogue() {
    let folder = Folder::new();
    let keys = ["--header", "X-Api-Key=canary", "--min-gap-ms", "50", "--burst", "2"];
    let added = folder
        .text(&[&["relay", "add", "two", "--url", &format!("{OTHER_RELAY}?id=canary")], &keys[..]].concat());
    assert!(!added.contains("canary"), "{added}");
    let relays = folder.json(&["relay", "list"]);
    assert!(!relays.to_string().contains("canary"));
    assert_eq!((&relays[0]["name"], &relays[0]["declared"]), (&"one".into(), &true.into()));
    assert_eq!((&relays[1]["name"], &relays[1]["min_gap_ms"]), (&"two".into(), &50.into()));
    assert_eq!([&relays[0]["burst"], &relays[1]["burst"]], [5, 2]);
    for (command, expected) in [
        (["relay", "add", "one", "--url", OTHER_RELAY].as_slice(), "another relay has its name or its URL"),
        (&["relay", "add", "three", "--url", RELAY], "another relay has its name or its URL"),
        (&["relay", "add", "three", "--url", "https://x.example"], "find the relay's public key"),
        (&["relay", "remove", "one"], "the configuration file declares it; remove it there"),
        (&["relay", "remove", "three"], "find relay three"),
    ] {
        let fault = folder.fault(command);
        assert!(fault.contains(expected), "{command:?}: {fault}");
    }
    folder.text(&["relay", "remove", "two"]);
    assert_eq!(folder.json(&["relay", "list"]).as_array().map(Vec::len), Some(1));
}
