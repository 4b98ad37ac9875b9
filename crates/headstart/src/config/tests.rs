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
        (relay("calls_max = 0"), "relays[0]: calls_max and min_gap_ms must be positive"),
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
        ("[log]\nlevel = \"headstart=loud\"".to_owned(), "log.level: "),
        ("[builder_api]\nhead_timeout_ms = 0".to_owned(), "builder_api.head_timeout_ms: it is 0"),
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
fn secrets_do_not_show() {
    let text = format!(
        "[[relays]]\nname = \"one\"\nurl = \"{RELAY}?id=canary\"\nheaders = {{ X-Api-Key = \"canary\" }}"
    );
    assert!(!format!("{:?}", parse(&text).unwrap()).contains("canary"));
}
