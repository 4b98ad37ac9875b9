use clap::Args;

use super::list;
use crate::commands::desk::Desk;

#[derive(Debug, Args)]
pub(super) struct Grant {
    /// The beacon node's name.
    name: String,
    /// The cluster that grants it.
    #[arg(long, value_name = "CLUSTER")]
    cluster: String,
}

impl Grant {
    pub(super) async fn run(&self, desk: &Desk) -> anyhow::Result<()> {
        let Self { name, cluster } = self;
        desk.registry.grant_beacon_node(&desk.actor, desk.now, name, cluster).await?;
        list::show(desk, name, &format!("beacon node {name} may ask for cluster {cluster}")).await
    }
}
