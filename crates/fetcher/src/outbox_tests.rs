use std::collections::BTreeSet;

use headstart_auction::{CallPolicy, Pace, PolicyLayer};
use headstart_registry::{Declared, DeclaredCluster, DirectoryRows, RelayEntry};
use headstart_types::{Network, SecretKey};

use super::*;

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);
const RELAY: RelayId = RelayId(7);

fn due(validator: BlsPublicKey) -> Due {
    Due { validator, mark: 1, urgent: true }
}

/// Validators that are none, by their number.
fn many(count: u32) -> Vec<Due> {
    let key = |number: u32| {
        let mut key = BlsPublicKey::default();
        key.0[..4].copy_from_slice(&number.to_be_bytes());
        due(key)
    };
    (0..count).map(key).collect()
}

/// Two clusters on one relay, both of which claim the validator.
fn directory(validator: BlsPublicKey) -> Directory {
    let relay = RelayEntry {
        id: RELAY,
        name: "shared".to_owned(),
        url: "http://relay.example".to_owned(),
        headers: BTreeMap::new(),
        call_policy: CallPolicy::MEV_BOOST_RELAY,
        stream: false,
        top_bid_url: None,
    };
    let layer = PolicyLayer { relays: Some(vec![RELAY]), ..PolicyLayer::default() };
    let cluster = |name| DeclaredCluster::new(name, layer.clone(), [validator]).unwrap();
    let clusters = vec![cluster("alpha"), cluster("beta")];
    let declared = Declared { relays: vec![relay], clusters, ..Declared::default() };
    Directory::build(&DirectoryRows::default(), &declared)
}

#[test]
fn a_lane_that_is_full_keeps_no_validator_from_a_relay_that_another_of_its_clusters_trusts() {
    let validator = SecretKey::from_seed(&[1; 32]).unwrap().public_key();
    let directory = directory(validator);
    let names: Vec<_> =
        directory.claims(&validator).iter().map(|claim| Arc::clone(&claim.cluster.name)).collect();
    let [first, second] = &names[..] else { panic!("{names:?}") };
    let outbox = Outbox::new(RELAY, Delivery::new(Pace::of(&Network::mainnet())));
    outbox.offer(NOW, &directory, [(Arc::clone(first), many(70_000))].into());

    outbox.offer(NOW, &directory, [(Arc::clone(first), vec![due(validator)])].into());
    let batches: Vec<_> = std::iter::from_fn(|| outbox.next(NOW, &mut None)).collect();
    let lanes: BTreeSet<_> = batches.iter().map(|batch| &batch.cluster).collect();
    assert_eq!(lanes, [first, second].into());
    let told = batches.iter().find(|batch| batch.cluster == *second).unwrap();
    assert_eq!(told.validators, [validator]);
}
