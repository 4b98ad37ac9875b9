use headstart_types::UnixMillis;
use serde_json::json;

use super::check_name;
use crate::registry::Change;
use crate::sql::Result;
use crate::{Actor, BeaconNodeRow, Error, Registry, SecretRow, load};

/// Live secrets of one beacon node: the one in use, and the next one during a rotation.
const LIVE_SECRETS_MAX: usize = 2;

impl Registry {
    /// Adds a beacon node with its first secret, granted by these clusters.
    pub async fn add_beacon_node(
        &self,
        actor: &Actor,
        now: UnixMillis,
        name: &str,
        clusters: &[&str],
        secret: &SecretRow,
    ) -> Result<()> {
        check_name(name)?;
        let mut change = self.change(actor, now).await?;
        let sql = "INSERT INTO beacon_nodes (name, created_at) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
        if change.execute(sql, &[name.into(), now.into()]).await? == 0 {
            return Err(Error::exists(format!("beacon node {name}")));
        }
        let detail = json!({ "clusters": clusters, "secret": secret.id });
        change.record(None, "beacon_node.add", name, &detail).await?;
        change.insert_secret(name, secret).await?;
        for cluster in clusters {
            change.grant(name, cluster).await?;
        }
        change.commit().await
    }

    /// Gives a beacon node a further secret; of its older ones only the newest stays good. Answers the ids of those
    /// that were revoked for it.
    pub async fn rotate_beacon_node(
        &self,
        actor: &Actor,
        now: UnixMillis,
        name: &str,
        secret: &SecretRow,
    ) -> Result<Vec<String>> {
        let mut change = self.change(actor, now).await?;
        change.must_know_node(name).await?;
        let older = change.live_secrets(name).await?;
        let revoked: Vec<_> = older.into_iter().skip(LIVE_SECRETS_MAX - 1).collect();
        for id in &revoked {
            change.revoke_secret(id).await?;
        }
        change.insert_secret(name, secret).await?;
        let detail = json!({ "secret": secret.id, "revoked": revoked });
        change.record(None, "beacon_node.rotate", name, &detail).await?;
        change.commit().await?;
        Ok(revoked)
    }

    /// Lets a beacon node ask for a cluster's validators; that it may already changes nothing.
    pub async fn grant_beacon_node(
        &self,
        actor: &Actor,
        now: UnixMillis,
        name: &str,
        cluster: &str,
    ) -> Result<()> {
        let mut change = self.change(actor, now).await?;
        change.must_know_node(name).await?;
        if change.grant(name, cluster).await? { change.commit().await } else { change.cancel().await }
    }

    pub async fn revoke_grant(
        &self,
        actor: &Actor,
        now: UnixMillis,
        name: &str,
        cluster: &str,
    ) -> Result<()> {
        let mut change = self.change(actor, now).await?;
        let sql = "DELETE FROM beacon_node_grants WHERE node = $1 AND cluster = $2";
        if change.execute(sql, &[name.into(), cluster.into()]).await? == 0 {
            return Err(Error::NotFound(format!("a grant of cluster {cluster} for beacon node {name}")));
        }
        change.record(Some(cluster), "beacon_node.revoke_grant", name, &json!({})).await?;
        change.commit().await
    }

    /// Revokes one secret by its id.
    pub async fn revoke_beacon_node_secret(&self, actor: &Actor, now: UnixMillis, id: &str) -> Result<()> {
        let mut change = self.change(actor, now).await?;
        if change.revoke_secret(id).await? == 0 {
            return Err(Error::NotFound(format!("a live secret {id}")));
        }
        change.record(None, "beacon_node.revoke_secret", id, &json!({})).await?;
        change.commit().await
    }

    /// In the order of their names.
    pub async fn list_beacon_nodes(&self) -> Result<Vec<BeaconNodeRow>> {
        let mut from = self.database.begin_reading().await?;
        let nodes = load::beacon_nodes(&mut from).await?;
        from.commit().await?;
        Ok(nodes)
    }
}

impl Change {
    async fn must_know_node(&mut self, name: &str) -> Result<()> {
        match self.query("SELECT name FROM beacon_nodes WHERE name = $1", &[name.into()]).await?.len() {
            0 => Err(Error::NotFound(format!("beacon node {name}"))),
            _ => Ok(()),
        }
    }

    /// Whether it was not granted before.
    async fn grant(&mut self, name: &str, cluster: &str) -> Result<bool> {
        self.touch(cluster).await?;
        let sql = "INSERT INTO beacon_node_grants (node, cluster, created_at) VALUES ($1, $2, $3)
                   ON CONFLICT (node, cluster) DO NOTHING";
        let new = self.execute(sql, &[name.into(), cluster.into(), self.at.into()]).await? == 1;
        if new {
            self.record(Some(cluster), "beacon_node.grant", name, &json!({})).await?;
        }
        Ok(new)
    }

    async fn insert_secret(&mut self, name: &str, secret: &SecretRow) -> Result<()> {
        let sql = "INSERT INTO beacon_node_secrets (id, node, digest, created_at) VALUES ($1, $2, $3, $4)
                   ON CONFLICT (id) DO NOTHING";
        let values =
            [secret.id.as_str().into(), name.into(), secret.digest.as_slice().into(), self.at.into()];
        match self.execute(sql, &values).await? {
            0 => Err(Error::exists(format!("secret {}", secret.id))),
            _ => Ok(()),
        }
    }

    /// The newest first.
    async fn live_secrets(&mut self, name: &str) -> Result<Vec<String>> {
        let sql = "SELECT id FROM beacon_node_secrets WHERE node = $1 AND revoked_at IS NULL
                   ORDER BY created_at DESC, id";
        self.query(sql, &[name.into()]).await?.iter_mut().map(crate::sql::Row::text).collect()
    }

    async fn revoke_secret(&mut self, id: &str) -> Result<u64> {
        let sql = "UPDATE beacon_node_secrets SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL";
        self.execute(sql, &[self.at.into(), id.into()]).await
    }
}
