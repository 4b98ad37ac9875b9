use headstart_registry::{Directory, DirectoryRows, snapshot};

use super::Finding;
use crate::{Config, declared};

const CHECK: &str = "directory";

/// Whom the service would serve, by the database or else the snapshot, and the configuration file.
pub(super) fn check(config: &Config, rows: Option<DirectoryRows>) -> anyhow::Result<(Finding, Directory)> {
    let file = config.registry.snapshot_file(&config.directory);
    let kept = || file.and_then(|file| snapshot::read(&file).ok().flatten()).unwrap_or_default();
    let directory = Directory::build(&rows.unwrap_or_else(kept), &declared::read(config)?);
    let (clusters, validators) = (directory.clusters().len(), directory.validators());
    let seen = format!("{clusters} clusters, {validators} validators, {} relays", directory.relays().len());
    let finding = match directory.faults().first() {
        Some(fault) => Finding::warn(
            CHECK,
            format!("{seen}; left out: {fault}"),
            "add what is missing, or rename one of them",
        ),
        None if clusters == 0 => Finding::warn(CHECK, seen, "add one with `headstart tenant add NAME`"),
        None => Finding::ok(CHECK, seen),
    };
    Ok((finding, directory))
}
