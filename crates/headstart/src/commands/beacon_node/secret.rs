use anyhow::bail;
use clap::Args;
use headstart_registry::{NewSecret, SecretRow};
use serde::Serialize;

use super::flags::{ClientFlags, Host};
use crate::commands::desk::Desk;

#[derive(Debug, Args)]
pub(super) struct HostArg {
    /// How beacon nodes reach the service, for the flags that are printed; by default `builder_api.listen`, if that names
    /// one address.
    #[arg(long, value_name = "URL", value_parser = Host::parse)]
    host: Option<Host>,
}

/// A new secret, which is shown once and kept as a digest.
#[derive(Serialize)]
pub(super) struct SecretView {
    beacon_node: String,
    clusters: Vec<String>,
    /// What `beacon-node list` calls it.
    secret_id: String,
    /// For a path `/t/<token>/` and for a Bearer.
    token: String,
    /// For a URL: user and password.
    userinfo: String,
    flags: ClientFlags,
}

pub(super) fn draw() -> (NewSecret, SecretRow) {
    let secret = NewSecret::draw(&mut rand::rng());
    let row = SecretRow { id: secret.id().to_owned(), digest: secret.digest() };
    (secret, row)
}

impl HostArg {
    /// Must be known before a secret is made, for that is shown this once.
    pub(super) fn host(&self, desk: &Desk) -> anyhow::Result<Host> {
        let listen = desk.config.builder_api.listen;
        match &self.host {
            Some(host) => Ok(host.clone()),
            None if listen.ip().is_unspecified() => bail!(
                "tell how beacon nodes reach the service: builder_api.listen = \"{listen}\" is every address of the machine and names none; write --host http://HOST:{}",
                listen.port()
            ),
            None => Ok(Host::at(listen)),
        }
    }
}

impl SecretView {
    pub(super) fn new(host: &Host, beacon_node: &str, clusters: Vec<String>, secret: &NewSecret) -> Self {
        Self {
            beacon_node: beacon_node.to_owned(),
            clusters,
            secret_id: secret.id().to_owned(),
            token: secret.token(),
            userinfo: secret.userinfo(),
            flags: ClientFlags::new(host, secret),
        }
    }

    pub(super) fn text(&self, done: &str) -> String {
        let lines = self.flags.lines().map(|(client, flag)| format!("  {client:<10} {flag}\n"));
        format!(
            "beacon node {} {done} for {}. Its secret is shown this once; give its client one of\n{}",
            self.beacon_node,
            crate::commands::table::list(&self.clusters),
            lines.concat()
        )
    }
}
