use anyhow::{Context, bail};
use clap::Args;

use super::list;
use crate::commands::desk::Desk;
use crate::commands::policy_args::{PolicyArgs, PolicyKey, QuotaArgs};

#[derive(Debug, Args)]
pub(super) struct Set {
    /// The cluster's name.
    name: String,
    #[command(flatten)]
    policy: PolicyArgs,
    /// Values to leave to the defaults again, with commas between them.
    #[arg(long, value_name = "KEYS", value_delimiter = ',')]
    unset: Vec<PolicyKey>,
    #[command(flatten, next_help_heading = "Quotas")]
    quotas: QuotaArgs,
}

impl Set {
    pub(super) async fn run(&self, desk: &Desk) -> anyhow::Result<()> {
        let policy_said = !self.policy.says_nothing() || !self.unset.is_empty();
        if !policy_said && self.quotas.says_nothing() {
            bail!("change cluster {}: name what to change, as in --cutoff-ms 1500", self.name);
        }
        let rows = desk.rows().await?;
        let row = rows.clusters.iter().find(|row| row.name == self.name);
        let row =
            row.with_context(|| format!("find cluster {}; `headstart tenant list` shows them", self.name))?;
        if policy_said {
            self.policy.check_relays(&desk.directory(&rows)?)?;
            let mut policy = self.policy.over(&row.policy);
            self.unset.iter().for_each(|key| key.unset(&mut policy));
            desk.registry.set_policy(&desk.actor, desk.now, &self.name, &policy).await?;
        }
        if !self.quotas.says_nothing() {
            let quotas = self.quotas.over(&row.quotas);
            desk.registry.set_quotas(&desk.actor, desk.now, &self.name, &quotas).await?;
        }
        let tenant = list::one(desk, &self.name).await?;
        desk.print(&tenant, || list::table(std::slice::from_ref(&tenant)).to_string())
    }
}
