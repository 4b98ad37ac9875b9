use clap::Args;

use super::secret::{self, HostArg, SecretView};
use crate::commands::desk::Desk;
use crate::slug;

#[derive(Debug, Args)]
pub(super) struct Add {
    /// The beacon node's name: 1 to 63 of a-z, 0-9 and -.
    #[arg(value_parser = slug::parse)]
    name: String,
    /// A cluster whose validators it may ask for; repeat it for further ones.
    #[arg(long = "cluster", value_name = "CLUSTER", required = true)]
    clusters: Vec<String>,
    #[command(flatten)]
    host: HostArg,
}

impl Add {
    pub(super) async fn run(&self, desk: &Desk) -> anyhow::Result<()> {
        let (host, (secret, row)) = (self.host.host(desk)?, secret::draw());
        let clusters: Vec<_> = self.clusters.iter().map(String::as_str).collect();
        desk.registry.add_beacon_node(&desk.actor, desk.now, &self.name, &clusters, &row).await?;
        let view = SecretView::new(&host, &self.name, self.clusters.clone(), &secret);
        desk.print(&view, || view.text("may ask"))
    }
}
