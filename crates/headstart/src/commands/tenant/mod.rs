//! Clusters, which are the tenants of the service.

mod add;
mod list;
mod set;
mod suspend;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::desk::DeskArgs;

#[derive(Debug, Args)]
pub(crate) struct Tenant {
    #[command(flatten)]
    desk: DeskArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Add a cluster.
    #[command(after_help = "Examples:
  headstart tenant add acme --relays flashbots,ultrasound
  headstart tenant add acme --relays flashbots --min-bid-eth 0.02 --timing ssv --mode shadow")]
    Add(add::Add),
    /// Show the clusters of the configuration file and of the database.
    #[command(after_help = "Example: headstart tenant list --json")]
    List,
    /// Stop serving a cluster; nothing of it is lost.
    #[command(after_help = "Example: headstart tenant suspend acme")]
    Suspend(suspend::Suspend),
    /// Serve a suspended cluster again.
    #[command(after_help = "Example: headstart tenant resume acme")]
    Resume(suspend::Suspend),
    /// Change a cluster's policy or quotas; what is not named stays.
    #[command(after_help = "Examples:
  headstart tenant set acme --relays flashbots,ultrasound,aestus --cutoff-ms 1500
  headstart tenant set acme --unset min-bid-eth,sticky --validators 5000")]
    Set(set::Set),
}

impl Tenant {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        self.desk.run(async |desk| match &self.command {
            Command::Add(add) => add.run(desk).await,
            Command::List => list::run(desk).await,
            Command::Suspend(suspend) => suspend.suspend(desk).await,
            Command::Resume(resume) => resume.resume(desk).await,
            Command::Set(set) => set.run(desk).await,
        })
    }
}
