use clap::Args;
use headstart_registry::ClaimLevel;
use headstart_types::{BlsPublicKey, ExecutionAddress, UnixMillis};
use serde::Serialize;

use crate::commands::desk::Desk;
use crate::commands::moment::utc;
use crate::commands::standing::{RelayStanding, Standing};
use crate::commands::table::{NOTHING, Table, list};

#[derive(Debug, Args)]
pub(super) struct List {
    /// Only this cluster's.
    #[arg(long, value_name = "CLUSTER")]
    cluster: Option<String>,
}

/// One cluster's claim on one validator.
#[derive(Serialize)]
struct ClaimView {
    pubkey: BlsPublicKey,
    cluster: String,
    level: ClaimLevel,
    /// Unix seconds, of the registration on record.
    registered_at: Option<u64>,
    fee_recipient: Option<ExecutionAddress>,
    /// Of the claim's policy.
    relays: Vec<RelayStanding>,
}

impl List {
    pub(super) async fn run(&self, desk: &Desk) -> anyhow::Result<()> {
        let directory = desk.directory(&desk.rows().await?)?;
        let standing = Standing::read(desk).await;
        let clusters = directory.clusters().filter(|cluster| self.is_wanted(&cluster.name));
        let claims = clusters.flat_map(|cluster| directory.validators_of(&cluster.name));
        let mut claims: Vec<_> = claims
            .map(|(pubkey, claim)| {
                let message = standing.registration(pubkey).map(|registration| registration.message);
                ClaimView {
                    pubkey: *pubkey,
                    cluster: claim.cluster.name.to_string(),
                    level: claim.level,
                    registered_at: message.map(|message| message.timestamp),
                    fee_recipient: message.map(|message| message.fee_recipient),
                    relays: standing.with_relays(pubkey, claim.policy.relays().iter().copied(), &directory),
                }
            })
            .collect();
        claims.sort_by(|a, b| (&a.cluster, a.pubkey).cmp(&(&b.cluster, b.pubkey)));
        desk.print(&claims, || table(&claims).or("no validators; `headstart validators import` claims them"))
    }

    fn is_wanted(&self, cluster: &str) -> bool {
        self.cluster.as_deref().is_none_or(|wanted| wanted == cluster)
    }
}

fn table(claims: &[ClaimView]) -> Table {
    let mut table =
        Table::new(["cluster", "validator", "claim", "registered (UTC)", "fee recipient", "relays"]);
    for claim in claims {
        let registered = claim.registered_at.map(|seconds| utc(UnixMillis::from_seconds(seconds)));
        table.row([
            claim.cluster.clone(),
            claim.pubkey.to_string(),
            claim.level.as_str().to_owned(),
            registered.unwrap_or_else(|| NOTHING.to_owned()),
            claim.fee_recipient.map_or_else(|| NOTHING.to_owned(), |address| address.to_string()),
            list(claim.relays.iter().map(|relay| format!("{} {}", relay.relay, relay.state))),
        ]);
    }
    table
}
