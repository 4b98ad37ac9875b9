use std::collections::BTreeSet;

use futures_util::future::join_all;
use headstart_types::RelayId;

use crate::Fetcher;

/// Asks relays for their status as an auction begins: the signed block will go over another connection than the headers
/// did, and must not wait for that one's handshake.
pub(crate) async fn up(fetcher: Fetcher, relays: BTreeSet<RelayId>) {
    let relays = relays.into_iter().filter_map(|id| fetcher.relay(id));
    let greetings = relays.map(async |relay| fetcher.greet(&relay).await);
    let warming = join_all(greetings);
    fetcher.shared.closing.run_until_cancelled(warming).await;
}
