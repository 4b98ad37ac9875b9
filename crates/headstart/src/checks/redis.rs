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
    let bids = server(BIDS, &redis.url, mode).await;
    let (url, check) = match &redis.provenance_url {
        Some(url) => (url, PROVENANCE),
        None => (&redis.url, BIDS),
    };
    let mut findings = vec![bids];
    if redis.provenance_url.is_some() {
        findings.push(server(PROVENANCE, url, mode).await);
    }
    if let Ok(seen) = Inspection::of(url).await {
        findings.push(eviction(check, &seen));
    }
    findings
}

async fn server(check: &'static str, url: &str, mode: RedisMode) -> Finding {
    match Inspection::of(url).await {
        Ok(seen) if !seen.is_new_enough() => {
            Finding::fail(check, format!("version {}", seen.version), "use Redis 6.2 or newer")
        }
        Ok(seen) => Finding::ok(check, format!("version {} answers", seen.version)),
        Err(error) => {
            let remedy = "start the server, or correct its URL in [redis]";
            match mode {
                RedisMode::Required => Finding::fail(check, error, remedy),
                RedisMode::Optional => Finding::warn(check, error, remedy),
            }
        }
    }
}

/// Provenance never expires, so only a policy that spares what does not expire leaves it.
fn eviction(check: &'static str, seen: &Inspection) -> Finding {
    let policy = format!("maxmemory-policy {}", seen.policy);
    if seen.evicts_everything() {
        let remedy =
            "set volatile-ttl, or give provenance a server of its own with noeviction (redis.provenance_url)";
        return Finding::warn(check, format!("{policy}: provenance can be evicted"), remedy);
    }
    if check == BIDS && seen.policy == "noeviction" && seen.memory_max > 0 {
        let seen = format!("{policy}: when it is full it takes no bids");
        return Finding::warn(check, seen, "set volatile-ttl: bids expire, provenance does not");
    }
    Finding::ok(check, policy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::Verdict;

    fn judged(check: &'static str, policy: &str) -> Verdict {
        let seen = Inspection { version: "7.0.15".to_owned(), policy: policy.to_owned(), memory_max: 1 };
        eviction(check, &seen).status
    }

    #[test]
    fn a_policy_that_evicts_provenance_is_warned_of() {
        assert_eq!(judged(BIDS, "volatile-ttl"), Verdict::Ok);
        assert_eq!(judged(BIDS, "allkeys-lru"), Verdict::Warn);
        assert_eq!(judged(BIDS, "noeviction"), Verdict::Warn);
        assert_eq!(judged(PROVENANCE, "noeviction"), Verdict::Ok);
        assert_eq!(judged(PROVENANCE, "allkeys-random"), Verdict::Warn);
    }

    #[tokio::test]
    async fn a_server_that_is_away_fails_only_where_it_is_required() {
        for (mode, expected) in [(RedisMode::Required, Verdict::Fail), (RedisMode::Optional, Verdict::Warn)] {
            let found = server(BIDS, "redis://127.0.0.1:1", mode).await;
            assert_eq!(found.status, expected, "{found:?}");
        }
    }
}
