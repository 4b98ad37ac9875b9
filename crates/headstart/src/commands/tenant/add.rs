use clap::Args;
use headstart_registry::{PolicyRow, QuotaRow};

use super::list;
use crate::commands::desk::Desk;
use crate::commands::policy_args::{PolicyArgs, QuotaArgs};
use crate::slug;

#[derive(Debug, Args)]
pub(super) struct Add {
    /// Its name, for ever: 1 to 63 of a-z, 0-9 and -.
    #[arg(value_parser = slug::parse)]
    name: String,
    #[command(flatten)]
    policy: PolicyArgs,
    #[command(flatten, next_help_heading = "Quotas")]
    quotas: QuotaArgs,
}

impl Add {
    pub(super) async fn run(&self, desk: &Desk) -> anyhow::Result<()> {
        self.policy.check_relays(&desk.directory(&desk.rows().await?)?)?;
        let policy = self.policy.over(&PolicyRow::default());
        let quotas = self.quotas.over(&QuotaRow::default());
        desk.registry.add_cluster(&desk.actor, desk.now, &self.name, &policy, &quotas).await?;
        let tenant = list::one(desk, &self.name).await?;
        desk.print(&tenant, || self.told(tenant.policy.relays.is_empty()))
    }

    fn told(&self, without_relays: bool) -> String {
        let name = &self.name;
        let relays = if without_relays {
            format!(
                "\n  headstart tenant set {name} --relays NAMES        no bid is asked for until it names relays"
            )
        } else {
            String::new()
        };
        format!(
            "cluster {name} added. What it needs next:{relays}
  headstart validators import {name} FILE              its validators
  headstart beacon-node add NODE --cluster {name}      a credential for its beacon node
  headstart operator key add {name} OPERATOR --public-key FILE   an operator that registers and hints over gRPC
"
        )
    }
}
