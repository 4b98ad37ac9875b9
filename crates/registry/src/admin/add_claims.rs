//! Makes claims: within a cluster's quota, and as many as fit.

use std::cmp::Reverse;
use std::collections::HashSet;

use headstart_types::{BlsPublicKey, UnixMillis};
use serde_json::json;

use super::claims::{TRANSACTION_MAX, digest, subject};
use crate::registry::Change;
use crate::sql::{Insert, Listing, Result, Row, Value};
use crate::{Actor, ClaimRow, Registry, columns};

/// What became of claims that should be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddedClaims {
    /// So many are new or were raised; the others were there.
    Added(usize),
    /// The cluster would have more than it may: nothing was added.
    OverLimit { claimed: i64, limit: u32 },
}

impl Registry {
    /// Adds claims of one cluster, or raises their level. None is lowered, none is made younger, and no other cluster's
    /// is touched. With all of them the cluster may have `limit`. Many thousands are added in steps, and an error may
    /// leave some of them added: the same again adds the others.
    pub async fn add_claims(
        &self,
        actor: &Actor,
        now: UnixMillis,
        cluster: &str,
        claims: &[ClaimRow],
        limit: u32,
    ) -> Result<AddedClaims> {
        let claims = distinct(claims);
        let wanted = self.count_with(cluster, &claims).await?;
        if wanted > i64::from(limit) {
            return Ok(AddedClaims::OverLimit { claimed: wanted, limit });
        }
        let mut added = 0;
        for part in claims.chunks(TRANSACTION_MAX) {
            match self.change(actor, now).await?.add_claims(cluster, part, limit).await? {
                AddedClaims::Added(more) => added += more,
                over @ AddedClaims::OverLimit { .. } => return Ok(over),
            }
        }
        Ok(AddedClaims::Added(added))
    }

    /// The same for as many of them as there is room for, in the order in which they stand; answers whose were left out.
    pub async fn add_claims_that_fit(
        &self,
        actor: &Actor,
        now: UnixMillis,
        cluster: &str,
        claims: &[ClaimRow],
        limit: u32,
    ) -> Result<Vec<BlsPublicKey>> {
        let (mut fitting, mut left_out) = (claims.to_vec(), Vec::new());
        // Another process may be faster with claims of its own. Each time that it is there is less room.
        while !fitting.is_empty() {
            match self.add_claims(actor, now, cluster, &fitting, limit).await? {
                AddedClaims::Added(_) => break,
                AddedClaims::OverLimit { .. } => {
                    (fitting, left_out) = self.fit(cluster, claims, limit).await?;
                }
            }
        }
        Ok(left_out)
    }

    /// The new ones among these that the cluster has room for, and whose it has not.
    async fn fit(
        &self,
        cluster: &str,
        claims: &[ClaimRow],
        limit: u32,
    ) -> Result<(Vec<ClaimRow>, Vec<BlsPublicKey>)> {
        let (count, mut seen) = self.claimed(cluster, &distinct(claims)).await?;
        let mut room = usize::try_from(i64::from(limit) - count).unwrap_or(0);
        let (mut fitting, mut left_out) = (Vec::new(), Vec::new());
        for claim in claims.iter().filter(|claim| seen.insert(claim.pubkey)) {
            if room > 0 {
                room -= 1;
                fitting.push(claim.clone());
            } else {
                left_out.push(claim.pubkey);
            }
        }
        Ok((fitting, left_out))
    }

    /// How many claims the cluster would have with these.
    async fn count_with(&self, cluster: &str, claims: &[&ClaimRow]) -> Result<i64> {
        let (count, known) = self.claimed(cluster, claims).await?;
        Ok(count + i64::try_from(claims.len() - known.len()).unwrap_or(i64::MAX))
    }

    /// How many claims the cluster has, and which of these are among them.
    async fn claimed(&self, cluster: &str, claims: &[&ClaimRow]) -> Result<(i64, HashSet<BlsPublicKey>)> {
        let mut from = self.database.begin_reading().await?;
        let count = "SELECT COUNT(*) FROM claims WHERE cluster = $1";
        let count = from.query_one(count, &[cluster.into()]).await?.map_or(Ok(0), |mut row| row.int())?;
        let validators: Vec<Value> = claims.iter().map(|claim| (&claim.pubkey).into()).collect();
        let head = "SELECT pubkey FROM claims WHERE cluster = $1 AND pubkey IN";
        let mut known = Listing { head, fixed: &[cluster.into()] }.read(&mut from, &validators).await?;
        from.commit().await?;
        Ok((count, known.iter_mut().map(Row::pubkey).collect::<Result<_>>()?))
    }
}

impl Change {
    async fn add_claims(mut self, cluster: &str, claims: &[&ClaimRow], limit: u32) -> Result<AddedClaims> {
        self.touch(cluster).await?;
        let insert = Insert {
            head: "INSERT INTO claims (cluster, pubkey, key, level, claimed_at, revision) VALUES",
            columns: 6,
            tail: "ON CONFLICT (cluster, pubkey) DO UPDATE SET level = excluded.level, revision = excluded.revision
                   WHERE claims.level < excluded.level",
        };
        let values: Vec<_> = claims.iter().flat_map(|claim| values(cluster, claim, self.revision)).collect();
        let changed = insert.run(&mut self.transaction, &values).await?;
        if changed == 0 {
            self.cancel().await?;
            return Ok(AddedClaims::Added(0));
        }
        // Another process may have added some since we counted.
        let rows = self.query("SELECT COUNT(*) FROM claims WHERE cluster = $1", &[cluster.into()]).await?;
        let claimed = rows.into_iter().next().map_or(Ok(0), |mut row| row.int())?;
        if claimed > i64::from(limit) {
            self.cancel().await?;
            return Ok(AddedClaims::OverLimit { claimed, limit });
        }
        let validators = || claims.iter().map(|claim| &claim.pubkey);
        let detail = json!({ "changed": changed, "pubkeys": digest(validators()) });
        self.record(Some(cluster), "claims.add", &subject(validators()), &detail).await?;
        self.commit().await?;
        Ok(AddedClaims::Added(usize::try_from(changed).unwrap_or(usize::MAX)))
    }
}

/// One claim for each validator, the best of what was given, in the order of the public keys: a statement may meet a
/// row only once, and two processes must not meet the same rows in opposite orders.
fn distinct(claims: &[ClaimRow]) -> Vec<&ClaimRow> {
    let mut distinct: Vec<_> = claims.iter().collect();
    distinct.sort_by_key(|claim| (claim.pubkey, Reverse(claim.level)));
    distinct.dedup_by_key(|claim| claim.pubkey);
    distinct
}

fn values(cluster: &str, claim: &ClaimRow, revision: i64) -> [Value; 6] {
    [
        cluster.into(),
        (&claim.pubkey).into(),
        claim.key.as_slice().into(),
        columns::level_number(claim.level).into(),
        claim.claimed_at.into(),
        revision.into(),
    ]
}
