use clap::Args;

use super::list;
use crate::commands::desk::Desk;

#[derive(Debug, Args)]
pub(super) struct Suspend {
    /// The cluster's name.
    name: String,
}

impl Suspend {
    pub(super) async fn suspend(&self, desk: &Desk) -> anyhow::Result<()> {
        desk.registry.suspend_cluster(&desk.actor, desk.now, &self.name).await?;
        self.tell(desk, "suspended: its beacon nodes get no headers; `headstart tenant resume` takes it back")
            .await
    }

    pub(super) async fn resume(&self, desk: &Desk) -> anyhow::Result<()> {
        desk.registry.resume_cluster(&desk.actor, desk.now, &self.name).await?;
        self.tell(desk, "served again").await
    }

    async fn tell(&self, desk: &Desk, done: &str) -> anyhow::Result<()> {
        let tenant = list::one(desk, &self.name).await?;
        desk.print(&tenant, || format!("cluster {} is {done}\n", self.name))
    }
}
