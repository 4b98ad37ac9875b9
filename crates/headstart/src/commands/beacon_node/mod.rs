//! Beacon nodes: who may ask for headers, and for which clusters.

mod add;
mod flags;
mod grant;
mod list;
mod revoke;
mod rotate;
mod secret;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::desk::DeskArgs;

#[derive(Debug, Args)]
pub(crate) struct BeaconNode {
    #[command(flatten)]
    desk: DeskArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a credential, and print it this once, with the flag for each client.
    #[command(after_help = "Examples:
  headstart beacon-node add bn1 --cluster acme
  headstart beacon-node add shared --cluster acme --cluster globex --host https://headstart.example")]
    Add(add::Add),
    /// Show the beacon nodes, who granted them, and the ids of their live secrets.
    #[command(after_help = "Example: headstart beacon-node list")]
    List,
    /// Make a second secret; the newest of the older ones stays good until it is revoked.
    #[command(after_help = "Example: headstart beacon-node rotate bn1 --host https://headstart.example")]
    Rotate(rotate::Rotate),
    /// Let a beacon node ask for a further cluster's validators.
    #[command(after_help = "Example: headstart beacon-node grant shared --cluster initech")]
    Grant(grant::Grant),
    /// Take back a grant, a secret, or all secrets; it takes effect within a second.
    #[command(after_help = "Examples:
  headstart beacon-node revoke shared --cluster initech
  headstart beacon-node revoke bn1 --secret k3Jd02Xa
  headstart beacon-node revoke bn1 --all-secrets")]
    Revoke(revoke::Revoke),
}

impl BeaconNode {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        self.desk.run(async |desk| match &self.command {
            Command::Add(add) => add.run(desk).await,
            Command::List => list::run(desk).await,
            Command::Rotate(rotate) => rotate.run(desk).await,
            Command::Grant(grant) => grant.run(desk).await,
            Command::Revoke(revoke) => revoke.run(desk).await,
        })
    }
}
