use headstart_types::UnixMillis;
use serde_json::json;

use super::check_name;
use crate::registry::Change;
use crate::sql::{Result, Row, Value};
use crate::{Actor, Error, PolicyRow, QuotaRow, Registry, SERVICE_ISSUER, columns};

/// A cluster as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ClusterSummary {
    pub name: String,
    /// Its policy stands in a configuration file.
    pub declared: bool,
    pub suspended_at: Option<UnixMillis>,
    pub created_at: UnixMillis,
    /// Validators that it claims here; a configuration file may declare more.
    pub validators: i64,
    pub operators: i64,
}

impl Registry {
    pub async fn add_cluster(
        &self,
        actor: &Actor,
        now: UnixMillis,
        name: &str,
        policy: &PolicyRow,
        quotas: &QuotaRow,
    ) -> Result<()> {
        check_cluster_name(name)?;
        let mut change = self.change(actor, now).await?;
        if !change.insert_cluster(name, false, policy, quotas).await? {
            return Err(Error::exists(format!("cluster {name}")));
        }
        change
            .record(Some(name), "cluster.add", name, &json!({ "policy": policy, "quotas": quotas }))
            .await?;
        change.commit().await
    }

    /// Makes known the clusters that a configuration file declares, so that they can have members here. Does nothing
    /// for those that are known.
    pub async fn declare_clusters(&self, now: UnixMillis, names: &[&str]) -> Result<()> {
        let mut known = Vec::new();
        for mut row in self.database.query("SELECT name FROM clusters", &[]).await? {
            known.push(row.text()?);
        }
        let new: Vec<_> = names.iter().filter(|name| !known.iter().any(|known| known == *name)).collect();
        if new.is_empty() {
            return Ok(());
        }
        let mut change = self.change(&Actor::service(), now).await?;
        for name in new {
            check_cluster_name(name)?;
            if change.insert_cluster(name, true, &PolicyRow::default(), &QuotaRow::default()).await? {
                change.record(Some(name), "cluster.declare", name, &json!({})).await?;
            }
        }
        change.commit().await
    }

    /// A suspended cluster is served no longer; nothing of it is lost. Suspending it again changes nothing.
    pub async fn suspend_cluster(&self, actor: &Actor, now: UnixMillis, name: &str) -> Result<()> {
        let sql = "UPDATE clusters SET suspended_at = $1 WHERE name = $2 AND suspended_at IS NULL";
        let change = self.change(actor, now).await?;
        change.apply_to_cluster(name, "cluster.suspend", &json!({}), sql, &[now.into(), name.into()]).await
    }

    pub async fn resume_cluster(&self, actor: &Actor, now: UnixMillis, name: &str) -> Result<()> {
        let sql = "UPDATE clusters SET suspended_at = NULL WHERE name = $1 AND suspended_at IS NOT NULL";
        let change = self.change(actor, now).await?;
        change.apply_to_cluster(name, "cluster.resume", &json!({}), sql, &[name.into()]).await
    }

    /// Replaces what the cluster itself says of its policy. Of a declared cluster only the configuration file can.
    pub async fn set_policy(
        &self,
        actor: &Actor,
        now: UnixMillis,
        name: &str,
        policy: &PolicyRow,
    ) -> Result<()> {
        let sql = "UPDATE clusters SET relays = $1, min_bid_wei = $2, cutoff_ms = $3, expected_ask_ms = $4,
                   sticky = $5, sticky_ms = $6, timing = $7, mode = $8 WHERE name = $9";
        let mut values = columns::policy_values(policy).to_vec();
        values.push(name.into());
        let mut change = self.change(actor, now).await?;
        change.refuse_declared(name).await?;
        change.apply_to_cluster(name, "cluster.policy", &json!(policy), sql, &values).await
    }

    /// Replaces what differs from the default quotas.
    pub async fn set_quotas(
        &self,
        actor: &Actor,
        now: UnixMillis,
        name: &str,
        quotas: &QuotaRow,
    ) -> Result<()> {
        let sql =
            "UPDATE clusters SET hints_per_s = $1, signature_checks_per_s = $2, upstream_asks_per_slot = $3,
                   streams = $4, validators = $5 WHERE name = $6";
        let mut values = columns::quota_values(quotas).to_vec();
        values.push(name.into());
        let change = self.change(actor, now).await?;
        change.apply_to_cluster(name, "cluster.quotas", &json!(quotas), sql, &values).await
    }

    /// In the order of their names.
    pub async fn list_clusters(&self) -> Result<Vec<ClusterSummary>> {
        let sql = "SELECT name, declared, suspended_at, created_at,
                   (SELECT COUNT(*) FROM claims WHERE claims.cluster = clusters.name),
                   (SELECT COUNT(*) FROM operators WHERE operators.cluster = clusters.name)
                   FROM clusters ORDER BY name";
        let mut rows = self.database.query(sql, &[]).await?;
        let summary = |row: &mut Row| {
            Ok(ClusterSummary {
                name: row.text()?,
                declared: row.int()? != 0,
                suspended_at: row.int_or_null()?.map(UnixMillis),
                created_at: row.time()?,
                validators: row.int()?,
                operators: row.int()?,
            })
        };
        rows.iter_mut().map(summary).collect()
    }
}

impl Change {
    /// Whether it was not there before.
    async fn insert_cluster(
        &mut self,
        name: &str,
        declared: bool,
        policy: &PolicyRow,
        quotas: &QuotaRow,
    ) -> Result<bool> {
        let sql = "INSERT INTO clusters (name, declared, created_at, revision, claims_removed,
                       relays, min_bid_wei, cutoff_ms, expected_ask_ms, sticky, sticky_ms, timing, mode,
                       hints_per_s, signature_checks_per_s, upstream_asks_per_slot, streams, validators)
                   VALUES ($1, $2, $3, $4, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
                   ON CONFLICT (name) DO NOTHING";
        let mut values: Vec<Value> = vec![name.into(), declared.into(), self.at.into(), self.revision.into()];
        values.extend(columns::policy_values(policy));
        values.extend(columns::quota_values(quotas));
        Ok(self.execute(sql, &values).await? == 1)
    }

    /// Changes a cluster's own row by `sql`; that the row says so already is no change.
    async fn apply_to_cluster(
        mut self,
        name: &str,
        action: &str,
        detail: &serde_json::Value,
        sql: &'static str,
        values: &[Value],
    ) -> Result<()> {
        self.touch(name).await?;
        if self.execute(sql, values).await? == 0 {
            return self.cancel().await;
        }
        self.record(Some(name), action, name, detail).await?;
        self.commit().await
    }

    async fn refuse_declared(&mut self, name: &str) -> Result<()> {
        let sql = "SELECT name FROM clusters WHERE name = $1 AND declared = 1";
        if self.query(sql, &[name.into()]).await?.is_empty() {
            return Ok(());
        }
        let fault = "the configuration file declares it; change it there";
        Err(Error::Conflict(format!("change the policy of cluster {name}: {fault}")))
    }
}

/// The service's own tokens name themselves by their issuer, so no cluster may have that name.
fn check_cluster_name(name: &str) -> Result<()> {
    check_name(name)?;
    if name == SERVICE_ISSUER {
        return Err(Error::Other(format!("use the name {name:?} for a cluster: the service itself has it")));
    }
    Ok(())
}
