//! Which network is served, from the configuration and from beacon nodes.

use std::time::Duration;

use anyhow::{Context, bail};
use futures_util::future::join_all;
use headstart_beacon::BeaconNode;
use headstart_types::Network;
use tokio::time::Instant;
use tracing::{info, warn};

use crate::Config;
use crate::config::network::Resolved;

const BEACON_NODE_TIMEOUT: Duration = Duration::from_secs(3);
pub(crate) const USER_AGENT: &str = concat!("headstart/", env!("CARGO_PKG_VERSION"));

/// The network of the configuration, checked against the beacon nodes: their fork schedule has the last word, another
/// genesis is a mistake that must not go unnoticed.
pub(crate) async fn resolve(config: &Config, beacon_nodes: &[BeaconNode]) -> anyhow::Result<Network> {
    let name = &config.network.name;
    let known = known(config);
    let deadline = Instant::now() + BEACON_NODE_TIMEOUT;
    let asked = join_all(beacon_nodes.iter().map(async |node| (node, node.network(deadline).await))).await;
    let mut resolved: Option<Network> = None;
    for (node, answer) in asked {
        let told = match answer {
            Ok(told) => told,
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                warn!(beacon_node = %node, cause, "failed to {error}");
                continue;
            }
        };
        let expected = resolved.as_ref().or(known.as_ref());
        if expected.is_some_and(|expected| told.genesis_validators_root != expected.genesis_validators_root) {
            bail!(
                "serve {name}: beacon node {node} follows another network (genesis validators root {}); correct network.name or beacon_nodes",
                told.genesis_validators_root
            )
        }
        resolved.get_or_insert_with(|| as_told(name, node, told, known.as_ref()));
    }
    let network = resolved.or(known);
    network.with_context(|| format!("serve {name}: it is no preset and no beacon node could be asked"))
}

/// The fork schedule is the beacon node's.
fn as_told(name: &str, node: &BeaconNode, told: Network, known: Option<&Network>) -> Network {
    if known.is_some_and(|known| told.schedule != known.schedule) {
        info!(network = name, beacon_node = %node, "fork schedule taken from the beacon node");
    }
    // A custom network's genesis may lie between two seconds, which the beacon API cannot say.
    let genesis_time_ms = known.map_or(told.genesis_time_ms, |known| known.genesis_time_ms);
    Network { name: name.to_owned(), genesis_time_ms, ..told }
}

/// The network for a command, which asks beacon nodes only when the configuration leaves it to them.
pub(crate) async fn of_config(config: &Config) -> anyhow::Result<Network> {
    match known(config) {
        Some(network) => Ok(network),
        None => resolve(config, &beacon_nodes(config)?).await,
    }
}

pub(crate) fn beacon_nodes(config: &Config) -> anyhow::Result<Vec<BeaconNode>> {
    let node = |node: &crate::config::BeaconNode| {
        BeaconNode::new(node.url.as_str(), USER_AGENT)
            .with_context(|| format!("use beacon node {}", node.url.host_str().unwrap_or("without host")))
    };
    config.beacon_nodes.iter().map(node).collect()
}

/// The network as far as the configuration alone tells it.
pub(crate) fn known(config: &Config) -> Option<Network> {
    match config.network.resolve() {
        Resolved::Known(network) => Some(network),
        _ => None,
    }
}
