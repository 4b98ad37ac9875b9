use headstart_bid_store::{Inspection, RedisConfig};

use super::Finding;
use crate::Config;
use crate::config::RedisMode;

const BIDS: &str = "redis";
const PROVENANCE: &str = "redis provenance";

/// Whether the servers answer, are new enough, and keep what must be kept: nothing as long as nothing is kept there.
pub(super) async fn check(config: &Config) -> Vec<Finding> {
    match config.redis.store(&config.directory) {
        Ok(None) => Vec::new(),
        Ok(Some(redis)) => of_servers(&redis, config.redis.mode).await,
        Err((key, fault)) => vec![Finding::fail(BIDS, fault, format!("correct {key}"))],
    }
}

async fn of_servers(redis: &RedisConfig, mode: RedisMode) -> Vec<Finding> {
    let Some(provenance_url) = &redis.provenance_url else {
        return server(BIDS, &redis.url, Holds { bids: true, provenance: true }, mode).await;
    };
    let (bids, provenance) = tokio::join!(
        server(BIDS, &redis.url, Holds { bids: true, provenance: false }, mode),
        server(PROVENANCE, provenance_url, Holds { bids: false, provenance: true }, mode),
    );
    bids.into_iter().chain(provenance).collect()
}

/// What a server is there for.
#[derive(Clone, Copy)]
struct Holds {
    bids: bool,
    provenance: bool,
}

async fn server(check: &'static str, url: &str, holds: Holds, mode: RedisMode) -> Vec<Finding> {
    let seen = match Inspection::of(url).await {
        Ok(seen) => seen,
        Err(error) => {
            let remedy = "start the server, or correct its URL in [redis]";
            return vec![match mode {
                RedisMode::Required => Finding::fail(check, error, remedy),
                RedisMode::Optional => Finding::warn(check, error, remedy),
            }];
        }
    };
    let answers = if seen.is_new_enough() {
        Finding::ok(check, format!("version {} answers", seen.version))
    } else {
        Finding::fail(check, format!("version {}", seen.version), "use Redis 6.2 or newer")
    };
    vec![answers, eviction(check, &seen, holds)]
}

/// Provenance never expires, so only a policy that spares what does not expire leaves it; and of what is full without a
/// policy bids cannot be had.
fn eviction(check: &'static str, seen: &Inspection, holds: Holds) -> Finding {
    let policy = format!("maxmemory-policy {}", seen.policy);
    if holds.provenance && seen.evicts_everything() {
        let remedy =
            "set volatile-ttl, or give provenance a server of its own with noeviction (redis.provenance_url)";
        return Finding::warn(check, format!("{policy}: provenance can be evicted"), remedy);
    }
    if holds.bids && seen.evicts_everything() {
        let seen = format!("{policy}: hints can be evicted, and a fresh bid before an old one");
        return Finding::warn(check, seen, "set volatile-ttl: old bids go first");
    }
    if holds.bids && seen.policy == "noeviction" && seen.memory_max > 0 {
        let seen = format!("{policy}: when it is full it takes no bids");
        return Finding::warn(check, seen, "set volatile-ttl: bids expire, provenance does not");
    }
    Finding::ok(check, policy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::Verdict;

    const BOTH: Holds = Holds { bids: true, provenance: true };

    fn judged(holds: Holds, policy: &str) -> Verdict {
        let seen = Inspection { version: "7.0.15".to_owned(), policy: policy.to_owned(), memory_max: 1 };
        eviction(BIDS, &seen, holds).status
    }

    #[test]
    fn a_policy_that_does_not_fit_what_the_server_holds_is_warned_of() {
        let (bids, provenance) = (Holds { provenance: false, ..BOTH }, Holds { bids: false, ..BOTH });
        for holds in [BOTH, bids] {
            assert_eq!(judged(holds, "volatile-ttl"), Verdict::Ok);
            assert_eq!(judged(holds, "allkeys-lru"), Verdict::Warn);
            assert_eq!(judged(holds, "noeviction"), Verdict::Warn);
        }
        assert_eq!(judged(provenance, "noeviction"), Verdict::Ok);
        assert_eq!(judged(provenance, "allkeys-random"), Verdict::Warn);
    }

    #[tokio::test]
    async fn a_server_that_is_away_fails_only_where_it_is_required() {
        for (mode, expected) in [(RedisMode::Required, Verdict::Fail), (RedisMode::Optional, Verdict::Warn)] {
            let found = server(BIDS, "redis://127.0.0.1:1", BOTH, mode).await;
            assert_eq!((found.len(), found[0].status), (1, expected), "{found:?}");
        }
    }
}
