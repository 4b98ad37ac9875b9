use std::path::Path;

use headstart_registry::{DirectoryRows, Error, Registry, Schema};
use headstart_types::Clock;

use super::Finding;
use crate::{Config, network};

const CHECK: &str = "database";

/// Whether the database is there and of a form that this program can work with, and what it holds.
pub(super) async fn check(config: &Config, clock: Clock) -> (Finding, Option<DirectoryRows>) {
    let url = match config.registry.database_url(&config.directory) {
        Ok(url) => url,
        Err(fault) => return (Finding::fail(CHECK, fault.to_string(), "correct registry.url"), None),
    };
    // To look must not make one.
    if url.strip_prefix("sqlite://").is_some_and(|file| !Path::new(file).exists()) {
        return (absent(config, &url), None);
    }
    let registry = match Registry::connect(&url) {
        Ok(registry) => registry,
        Err(error) => return (Finding::fail(CHECK, error.to_string(), "correct registry.url"), None),
    };
    match registry.schema().await {
        Ok(schema) => judge(config, &registry, schema, clock).await,
        Err(error @ Error::Unreachable(_)) => (away(config, &error), None),
        Err(error) => (Finding::fail(CHECK, format!("failed to {error}"), "repair the database"), None),
    }
}

fn absent(config: &Config, url: &str) -> Finding {
    let file = url.trim_start_matches("sqlite://");
    let folder_is_there = Path::new(file).parent().is_some_and(Path::is_dir);
    match (folder_is_there, config.registry.migrate) {
        (false, _) => {
            Finding::fail(CHECK, format!("no folder for {file}"), "make the folder, or correct registry.url")
        }
        (true, true) => Finding::ok(CHECK, format!("{file} is not there yet: serve makes it")),
        (true, false) => Finding::fail(CHECK, format!("{file} is not there"), "run `headstart migrate`"),
    }
}

/// A process can start without its database if it knows from elsewhere whom to serve.
fn away(config: &Config, error: &Error) -> Finding {
    const REMEDY: &str = "start the database, or correct registry.url";
    let file = config.registry.snapshot_file(&config.directory);
    let can_start = !config.clusters.is_empty() || file.is_some_and(|file| file.exists());
    let seen = format!("failed to {error}");
    if can_start { Finding::warn(CHECK, seen, REMEDY) } else { Finding::fail(CHECK, seen, REMEDY) }
}

async fn judge(
    config: &Config,
    registry: &Registry,
    schema: Schema,
    clock: Clock,
) -> (Finding, Option<DirectoryRows>) {
    let Schema { have, need, .. } = schema;
    match schema.check() {
        Err(Error::SchemaBehind { .. }) if config.registry.migrate => {
            (Finding::ok(CHECK, format!("schema {have}: serve brings it to {need}")), None)
        }
        Err(error @ Error::SchemaBehind { .. }) => {
            (Finding::fail(CHECK, format!("failed to {error}"), "run `headstart migrate`"), None)
        }
        Err(error) => (Finding::fail(CHECK, format!("failed to {error}"), "run a newer headstart"), None),
        Ok(()) => match read(config, registry, clock).await {
            Ok(rows) => (Finding::ok(CHECK, format!("schema {have}")), Some(rows)),
            Err(error @ Error::OtherNetwork(_)) => (
                Finding::fail(CHECK, format!("failed to {error}"), "correct registry.url or network.name"),
                None,
            ),
            Err(error) => (Finding::fail(CHECK, format!("failed to {error}"), "repair the database"), None),
        },
    }
}

async fn read(config: &Config, registry: &Registry, clock: Clock) -> Result<DirectoryRows, Error> {
    if let Some(network) = network::known(config) {
        registry.is_of(&network).await?;
    }
    registry.rows(None, clock.now()).await
}
