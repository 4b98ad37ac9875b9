use anyhow::{Context, bail};
use headstart_types::{BlsPublicKey, PublicKey, ValidatorRegistration};
use rand::Rng;

use crate::commands;
use crate::commands::desk::Desk;
use crate::commands::standing::Standing;

/// A distributed validator needs several people to sign.
const GOOD_FOR_MS: i64 = 24 * 60 * 60 * 1_000;
/// What a validator signs from day to day has its own gas limit; a challenge has a little more.
const GAS_LIMIT_EXTRA: std::ops::RangeInclusive<u64> = 1..=65_535;

/// Prints what the validator must sign to prove the cluster's claim.
///
/// It is a registration message that nothing else makes the validator sign, and that does no harm if it gets to a relay:
/// the fee recipient is the one on record.
pub(super) async fn run(desk: &Desk, cluster: &str, pubkey: &BlsPublicKey) -> anyhow::Result<()> {
    PublicKey::decompress(pubkey).with_context(|| format!("challenge validator {pubkey}"))?;
    let rows = desk.rows().await?;
    if rows.clusters.iter().all(|row| row.name != cluster) {
        bail!("find cluster {cluster}; `headstart tenant list` shows them");
    }
    let recorded = Standing::read(desk).await.registration(pubkey).with_context(|| {
        format!("challenge validator {pubkey}: no registration of it is on record; register it first, or `headstart validators import` one")
    })?;
    let message = ValidatorRegistration {
        fee_recipient: recorded.message.fee_recipient,
        gas_limit: recorded.message.gas_limit.saturating_add(rand::rng().random_range(GAS_LIMIT_EXTRA)),
        timestamp: desk.now.seconds(),
        pubkey: *pubkey,
    };
    let nonce = serde_json::to_vec(&message).context("write the challenge")?;
    desk.registry.create_challenge(cluster, pubkey, &nonce, desk.now + GOOD_FOR_MS).await?;
    commands::tell(&format!(
        "sign this message as a registration within 24 hours, and give {{\"message\": …, \"signature\": \"0x…\"}} to `headstart validators claim {cluster} --proof FILE`\n"
    ));
    let text = serde_json::to_string_pretty(&message).context("write the challenge")?;
    commands::print(&format!("{text}\n"))
}
