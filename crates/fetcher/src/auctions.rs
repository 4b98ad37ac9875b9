//! The auctions of this process: who joins one, and what becomes of it.

use std::collections::HashMap;
use std::sync::{Arc, MutexGuard, PoisonError};

use headstart_auction::{Armed, Serving};
use headstart_bid_store::{AuctionEntry, AuctionEventKind, Notice, Served, SharedBid, SharedServed};
use headstart_types::{AuctionKey, BlockHash, Encoding, Outcome, Slot, UnixMillis};
use tracing::{debug, warn};

use crate::Fetcher;
use crate::auctioneer;
use crate::running::Running;

impl Fetcher {
    /// Joins the auction that a getHeader of the cluster needs, or starts it; relays are asked at once as far as they allow.
    ///
    /// An error is the reason why there is none: [`Outcome::UnknownFork`], [`Outcome::NotTheProposer`],
    /// [`Outcome::TooManyParents`] or [`Outcome::UnknownValidator`].
    pub fn join(&self, key: AuctionKey, cluster: &Arc<str>) -> Result<Arc<AuctionEntry>, Outcome> {
        if self.network().fork_at(key.slot).is_none() {
            return Err(Outcome::UnknownFork);
        }
        let armed = {
            let mut schedule = self.schedule();
            if schedule.duties.is_due(key.slot, &key.proposer) == Some(false) {
                return Err(Outcome::NotTheProposer);
            }
            schedule.arm(&key)
        };
        match armed {
            Armed::TooManyParents => return Err(Outcome::TooManyParents),
            Armed::Now => self.start(key, Some(cluster)),
            Armed::Already => {}
        }
        // Whoever comes at the same instant may find it armed and not yet started: it is opened by the first of them.
        let entry = self.shared.config.store.open(key).ok_or(Outcome::NoBid)?;
        if let Some(running) = self.running_auction(&key) {
            running.is_waited_for(cluster);
            entry.hurry();
            running.look();
        }
        if self.shared.config.store.has_others() {
            // A bid of another process may have been missed.
            let fetcher = self.clone();
            self.spawn(async move { fetcher.read_shared(&key).await });
        }
        Ok(entry)
    }

    /// The proposer of this auction has signed a block: its relays need not be asked any more.
    pub fn submitted(&self, key: &AuctionKey) {
        if let Some(running) = self.running_auction(key) {
            running.submitted();
        }
        self.notify(Notice::Submitted(*key));
    }

    /// A cluster was served another header than before: the other processes serve it the same one, and ask no more than is
    /// worth while.
    ///
    /// `node` is the beacon node that asked at `asked_at`, as far as its credential tells.
    pub fn served(
        &self,
        key: AuctionKey,
        served: Served,
        serving: Serving,
        node: Option<Arc<str>>,
        asked_at: UnixMillis,
    ) {
        let fetcher = self.clone();
        // The answer does not wait for what is learnt from it.
        self.spawn(async move {
            let Served { at, cluster, bid } = served;
            // A later round says nothing of when the cluster comes first.
            if serving == Serving::First {
                fetcher.learn_moment(&key, &cluster, node.as_ref(), asked_at);
            }
            fetcher.warm_up(&key);
            if let Some(running) = fetcher.running_auction(&key) {
                running.was_asked_by(&cluster);
                running.look();
            }
            let ssz = bid.body(Encoding::Ssz).clone();
            let bid = SharedBid { key, relay: bid.relay(), asked_at: bid.asked_at(), ssz };
            fetcher.notify(Notice::Served(SharedServed { cluster, at, asked_at, bid }));
        });
    }

    /// Starts an auction that was just armed. It runs to its end in a task of its own.
    pub(crate) fn start(&self, key: AuctionKey, asked_by: Option<&Arc<str>>) {
        let directory = self.shared.config.directory.snapshot();
        let claims = directory.claims(&key.proposer);
        let Some(auction) = self.auction(key, claims) else { return };
        let Some(entry) = self.shared.config.store.open(key) else {
            warn!(slot = %key.slot, "the bid store is full: an auction was not started");
            return;
        };
        debug!(slot = %key.slot, clusters = claims.len(), parent_hash = %key.parent_hash, "auction armed");
        let running = Arc::new(Running::default());
        if let Some(cluster) = asked_by {
            running.was_asked_by(cluster);
        }
        self.running().insert(key, Arc::clone(&running));
        self.tell(&key, &running.asked_by(), &AuctionEventKind::Armed);
        self.warm_up(&key);
        self.shared.tasks.spawn(auctioneer::run(self.clone(), auction, entry, running));
    }

    pub(crate) fn ended(&self, key: &AuctionKey) {
        self.running().remove(key);
    }

    pub(crate) fn running_auction(&self, key: &AuctionKey) -> Option<Arc<Running>> {
        self.running().get(key).cloned()
    }

    pub(crate) fn running_auctions(&self) -> Vec<(AuctionKey, Arc<Running>)> {
        self.running().iter().map(|(key, running)| (*key, Arc::clone(running))).collect()
    }

    /// The auctions of that slot on that parent.
    pub(crate) fn running_on(&self, slot: Slot, parent_hash: BlockHash) -> Vec<(AuctionKey, Arc<Running>)> {
        let running = self.running();
        let on = running.iter().filter(|(key, _)| key.slot == slot && key.parent_hash == parent_hash);
        on.map(|(key, running)| (*key, Arc::clone(running))).collect()
    }

    fn running(&self) -> MutexGuard<'_, HashMap<AuctionKey, Arc<Running>>> {
        self.shared.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
