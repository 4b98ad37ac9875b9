use anyhow::{Context, bail};
use clap::Args;

use super::list;
use crate::commands::desk::Desk;

#[derive(Debug, Args)]
pub(super) struct Revoke {
    /// The beacon node's name.
    name: String,
    #[command(flatten)]
    what: What,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct What {
    /// It may not ask for this cluster any more.
    #[arg(long, value_name = "CLUSTER")]
    cluster: Option<String>,
    /// The secret of this id is good no longer.
    #[arg(long, value_name = "ID")]
    secret: Option<String>,
    /// None of its secrets is good any longer; `rotate` makes a new one.
    #[arg(long)]
    all_secrets: bool,
}

impl Revoke {
    pub(super) async fn run(&self, desk: &Desk) -> anyhow::Result<()> {
        let (name, registry) = (&self.name, &desk.registry);
        if let Some(cluster) = &self.what.cluster {
            registry.revoke_grant(&desk.actor, desk.now, name, cluster).await?;
            return list::show(desk, name, &format!("beacon node {name} may not ask for {cluster} any more"))
                .await;
        }
        let nodes = registry.list_beacon_nodes().await?;
        let node = nodes.iter().find(|node| node.name == *name);
        let node = node
            .with_context(|| format!("find beacon node {name}; `headstart beacon-node list` shows them"))?;
        let live = node.secrets.iter().map(|secret| &secret.id);
        let ids: Vec<_> =
            live.filter(|id| self.what.secret.as_ref().is_none_or(|named| named == *id)).collect();
        if ids.is_empty() {
            bail!("find a live secret of beacon node {name}; `headstart beacon-node list` shows their ids");
        }
        for id in ids {
            registry.revoke_beacon_node_secret(&desk.actor, desk.now, id).await?;
        }
        list::show(desk, name, "revoked; it is refused within a second").await
    }
}
