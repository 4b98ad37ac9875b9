use std::path::Path;

use anyhow::{Context, bail};
use headstart_registry::{ClaimLevel, ClaimRow};
use headstart_types::SignedValidatorRegistration;
use serde::Serialize;

use super::claim;
use crate::commands::desk::Desk;

#[derive(Serialize)]
struct Proven<'a> {
    cluster: &'a str,
    pubkey: String,
    level: ClaimLevel,
}

/// Raises a claim whose challenge the validator has signed.
pub(super) async fn run(desk: &Desk, cluster: &str, file: &Path) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
    let proof: SignedValidatorRegistration = serde_json::from_str(&text).with_context(|| {
        format!("read {}: write {{\"message\": …, \"signature\": \"0x…\"}}", file.display())
    })?;
    let pubkey = proof.message.pubkey;
    let nonce = serde_json::to_vec(&proof.message).context("read the proof")?;
    let again = format!("`headstart validators claim {cluster} --challenge {pubkey}` makes a new one");
    match desk.registry.challenge(cluster, &pubkey, desk.now).await? {
        Some(open) if open == nonce => {}
        Some(_) => bail!(
            "prove validator {pubkey}: the message is not that of the challenge; sign it unchanged, or {again}"
        ),
        None => bail!("prove validator {pubkey}: cluster {cluster} has no open challenge for it; {again}"),
    }
    let network = crate::network::of_config(&desk.config).await?;
    proof.verify(&network, desk.now).with_context(|| {
        format!(
            "prove validator {pubkey}: sign the message with its key, as a registration of network {}",
            network.name
        )
    })?;
    if !desk.registry.consume_challenge(cluster, &pubkey, &nonce, desk.now).await? {
        bail!("prove validator {pubkey}: the challenge was answered a moment ago; {again}");
    }
    let claims = [ClaimRow::new(pubkey, ClaimLevel::Proven, desk.now)?];
    claim::add(desk, cluster, &claims).await?;
    let proven = Proven { cluster, pubkey: pubkey.to_string(), level: ClaimLevel::Proven };
    desk.print(&proven, || format!("cluster {cluster} has proven its claim on validator {pubkey}\n"))
}
