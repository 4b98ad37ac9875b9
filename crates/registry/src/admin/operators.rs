use headstart_types::UnixMillis;
use serde_json::json;

use super::check_name;
use crate::registry::Change;
use crate::sql::Result;
use crate::{Actor, Error, KeyRow, Registry};

/// Live keys of one operator: one in use, and the next one during a rotation.
const LIVE_KEYS_MAX: usize = 2;

impl Registry {
    /// Adds a member to a cluster; that it is one already changes nothing.
    pub async fn add_operator(
        &self,
        actor: &Actor,
        now: UnixMillis,
        cluster: &str,
        operator: &str,
    ) -> Result<()> {
        let mut change = self.change(actor, now).await?;
        change.touch(cluster).await?;
        if !change.insert_operator(cluster, operator).await? {
            return change.cancel().await;
        }
        change.commit().await
    }

    /// Adds a public key that the operator signs its tokens with, and the operator if it is new. A key id is the
    /// cluster's for ever: one that was revoked does not come back.
    pub async fn add_operator_key(
        &self,
        actor: &Actor,
        now: UnixMillis,
        cluster: &str,
        operator: &str,
        key: &KeyRow,
    ) -> Result<()> {
        let mut change = self.change(actor, now).await?;
        change.touch(cluster).await?;
        change.insert_operator(cluster, operator).await?;
        let sql = "INSERT INTO operator_keys (cluster, kid, operator, algorithm, public_key, created_at)
                   VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (cluster, kid) DO NOTHING";
        let (kid, algorithm) = (key.kid.as_str(), key.algorithm.as_str());
        let values = [
            cluster.into(),
            kid.into(),
            operator.into(),
            algorithm.into(),
            key.public_key.as_ref().into(),
            now.into(),
        ];
        if change.execute(sql, &values).await? == 0 {
            return Err(Error::exists(format!("key {kid} of cluster {cluster}")));
        }
        if change.live_keys(cluster, operator).await? > LIVE_KEYS_MAX {
            let fault = format!("it has {LIVE_KEYS_MAX} live ones; revoke one first");
            return Err(Error::Conflict(format!("add a key of operator {cluster}/{operator}: {fault}")));
        }
        let detail = json!({ "operator": operator, "algorithm": algorithm });
        change.record(Some(cluster), "operator_key.add", kid, &detail).await?;
        change.commit().await
    }

    /// Tokens that the key signed are refused as soon as the change has reached every process.
    pub async fn revoke_operator_key(
        &self,
        actor: &Actor,
        now: UnixMillis,
        cluster: &str,
        kid: &str,
    ) -> Result<()> {
        let mut change = self.change(actor, now).await?;
        change.touch(cluster).await?;
        let sql = "UPDATE operator_keys SET revoked_at = $1
                   WHERE cluster = $2 AND kid = $3 AND revoked_at IS NULL";
        if change.execute(sql, &[now.into(), cluster.into(), kid.into()]).await? == 0 {
            return Err(Error::NotFound(format!("a live key {kid} of cluster {cluster}")));
        }
        change.record(Some(cluster), "operator_key.revoke", kid, &json!({})).await?;
        change.commit().await
    }
}

impl Change {
    /// Whether it was no member before.
    pub(super) async fn insert_operator(&mut self, cluster: &str, operator: &str) -> Result<bool> {
        check_name(operator)?;
        let sql = "INSERT INTO operators (cluster, name, created_at) VALUES ($1, $2, $3)
                   ON CONFLICT (cluster, name) DO NOTHING";
        let new = self.execute(sql, &[cluster.into(), operator.into(), self.at.into()]).await? == 1;
        if new {
            self.record(Some(cluster), "operator.add", operator, &json!({})).await?;
        }
        Ok(new)
    }

    async fn live_keys(&mut self, cluster: &str, operator: &str) -> Result<usize> {
        let sql = "SELECT kid FROM operator_keys WHERE cluster = $1 AND operator = $2 AND revoked_at IS NULL";
        Ok(self.query(sql, &[cluster.into(), operator.into()]).await?.len())
    }
}
