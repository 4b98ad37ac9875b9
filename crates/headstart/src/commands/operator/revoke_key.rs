use clap::Args;
use serde::Serialize;

use crate::commands::desk::Desk;

#[derive(Debug, Args)]
pub(super) struct RevokeKey {
    /// The cluster's name.
    cluster: String,
    /// The key's id, as `operator key list` shows it.
    kid: String,
}

#[derive(Serialize)]
struct Told<'a> {
    cluster: &'a str,
    kid: &'a str,
    revoked: bool,
}

impl RevokeKey {
    pub(super) async fn run(&self, desk: &Desk) -> anyhow::Result<()> {
        let Self { cluster, kid } = self;
        desk.registry.revoke_operator_key(&desk.actor, desk.now, cluster, kid).await?;
        desk.print(&Told { cluster, kid, revoked: true }, || {
            format!("key {kid} of cluster {cluster} is revoked; its tokens are refused within a second\n")
        })
    }
}
