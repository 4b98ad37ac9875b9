use serde::Serialize;

use crate::commands::desk::Desk;
use crate::commands::table::{Table, list};

#[derive(Serialize)]
pub(super) struct NodeView {
    name: String,
    clusters: Vec<String>,
    secret_ids: Vec<String>,
}

pub(super) async fn run(desk: &Desk) -> anyhow::Result<()> {
    let nodes = all(desk).await?;
    desk.print(&nodes, || table(&nodes).or("no beacon nodes; `headstart beacon-node add` adds one"))
}

pub(super) async fn all(desk: &Desk) -> anyhow::Result<Vec<NodeView>> {
    let nodes = desk.registry.list_beacon_nodes().await?.into_iter();
    let view = |node: headstart_registry::BeaconNodeRow| NodeView {
        name: node.name,
        clusters: node.clusters,
        secret_ids: node.secrets.into_iter().map(|secret| secret.id).collect(),
    };
    Ok(nodes.map(view).collect())
}

/// The beacon node of that name, after a change.
pub(super) async fn show(desk: &Desk, name: &str, done: &str) -> anyhow::Result<()> {
    let node: Vec<_> = all(desk).await?.into_iter().filter(|node| node.name == name).collect();
    desk.print(&node.first(), || format!("{done}\n{}", table(&node)))
}

fn table(nodes: &[NodeView]) -> Table {
    let mut table = Table::new(["beacon node", "clusters", "secrets"]);
    for node in nodes {
        table.row([node.name.clone(), list(&node.clusters), list(&node.secret_ids)]);
    }
    table
}
