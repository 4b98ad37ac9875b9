//! The catalogue of relays that clusters choose from.

mod add;
mod list;
mod remove;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::desk::DeskArgs;

#[derive(Debug, Args)]
pub(crate) struct Relay {
    #[command(flatten)]
    desk: DeskArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Add a relay to the catalogue; clusters ask it once their relays name it.
    #[command(after_help = "Examples:
  headstart relay add titan --url https://0x8c4e…@titanrelay.xyz --policy helix
  headstart relay add own --url https://0xb0b0…@relay.internal --min-gap-ms 50 --header X-Api-Key=…")]
    Add(add::Add),
    /// Show the relays of the configuration file and of the database.
    #[command(after_help = "Example: headstart relay list --json")]
    List,
    /// Remove a relay from the catalogue; clusters whose relays name it do without.
    #[command(after_help = "Example: headstart relay remove titan")]
    Remove(remove::Remove),
}

impl Relay {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        self.desk.run(async |desk| match &self.command {
            Command::Add(add) => add.run(desk).await,
            Command::List => list::run(desk).await,
            Command::Remove(remove) => remove.run(desk).await,
        })
    }
}
