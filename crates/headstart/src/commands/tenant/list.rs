use anyhow::Context;
use headstart_auction::Quotas;
use headstart_registry::{ClusterRow, Directory, DirectoryRows};
use serde::Serialize;

use crate::commands::desk::Desk;
use crate::commands::policy_args::PolicyView;
use crate::commands::table::{Table, list};

/// A cluster as it is served, or would be if it were not suspended.
#[derive(Clone, Debug, Serialize)]
pub(super) struct TenantView {
    pub(super) name: String,
    /// The configuration file declares it.
    pub(super) declared: bool,
    pub(super) suspended: bool,
    pub(super) validators: usize,
    #[serde(flatten)]
    pub(super) policy: PolicyView,
    pub(super) quotas: QuotaView,
    pub(super) operators: Vec<String>,
    pub(super) beacon_nodes: Vec<String>,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct QuotaView {
    hints_per_s: u32,
    signature_checks_per_s: u32,
    upstream_asks_per_slot: u32,
    streams: u32,
    validators: u32,
}

pub(super) async fn run(desk: &Desk) -> anyhow::Result<()> {
    let tenants = all(desk).await?;
    desk.print(&tenants, || table(&tenants).or("no clusters; `headstart tenant add NAME` adds one"))
}

/// The cluster of that name, which must be there.
pub(super) async fn one(desk: &Desk, name: &str) -> anyhow::Result<TenantView> {
    let tenants = all(desk).await?;
    tenants.into_iter().find(|tenant| tenant.name == name).with_context(|| format!("find cluster {name}"))
}

async fn all(desk: &Desk) -> anyhow::Result<Vec<TenantView>> {
    let rows = desk.rows().await?;
    // A suspended cluster is in no directory; what it would be served with is shown all the same.
    let mut awake = rows.clone();
    for row in &mut awake.clusters {
        if row.suspended {
            *row = ClusterRow { suspended: false, ..ClusterRow::clone(row) }.into();
        }
    }
    let directory = desk.directory(&awake)?;
    Ok(directory.clusters().map(|cluster| view(cluster, &directory, &rows, desk)).collect())
}

fn view(
    cluster: &headstart_registry::Cluster,
    directory: &Directory,
    rows: &DirectoryRows,
    desk: &Desk,
) -> TenantView {
    let row = rows.clusters.iter().find(|row| *row.name == *cluster.name);
    TenantView {
        name: cluster.name.to_string(),
        declared: cluster.declared,
        suspended: row.is_some_and(|row| row.suspended),
        validators: cluster.validators,
        policy: PolicyView::new(&cluster.policy, directory, desk),
        quotas: cluster.quotas.into(),
        operators: cluster.operators.iter().map(|operator| operator.name.clone()).collect(),
        beacon_nodes: cluster.beacon_nodes.clone(),
    }
}

impl From<Quotas> for QuotaView {
    fn from(quotas: Quotas) -> Self {
        let Quotas { hints_per_s, signature_checks_per_s, upstream_asks_per_slot, streams, validators } =
            quotas;
        Self { hints_per_s, signature_checks_per_s, upstream_asks_per_slot, streams, validators }
    }
}

pub(super) fn table(tenants: &[TenantView]) -> Table {
    let mut table = Table::new([
        "cluster",
        "state",
        "from",
        "mode",
        "relays",
        "min bid",
        "cutoff",
        "validators",
        "operators",
        "beacon nodes",
    ]);
    for tenant in tenants {
        let policy = &tenant.policy;
        table.row([
            tenant.name.clone(),
            if tenant.suspended { "suspended" } else { "serving" }.to_owned(),
            if tenant.declared { "file" } else { "database" }.to_owned(),
            policy.mode.to_string(),
            list(&policy.relays),
            format!("{} ETH", policy.min_bid_wei.eth()),
            policy.cutoff_text(),
            tenant.validators.to_string(),
            list(&tenant.operators),
            list(&tenant.beacon_nodes),
        ]);
    }
    table
}
