use headstart_types::{BlsPublicKey, UnixMillis};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::registry::Change;
use crate::sql::{Listing, Result, Value};
use crate::{Actor, ClaimRow, Error, PolicyRow, Registry, columns};

/// Claims in one page, at most.
const PAGE: u32 = 1_000;
/// Claims in one transaction: more would keep every other writer waiting.
pub(super) const TRANSACTION_MAX: usize = 5_000;

impl Registry {
    /// Gives up a cluster's claims, as far as it has them, and answers how many; other clusters' stay.
    pub async fn remove_claims(
        &self,
        actor: &Actor,
        now: UnixMillis,
        cluster: &str,
        validators: &[BlsPublicKey],
    ) -> Result<usize> {
        let mut removed = 0;
        for part in validators.chunks(TRANSACTION_MAX) {
            removed += self.change(actor, now).await?.remove_claims(cluster, part).await?;
        }
        Ok(removed)
    }

    /// A cluster's claims in the order of their public keys, beginning after `after`: at most `limit`, and 1,000.
    pub async fn list_claims(
        &self,
        cluster: &str,
        after: Option<&BlsPublicKey>,
        limit: u32,
    ) -> Result<Vec<ClaimRow>> {
        let sql =
            "SELECT pubkey, key, level, claimed_at, relays, min_bid_wei, cutoff_ms, expected_ask_ms, sticky,
                   sticky_ms, timing, mode FROM claims WHERE cluster = $1 AND pubkey > $2 ORDER BY pubkey LIMIT $3";
        let after = after.map_or(&[][..], |key| key.0.as_slice());
        let values = [cluster.into(), after.into(), limit.min(PAGE).into()];
        self.database.query(sql, &values).await?.iter_mut().map(columns::claim).collect()
    }

    /// Says what differs from the cluster's policy for one validator; the default row takes it back.
    pub async fn set_claim_policy(
        &self,
        actor: &Actor,
        now: UnixMillis,
        cluster: &str,
        validator: &BlsPublicKey,
        policy: &PolicyRow,
    ) -> Result<()> {
        let sql = "UPDATE claims SET relays = $1, min_bid_wei = $2, cutoff_ms = $3, expected_ask_ms = $4,
                   sticky = $5, sticky_ms = $6, timing = $7, mode = $8, revision = $9 WHERE cluster = $10 AND pubkey = $11";
        let mut change = self.change(actor, now).await?;
        change.touch(cluster).await?;
        let mut values = columns::policy_values(policy).to_vec();
        values.extend([change.revision.into(), cluster.into(), validator.into()]);
        if change.execute(sql, &values).await? == 0 {
            return Err(Error::NotFound(format!("a claim of cluster {cluster} on validator {validator}")));
        }
        change.record(Some(cluster), "claim.policy", &validator.to_string(), &json!(policy)).await?;
        change.commit().await
    }

    /// Raises a claim to proven; that it is already changes nothing.
    pub async fn prove_claim(
        &self,
        actor: &Actor,
        now: UnixMillis,
        cluster: &str,
        validator: &BlsPublicKey,
    ) -> Result<()> {
        let mut change = self.change(actor, now).await?;
        change.touch(cluster).await?;
        let sql =
            "UPDATE claims SET level = 1, revision = $1 WHERE cluster = $2 AND pubkey = $3 AND level = 0";
        let values = [change.revision.into(), cluster.into(), validator.into()];
        if change.execute(sql, &values).await? == 0 {
            let known = "SELECT pubkey FROM claims WHERE cluster = $1 AND pubkey = $2";
            return match change.query(known, &[cluster.into(), validator.into()]).await?.len() {
                0 => Err(Error::NotFound(format!("a claim of cluster {cluster} on validator {validator}"))),
                _ => change.cancel().await,
            };
        }
        change.record(Some(cluster), "claim.prove", &validator.to_string(), &json!({})).await?;
        change.commit().await
    }
}

impl Change {
    async fn remove_claims(mut self, cluster: &str, validators: &[BlsPublicKey]) -> Result<usize> {
        self.touch(cluster).await?;
        let head = "DELETE FROM claims WHERE cluster = $1 AND pubkey IN";
        let list: Vec<Value> = validators.iter().map(Into::into).collect();
        let listing = Listing { head, fixed: &[cluster.into()] };
        let removed = listing.change(&mut self.transaction, &list).await?;
        if removed == 0 {
            self.cancel().await?;
            return Ok(0);
        }
        let sql = "UPDATE clusters SET claims_removed = $1 WHERE name = $2";
        self.execute(sql, &[self.revision.into(), cluster.into()]).await?;
        let detail = json!({ "removed": removed, "pubkeys": digest(validators.iter()) });
        self.record(Some(cluster), "claims.remove", &subject(validators.iter()), &detail).await?;
        self.commit().await?;
        Ok(usize::try_from(removed).unwrap_or(usize::MAX))
    }
}

/// One validator by its key, many by their number.
pub(super) fn subject<'a>(mut validators: impl ExactSizeIterator<Item = &'a BlsPublicKey>) -> String {
    match (validators.len(), validators.next()) {
        (1, Some(only)) => only.to_string(),
        (count, _) => format!("{count} validators"),
    }
}

/// Names the validators of a record whatever their number: the SHA-256 of their public keys one after another.
pub(super) fn digest<'a>(validators: impl Iterator<Item = &'a BlsPublicKey>) -> String {
    let mut hasher = Sha256::new();
    validators.for_each(|validator| hasher.update(validator.0));
    headstart_types::B256::from_slice(&hasher.finalize()).to_string()
}
