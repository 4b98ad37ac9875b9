use std::sync::Arc;

use headstart_auction::{CallPolicy, Cutoff, Mode, PolicyLayer, PolicySource, TimingPreset};
use headstart_types::{FixedBytes, RelayId, SecretKey, UnixMillis, Wei};
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;
use crate::{
    BeaconNodeRow, ClaimLevel, ClaimRow, ClusterRow, DeclaredCluster, NewSecret, OperatorRow, PolicyRow,
    PresentedSecret, RelayRow,
};

fn pubkey(number: u8) -> BlsPublicKey {
    SecretKey::from_seed(&[number; 32]).unwrap().public_key()
}

fn claim(number: u8, level: ClaimLevel, claimed_at: i64) -> ClaimRow {
    ClaimRow::new(pubkey(number), level, UnixMillis(claimed_at)).unwrap()
}

fn cluster(name: &str, relays: &[&str], claims: Vec<ClaimRow>) -> Arc<ClusterRow> {
    let relays = Some(relays.iter().map(|relay| (*relay).to_owned()).collect());
    let policy = PolicyRow { relays, ..PolicyRow::default() };
    Arc::new(ClusterRow { name: name.to_owned(), policy, claims, ..ClusterRow::default() })
}

fn relay(name: &str, id: u64) -> RelayRow {
    RelayRow {
        name: name.to_owned(),
        id: RelayId(id),
        url: format!("https://{name}.example"),
        headers: [("X-Api-Key".to_owned(), "canary".to_owned())].into(),
        policy: "helix".to_owned(),
        first_ms: None,
        last_ms: None,
        min_gap_ms: Some(7),
        burst: None,
        calls_max: None,
        head_required: None,
        stream: None,
        top_bid_url: None,
    }
}

fn build(rows: &DirectoryRows) -> Directory {
    let directory = Directory::build(rows, &Declared::default());
    assert_eq!(directory.faults(), [] as [&str; 0]);
    directory
}

/// A beacon node that these clusters granted, and its secret.
fn beacon_node(seed: u64, clusters: &[&str]) -> (BeaconNodeRow, NewSecret) {
    let secret = NewSecret::draw(&mut StdRng::seed_from_u64(seed));
    let row = SecretRow { id: secret.id().to_owned(), digest: secret.digest() };
    let clusters = clusters.iter().map(|name| (*name).to_owned()).collect();
    (BeaconNodeRow { name: format!("node-{seed}"), clusters, secrets: vec![row] }, secret)
}

fn authenticate(directory: &Directory, secret: &NewSecret) -> Option<Asker> {
    directory.authenticate_beacon_node(&PresentedSecret::from_token(&secret.token()).unwrap())
}

#[test]
fn the_credential_chooses_among_the_clusters_that_claim_a_validator() {
    let (for_both, secret_of_both) = beacon_node(1, &["alpha", "beta"]);
    let (for_beta, secret_of_beta) = beacon_node(2, &["beta", "gone"]);
    let (for_nobody, secret_of_nobody) = beacon_node(3, &[]);
    let directory = build(&DirectoryRows {
        relays: vec![relay("one", 1), relay("two", 2)],
        clusters: vec![
            cluster("alpha", &["one"], vec![claim(1, ClaimLevel::Registered, 5)]),
            cluster(
                "beta",
                &["two"],
                vec![claim(1, ClaimLevel::Registered, 9), claim(2, ClaimLevel::Proven, 0)],
            ),
        ],
        beacon_nodes: vec![for_both, for_beta, for_nobody],
        ..DirectoryRows::default()
    });
    let cluster_for = |secret: &NewSecret, number| {
        let asker = authenticate(&directory, secret).unwrap();
        directory.claim_for(&asker, &pubkey(number)).map(|claim| claim.cluster.name.to_string())
    };
    assert_eq!(cluster_for(&secret_of_both, 1).as_deref(), Some("alpha"));
    assert_eq!(cluster_for(&secret_of_beta, 1).as_deref(), Some("beta"));
    assert_eq!(cluster_for(&secret_of_both, 2).as_deref(), Some("beta"));
    assert_eq!(cluster_for(&secret_of_nobody, 1), None);
    assert_eq!(
        authenticate(&directory, &secret_of_beta).unwrap().only_cluster().unwrap().name,
        "beta".into()
    );
    assert!(authenticate(&directory, &secret_of_both).unwrap().only_cluster().is_none());
    assert_eq!(directory.cluster("beta").unwrap().beacon_nodes, ["node-1", "node-2"]);
}

#[test]
fn a_wrong_secret_authenticates_nobody() {
    let (node, secret) = beacon_node(1, &["alpha"]);
    let directory = build(&DirectoryRows { beacon_nodes: vec![node], ..DirectoryRows::default() });
    assert!(authenticate(&directory, &secret).is_some());
    let other = NewSecret::draw(&mut StdRng::seed_from_u64(2)).token();
    let mixed = format!("bn_{}_{}", secret.id(), &other["bn_12345678_".len()..]);
    assert!(directory.authenticate_beacon_node(&PresentedSecret::from_token(&mixed).unwrap()).is_none());
    assert!(directory.authenticate_beacon_node(&PresentedSecret::from_token(&other).unwrap()).is_none());
}

#[test]
fn a_false_claim_changes_nothing_for_whoever_proved_his() {
    let directory = build(&DirectoryRows {
        clusters: vec![
            cluster("early-bird", &[], vec![claim(1, ClaimLevel::Registered, 0)]),
            cluster("owner", &[], vec![claim(1, ClaimLevel::Proven, 100)]),
        ],
        ..DirectoryRows::default()
    });
    let open = directory.asker_open();
    assert_eq!(&*directory.claim_for(&open, &pubkey(1)).unwrap().cluster.name, "owner");
    let order: Vec<_> = directory.claims(&pubkey(1)).iter().map(|claim| &*claim.cluster.name).collect();
    assert_eq!(order, ["owner", "early-bird"]);
}

#[test]
fn a_validators_own_policy_comes_before_its_clusters() {
    let own = PolicyRow { min_bid: Some(Wei::new(9)), ..PolicyRow::default() };
    let claims = vec![
        ClaimRow { policy: Some(Box::new(own)), ..claim(1, ClaimLevel::Registered, 0) },
        claim(2, ClaimLevel::Registered, 0),
    ];
    let directory = build(&DirectoryRows {
        relays: vec![relay("one", 1)],
        clusters: vec![cluster("alpha", &["one"], claims)],
        ..DirectoryRows::default()
    });
    let policy = |number| Arc::clone(&directory.claim_of(&pubkey(number), "alpha").unwrap().policy);
    assert_eq!(policy(1).min_bid, Wei::new(9));
    assert_eq!(policy(1).relays(), [RelayId(1)]);
    assert_eq!(policy(2).min_bid, Wei::ZERO);
    assert!(Arc::ptr_eq(&policy(2), &directory.cluster("alpha").unwrap().policy), "shared, not copied");
}

#[test]
fn headers_are_sticky_by_default_where_operators_are_several() {
    let operator = |name: &str| OperatorRow { name: name.to_owned(), keys: Vec::new() };
    let with = |name: &str, operators| {
        Arc::new(ClusterRow { operators, ..ClusterRow::clone(&cluster(name, &[], Vec::new())) })
    };
    let directory = build(&DirectoryRows {
        clusters: vec![with("solo", vec![operator("a")]), with("dvt", vec![operator("a"), operator("b")])],
        ..DirectoryRows::default()
    });
    let sticky =
        |name| directory.cluster(name).map(|cluster| (cluster.policy.sticky, cluster.sources.sticky));
    assert_eq!(sticky("solo"), Some((false, PolicySource::Default)));
    assert_eq!(sticky("dvt"), Some((true, PolicySource::Default)));
}

#[test]
fn a_preset_goes_before_the_defaults_and_after_what_is_said_by_whom_it_concerns() {
    let preset = |timing| PolicyRow { timing: Some(timing), ..PolicyRow::default() };
    let own = |number, row| ClaimRow { policy: Some(Box::new(row)), ..claim(number, ClaimLevel::Proven, 0) };
    let claims = vec![
        own(1, PolicyRow { cutoff_ms: Some(900), ..PolicyRow::default() }),
        own(2, preset(TimingPreset::Solo)),
        claim(3, ClaimLevel::Proven, 0),
    ];
    let policy = PolicyRow { sticky_ms: Some(3_000), ..preset(TimingPreset::Ssv) };
    let alpha = ClusterRow { policy, claims, name: "alpha".to_owned(), ..ClusterRow::default() };
    let defaults = PolicyLayer {
        cutoff_ms: Some(1_900),
        expected_ask_ms: Some(-50),
        sticky: Some(false),
        ..PolicyLayer::default()
    };
    let declared = Declared { defaults, ..Declared::default() };
    let clusters = vec![Arc::new(alpha), cluster("beta", &[], Vec::new())];
    let rows = DirectoryRows { clusters, ..DirectoryRows::default() };
    let directory = Directory::build(&rows, &declared);

    let moments = |number| {
        let policy = &directory.claim_of(&pubkey(number), "alpha").unwrap().policy;
        (policy.cutoff, policy.expected_ask_ms, policy.sticky, policy.sticky_ms)
    };
    assert_eq!(moments(1), (Cutoff::AtMs(900), 170, true, 3_000));
    assert_eq!(moments(2), (TimingPreset::Solo.cutoff(), 0, false, 3_000));
    assert_eq!(moments(3), (TimingPreset::Ssv.cutoff(), 170, true, 3_000));
    let sources = directory.cluster("alpha").unwrap().sources;
    assert_eq!(
        (sources.cutoff_ms, sources.sticky, sources.sticky_ms, sources.timing),
        (PolicySource::Preset, PolicySource::Preset, PolicySource::Cluster, PolicySource::Cluster)
    );
    let beta = &directory.cluster("beta").unwrap().policy;
    assert_eq!((beta.cutoff, beta.expected_ask_ms, beta.sticky), (Cutoff::AtMs(1_900), -50, false));
}

#[test]
fn a_preset_of_the_defaults_says_what_is_sticky_whatever_the_number_of_operators() {
    let defaults = PolicyLayer { timing: Some(TimingPreset::Obol), ..PolicyLayer::default() };
    let declared = Declared { defaults, ..Declared::default() };
    let rows =
        DirectoryRows { clusters: vec![cluster("alpha", &[], Vec::new())], ..DirectoryRows::default() };
    let directory = Directory::build(&rows, &declared);
    let alpha = directory.cluster("alpha").unwrap();
    assert_eq!((alpha.policy.sticky, alpha.sources.sticky), (true, PolicySource::Preset));
}

#[test]
fn a_relays_burst_is_its_own_or_its_presets_and_one_where_only_the_gap_is_its_own() {
    let rows = [
        RelayRow { burst: Some(3), ..relay("both", 1) },
        relay("gap", 2),
        RelayRow { min_gap_ms: None, ..relay("neither", 3) },
        RelayRow { min_gap_ms: None, burst: Some(9), ..relay("burst", 4) },
    ];
    let directory = build(&DirectoryRows { relays: rows.to_vec(), ..DirectoryRows::default() });
    let bursts = [1, 2, 3, 4].map(|id| directory.call_policy(RelayId(id)).burst);
    assert_eq!(bursts, [3, 1, CallPolicy::HELIX.burst, 9]);
}

#[test]
fn what_the_file_declares_and_what_the_database_holds_are_one_directory() {
    let layer = PolicyLayer { mode: Some(Mode::Shadow), ..PolicyLayer::default() };
    let declared = Declared {
        clusters: vec![DeclaredCluster::new("alpha", layer, [pubkey(1)]).unwrap()],
        ..Declared::default()
    };
    let own = PolicyRow { min_bid: Some(Wei::new(7)), ..PolicyRow::default() };
    let claim_1 = ClaimRow { policy: Some(Box::new(own)), ..claim(1, ClaimLevel::Registered, 3) };
    let members = ClusterRow {
        name: "alpha".to_owned(),
        declared: true,
        claims: vec![claim_1, claim(2, ClaimLevel::Registered, 3)],
        ..ClusterRow::default()
    };
    let rows = DirectoryRows {
        clusters: vec![Arc::new(members), cluster("beta", &[], vec![claim(2, ClaimLevel::Registered, 4)])],
        ..DirectoryRows::default()
    };
    let directory = Directory::build(&rows, &declared);
    assert_eq!(directory.clusters().len(), 2);
    let claim_1 = directory.claim_of(&pubkey(1), "alpha").unwrap();
    assert_eq!((claim_1.level, claim_1.policy.min_bid), (ClaimLevel::Proven, Wei::new(7)));
    assert_eq!(directory.claim_of(&pubkey(2), "alpha").unwrap().policy.mode, Mode::Shadow);
    assert_eq!(directory.claims(&pubkey(2)).len(), 2);
}

#[test]
fn one_clusters_mistake_leaves_the_others_alone() {
    let damaged = ClaimRow { key: FixedBytes([1; 96]), ..claim(1, ClaimLevel::Proven, 0) };
    let rows = DirectoryRows {
        relays: vec![
            relay("one", 1),
            relay("twin", 1),
            RelayRow { policy: "none".to_owned(), ..relay("odd", 3) },
        ],
        clusters: vec![
            cluster("alpha", &["one", "absent"], vec![damaged]),
            cluster("beta", &["one"], vec![claim(2, ClaimLevel::Proven, 0)]),
        ],
        ..DirectoryRows::default()
    };
    let directory = Directory::build(&rows, &Declared::default());
    assert_eq!(directory.faults().len(), 4, "{:?}", directory.faults());
    assert!(!directory.faults().concat().contains("canary"));
    assert_eq!(directory.cluster("alpha").unwrap().policy.relays(), [RelayId(1)]);
    assert_eq!(directory.claims(&pubkey(2)).len(), 1);
    assert_eq!(
        directory.call_policy(RelayId(1)),
        CallPolicy { min_gap_ms: 7, burst: 1, ..CallPolicy::HELIX }
    );
}

#[test]
fn a_suspended_cluster_is_served_nothing() {
    let suspended = ClusterRow {
        suspended: true,
        ..ClusterRow::clone(&cluster("alpha", &[], vec![claim(1, ClaimLevel::Proven, 0)]))
    };
    let (node, secret) = beacon_node(1, &["alpha"]);
    let directory = build(&DirectoryRows {
        clusters: vec![Arc::new(suspended)],
        beacon_nodes: vec![node],
        ..DirectoryRows::default()
    });
    let asker = authenticate(&directory, &secret).unwrap();
    assert!(directory.claim_for(&asker, &pubkey(1)).is_none());
    assert!(directory.cluster("alpha").is_none());
}
