//! `headstart doctor` on real neighbours, well and ill.

use std::net::TcpListener;
use std::process::Command;

use e2e::{RedisServer, Service, binary, eth, relay_bidding, validator};
use headstart::clock::SYSTEM;
use headstart_devnet::{BeaconBehaviour, BeaconNode, Chain, ChainConfig, Relay};
use headstart_types::{ForkName, Network};
use serde_json::Value;

use super::folder::{CONFIG, Folder, text};

/// A relay and a beacon node that are well, and a configuration that names them.
struct Field {
    relay: Relay,
    beacon_node: BeaconNode,
    folder: Folder,
}

impl Field {
    async fn new() -> Self {
        // The beacon API tells the genesis in whole seconds.
        let network = headstart_devnet::network(ForkName::Fulu, 12_000, SYSTEM.now(), -60_000);
        let relay = relay_bidding(&network, 1, eth("0.03")).await;
        let chain = Chain::new(ChainConfig::new(network.clone(), SYSTEM, 1));
        let beacon_node = BeaconNode::spawn(chain).await.expect("a port is free");
        let folder = Folder::with_config(&config(&network, &relay, &beacon_node));
        Self { relay, beacon_node, folder }
    }
}

fn config(network: &Network, relay: &Relay, beacon_node: &BeaconNode) -> String {
    let setup = Service::on(network).relay("one", relay).beacon_node(&beacon_node.url());
    setup.cluster("alpha", &["one"], &[validator(0)]).toml()
}

/// What the doctor finds, and how it ends.
fn examine(folder: &Folder) -> (Value, Option<i32>) {
    let output = folder.run(&["doctor", "--json"]);
    let told = text(&output.stdout);
    let report =
        serde_json::from_str(&told).unwrap_or_else(|error| panic!("{error}: {told}{}", text(&output.stderr)));
    (report, output.status.code())
}

/// Status and words of a check's first finding that is not well, or else of its first.
fn finding(report: &Value, check: &str) -> (String, String) {
    let all = report["checks"].as_array().expect("a list of checks");
    let of_check = || all.iter().filter(|finding| finding["check"] == check);
    let found = of_check().find(|finding| finding["status"] != "ok").or(of_check().next());
    let found = found.unwrap_or_else(|| panic!("{check} was not looked at: {report}"));
    let word = |key: &str| found[key].as_str().expect("it is text").to_owned();
    let (status, seen) = (word("status"), word("seen"));
    assert_eq!(found["remedy"].is_string(), status != "ok", "what is not well has a remedy: {found}");
    (status, seen)
}

fn status(report: &Value, check: &str) -> String {
    finding(report, check).0
}

#[tokio::test(flavor = "multi_thread")]
async fn where_everything_is_well_the_doctor_finds_nothing_and_changes_nothing() {
    let field = Field::new().await;
    let (report, code) = examine(&field.folder);
    assert_eq!(code, Some(0), "{report}");
    let checks = [
        "configuration",
        "database",
        "directory",
        "beacon_node",
        "relay",
        "clock",
        "port",
        "signing_key",
        "snapshot",
    ];
    for check in checks {
        assert_eq!(status(&report, check), "ok", "{check}: {report}");
    }
    assert!(!std::path::Path::new(&field.folder.path("headstart.db")).exists(), "looking makes no database");
    field.folder.text(&["migrate"]);
    let (report, _) = examine(&field.folder);
    assert!(finding(&report, "database").1.starts_with("schema "), "{report}");
    let table = field.folder.text(&["doctor"]);
    assert!(table.lines().any(|line| line.starts_with("OK ") && line.contains("beacon_node")), "{table}");
}

#[tokio::test(flavor = "multi_thread")]
async fn neighbours_that_are_ill_are_warned_of() {
    let field = Field::new().await;
    field.beacon_node.behave(BeaconBehaviour::Syncing);
    let (report, code) = examine(&field.folder);
    assert_eq!((status(&report, "beacon_node").as_str(), code), ("warn", Some(0)));
    field.beacon_node.stop().await;
    let relay = field.relay.url();
    field.folder.write(
        "headstart.toml",
        &std::fs::read_to_string(field.folder.config()).unwrap().replace(&port_of(&relay), ":1"),
    );
    let (report, code) = examine(&field.folder);
    assert_eq!(code, Some(0), "nothing of it keeps the service from starting: {report}");
    assert_eq!(status(&report, "beacon_node"), "warn");
    let (told, seen) = finding(&report, "relay");
    assert!(told == "warn" && seen.contains("one: failed to talk to the relay"), "{seen}");
    assert_eq!(status(&report, "clock"), "ok", "nobody is left to say that it is wrong");
}

fn port_of(url: &str) -> String {
    let (_, port) = url.trim_end_matches('/').rsplit_once(':').expect("a devnet URL has a port");
    format!(":{port}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_beacon_node_of_another_network_fails_here_and_at_the_start() {
    let field = Field::new().await;
    let other = format!("{CONFIG}[[beacon_nodes]]\nurl = \"{}\"\n", field.beacon_node.url());
    let folder = Folder::with_config(&other);
    let (report, code) = examine(&folder);
    assert_eq!((status(&report, "beacon_node").as_str(), code), ("fail", Some(1)), "{report}");
    assert!(folder.fault(&["serve"]).contains("follows another network"));
}

#[test]
fn a_database_that_is_away_is_fatal_only_to_who_knows_nobody_else() {
    let away = "[registry]\nurl = \"postgres://me:canary@127.0.0.1:1/none\"\n";
    let (report, code) = examine(&Folder::with_config(&format!("{away}{CONFIG}")));
    assert_eq!((status(&report, "database").as_str(), code), ("fail", Some(1)));
    assert_eq!(status(&report, "directory"), "warn", "nobody is served");
    assert!(!report.to_string().contains("canary"), "{report}");
    let declared = std::fs::read_to_string(Folder::new().config()).unwrap();
    let (report, _) = examine(&Folder::with_config(&format!("{away}{declared}")));
    assert_eq!((status(&report, "database").as_str(), status(&report, "directory").as_str()), ("warn", "ok"));
    let folder = Folder::with_config(CONFIG);
    folder.write(
        "headstart.db",
        "this is no database, however long it may be: it has no head and no pages at all",
    );
    assert_eq!(status(&examine(&folder).0, "database"), "fail");
}

#[test]
fn each_redis_server_is_held_against_what_it_is_there_for() {
    let full = |policy| RedisServer::start_with(&["--maxmemory", "100mb", "--maxmemory-policy", policy]);
    let (fits, evicts, refuses) = (full("volatile-ttl"), full("allkeys-lru"), full("noeviction"));
    let told = |bids: &RedisServer, provenance: Option<&RedisServer>| {
        let apart = provenance.map(|server| format!("provenance_url = \"{}\"\n", server.url()));
        let redis = format!("[redis]\nurl = \"{}\"\n{}", bids.url(), apart.unwrap_or_default());
        let (report, code) = examine(&Folder::with_config(&format!("{redis}{CONFIG}")));
        assert_eq!(code, Some(0), "warnings are for people: {report}");
        report
    };
    assert_eq!(status(&told(&fits, None), "redis"), "ok");
    assert!(finding(&told(&evicts, None), "redis").1.contains("provenance can be evicted"));
    let apart = told(&fits, Some(&refuses));
    assert_eq!((status(&apart, "redis"), status(&apart, "redis provenance")), ("ok".into(), "ok".into()));
    let crossed = told(&refuses, Some(&evicts));
    assert!(finding(&crossed, "redis").1.contains("it takes no bids"), "{crossed}");
    assert!(finding(&crossed, "redis provenance").1.contains("provenance can be evicted"), "{crossed}");

    fits.kill();
    let away = format!("[redis]\nurl = \"{}\"\n{CONFIG}", fits.url());
    let (report, code) = examine(&Folder::with_config(&away));
    assert_eq!((status(&report, "redis").as_str(), code), ("fail", Some(1)), "{report}");
}

#[test]
fn a_server_of_provenance_that_is_away_keeps_the_service_from_starting() {
    let bids = RedisServer::start();
    let apart = "provenance_url = \"redis://127.0.0.1:1\"";
    let folder = Folder::with_config(&format!("[redis]\nurl = \"{}\"\n{apart}\n{CONFIG}", bids.url()));
    let (report, code) = examine(&folder);
    assert_eq!((status(&report, "redis provenance").as_str(), code), ("fail", Some(1)), "{report}");
    let output = folder.run(&["serve"]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("headstart: failed to reach the redis server for provenance"), "{told}");
}

#[test]
fn what_is_wrong_on_this_machine_is_told() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let addr = taken.local_addr().expect("it is bound");
    let folder = Folder::with_config(&CONFIG.replacen("127.0.0.1:0", &addr.to_string(), 1));
    folder.write("headstart-signing-key.pem", "no key");
    folder.write("headstart-directory.json", "no snapshot");
    let (report, code) = examine(&folder);
    for check in ["port", "signing_key", "snapshot"] {
        assert_eq!(status(&report, check), "warn", "{check}: {report}");
    }
    assert_eq!(code, Some(0), "warnings are for people: {report}");
    let elsewhere = Folder::with_config(&CONFIG.replacen("127.0.0.1:0", "192.0.2.1:1", 1));
    assert_eq!(status(&examine(&elsewhere).0, "port"), "fail", "no address of this machine");
}

#[test]
fn too_few_file_descriptors_are_told() {
    let folder = Folder::with_config(CONFIG);
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 512; exec \"$0\" doctor --json --config \"$1\""]);
    let output = command.arg(binary()).arg(folder.config()).output().expect("the shell runs");
    let report: Value = serde_json::from_str(&text(&output.stdout)).expect("a report in JSON");
    assert_eq!(
        finding(&report, "file_descriptors"),
        ("warn".to_owned(), "512 may be open, of 65536 that should".to_owned())
    );
}

#[test]
fn a_configuration_that_cannot_be_used_ends_with_64_here_too() {
    let (report, code) = examine(&Folder::with_config("[builder_api]\nlisten_adr = \"127.0.0.1:0\"\n"));
    assert_eq!((status(&report, "configuration").as_str(), code), ("fail", Some(64)));
    let open = CONFIG.replacen("127.0.0.1:0", "0.0.0.0:0", 1);
    assert_eq!(status(&examine(&Folder::with_config(&open)).0, "configuration"), "warn");
}
