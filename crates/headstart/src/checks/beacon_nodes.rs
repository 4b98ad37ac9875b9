use std::time::Duration;

use futures_util::future::join_all;
use headstart_beacon::{BeaconNode, Syncing};
use headstart_types::{Network, Root};
use tokio::time::Instant;

use super::Finding;
use crate::Config;
use crate::config::network::Resolved;

const CHECK: &str = "beacon_node";
const TIMEOUT: Duration = Duration::from_secs(3);

/// Whether each beacon node is of this network, and up to date.
pub(super) async fn check(config: &Config, nodes: &[BeaconNode]) -> Vec<Finding> {
    if nodes.is_empty() {
        let seen = "none: auctions begin with clusters' hints, or when a header is asked for";
        return vec![Finding::ok(CHECK, seen)];
    }
    let known = match config.network.resolve() {
        Resolved::Known(network) => Some(network.genesis_validators_root),
        _ => None,
    };
    join_all(nodes.iter().map(|node| one(node, known))).await
}

async fn one(node: &BeaconNode, known: Option<Root>) -> Finding {
    let deadline = Instant::now() + TIMEOUT;
    match tokio::try_join!(node.network(deadline), node.syncing(deadline)) {
        Ok((network, syncing)) => judge(node, known, &network, &syncing),
        Err(error) => {
            let seen = format!("{node}: failed to {error}");
            Finding::warn(CHECK, seen, "start it, or correct beacon_nodes.url")
        }
    }
}

fn judge(node: &BeaconNode, known: Option<Root>, network: &Network, syncing: &Syncing) -> Finding {
    let warn = |what: &str, remedy| Finding::warn(CHECK, format!("{node}: {what}"), remedy);
    if known.is_some_and(|known| known != network.genesis_validators_root) {
        let seen = format!(
            "{node}: of another network (genesis validators root {})",
            network.genesis_validators_root
        );
        return Finding::fail(CHECK, seen, "correct network.name or beacon_nodes.url");
    }
    match syncing {
        Syncing { is_syncing: true, sync_distance, .. } => {
            warn(&format!("{sync_distance} slots behind"), "wait until it has synced")
        }
        Syncing { el_offline: true, .. } => {
            warn("without its execution client", "start the execution client")
        }
        Syncing { is_optimistic: true, .. } => {
            warn("its head is not verified yet", "wait for its execution client")
        }
        Syncing { head_slot, .. } => Finding::ok(CHECK, format!("{node}: synced, head at slot {head_slot}")),
    }
}
