//! What the configuration file declares, as the registry takes it.

use anyhow::Context;
use headstart_auction::CallPolicy;
use headstart_registry::{Declared, DeclaredCluster, RelayEntry};
use headstart_relay::RelayUrl;

use crate::Config;
use crate::config::{Cluster, Relay};

pub(crate) fn read(config: &Config) -> anyhow::Result<Declared> {
    let relays: Vec<_> = config.relays.iter().map(relay).collect::<anyhow::Result<_>>()?;
    let clusters = config.clusters.iter().map(|declared| cluster(declared, &relays));
    let clusters = clusters.collect::<anyhow::Result<_>>()?;
    Ok(Declared { relays, clusters, defaults: config.defaults.layer(), quotas: config.quotas.into() })
}

fn relay(relay: &Relay) -> anyhow::Result<RelayEntry> {
    let url: RelayUrl = relay.url.parse().with_context(|| format!("use relay {:?}", relay.name))?;
    Ok(RelayEntry {
        id: url.id(),
        name: relay.name.clone(),
        url: relay.url.clone(),
        headers: relay.headers.clone(),
        call_policy: relay.call_policy().unwrap_or(CallPolicy::MEV_BOOST_RELAY),
        stream: relay.stream.unwrap_or_else(|| RelayEntry::streams_by_default(&relay.policy, &relay.headers)),
        top_bid_url: relay.top_bid_url.clone(),
    })
}

fn cluster(cluster: &Cluster, relays: &[RelayEntry]) -> anyhow::Result<DeclaredCluster> {
    let id = |name: &str| relays.iter().find(|relay| relay.name == name).map(|relay| relay.id);
    DeclaredCluster::new(&cluster.name, cluster.layer(id), cluster.validators.iter().copied())
        .with_context(|| format!("use the validators of cluster {:?}", cluster.name))
}
