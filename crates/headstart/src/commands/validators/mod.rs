//! Validators, and which clusters claim them.

mod challenge;
mod claim;
mod import;
mod list;
mod prove;
mod set;
mod verify;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::desk::DeskArgs;

#[derive(Debug, Args)]
pub(crate) struct Validators {
    #[command(flatten)]
    desk: DeskArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Claim the validators of a file for a cluster, and record the registrations in it.
    #[command(
        after_help = "Files: an Obol cluster-lock.json; a JSON list of signed registrations; an answer of SSV's operator API
or of an SSV node's own API.

Examples:
  headstart validators import acme cluster-lock.json
  curl -s 'https://api.ssv.network/api/v4/mainnet/validators/in_operator/12?perPage=100' > operator-12.json
  headstart validators import acme operator-12.json --vouch"
    )]
    Import(import::Import),
    /// Show claims, registrations, and what each relay knows of them.
    #[command(after_help = "Example: headstart validators list --cluster acme --json")]
    List(list::List),
    /// Prove that a cluster holds a validator's key: first --challenge, then --proof.
    #[command(after_help = "Examples:
  headstart validators claim acme --challenge 0x8f2b… > challenge.json      a message to sign as a registration
  headstart validators claim acme --proof signed.json                       {\"message\": …, \"signature\": \"0x…\"}")]
    Claim(claim::Claim),
    /// Change the policy of one validator; what is not named stays.
    #[command(after_help = "Examples:
  headstart validators set 0x8f2b… --cluster acme --min-bid-eth 0.05
  headstart validators set 0x8f2b… --cluster acme --unset min-bid-eth")]
    Set(set::Set),
}

impl Validators {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        self.desk.run(async |desk| match &self.command {
            Command::Import(import) => import.run(desk).await,
            Command::List(list) => list.run(desk).await,
            Command::Claim(claim) => claim.run(desk).await,
            Command::Set(set) => set.run(desk).await,
        })
    }
}
