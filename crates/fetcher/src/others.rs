//! What other processes of the same store tell: their bids, verified anew, and what happens to auctions there.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use headstart_auction::{Armed, Bid, BidSource, Expectations, Standing, Unverified};
use headstart_bid_store::{Heard, Notice, ProcessId, SharedBid, SharedServed};
use headstart_types::{AuctionKey, Encoding, RelayId, SignedBuilderBid, Slot, Wei};
use tracing::warn;

use crate::Fetcher;

/// Bids of other processes on their way to being verified: of each relay and auction only the newest.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    waiting: Mutex<HashMap<(AuctionKey, RelayId), SharedBid>>,
}

/// Bids that may wait; a further one is read again when somebody asks for it.
const WAITING_MAX: usize = 4_096;
/// Slots from the current one on that others may tell of.
const SLOTS_AHEAD: u64 = 2;

/// Listens until the process ends.
pub(crate) async fn listen(fetcher: Fetcher) {
    let closing = fetcher.shared.closing.clone();
    let mut feed = fetcher.shared.config.store.listen();
    while let Some(Some(heard)) = closing.run_until_cancelled(feed.next()).await {
        match heard {
            Heard::Gap => {
                fetcher.shared.hints_wait.notify_one();
                let catching_up = fetcher.clone();
                fetcher.spawn(async move { catching_up.catch_up().await });
            }
            Heard::Notice(from, notice) => fetcher.hear(from, notice),
        }
    }
}

impl Fetcher {
    fn hear(&self, from: ProcessId, notice: Notice) {
        match notice {
            Notice::Bid(bid) => self.receive(bid),
            Notice::Leading(key) => self.stand_by_for(key),
            Notice::Hurry { key, cluster, number } => {
                if let Some(running) = self.running_auction(&key) {
                    running.waits_at(from, number);
                    running.is_waited_for(&cluster);
                    if let Some(entry) = self.shared.config.store.auction(&key) {
                        entry.hurry();
                    }
                    running.look();
                }
            }
            Notice::Settled { key, heard } => {
                let me = self.shared.config.store.process();
                let mine = heard.iter().find(|(process, _)| *process == me);
                if let (Some((_, number)), Some(entry)) = (mine, self.shared.config.store.auction(&key)) {
                    entry.settle(*number, true);
                }
            }
            Notice::Served(served) => {
                if self.is_of_now(served.bid.key.slot) {
                    // Its block may be submitted here.
                    self.warm_up(&served.bid.key);
                    let fetcher = self.clone();
                    self.spawn(async move { _ = fetcher.adopt(served).await });
                }
            }
            Notice::Submitted(key) => {
                if let Some(running) = self.running_auction(&key) {
                    running.submitted();
                }
            }
            Notice::Hinted => self.shared.hints_wait.notify_one(),
            Notice::RelayLeftAlone(relay) => self.told_left_alone(relay),
            Notice::Emptied => {
                let store = self.shared.config.store.clone();
                self.spawn(async move { store.refill().await });
            }
        }
    }

    /// Something was missed, or the store was away: reads what others hold, and tells what this process does.
    async fn catch_up(&self) {
        let store = &self.shared.config.store;
        for (key, _) in store.auctions() {
            self.read_shared(&key).await;
        }
        store.refill().await;
    }

    /// Reads what other processes hold of an auction; what is believed of it is near soon.
    pub(crate) async fn read_shared(&self, key: &AuctionKey) {
        for bid in self.shared.config.store.shared_bids(key).await {
            self.receive(bid);
        }
    }

    /// Another process asks relays for this auction. Whoever prefetches stands by, should it die.
    fn stand_by_for(&self, key: AuctionKey) {
        if !self.prefetches() || !self.is_of_now(key.slot) {
            return;
        }
        let armed = {
            let mut schedule = self.schedule();
            let standing = match schedule.standing(&key) {
                Standing::Unknown => Standing::Elsewhere,
                known => known,
            };
            schedule.arming.arm(&key, standing)
        };
        if armed == Armed::Now {
            self.start(key, None);
        }
    }

    /// Another process has served this first: the cluster gets the same here, once the bid is believed.
    async fn adopt(&self, served: SharedServed) -> Option<()> {
        let SharedServed { cluster, at, asked_at, bid: shared } = served;
        let (key, store) = (shared.key, &self.shared.config.store);
        let sticky_ms = self.sticky_ms(&key, &cluster);
        let fetcher = self.clone();
        let bid = self.verifier().at_once(move || fetcher.believe(shared)).await??;
        let entry = store.open(key)?;
        // First its provenance, and then it may be served.
        store.take(&key, bid.clone());
        if entry.adopt(&cluster, &Arc::new(bid), at, sticky_ms) {
            self.learn_moment(&key, &cluster, None, asked_at);
        }
        if let Some(running) = self.running_auction(&key) {
            running.was_asked_by(&cluster);
            running.look();
        }
        Some(())
    }

    fn receive(&self, bid: SharedBid) {
        let place = (bid.key, bid.relay);
        if !self.is_of_now(bid.key.slot) {
            return;
        }
        {
            let mut waiting = self.inbox();
            if waiting.len() >= WAITING_MAX && !waiting.contains_key(&place) {
                return;
            }
            waiting.insert(place, bid);
        }
        let fetcher = self.clone();
        self.spawn(async move { fetcher.take_in(place).await });
    }

    async fn take_in(&self, place: (AuctionKey, RelayId)) {
        let fetcher = self.clone();
        // Taken out only when a core is free, so that whatever comes meanwhile replaces it.
        let verify = move || {
            let newest = fetcher.inbox().remove(&place)?;
            fetcher.believe(newest)
        };
        let ((key, relay), store) = (place, &self.shared.config.store);
        let Some(value) = self.value_waiting(&place) else { return };
        let held = store.auction(&key).map(|entry| entry.offers()).unwrap_or_default();
        let may_win = self.may_win(&key, &held, relay, value);
        let (source, asked_at) = (BidSource::OtherProcess, self.now());
        let bid = Unverified { lane: place, source, asked_at, value, may_win };
        let Some(turn) = self.verifier().turn(bid).await else { return };
        if let Some((Some(bid), _turn)) = self.verifier().bid(turn, verify).await
            && store.open(key).is_some()
        {
            store.take(&key, bid);
        }
    }

    /// What the bid claims to be worth that waits in this place. One that cannot be read is dropped.
    fn value_waiting(&self, place: &(AuctionKey, RelayId)) -> Option<Wei> {
        let fork = self.network().fork_at(place.0.slot);
        let mut inbox = self.inbox();
        let value = inbox.get(place).and_then(|bid| SignedBuilderBid::from_ssz(fork?, &bid.ssz).ok());
        if value.is_none() {
            inbox.remove(place);
        }
        value.map(|signed| signed.message.value())
    }

    /// Verifies what another process has verified before: only what this one believes is served here.
    fn believe(&self, shared: SharedBid) -> Option<Bid> {
        let SharedBid { key, relay, asked_at, ssz } = shared;
        let directory = self.shared.config.directory.snapshot();
        if directory.claims(&key.proposer).is_empty() {
            return None;
        }
        // A clock that goes ahead must not keep this process's own later bids out.
        let came_at = self.now();
        let asked_at = asked_at.min(came_at);
        if let Some(entry) = self.shared.config.store.auction(&key)
            && let Some(held) = entry.offers().of(relay)
            && held.body(Encoding::Ssz) == &ssz
        {
            return Some(held.again_at(asked_at));
        }
        let facts = self.schedule().heads.facts(key.slot, key.parent_hash);
        let expectations = Expectations::new(self.network(), key, facts)?;
        let relay_key = self.relay(relay)?.verifying_key().clone();
        let signed = SignedBuilderBid::from_ssz(expectations.fork(), &ssz).ok()?;
        let believed = Bid::verify(&signed, relay, &relay_key, asked_at, &expectations);
        believed
            .inspect_err(|rejected| {
                warn!(slot = %key.slot, %relay, "a bid of another process was left out: failed to {rejected}");
            })
            .ok()
            .map(|bid| bid.that_came_at(came_at))
    }

    fn is_of_now(&self, slot: Slot) -> bool {
        let current = self.network().slot_at(self.now()).0;
        (current.saturating_sub(1)..=current + SLOTS_AHEAD).contains(&slot.0)
    }

    fn inbox(&self) -> MutexGuard<'_, HashMap<(AuctionKey, RelayId), SharedBid>> {
        self.shared.inbox.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
