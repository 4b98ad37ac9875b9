//! Why a validator is served as it is, and why an auction went as it did.

mod slot;
mod story;
mod text;
mod view;

use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};
use headstart_types::BlsPublicKey;

use super::desk::{Desk, DeskArgs};
use view::View;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Explain {
    #[command(flatten)]
    desk: DeskArgs,
    #[command(subcommand)]
    what: Option<What>,
    /// The validator's public key.
    #[arg(required = true)]
    pubkey: Option<BlsPublicKey>,
    /// Only this cluster's claim.
    #[arg(long, value_name = "CLUSTER")]
    cluster: Option<String>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// What happened in a cluster's auction: hint, head, each ask and answer, each request, what was served and why.
    #[command(after_help = "Example: headstart explain slot 13165563 --cluster acme")]
    Slot(slot::ExplainSlot),
}

impl Explain {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        match &self.what {
            Some(What::Slot(slot)) => self.desk.run(async |desk| slot.run(desk).await),
            None => self.desk.run(async |desk| {
                let pubkey = self.pubkey.as_ref().context("read the command: PUBKEY is missing")?;
                run(desk, pubkey, self.cluster.as_deref()).await
            }),
        }
    }
}

pub(super) async fn run(desk: &Desk, pubkey: &BlsPublicKey, cluster: Option<&str>) -> anyhow::Result<()> {
    let view = View::read(desk, pubkey, cluster).await?;
    desk.print(&view, || text::render(&view))
}
