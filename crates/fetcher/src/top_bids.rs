//! Follows what relays announce of their top bids: one connection for each relay, for as long as the directory names it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use headstart_registry::{Directory, RelayEntry};
use headstart_relay::{Relay, TopBid, TopBidUrl};
use headstart_types::RelayId;
use tokio_util::task::AbortOnDropHandle;
use tracing::warn;

use crate::Fetcher;

const NAME: &str = "top_bids";

/// The connections, one a relay. Bounded by the relays of the directory.
#[derive(Debug, Default)]
pub(crate) struct TopBids(Mutex<BTreeMap<RelayId, Followed>>);

/// The relay as it was when its connection was begun.
type Followed = (Arc<RelayEntry>, AbortOnDropHandle<()>);

impl Fetcher {
    /// Begins to follow what is new or has changed, and ends what is gone.
    pub(crate) fn follow_top_bids(&self, directory: &Directory) {
        let mut followed = self.shared.top_bids.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut before = std::mem::take(&mut *followed);
        for entry in directory.relays() {
            let Some(url) = &entry.top_bid_url else { continue };
            let following = match before.remove(&entry.id) {
                Some((was, following)) if was == *entry => Some(following),
                _ => self.follow_top_bids_of(entry, url),
            };
            followed.extend(following.map(|following| (entry.id, (Arc::clone(entry), following))));
        }
    }

    fn follow_top_bids_of(&self, entry: &RelayEntry, url: &str) -> Option<AbortOnDropHandle<()>> {
        let relay = self.relay(entry.id)?;
        let url: TopBidUrl = url
            .parse()
            .inspect_err(|error| {
                warn!(relay = entry.name, "the relay's top bids are left out: failed to {error}");
            })
            .ok()?;
        let (fetcher, supervisor) = (self.clone(), self.supervisor().clone());
        let following = async move {
            supervisor.keep(NAME, || fetcher.hear_top_bids(&relay, &url)).await;
        };
        let following = self.shared.closing.clone().run_until_cancelled_owned(following);
        let following = async { Box::pin(following).await.unwrap_or_default() };
        Some(AbortOnDropHandle::new(self.shared.tasks.spawn(following)))
    }

    async fn hear_top_bids(&self, relay: &Relay, url: &TopBidUrl) {
        match relay.watch_top_bids(url, |top_bid| self.announced(relay.id(), &top_bid)).await {}
    }

    /// An auction whose relay announces more than we hold of it is told. Nobody has signed the announcement.
    fn announced(&self, relay: RelayId, top_bid: &TopBid) {
        for (key, running) in self.running_on(top_bid.slot, top_bid.parent_hash) {
            let entry = self.shared.config.store.auction(&key);
            let held = entry.and_then(|entry| entry.offers().of(relay).map(|bid| bid.value()));
            if held.is_none_or(|held| top_bid.value > held) {
                running.announced(relay, top_bid.value);
            }
        }
    }
}
