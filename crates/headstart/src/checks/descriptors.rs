use rustix::process::{Resource, getrlimit};

use super::Finding;
use crate::Config;

const CHECK: &str = "file_descriptors";
const ENOUGH: u64 = 65_536;
/// For relays, beacon nodes, the database and files, beside the connections of those who ask.
const MARGIN: u64 = 1_024;

/// How many descriptors this process may open. For the service that is what it was started with.
pub(super) fn check(config: &Config) -> Finding {
    judge(getrlimit(Resource::Nofile).current, config.builder_api.connections_max as u64)
}

fn judge(limit: Option<u64>, connections_max: u64) -> Finding {
    let Some(limit) = limit else { return Finding::ok(CHECK, "no limit") };
    let wanted = ENOUGH.max(connections_max.saturating_add(MARGIN));
    if limit >= wanted {
        return Finding::ok(CHECK, format!("{limit} may be open"));
    }
    let seen = format!("{limit} may be open, of {wanted} that should");
    Finding::warn(CHECK, seen, "raise the limit: LimitNOFILE= with systemd, ulimit -n elsewhere")
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn there_must_be_enough_for_all_connections_and_some() {
        assert_eq!(judge(None, 16_384).status, Verdict::Ok);
        assert_eq!(judge(Some(65_536), 16_384).status, Verdict::Ok);
        assert_eq!(judge(Some(65_535), 16_384).status, Verdict::Warn);
        assert_eq!(judge(Some(65_536), 65_000).status, Verdict::Warn);
    }
}
