use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use headstart_registry::VerifyingKey;
use serde::Serialize;

use crate::commands::desk::Desk;
use crate::slug;

#[derive(Debug, Args)]
pub(super) struct AddKey {
    /// The cluster's name.
    cluster: String,
    /// The operator's name; a new one becomes a member of the cluster.
    #[arg(value_parser = slug::parse)]
    operator: String,
    /// Its public key: Ed25519 or P-256, in PEM or as a JSON web key.
    #[arg(long, value_name = "FILE")]
    public_key: PathBuf,
    /// The id that its tokens name; by default the key's fingerprint.
    #[arg(long, value_name = "KID")]
    kid: Option<String>,
}

#[derive(Serialize)]
struct Added<'a> {
    cluster: &'a str,
    operator: &'a str,
    kid: &'a str,
    algorithm: &'a str,
}

impl AddKey {
    pub(super) async fn run(&self, desk: &Desk) -> anyhow::Result<()> {
        let Self { cluster, operator, public_key, kid } = self;
        let text = std::fs::read_to_string(public_key);
        let text = text.with_context(|| format!("read the public key {}", public_key.display()))?;
        let key = VerifyingKey::parse(&text, kid.as_deref());
        let key = key.with_context(|| format!("use {}", public_key.display()))?;
        let (kid, algorithm) = (key.kid().to_owned(), key.algorithm().as_str());
        desk.registry.add_operator_key(&desk.actor, desk.now, cluster, operator, &key.into()).await?;
        desk.print(&Added { cluster, operator, kid: &kid, algorithm }, || {
            format!("operator {operator} of cluster {cluster} signs with key {kid} ({algorithm})\n")
        })
    }
}
