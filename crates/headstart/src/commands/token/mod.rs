//! Tokens that the service itself signs, for operators who have no key.

mod issue;
mod revoke;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::desk::DeskArgs;

#[derive(Debug, Args)]
pub(crate) struct Token {
    #[command(flatten)]
    desk: DeskArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Sign a token and print it, this once.
    #[command(after_help = "Examples:
  headstart token issue acme op1 --scope register,hint,view --ttl 24h > op1.token
  headstart token issue acme dashboard --scope view --json")]
    Issue(issue::Issue),
    /// Believe a token no more, or all that one key of the service signed; it takes effect within a second.
    #[command(after_help = "Examples:
  headstart token revoke 6f1d0c2a9b7e4d3f8a5c1e2b3d4f5a6b
  headstart token revoke --service-key 3q2-7wABcD_EfGh1")]
    Revoke(revoke::Revoke),
}

impl Token {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        self.desk.run(async |desk| match &self.command {
            Command::Issue(issue) => issue.run(desk).await,
            Command::Revoke(revoke) => revoke.run(desk).await,
        })
    }
}
