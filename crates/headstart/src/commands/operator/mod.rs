//! Operators of clusters, and the keys that they sign their tokens with.

mod add_key;
mod list_keys;
mod revoke_key;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::desk::DeskArgs;

#[derive(Debug, Args)]
pub(crate) struct Operator {
    #[command(flatten)]
    desk: DeskArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Work with operators' keys.
    #[command(subcommand)]
    Key(KeyCommand),
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Believe tokens that an operator signs with this key; an operator has two keys at most, for rotation.
    #[command(after_help = "Example:
  openssl genpkey -algorithm ed25519 -out op1.pem && openssl pkey -in op1.pem -pubout -out op1.pub
  headstart operator key add acme op1 --public-key op1.pub")]
    Add(add_key::AddKey),
    /// Show the live keys of a cluster's operators.
    #[command(after_help = "Example: headstart operator key list acme")]
    List(list_keys::ListKeys),
    /// Believe no token of a key any more; it takes effect within a second.
    #[command(after_help = "Example: headstart operator key revoke acme 3q2-7wAB")]
    Revoke(revoke_key::RevokeKey),
}

impl Operator {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let Command::Key(command) = &self.command;
        self.desk.run(async |desk| match command {
            KeyCommand::Add(add) => add.run(desk).await,
            KeyCommand::List(list) => list.run(desk).await,
            KeyCommand::Revoke(revoke) => revoke.run(desk).await,
        })
    }
}
