use super::folder::{CONFIG, Folder};

#[test]
fn a_database_is_brought_to_this_versions_form_once() {
    let folder = Folder::new();
    let first = folder.json(&["migrate"]);
    assert_eq!(first["from"], 0);
    assert_eq!(folder.json(&["migrate"])["from"], first["to"]);
    let told = folder.text(&["migrate"]);
    assert!(told.contains("which is this version's"), "{told}");
}

#[test]
fn without_leave_to_migrate_the_command_to_run_is_named() {
    let folder = Folder::with_config("[registry]\nmigrate = false\n");
    let fault = folder.fault(&["tenant", "list"]);
    assert!(fault.contains("run `headstart migrate`"), "{fault}");
    folder.text(&["migrate"]);
    folder.text(&["tenant", "list"]);
}

#[test]
fn the_database_of_another_network_is_touched_by_nobody() {
    let folder = Folder::with_config(&format!("[network]\nname = \"hoodi\"\n{CONFIG}"));
    folder.text(&["tenant", "add", "acme"]);
    folder.write("headstart.toml", CONFIG);
    for command in [["tenant", "add", "globex"].as_slice(), &["serve"]] {
        let fault = folder.fault(command);
        let told = ["it is of network hoodi", "not of mainnet", "registry.url"];
        assert!(told.iter().all(|words| fault.contains(words)), "{fault}");
    }
    folder.write("headstart.toml", &format!("[network]\nname = \"hoodi\"\n{CONFIG}"));
    assert_eq!(folder.json(&["tenant", "list"]).as_array().map(Vec::len), Some(1));
}

#[test]
fn the_database_may_be_named_in_a_file_of_its_own() {
    let folder = Folder::with_config("[registry]\nurl_file = \"url\"\n");
    folder.write("url", "sqlite:elsewhere.db\n");
    folder.text(&["tenant", "add", "acme"]);
    assert!(std::fs::exists(folder.path("elsewhere.db")).unwrap());
    folder.write("url", "postgres://me:canary@127.0.0.1:1/none\n");
    let fault = folder.fault(&["tenant", "list"]);
    assert!(fault.contains("reach the database") && !fault.contains("canary"), "{fault}");
}

#[test]
fn the_audit_tells_who_changed_what_and_is_whole() {
    let folder = Folder::new();
    folder.text(&["tenant", "add", "acme", "--relays", "one"]);
    folder.text(&["tenant", "suspend", "acme"]);
    let records = folder.json(&["audit", "--cluster", "acme"]);
    assert_eq!(
        (&records[0]["action"], &records[1]["action"]),
        (&"cluster.add".into(), &"cluster.suspend".into())
    );
    assert!(records[0]["actor"].as_str().unwrap().starts_with("cli:"));
    assert_eq!(folder.json(&["audit", "--cluster", "acme", "--last", "1"])[0]["seq"], 2);
    let report = folder.json(&["audit", "--verify"]);
    assert_eq!(report["broken"], serde_json::json!([]));
    assert!(
        report["whole"].as_array().unwrap().iter().any(|head| head["chain"] == "acme" && head["seq"] == 2)
    );
}
