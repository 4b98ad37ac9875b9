use clap::Args;

use super::secret::{self, HostArg, SecretView};
use crate::commands;
use crate::commands::desk::Desk;

#[derive(Debug, Args)]
pub(super) struct Rotate {
    /// The beacon node's name.
    name: String,
    #[command(flatten)]
    host: HostArg,
}

impl Rotate {
    pub(super) async fn run(&self, desk: &Desk) -> anyhow::Result<()> {
        let (host, (secret, row)) = (self.host.host(desk)?, secret::draw());
        let revoked = desk.registry.rotate_beacon_node(&desk.actor, desk.now, &self.name, &row).await?;
        for id in revoked {
            commands::tell(&format!(
                "secret {id} of {} is revoked: a beacon node has two at most\n",
                self.name
            ));
        }
        let nodes = desk.registry.list_beacon_nodes().await?;
        let node = nodes.into_iter().find(|node| node.name == self.name);
        let clusters = node.map(|node| node.clusters).unwrap_or_default();
        let view = SecretView::new(&host, &self.name, clusters, &secret);
        desk.print(&view, || view.text("has a further secret"))
    }
}
