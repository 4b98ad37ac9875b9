use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use headstart_auction::{Bid, LeaseAnswer, Offered, Origin};
use headstart_types::{AuctionKey, BlockHash, BlsPublicKey, Encoding, Network, Root, Slot};
use tokio::sync::broadcast;

use crate::events::Events;
use crate::hints::{HintId, PassedOn, TakenHint};
use crate::memory::Memory;
use crate::near::Near;
use crate::redis::{NotUsable, Redis, RedisConfig};
use crate::shared::Shared;
use crate::{
    AuctionEntry, AuctionEvent, Condition, Feed, LeaseName, Notice, ProcessId, SharedBid, SharedHint,
    SubmissionKey,
};

/// The bid store of one network: what this process holds near, and what it shares with others. A handle: clones are the
/// same process.
#[derive(Clone, Debug)]
pub struct BidStore {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    near: Near,
    events: Events,
    process: ProcessId,
    shared: Shared,
    passed_on: Mutex<PassedOn>,
}

impl Default for BidStore {
    /// In this process alone.
    fn default() -> Self {
        let process = ProcessId::random();
        Self::new(process, Shared::Memory(Memory::new(process)))
    }
}

impl BidStore {
    fn new(process: ProcessId, shared: Shared) -> Self {
        let (near, events, passed_on) = Default::default();
        Self { inner: Arc::new(Inner { near, events, process, shared, passed_on }) }
    }

    /// Shared through Redis. The server is connected to in the background: until it answers, this process is by itself.
    /// Must be called within a Tokio runtime.
    pub fn redis(config: &RedisConfig, network: &Network) -> Result<Self, NotUsable> {
        let process = ProcessId::random();
        Ok(Self::new(process, Shared::Redis(Box::new(Redis::new(config, network, process)?))))
    }

    /// The same store as another process in this one has it: nothing is near yet. `None` for a store on Redis, which any
    /// number of processes open by themselves.
    pub fn beside(&self) -> Option<Self> {
        let Shared::Memory(memory) = &self.inner.shared else { return None };
        let process = ProcessId::random();
        Some(Self::new(process, Shared::Memory(memory.beside(process))))
    }

    pub fn process(&self) -> ProcessId {
        self.inner.process
    }

    // What is near: none of this ever waits.

    /// The auction, if it is held. This is the read of the hot path.
    pub fn auction(&self, key: &AuctionKey) -> Option<Arc<AuctionEntry>> {
        self.inner.near.auction(key)
    }

    /// The auction, opened if need be; `None` when the store is full.
    pub fn open(&self, key: AuctionKey) -> Option<Arc<AuctionEntry>> {
        self.inner.near.open(key)
    }

    /// Takes a bid into an open auction of this process alone: one that others have, too. Its provenance is on record
    /// before anyone can see it.
    pub fn take(&self, key: &AuctionKey, bid: Bid) -> Offered {
        self.inner.near.take(key, bid)
    }

    /// Withdraws bids of an auction that turned out not to stand; how many. Their provenance stays.
    pub fn withdraw(&self, key: &AuctionKey, stands: impl Fn(&Bid) -> bool) -> usize {
        self.inner.near.withdraw(key, stands)
    }

    /// Which relays offered this block, in which auction, as far as this process knows.
    pub fn origin(&self, block_hash: BlockHash) -> Option<Origin> {
        self.inner.near.origin(block_hash)
    }

    /// The auctions that are held.
    pub fn auctions(&self) -> Vec<(AuctionKey, Arc<AuctionEntry>)> {
        self.inner.near.auctions()
    }

    /// Tells an event to those who watch; costs nothing while nobody does, and never waits for anyone.
    pub fn tell(&self, event: AuctionEvent) {
        self.inner.events.tell(event);
    }

    /// Every event from now on, of all clusters: whoever passes them on must choose.
    pub fn watch(&self) -> broadcast::Receiver<AuctionEvent> {
        self.inner.events.watch()
    }

    /// Forgets what this process holds of the slots before `slot`.
    pub fn forget_before(&self, slot: Slot) {
        self.inner.near.forget_before(slot);
        self.passed_on().retain(|hint| hint.hint.slot >= slot);
    }

    /// Auctions and block hashes held, for gauges.
    pub fn size(&self) -> (usize, usize) {
        self.inner.near.size()
    }

    // What is shared: each call waits at most 20 ms, and says when nobody could be asked.

    /// Whether there can be other processes. A store in memory that nobody else has need not be told anything.
    pub fn has_others(&self) -> bool {
        match &self.inner.shared {
            Shared::Memory(memory) => memory.has_others(),
            Shared::Redis(_) => true,
        }
    }

    /// Whether others can be reached: for that every server has to answer.
    pub fn is_shared(&self) -> bool {
        !matches!(self.condition(), Condition::Away(_))
    }

    /// How the servers stand, for whoever looks after them.
    pub fn condition(&self) -> Condition {
        self.inner.shared.condition()
    }

    /// Calls that a server answered with an error, for a figure.
    pub fn refused(&self) -> u64 {
        self.inner.shared.refused()
    }

    /// Takes a bid that this process has verified into an open auction, for all processes. Its provenance is on record
    /// in the shared store, or that store is away, before anyone can see it here.
    pub async fn offer(&self, key: &AuctionKey, bid: Bid, fence: u64) -> Offered {
        if !self.has_others() || self.share(key, &bid, fence).await {
            return self.take(key, bid);
        }
        let offered = self.take(key, bid.clone());
        // Whoever stalls once is not away, so nothing else would bring the others this bid, which may be the relay's
        // last one. A server that is away is filled again when it is back, and one that refuses would do so again.
        if self.condition() == Condition::Well {
            self.share(key, &bid, fence).await;
        }
        offered
    }

    /// Whether it is certain that the others have it.
    async fn share(&self, key: &AuctionKey, bid: &Bid, fence: u64) -> bool {
        let shared = &self.inner.shared;
        let (relay, asked_at, ssz) = (bid.relay(), bid.asked_at(), bid.body(Encoding::Ssz).clone());
        let offered = shared.offered(key, bid.block_hash(), relay);
        let share_bid = shared.share_bid(fence, SharedBid { key: *key, relay, asked_at, ssz });
        let (is_on_record, kept) = tokio::join!(offered, share_bid);
        is_on_record && kept.is_some()
    }

    /// Every relay's newest bid of the auction, unverified; empty when nobody can be asked.
    pub async fn shared_bids(&self, key: &AuctionKey) -> Vec<SharedBid> {
        self.inner.shared.bids(key).await.unwrap_or_default()
    }

    /// Which relays offered this block to any process; what this one knows suffices.
    pub async fn shared_origin(&self, slot: Slot, block_hash: BlockHash) -> Option<Origin> {
        match self.origin(block_hash) {
            Some(origin) => Some(origin),
            None => self.inner.shared.origin(slot, block_hash).await,
        }
    }

    /// Asks for a lease, or renews it.
    pub async fn lease(&self, name: LeaseName) -> LeaseAnswer {
        self.inner.shared.lease(name).await
    }

    /// Gives a lease back before it runs out.
    pub async fn release(&self, name: &LeaseName) {
        self.inner.shared.release(name).await;
    }

    /// Claims the slot for a block whose signature was verified; the root of the block that did so first, in whichever
    /// process. `None` when nobody can be asked.
    pub async fn claim(&self, slot: Slot, proposer: &BlsPublicKey, block_root: Root) -> Option<Root> {
        self.inner.shared.claim(slot, proposer, block_root).await
    }

    /// What a submission came to, for those who submit the same elsewhere.
    pub async fn put_answer(&self, submission: SubmissionKey, answer: Bytes) {
        self.inner.shared.put_answer(submission, answer).await;
    }

    pub async fn answer(&self, submission: &SubmissionKey) -> Option<Bytes> {
        self.inner.shared.answer(submission).await
    }

    /// Passes a hint on to whichever fetcher takes it; whether it is on its way.
    pub async fn put_hint(&self, hint: SharedHint) -> bool {
        let is_there = self.inner.shared.put_hint(hint.clone()).await;
        self.passed_on().add(hint, is_there);
        is_there
    }

    /// Hints that no fetcher has taken yet: they are this process's now.
    pub async fn take_hints(&self) -> Vec<TakenHint> {
        self.inner.shared.take_hints().await
    }

    /// Hints of fetchers that have not said for so long that they keep them.
    pub async fn reclaim_hints(&self, silent_for: Duration) -> Vec<TakenHint> {
        self.inner.shared.reclaim_hints(silent_for).await
    }

    /// Says that this process keeps these hints.
    pub async fn keep_hints(&self, ids: &[HintId]) {
        if !ids.is_empty() {
            self.inner.shared.keep_hints(ids).await;
        }
    }

    /// The slots of these hints are over.
    pub async fn done_with_hints(&self, ids: &[HintId]) {
        if !ids.is_empty() {
            self.inner.shared.done_with_hints(ids).await;
        }
    }

    /// Tells all other processes; whether it could be told.
    pub async fn notify(&self, notice: Notice) -> bool {
        self.inner.shared.tell(notice).await
    }

    /// What the other processes tell from now on. Must be called within a Tokio runtime.
    pub fn listen(&self) -> Feed {
        self.inner.shared.feed()
    }

    /// Forgets one slot for all processes, as far as it does not go by itself; whether that could be done.
    pub async fn forget_shared(&self, slot: Slot) -> bool {
        self.inner.shared.forget(slot).await
    }

    /// Forgets for all processes what nobody has forgotten of the slots before this one: those who knew of it are gone, or
    /// the store was away. Takes as long as it has to, in small steps; whether all could be looked at.
    pub async fn sweep_shared(&self, before: Slot) -> bool {
        self.inner.shared.sweep(before).await
    }

    /// Shares again what this process holds: the store was away, or has lost it.
    pub async fn refill(&self) {
        for (block_hash, origin) in self.inner.near.origins() {
            for relay in origin.relays {
                self.inner.shared.offered(&origin.key, block_hash, relay).await;
            }
        }
        for (key, entry) in self.auctions() {
            for bid in entry.offers().bids() {
                // Whatever came under a lease is newer.
                self.share(&key, bid, 0).await;
            }
        }
        // Nothing replaces the hints that are there already, so only those that are missing are put there.
        let Some(life) = self.inner.shared.life().await else { return };
        let missing = self.passed_on().take_missing(life);
        for hint in missing {
            self.put_hint(hint).await;
        }
    }

    fn passed_on(&self) -> MutexGuard<'_, PassedOn> {
        self.inner.passed_on.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
