use headstart_auction::{CallPolicy, ClusterPolicy, Mode, PolicyLayer, TimingPreset};
use headstart_types::Slot;

use super::*;

const RELAY: &str = "https://0xac6e77dfe25ecd6110b8e780608cce0dab71fdd5ebea22a16c0205200f2f8e2e3ad3b71d3499c54ad14d6c21b41a37ae@relay.example";
const VALIDATOR: &str =
    "0x85009c6432bddc9d9b00c63cd311c79311bbd13f99f58544737dd5f6dcbbf4ca64b913c30ac7a099e28f580efd3c2414";

fn parse(text: &str) -> Result<Config, Error> {
    Config::parse(text, Path::new("headstart.toml"))
}

fn fault(text: &str) -> String {
    parse(text).expect_err("the configuration has a fault").to_string()
}

fn with_cluster(cluster: &str) -> String {
    format!("[[relays]]\nname = \"one\"\nurl = \"{RELAY}\"\n[[clusters]]\nname = \"alpha\"\n{cluster}\n")
}

#[test]
fn the_example_is_valid_and_shows_the_defaults() {
    let example = parse(EXAMPLE).unwrap();
    assert_eq!(example.log, Log::default());
    assert_eq!(example.network, Network::default());
    assert_eq!(example.builder_api, BuilderApi::default());
    assert_eq!(example.admin, Admin::default());
    assert_eq!(example.cluster_api, ClusterApi::default());
    assert_eq!(example.quotas, QuotaDefaults::default());
    let written = |registry: &Registry| registry.database_url(&example.directory).unwrap();
    assert_eq!(written(&example.registry), written(&Registry::default()));
    assert_eq!(Registry { url: None, ..example.registry.clone() }, Registry::default());
    let nothing = PolicyLayer::default();
    let (said, _) = ClusterPolicy::resolve(&nothing, &nothing, &example.defaults.layer());
    assert_eq!(said, ClusterPolicy::resolve(&nothing, &nothing, &nothing).0);
    assert_eq!(example.fetcher, Fetcher::default());
    assert_eq!((example.relays.len(), example.clusters.len()), (2, 1));
}

#[test]
fn an_empty_file_is_mainnet_with_defaults() {
    let config = parse("").unwrap();
    assert_eq!(config.network.name, "mainnet");
    assert_eq!(config.builder_api.listen.to_string(), "127.0.0.1:18550");
}

#[test]
fn an_unknown_key_is_refused_and_the_nearest_known_one_named() {
    for (text, known) in [
        ("[builder_api]\nlisten_addr = \"127.0.0.1:1\"", "listen"),
        ("[fetcher]\nlead_time_ms = 5", "lead_ms"),
        ("[builder-api]\n", "builder_api"),
        (&with_cluster("relays = [\"one\"]\nmin_bid = \"1\""), "min_bid_eth"),
    ] {
        let fault = fault(text);
        assert!(fault.contains(&format!("did you mean `{known}`?")), "{fault}");
    }
}

/// The keys of a section, as serde lists them when it meets an unknown one.
fn keys_of(section: &str) -> Vec<String> {
    let fault = fault(&format!("{section}\nno_such_key = 0"));
    let (_, known) = fault.split_once("expected one of").or(fault.split_once("expected")).unwrap();
    known.split('`').skip(1).step_by(2).take_while(|key| !key.contains(' ')).map(str::to_owned).collect()
}

#[test]
fn every_key_stands_in_the_example_and_in_the_manual() {
    const MANUAL: &str = include_str!("../../../../docs/configuration.md");
    assert!(
        EXAMPLE.contains("\nroles = ") && MANUAL.contains("| `roles` |"),
        "it stands before the first section"
    );
    for section in keys_of("").into_iter().filter(|section| !["no_such_key", "roles"].contains(&&**section)) {
        let headings = [format!("[{section}]"), format!("[[{section}]]")];
        let heading = headings.iter().find(|heading| EXAMPLE.contains(&format!("\n{heading}"))).unwrap();
        assert!(MANUAL.contains(&format!("\n## `{heading}`")), "{heading} is missing in the manual");
        for key in keys_of(heading) {
            let [example, manual] = [&format!("{key} ="), &format!("`{key}`")];
            assert!(EXAMPLE.contains(example), "{heading} {key} is missing in the example");
            assert!(MANUAL.contains(manual), "{heading} {key} is missing in the manual");
        }
    }
}

#[test]
fn every_fault_names_its_key_and_the_remedy() {
    let relay = |line: &str| format!("[[relays]]\nname = \"one\"\nurl = \"{RELAY}\"\n{line}");
    for (text, expected) in [
        (with_cluster("relays = []"), "clusters[0].relays: it is empty"),
        (
            with_cluster("relays = [\"two\"]"),
            "clusters[0].relays: there is no relay \"two\" in [[relays]]; known are: one",
        ),
        (
            with_cluster("relays = [\"one\"]\nmin_bid_eth = \"1e18\""),
            "clusters[0].min_bid_eth: \"1e18\" is no amount of ether",
        ),
        (with_cluster("relays = [\"one\"]\ncutoff_ms = 5000"), "clusters[0].cutoff_ms: write 1 to 3900"),
        (
            with_cluster(&format!("relays = [\"one\"]\nvalidators = [\"{VALIDATOR}\", \"{VALIDATOR}\"]")),
            "is listed twice",
        ),
        (
            relay("policy = \"titan\""),
            "relays[0].policy: \"titan\" is no policy; write one of mev-boost-relay, helix",
        ),
        ("[admin]\ndrain_min_ms = 40000".to_owned(), "admin.drain_min_ms: it is more than"),
        (
            relay("top_bid_url = \"https://relay.example/top_bid\""),
            "relays[0].top_bid_url: failed to use a top-bid URL with scheme \"https\": write wss",
        ),
        (relay("calls_max = 0"), "relays[0]: calls_max, min_gap_ms and burst must be positive"),
        (relay("burst = 0"), "relays[0]: calls_max, min_gap_ms and burst must be positive"),
        (with_cluster("relays = [\"one\"]\nsticky_ms = 0"), "clusters[0].sticky_ms: write 1 to 12000"),
        (with_cluster("relays = [\"one\"]\ntiming = \"vouch\""), "expected one of `solo`, `ssv`, `obol`"),
        ("[defaults]\nsticky_ms = 12001".to_owned(), "defaults.sticky_ms: write 1 to 12000"),
        (
            "[[relays]]\nname = \"one\"\nurl = \"https://relay.example\"".to_owned(),
            "relays[0].url: failed to find the relay's public key",
        ),
        (
            format!("{}\n[[relays]]\nname = \"two\"\nurl = \"{RELAY}\"", relay("")),
            "relays[1].url: relay \"one\" has the same URL",
        ),
        ("[network]\nname = \"goerli\"".to_owned(), "network.name: \"goerli\" is no preset"),
        (
            "[network]\nname = \"mainnet\"\nslot_duration_ms = 6000".to_owned(),
            "network.name: mainnet is a preset",
        ),
        ("[network]\nname = \"x\"\ngenesis_time = 5".to_owned(), "network.forks: a custom network needs it"),
        (
            "[network]\nname = \"x\"\ngenesis_time = 5\nattestation_due_bps_gloas = 10001".to_owned(),
            "network.attestation_due_bps_gloas: a custom network needs it",
        ),
        ("[log]\nlevel = \"headstart=loud\"".to_owned(), "log.level: "),
        ("[builder_api]\nhead_timeout_ms = 0".to_owned(), "builder_api.head_timeout_ms: it is 0"),
        (
            "[[clusters]]\nname = \"Alpha\"\nrelays = []".to_owned(),
            "clusters[0].name: \"Alpha\" is no name; write 1 to 63 of a-z, 0-9 and -",
        ),
        ("[registry]\nurl = \"mysql://x\"".to_owned(), "registry.url: write sqlite:FILE or postgres://"),
        ("[registry]\nurl_file = \"/nowhere\"".to_owned(), "registry.url_file: /nowhere cannot be read"),
        (
            "[registry]\nurl = \"sqlite:x\"\nurl_file = \"/nowhere\"".to_owned(),
            "registry.url_file: registry.url is there too; leave one of them out",
        ),
        (
            "[builder_api]\nopen_listen = \"127.0.0.1:1\"".to_owned(),
            "builder_api.open_listen: listen is open already; write access = \"credentials\"",
        ),
        (
            "[cluster_api]\ntls_cert_file = \"x\"".to_owned(),
            "cluster_api.tls_key_file: a certificate needs its key",
        ),
        (
            "[cluster_api]\nlisten = \"127.0.0.1:18550\"".to_owned(),
            "cluster_api.listen: builder_api.listen is 127.0.0.1:18550 too; give it another port",
        ),
        ("[cluster_api]\nworkers = 0".to_owned(), "cluster_api.workers: it is 0"),
        ("[defaults]\ncutoff_ms = 4000".to_owned(), "defaults.cutoff_ms: write 1 to 3900"),
        ("[quotas]\nstreams = 0".to_owned(), "quotas.streams: it is 0"),
    ] {
        let fault = fault(&text);
        assert!(fault.contains(expected), "{fault}");
    }
}

#[test]
fn a_network_without_figures_is_read_from_the_beacon_node() {
    let config =
        parse("[network]\nname = \"devnet\"\n[[beacon_nodes]]\nurl = \"http://127.0.0.1:5052\"").unwrap();
    assert_eq!(config.network.resolve(), network::Resolved::FromBeaconNode);
}

#[test]
fn what_a_cluster_leaves_out_is_left_to_the_defaults() {
    let config = parse(&with_cluster("relays = [\"one\"]\ncutoff_ms = 1500\nmode = \"shadow\"")).unwrap();
    let layer = config.clusters[0].layer(|_| None);
    assert_eq!((layer.cutoff_ms, layer.mode), (Some(1500), Some(Mode::Shadow)));
    assert_eq!((layer.min_bid, layer.expected_ask_ms, layer.sticky), (None, None, None));
    assert_eq!((layer.sticky_ms, layer.timing), (None, None));
    let config = parse(&with_cluster("relays = [\"one\"]\ntiming = \"obol\"\nsticky_ms = 3000")).unwrap();
    let layer = config.clusters[0].layer(|_| None);
    assert_eq!((layer.sticky_ms, layer.timing), (Some(3_000), Some(TimingPreset::Obol)));
}

#[test]
fn a_relay_whose_gap_is_its_own_is_asked_once_in_a_gap_unless_a_burst_is_said() {
    let burst = |lines: &str| {
        let config = parse(&format!("[[relays]]\nname = \"one\"\nurl = \"{RELAY}\"\n{lines}")).unwrap();
        config.relays[0].call_policy().unwrap().burst
    };
    assert_eq!(burst(""), CallPolicy::MEV_BOOST_RELAY.burst);
    assert_eq!(burst("min_gap_ms = 40"), 1);
    assert_eq!(burst("min_gap_ms = 40\nburst = 3"), 3);
    assert_eq!(burst("burst = 2"), 2);
}

#[test]
fn a_network_of_ones_own_may_have_deadlines_of_its_own() {
    let resolved = |lines: &str| {
        let text = format!(
            "[network]\nname = \"own\"\ngenesis_time = 5\ngenesis_fork_version = \"0x00000000\"\n\
             genesis_validators_root = \"0x{}\"\nforks = [{{ name = \"gloas\", epoch = 1, version = \"0x01000000\" }}]\n{lines}",
            "00".repeat(32)
        );
        match parse(&text).unwrap().network.resolve() {
            network::Resolved::Known(network) => [31, 32].map(|slot| network.attestation_due_ms(Slot(slot))),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(resolved(""), [3_999, 3_000]);
    assert_eq!(resolved("attestation_due_bps = 5000\nattestation_due_bps_gloas = 1000"), [6_000, 1_200]);
}

#[test]
fn a_listener_that_is_open_beyond_this_machine_is_warned_of() {
    let warnings = |text: &str| parse(text).unwrap().warnings();
    assert_eq!(warnings(""), Vec::<String>::new());
    assert!(
        warnings("[builder_api]\nlisten = \"0.0.0.0:1\"")[0].contains("builder_api.listen 0.0.0.0:1 is open")
    );
    let credentials = "[builder_api]\nlisten = \"0.0.0.0:1\"\naccess = \"credentials\"\n";
    assert_eq!(warnings(credentials), Vec::<String>::new());
    assert_eq!(warnings(&format!("{credentials}open_listen = \"10.0.0.5:2\"")).len(), 1);
    assert!(warnings("[cluster_api]\nlisten = \"0.0.0.0:1\"")[0].contains("tls_cert_file"));
}

#[test]
fn secrets_do_not_show() {
    let text = format!(
        "[[relays]]\nname = \"one\"\nurl = \"{RELAY}?id=canary\"\nheaders = {{ X-Api-Key = \"canary\" }}"
    );
    assert!(!format!("{:?}", parse(&text).unwrap()).contains("canary"));
}
