use anyhow::bail;
use clap::Args;
use serde::Serialize;

use crate::commands::desk::Desk;

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["jti", "service_key"]))]
pub(super) struct Revoke {
    /// The token's id, as `token issue` told it.
    jti: Option<String>,
    /// All tokens that this key of the service signed, as after the key has leaked.
    #[arg(long, value_name = "KID")]
    service_key: Option<String>,
}

#[derive(Serialize)]
struct Told<'a> {
    jti: Option<&'a str>,
    service_key: Option<&'a str>,
    revoked: bool,
}

impl Revoke {
    pub(super) async fn run(&self, desk: &Desk) -> anyhow::Result<()> {
        let (jti, service_key) = (self.jti.as_deref(), self.service_key.as_deref());
        let told = Told { jti, service_key, revoked: true };
        match (jti, service_key) {
            (Some(jti), _) => {
                desk.registry.revoke_token(&desk.actor, desk.now, jti).await?;
                desk.print(&told, || format!("token {jti} is revoked; it is refused within a second\n"))
            }
            (None, Some(kid)) => {
                desk.registry.revoke_service_key(&desk.actor, desk.now, kid).await?;
                let file = desk.config.directory.join(&desk.config.cluster_api.signing_key_file);
                desk.print(&told, || {
                    format!(
                        "all tokens of key {kid} are refused within a second; move {} away, and `token issue` draws a new key\n",
                        file.display()
                    )
                })
            }
            (None, None) => bail!("revoke: name a token or a --service-key"),
        }
    }
}
