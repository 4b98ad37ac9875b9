use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use headstart_registry::{AddedClaims, ClaimRow};
use headstart_types::BlsPublicKey;

use super::{challenge, prove};
use crate::commands::desk::Desk;

#[derive(Debug, Args)]
pub(super) struct Claim {
    /// The cluster that claims.
    cluster: String,
    #[command(flatten)]
    step: Step,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Step {
    /// Print a registration message for this validator to sign within a day.
    #[arg(long, value_name = "PUBKEY")]
    challenge: Option<BlsPublicKey>,
    /// The message of the challenge with the validator's signature, in JSON.
    #[arg(long, value_name = "FILE")]
    proof: Option<PathBuf>,
}

impl Claim {
    pub(super) async fn run(&self, desk: &Desk) -> anyhow::Result<()> {
        match (&self.step.challenge, &self.step.proof) {
            (Some(pubkey), _) => challenge::run(desk, &self.cluster, pubkey).await,
            (None, Some(file)) => prove::run(desk, &self.cluster, file).await,
            (None, None) => bail!("claim a validator: write --challenge PUBKEY or --proof FILE"),
        }
    }
}

/// Adds claims of a cluster within its quota; how many are new or were raised.
pub(super) async fn add(desk: &Desk, cluster: &str, claims: &[ClaimRow]) -> anyhow::Result<usize> {
    let rows = desk.rows().await?;
    let row = rows.clusters.iter().find(|row| row.name == cluster);
    let row = row.with_context(|| {
        format!("find cluster {cluster}; `headstart tenant list` shows them, `headstart tenant add` adds one")
    })?;
    let limit = row.quotas.validators.unwrap_or(desk.config.quotas.validators);
    match desk.registry.add_claims(&desk.actor, desk.now, cluster, claims, limit).await? {
        AddedClaims::Added(count) => Ok(count),
        AddedClaims::OverLimit { claimed, limit } => bail!(
            "claim {} validators: cluster {cluster} would have {claimed} and may have {limit}; `headstart tenant set {cluster} --validators N` raises that",
            claims.len()
        ),
    }
}
