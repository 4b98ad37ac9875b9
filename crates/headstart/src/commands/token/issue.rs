use anyhow::{Context, bail};
use clap::Args;
use headstart_registry::{Claims, IssuedToken, KeyRow, SERVICE_TOKEN_LIFETIME_MS, Scope, Scopes, SigningKey};
use headstart_types::UnixMillis;
use rand::Rng;
use serde::Serialize;

use crate::commands::desk::Desk;
use crate::{commands, signing_key, slug, tokens};

#[derive(Debug, Args)]
pub(super) struct Issue {
    /// The cluster's name.
    cluster: String,
    /// Who will use it; a new name becomes a member of the cluster.
    #[arg(value_parser = slug::parse)]
    operator: String,
    /// What it allows: register, hint and view, with commas between them.
    #[arg(long, value_name = "SCOPES", value_delimiter = ',', value_parser = scope, required = true)]
    scope: Vec<Scope>,
    /// How long it is good: 90s, 10m or 24h, which is the most.
    #[arg(long, value_name = "TIME", value_parser = tokens::parse_ttl_ms, default_value = "10m")]
    ttl: i64,
}

#[derive(Serialize)]
struct Issued<'a> {
    token: &'a str,
    jti: &'a str,
    /// The service's key that signed it.
    kid: &'a str,
    cluster: &'a str,
    operator: &'a str,
    scope: String,
    expires_at_unix_ms: UnixMillis,
}

impl Issue {
    pub(super) async fn run(&self, desk: &Desk) -> anyhow::Result<()> {
        if self.ttl > SERVICE_TOKEN_LIFETIME_MS {
            bail!("issue the token: it lives too long; write a --ttl of 24h at most");
        }
        let key = signing_key::open(&desk.config.directory.join(&desk.config.cluster_api.signing_key_file))?;
        let kid = make_known(desk, &key).await?;
        let record = IssuedToken {
            jti: format!("{:032x}", rand::rng().random::<u128>()),
            cluster: self.cluster.clone(),
            operator: self.operator.clone(),
            scopes: self.scopes().to_string(),
            expires_at: desk.now + self.ttl,
        };
        let token = key.sign(&kid, self.claims(&record, &tokens::audience(&desk.config.network.name)))?;
        desk.registry.record_token(&desk.actor, desk.now, &record).await?;
        let IssuedToken { jti, cluster, operator, scopes, expires_at } = &record;
        let issued = Issued {
            token: &token,
            jti,
            kid: &kid,
            cluster,
            operator,
            scope: scopes.clone(),
            expires_at_unix_ms: *expires_at,
        };
        commands::tell(&format!(
            "token {jti} for {cluster}/{operator} ({scopes}); it is shown this once, and `headstart token revoke {jti}` ends it\n"
        ));
        desk.print(&issued, || format!("{token}\n"))
    }

    fn scopes(&self) -> Scopes {
        self.scope.iter().copied().collect()
    }

    fn claims<'a>(&self, record: &'a IssuedToken, audience: &'a str) -> Claims<'a> {
        Claims {
            cluster: &record.cluster,
            operator: &record.operator,
            audience,
            scopes: self.scopes(),
            expires_at: record.expires_at,
            service_token: Some(&record.jti),
        }
    }
}

/// The id of the service's key, which processes must know before they believe what it signs.
async fn make_known(desk: &Desk, key: &SigningKey) -> anyhow::Result<String> {
    let row = KeyRow::from(key.verifying_key(None)?);
    let kid = row.kid.clone();
    let known = desk.rows().await?.service_keys;
    if known.iter().all(|known| known.kid != kid) {
        let added = desk.registry.add_service_key(&desk.actor, desk.now, &row).await;
        added.with_context(|| {
            let file = desk.config.cluster_api.signing_key_file.display();
            format!(
                "use the signing key {file}: if it was revoked, move the file away and a new key is drawn"
            )
        })?;
    }
    Ok(kid)
}

fn scope(text: &str) -> Result<Scope, String> {
    let known = Scope::ALL.into_iter().find(|scope| scope.as_str() == text);
    known.ok_or_else(|| "write register, hint or view".to_owned())
}
