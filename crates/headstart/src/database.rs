//! Opens the registry's database, as the configuration names it.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;

use anyhow::anyhow;
use headstart_registry::Registry;

use crate::Config;

const OWNER_ONLY: u32 = 0o600;

/// Contacts nothing yet, except that a SQLite file that is not there is made. Must be called within a Tokio runtime.
pub(crate) fn open(config: &Config) -> anyhow::Result<Registry> {
    let url = config.registry.database_url(&config.directory);
    let url = url.map_err(|fault| anyhow!("open the registry: {fault}"))?;
    if let Some(file) = url.strip_prefix("sqlite://") {
        // Relays' headers may be credentials, so nobody else reads it. What stands in the way is told by whoever writes.
        let _ = OpenOptions::new().write(true).create_new(true).mode(OWNER_ONLY).open(file);
    }
    Ok(Registry::connect(&url)?)
}
