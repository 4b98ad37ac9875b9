//! The bid store, as the configuration wants it.

use std::time::Duration;

use anyhow::bail;
use headstart_bid_store::{BidStore, Condition};
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
    match (store.condition(), config.redis.mode) {
        (Condition::Well | Condition::Refusing(_), _) => {
            info!(process = %store.process(), "the bid store is shared through redis");
        }
        (Condition::Away(server), RedisMode::Optional) => {
            warn!(
                server,
                "redis does not answer: this process works ALONE until it does, and shares neither bids nor blocks"
            );
        }
        (Condition::Away(server), RedisMode::Required) => bail!(
            "reach the redis server for {server}: start it, correct its URL in [redis], or write redis.mode = \"optional\" to start without it"
        ),
    }
    Ok(store)
}
