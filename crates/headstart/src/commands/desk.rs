use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use headstart_auction::Cutoff;
use headstart_registry::{Actor, Directory, DirectoryRows, Registry};
use headstart_types::UnixMillis;
use serde::Serialize;

use crate::{Config, account, clock, commands, database, declared, network};

/// What every command takes that reads or changes the registry. It works whether the service runs or not: both write to
/// the same database, and running processes see a change within a second.
#[derive(Clone, Debug, Args)]
pub(crate) struct DeskArgs {
    /// The configuration file that the service runs with.
    #[arg(long, value_name = "FILE", default_value = "headstart.toml", global = true, display_order = 900)]
    config: PathBuf,
    /// Print JSON with stable keys.
    #[arg(long, global = true, display_order = 901)]
    json: bool,
}

/// Where an administrator works: the configuration, and the registry behind it.
pub(crate) struct Desk {
    pub(crate) config: Config,
    pub(crate) registry: Registry,
    /// Who the audit names.
    pub(crate) actor: Actor,
    pub(crate) now: UnixMillis,
    json: bool,
}

impl DeskArgs {
    /// Opens the registry, bringing a new or older database to this version's form first, and does the work there.
    pub(crate) fn run(
        &self,
        work: impl AsyncFnOnce(&Desk) -> anyhow::Result<()>,
    ) -> anyhow::Result<ExitCode> {
        self.run_unmigrated(async |desk| {
            desk.prepare().await?;
            work(desk).await
        })
    }

    /// The same on a database as it is.
    pub(crate) fn run_unmigrated(
        &self,
        work: impl AsyncFnOnce(&Desk) -> anyhow::Result<()>,
    ) -> anyhow::Result<ExitCode> {
        let config = Config::read(&self.config)?;
        let runtime = tokio::runtime::Runtime::new().context("start the asynchronous runtime")?;
        runtime.block_on(async {
            let registry = database::open(&config)?;
            let (actor, now) = (Actor::cli(&account::name()), clock::SYSTEM.now());
            work(&Desk { config, registry, actor, now, json: self.json }).await
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Desk {
    async fn prepare(&self) -> anyhow::Result<()> {
        if self.config.registry.migrate {
            self.registry.migrate().await?;
        }
        self.registry.schema().await?.check()?;
        if let Some(network) = network::known(&self.config) {
            self.registry.belong_to(&network).await?;
        }
        let declared: Vec<_> = self.config.clusters.iter().map(|cluster| &*cluster.name).collect();
        self.registry.declare_clusters(self.now, &declared).await?;
        Ok(())
    }

    pub(crate) async fn rows(&self) -> anyhow::Result<DirectoryRows> {
        Ok(self.registry.rows(None, self.now).await?)
    }

    /// The directory as the service sees it.
    pub(crate) fn directory(&self, rows: &DirectoryRows) -> anyhow::Result<Directory> {
        Ok(Directory::build(rows, &declared::read(&self.config)?))
    }

    /// The cut-off in the slot of the moment; `None` where it follows from what only a beacon node tells.
    pub(crate) fn cutoff_ms(&self, cutoff: Cutoff) -> Option<i64> {
        match cutoff {
            Cutoff::AtMs(ms) => Some(ms),
            share @ Cutoff::EighthsOfAttestationDue(_) => {
                let network = network::known(&self.config)?;
                Some(share.ms(&network, network.slot_at(self.now)))
            }
        }
    }

    /// Prints a result: as JSON if that was asked for, else as text for people.
    pub(crate) fn print(&self, value: &impl Serialize, text: impl FnOnce() -> String) -> anyhow::Result<()> {
        if !self.json {
            return commands::print(&text());
        }
        let json = serde_json::to_string_pretty(value).context("write the result as JSON")?;
        commands::print(&format!("{json}\n"))
    }
}
