use std::fs;
use std::path::Path;

use headstart_registry::snapshot;
use headstart_types::UnixMillis;

use super::Finding;
use crate::Config;

const CHECK: &str = "snapshot";

/// Whether a process could start from the snapshot, and how old it is. One that is old is as good as new while nothing has
/// changed in the database.
pub(super) fn check(config: &Config, now: UnixMillis) -> Option<Finding> {
    config.registry.snapshot_file(&config.directory).map(|file| one(&file, now))
}

fn one(file: &Path, now: UnixMillis) -> Finding {
    let shown = file.display();
    match snapshot::read(file) {
        Ok(Some(rows)) => {
            let written = fs::metadata(file).and_then(|metadata| metadata.modified()).map(UnixMillis::from);
            let age_s = written.map_or(0, |written| written.until(now).as_secs());
            Finding::ok(CHECK, format!("{shown}: revision {}, written {age_s} s ago", rows.revision))
        }
        Ok(None) => Finding::ok(CHECK, "none yet: serve writes it"),
        Err(error) => {
            let remedy = format!(
                "remove {shown}: serve writes it anew, and without its database cannot start until then"
            );
            Finding::warn(CHECK, format!("failed to {error}"), remedy)
        }
    }
}

#[cfg(test)]
mod tests {
    use headstart_registry::DirectoryRows;

    use super::super::Verdict;
    use super::*;

    #[test]
    fn a_snapshot_may_be_missing_but_not_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("snapshot.json");
        let now = UnixMillis(4_000_000_000_000);
        assert_eq!(one(&file, now).status, Verdict::Ok);
        snapshot::write(&file, &DirectoryRows::default()).unwrap();
        assert!(one(&file, now).seen.contains("revision 0, written "), "{:?}", one(&file, now));
        fs::write(&file, "{}").unwrap();
        assert_eq!(one(&file, now).status, Verdict::Warn);
    }
}
