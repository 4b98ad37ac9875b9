use std::collections::{BTreeSet, HashMap};

use headstart_types::{ForkName, Slot};
use tokio::time::timeout;

use super::*;
use crate::cluster::{BeaconClient, Cluster, ClusterPlan, Proposer};
use crate::http_client::Endpoint;
use crate::market::Market;
use crate::relay::{Relay, RelayConfig};
use crate::testing::{PATIENCE, clock};

/// A chain with slots of 0.4 s that has begun, and a cluster with a share of its slots.
fn fast_chain(ours_per_mille: u64) -> (Chain, Cluster) {
    let network = crate::network(ForkName::Fulu, 400, clock().now(), -4000);
    let cluster = Cluster::new("one", BeaconClient::Lighthouse, 0, 5);
    let config = ChainConfig {
        validators: cluster.identities().collect(),
        ours_per_mille,
        missed_per_mille: 300,
        ..ChainConfig::new(network, clock(), 3)
    };
    (Chain::new(config), cluster)
}

#[tokio::test]
async fn the_clock_moves_the_chain_and_announces_every_next_slot() {
    let (chain, _) = fast_chain(0);
    let mut events = chain.events();
    let _task = chain.run();
    let (mut heads, mut announced) = (Vec::new(), BTreeSet::new());
    while heads.len() < 6 {
        match timeout(PATIENCE, events.recv()).await.unwrap().unwrap() {
            Event::Head { block, .. } => heads.push(block),
            Event::PayloadAttributes(attributes) => {
                assert_eq!(attributes.parent_block_hash, chain.head().block_hash);
                announced.insert(attributes.proposal_slot);
            }
            reorg @ Event::ChainReorg { .. } => panic!("nobody asked for {reorg:?}"),
        }
    }
    for pair in heads.windows(2) {
        assert_eq!((pair[1].parent_root, pair[1].block_number), (pair[0].root, pair[0].block_number + 1));
        let slots: Vec<_> = (pair[0].slot.0 + 1..=pair[1].slot.0).map(Slot).collect();
        assert!(slots.iter().all(|slot| announced.contains(slot)), "{slots:?} in {announced:?}");
    }
    let first = heads[0].slot.0;
    assert!(heads[5].slot.0 > first + 5, "with three in ten slots missed some are empty");
}

#[tokio::test]
async fn slots_of_ours_have_the_blocks_that_the_cluster_proposed() {
    let (chain, cluster) = fast_chain(1000);
    let market = Market::new(chain.network().clone(), 1, 4);
    let relay = Relay::spawn(RelayConfig::new(chain.clone(), market, 1)).await.unwrap();
    let endpoint = Endpoint::new(&format!("http://{}", relay.addr())).unwrap();
    let mut events = chain.events();
    let _chain = chain.run();
    let endpoints = vec![endpoint.clone(), endpoint];
    let plan = ClusterPlan { cluster, endpoints, asks_at_ms: 200, registers: true };
    let (_cluster, mut proposals) = Proposer::new(chain.clone()).run(vec![plan]);
    let (mut heads, mut revealed) = (HashMap::new(), HashMap::new());
    let both = |heads: &HashMap<_, _>, revealed: &HashMap<_, _>| {
        heads.keys().filter(|slot| revealed.contains_key(*slot)).count()
    };
    while both(&heads, &revealed) < 5 {
        tokio::select! {
            Ok(event) = events.recv() => if let Event::Head { block, .. } = event {
                heads.insert(block.slot, block.block_hash);
            },
            Some(proposal) = proposals.recv() => if proposal.is_revealed() {
                revealed.insert(proposal.slot, proposal.reveal.map(|reveal| reveal.block_hash));
            },
            () = tokio::time::sleep(PATIENCE) => panic!("the simulation stands still"),
        }
    }
    for (slot, block_hash) in &revealed {
        assert!(heads.get(slot).is_none_or(|head| Some(*head) == *block_hash), "another head in slot {slot}");
    }
    assert!(relay.seen().registrations_received >= 10, "five validators by each operator");
}
