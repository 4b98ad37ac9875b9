use std::time::Duration;

use futures_util::future::join_all;
use headstart_types::RelayId;
use tokio::time::Instant;
use tracing::debug;

use crate::Fetcher;

const STATUS_TIMEOUT: Duration = Duration::from_secs(2);

/// Asks relays for their status as an auction begins: the signed block will go over another connection than the headers
/// did, and must not wait for that one's handshake.
pub(crate) async fn up(fetcher: Fetcher, relays: Vec<RelayId>) {
    let deadline = Instant::now() + STATUS_TIMEOUT;
    let relays = relays.iter().filter_map(|id| fetcher.relay(*id));
    let asks = relays.map(async |relay| {
        if let Err(failure) = relay.status(deadline).await {
            debug!(relay = relay.name(), "relay has no good status: failed to {failure}");
        }
    });
    let warming = join_all(asks);
    fetcher.shared.closing.run_until_cancelled(warming).await;
}
