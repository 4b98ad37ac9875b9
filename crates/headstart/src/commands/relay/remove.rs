use anyhow::bail;
use clap::Args;
use serde::Serialize;

use crate::commands::desk::Desk;

#[derive(Debug, Args)]
pub(super) struct Remove {
    /// The relay's name.
    name: String,
}

#[derive(Serialize)]
struct Removed<'a> {
    name: &'a str,
    removed: bool,
}

impl Remove {
    pub(super) async fn run(&self, desk: &Desk) -> anyhow::Result<()> {
        let name = &self.name;
        if desk.config.relays.iter().any(|relay| relay.name == *name) {
            bail!("remove relay {name}: the configuration file declares it; remove it there");
        }
        desk.registry.remove_relay(&desk.actor, desk.now, name).await?;
        desk.print(&Removed { name, removed: true }, || format!("relay {name} removed\n"))
    }
}
