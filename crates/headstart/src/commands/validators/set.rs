use anyhow::{Context, bail};
use clap::Args;
use headstart_types::BlsPublicKey;

use crate::commands::desk::Desk;
use crate::commands::explain;
use crate::commands::policy_args::{PolicyArgs, PolicyKey};

#[derive(Debug, Args)]
pub(super) struct Set {
    /// The validator's public key.
    pubkey: BlsPublicKey,
    /// The cluster whose claim it is about.
    #[arg(long, value_name = "CLUSTER")]
    cluster: String,
    #[command(flatten)]
    policy: PolicyArgs,
    /// Values to leave to the cluster again, with commas between them.
    #[arg(long, value_name = "KEYS", value_delimiter = ',')]
    unset: Vec<PolicyKey>,
}

impl Set {
    pub(super) async fn run(&self, desk: &Desk) -> anyhow::Result<()> {
        let Self { pubkey, cluster, .. } = self;
        if self.policy.says_nothing() && self.unset.is_empty() {
            bail!("change validator {pubkey}: name what to change, as in --min-bid-eth 0.05");
        }
        let rows = desk.rows().await?;
        self.policy.check_relays(&desk.directory(&rows)?)?;
        let row = rows.clusters.iter().find(|row| row.name == *cluster);
        let claim = row.and_then(|row| row.claims.iter().find(|claim| claim.pubkey == *pubkey));
        let claim = claim.with_context(|| {
            format!("find a claim of cluster {cluster} on validator {pubkey} in the database; `headstart validators import` makes one")
        })?;
        let before = claim.policy.as_deref().cloned().unwrap_or_default();
        let mut policy = self.policy.over(&before);
        self.unset.iter().for_each(|key| key.unset(&mut policy));
        desk.registry.set_claim_policy(&desk.actor, desk.now, cluster, pubkey, &policy).await?;
        explain::run(desk, pubkey, Some(cluster)).await
    }
}
