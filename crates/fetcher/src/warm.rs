use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use futures_util::future::join_all;
use headstart_types::{AuctionKey, RelayId, Slot};

use crate::{Fetcher, clusters};

/// Auctions whose relays were greeted, so that each is greeted once an auction.
#[derive(Debug, Default)]
pub(crate) struct Warmed(Mutex<BTreeSet<AuctionKey>>);

/// Auctions remembered, as many as the store holds; the relays of a further one are not greeted.
const WARMED_MAX: usize = 1_024;

impl Warmed {
    /// Whether nobody has greeted for this auction yet.
    fn is_first(&self, key: &AuctionKey) -> bool {
        let mut warmed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        warmed.len() < WARMED_MAX && warmed.insert(*key)
    }

    pub(crate) fn forget_before(&self, slot: Slot) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|key| key.slot >= slot);
    }
}

impl Fetcher {
    /// Opens the connections that a signed block of this auction will need, whoever asks relays for its headers: in a
    /// process that only serves what others fetched, nothing else opens them.
    pub(crate) fn warm_up(&self, key: &AuctionKey) {
        let directory = self.shared.config.directory.snapshot();
        let relays = clusters::relays_of(directory.claims(&key.proposer));
        if !relays.is_empty() && self.shared.warmed.is_first(key) {
            self.shared.tasks.spawn(up(self.clone(), relays));
        }
    }
}

/// Asks relays for their status as an auction begins: the signed block will go over another connection than the headers
/// did, and must not wait for that one's handshake.
async fn up(fetcher: Fetcher, relays: BTreeSet<RelayId>) {
    let relays = relays.into_iter().filter_map(|id| fetcher.relay(id));
    let greetings = relays.map(async |relay| fetcher.greet(&relay).await);
    let warming = join_all(greetings);
    fetcher.shared.closing.run_until_cancelled(warming).await;
}
