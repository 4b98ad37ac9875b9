use headstart_types::UnixMillis;
use serde_json::json;

use crate::registry::Change;
use crate::sql::Result;
use crate::{Actor, Error, KeyRow, Registry};

/// A token that the service signed for an operator who has no key; the token itself is kept nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedToken {
    pub jti: String,
    pub cluster: String,
    pub operator: String,
    /// With spaces between them.
    pub scopes: String,
    pub expires_at: UnixMillis,
}

impl Registry {
    /// Adds a public key that the service signs with.
    pub async fn add_service_key(&self, actor: &Actor, now: UnixMillis, key: &KeyRow) -> Result<()> {
        let mut change = self.change(actor, now).await?;
        let sql = "INSERT INTO service_keys (kid, algorithm, public_key, created_at)
                   VALUES ($1, $2, $3, $4) ON CONFLICT (kid) DO NOTHING";
        let (kid, algorithm) = (key.kid.as_str(), key.algorithm.as_str());
        let values = [kid.into(), algorithm.into(), key.public_key.as_ref().into(), now.into()];
        if change.execute(sql, &values).await? == 0 {
            return Err(Error::exists(format!("service key {kid}")));
        }
        change.record(None, "service_key.add", kid, &json!({ "algorithm": algorithm })).await?;
        change.commit().await
    }

    /// Revokes every token that the key signed.
    pub async fn revoke_service_key(&self, actor: &Actor, now: UnixMillis, kid: &str) -> Result<()> {
        let mut change = self.change(actor, now).await?;
        let sql = "UPDATE service_keys SET revoked_at = $1 WHERE kid = $2 AND revoked_at IS NULL";
        if change.execute(sql, &[now.into(), kid.into()]).await? == 0 {
            return Err(Error::NotFound(format!("a live service key {kid}")));
        }
        change.record(None, "service_key.revoke", kid, &json!({})).await?;
        change.commit().await
    }

    /// Puts a token on record before it is handed out, and its operator if it is new.
    pub async fn record_token(&self, actor: &Actor, now: UnixMillis, token: &IssuedToken) -> Result<()> {
        let mut change = self.change(actor, now).await?;
        let IssuedToken { jti, cluster, operator, scopes, expires_at } = token;
        change.touch(cluster).await?;
        change.insert_operator(cluster, operator).await?;
        let sql = "INSERT INTO issued_tokens (jti, cluster, operator, scopes, issued_at, expires_at)
                   VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (jti) DO NOTHING";
        let text = |text: &String| text.as_str().into();
        let values =
            [text(jti), text(cluster), text(operator), text(scopes), now.into(), (*expires_at).into()];
        if change.execute(sql, &values).await? == 0 {
            return Err(Error::exists(format!("token {jti}")));
        }
        let detail = json!({ "operator": operator, "scopes": scopes, "expires_at": expires_at });
        change.record(Some(cluster), "token.issue", jti, &detail).await?;
        change.commit().await
    }

    /// Revoking it again changes nothing.
    pub async fn revoke_token(&self, actor: &Actor, now: UnixMillis, jti: &str) -> Result<()> {
        let mut change = self.change(actor, now).await?;
        let cluster = change.cluster_of_token(jti).await?;
        let sql = "UPDATE issued_tokens SET revoked_at = $1 WHERE jti = $2 AND revoked_at IS NULL";
        if change.execute(sql, &[now.into(), jti.into()]).await? == 0 {
            return change.cancel().await;
        }
        change.record(Some(&cluster), "token.revoke", jti, &json!({})).await?;
        change.commit().await
    }
}

impl Change {
    async fn cluster_of_token(&mut self, jti: &str) -> Result<String> {
        let rows = self.query("SELECT cluster FROM issued_tokens WHERE jti = $1", &[jti.into()]).await?;
        let row = rows.into_iter().next();
        row.ok_or_else(|| Error::NotFound(format!("token {jti}")))?.text()
    }
}
