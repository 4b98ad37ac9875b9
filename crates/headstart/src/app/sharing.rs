//! The bid store, as the configuration wants it.

use std::time::Duration;

use anyhow::bail;
use headstart_bid_store::BidStore;
use headstart_types::Network;
use tokio::time::{self, Instant};
use tracing::{info, warn};

use crate::Config;
use crate::config::RedisMode;

/// A server that is just starting is waited for so long.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// In this process alone, or on Redis; then it is reached, or need not be.
pub(super) async fn open(config: &Config, network: &Network) -> anyhow::Result<BidStore> {
    let Some(redis) =
        config.redis.store(&config.directory).map_err(|(key, fault)| anyhow::anyhow!("{key}: {fault}"))?
    else {
        return Ok(BidStore::default());
    };
    let store = BidStore::redis(&redis, network)?;
    let until =
        Instant::now() + if config.redis.mode == RedisMode::Required { PATIENCE } else { PATIENCE / 10 };
    while !store.is_shared() && Instant::now() < until {
        time::sleep(LOOK_EVERY).await;
    }
    match (store.is_shared(), config.redis.mode) {
        (true, _) => info!(process = %store.process(), "the bid store is shared through redis"),
        (false, RedisMode::Optional) => {
            warn!(
                "redis does not answer: this process works ALONE until it does, and shares neither bids nor blocks"
            );
        }
        (false, RedisMode::Required) => bail!(
            "reach redis at redis.url: start it, correct the URL, or write redis.mode = \"optional\" to start without it"
        ),
    }
    Ok(store)
}
