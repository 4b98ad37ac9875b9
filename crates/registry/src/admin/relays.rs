use headstart_types::UnixMillis;
use serde_json::json;

use super::check_name;
use crate::sql::Result;
use crate::{Actor, Error, Registry, RelayRow, columns, load};

impl Registry {
    /// Adds a relay to the catalogue; a cluster uses it once its relay set names it.
    pub async fn add_relay(&self, actor: &Actor, now: UnixMillis, relay: &RelayRow) -> Result<()> {
        check_name(&relay.name)?;
        let mut change = self.change(actor, now).await?;
        let sql = "INSERT INTO relays (name, id, url, headers, policy, first_ms, last_ms, min_gap_ms, burst,
                       calls_max, head_required, stream, top_bid_url, created_at)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT DO NOTHING";
        let mut values = columns::relay_values(relay)?.to_vec();
        values.push(now.into());
        if change.execute(sql, &values).await? == 0 {
            let fault = "another relay has its name or its URL";
            return Err(Error::Conflict(format!("add relay {}: {fault}", relay.name)));
        }
        // The URL and the headers may be credentials.
        let detail = json!({ "id": relay.id.to_string(), "policy": relay.policy });
        change.record(None, "relay.add", &relay.name, &detail).await?;
        change.commit().await
    }

    /// Clusters whose relay set still names it do without.
    pub async fn remove_relay(&self, actor: &Actor, now: UnixMillis, name: &str) -> Result<()> {
        let mut change = self.change(actor, now).await?;
        if change.execute("DELETE FROM relays WHERE name = $1", &[name.into()]).await? == 0 {
            return Err(Error::NotFound(format!("relay {name}")));
        }
        change.record(None, "relay.remove", name, &json!({})).await?;
        change.commit().await
    }

    /// The catalogue of the database, in the order of the names; a configuration file may declare more.
    pub async fn list_relays(&self) -> Result<Vec<RelayRow>> {
        let mut from = self.database.begin_reading().await?;
        let relays = load::relays(&mut from).await?;
        from.commit().await?;
        Ok(relays)
    }
}
