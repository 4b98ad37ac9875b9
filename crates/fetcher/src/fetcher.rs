use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use headstart_auction::{Armed, Arming, AskTurn, Auction, Duty};
use headstart_beacon::BeaconNode;
use headstart_bid_store::{AuctionEntry, BidStore};
use headstart_registry::{Cluster, Directory};
use headstart_relay::Relay;
use headstart_types::{AuctionKey, BlsPublicKey, Clock, Network, Outcome, RelayId, Slot, UnixMillis};
use tokio::sync::Notify;
use tokio::time;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use crate::auctioneer::{self, Running};
use crate::ledger::Ledger;
use crate::schedule::Schedule;
use crate::{Verifier, duties, heads, warm};

/// What a fetcher works with.
#[derive(Clone)]
pub struct Config {
    pub network: Arc<Network>,
    pub clock: Clock,
    pub directory: Arc<Directory>,
    pub relays: Vec<Relay>,
    pub store: BidStore,
    pub verifier: Verifier,
    /// Milliseconds before a slot at which its auctions begin.
    pub lead_ms: i64,
}

/// A handle to the worker pool; clones share it.
#[derive(Clone)]
pub struct Fetcher {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) config: Config,
    relays: HashMap<RelayId, Relay>,
    schedule: Mutex<Schedule>,
    running: Mutex<HashMap<AuctionKey, Arc<Running>>>,
    pub(crate) ledger: Ledger,
    /// Duties or heads have changed: look again at what is to be armed.
    changed: Notify,
    /// The head's dependent roots have changed: duties may be others now.
    pub(crate) duties_stale: Notify,
    pub(crate) tasks: TaskTracker,
    /// Cancelled on shutdown: what can be done later is left.
    pub(crate) closing: CancellationToken,
}

/// Slots after which nothing of an auction is needed any more.
const SLOTS_KEPT: u64 = 2;

impl Fetcher {
    pub fn new(config: Config) -> Self {
        let relays = config.relays.iter().map(|relay| (relay.id(), relay.clone())).collect();
        let shared = Shared {
            config,
            relays,
            schedule: Mutex::default(),
            running: Mutex::default(),
            ledger: Ledger::default(),
            changed: Notify::new(),
            duties_stale: Notify::new(),
            tasks: TaskTracker::new(),
            closing: CancellationToken::new(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Follows the beacon nodes and arms auctions until `shutdown`; then lets running work end.
    pub async fn run(&self, beacon_nodes: Vec<BeaconNode>, shutdown: CancellationToken) {
        for node in beacon_nodes {
            let following = heads::follow(self.clone(), node.clone(), shutdown.clone());
            self.shared.tasks.spawn(following);
            self.shared.tasks.spawn(duties::follow(self.clone(), node, shutdown.clone()));
        }
        shutdown.run_until_cancelled(self.arm_auctions()).await;
        self.shared.closing.cancel();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }

    async fn arm_auctions(&self) {
        loop {
            let now = self.now();
            for key in self.due(now) {
                self.start(key);
            }
            self.forget(now);
            let next_lead = Arming::wake_at(now, self.network(), self.shared.config.lead_ms);
            // A new slot brings nothing to arm, but an old one to forget.
            let next_slot = self.network().slot_start(self.network().slot_at(now).next());
            let wait = now.until(next_lead.min(next_slot));
            let _ = time::timeout(wait, self.shared.changed.notified()).await;
        }
    }

    /// Duties or heads have changed: auctions may be due that were not.
    pub(crate) fn look_again(&self) {
        self.shared.changed.notify_one();
    }

    fn due(&self, now: UnixMillis) -> Vec<AuctionKey> {
        let directory = &self.shared.config.directory;
        let cutoff_of =
            |proposer: &BlsPublicKey| directory.cluster_of(proposer).map(|cluster| cluster.policy.cutoff_ms);
        let schedule = &mut *self.schedule();
        let Schedule { duties, heads, arming, .. } = schedule;
        arming.due(now, self.network(), duties, heads, self.shared.config.lead_ms, cutoff_of)
    }

    /// Joins the auction that a getHeader needs, or starts it; relays are asked at once as far as they allow.
    ///
    /// An error is the reason why there is none: [`Outcome::UnknownFork`], [`Outcome::NotTheProposer`],
    /// [`Outcome::TooManyParents`] or [`Outcome::UnknownValidator`].
    pub fn join(&self, key: AuctionKey) -> Result<Arc<AuctionEntry>, Outcome> {
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
            Armed::Now => self.start(key),
            Armed::Already => {}
        }
        let entry = self.shared.config.store.auction(&key).ok_or(Outcome::NoBid)?;
        if let Some(running) = self.running().get(&key) {
            entry.hurry();
            running.look();
        }
        Ok(entry)
    }

    /// The proposer of this auction has signed a block: its relays need not be asked any more.
    pub fn submitted(&self, key: &AuctionKey) {
        if let Some(running) = self.running().get(key) {
            running.submitted();
        }
    }

    /// Starts an auction that was just armed. It runs to its end in a task of its own.
    fn start(&self, key: AuctionKey) {
        let Some(cluster) = self.shared.config.directory.cluster_of(&key.proposer) else { return };
        let Some(entry) = self.shared.config.store.open(key) else {
            warn!(slot = %key.slot, "the bid store is full: an auction was not started");
            return;
        };
        debug!(slot = %key.slot, cluster = %cluster.name, parent_hash = %key.parent_hash, "auction armed");
        let running = Arc::new(Running::default());
        self.running().insert(key, Arc::clone(&running));
        let auction = self.auction(key, cluster);
        self.shared.tasks.spawn(warm::up(self.clone(), cluster.policy.relays().to_vec()));
        self.shared.tasks.spawn(auctioneer::run(self.clone(), auction, entry, running));
    }

    fn auction(&self, key: AuctionKey, cluster: &Cluster) -> Auction {
        let directory = &self.shared.config.directory;
        let schedule = self.schedule();
        let turn = |relay: &RelayId| {
            (*relay, AskTurn::new(directory.call_policy(*relay), schedule.round_trips.expected_ms(*relay)))
        };
        let relays = cluster.policy.relays().iter().map(turn);
        let slot_start = self.network().slot_start(key.slot);
        Auction::new(key, slot_start, relays, cluster.policy.expected_ask_ms, cluster.policy.cutoff_ms)
    }

    pub(crate) fn ended(&self, key: &AuctionKey) {
        self.running().remove(key);
    }

    fn forget(&self, now: UnixMillis) {
        let oldest = Slot(self.network().slot_at(now).0.saturating_sub(SLOTS_KEPT));
        self.shared.config.store.forget_before(oldest);
        let mut schedule = self.schedule();
        schedule.forget_before(oldest);
        let epoch = self.network().epoch(oldest);
        schedule.duties.forget_before(epoch);
    }

    /// Who proposes the slot, as far as a beacon node has told.
    pub fn duty_of(&self, slot: Slot) -> Option<Duty> {
        self.schedule().duties.at(slot).copied()
    }

    pub fn relay(&self, id: RelayId) -> Option<&Relay> {
        self.shared.relays.get(&id)
    }

    pub fn relays(&self) -> &[Relay] {
        &self.shared.config.relays
    }

    pub fn verifier(&self) -> &Verifier {
        &self.shared.config.verifier
    }

    pub fn network(&self) -> &Arc<Network> {
        &self.shared.config.network
    }

    pub(crate) fn now(&self) -> UnixMillis {
        self.shared.config.clock.now()
    }

    pub(crate) fn schedule(&self) -> MutexGuard<'_, Schedule> {
        self.shared.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn running(&self) -> MutexGuard<'_, HashMap<AuctionKey, Arc<Running>>> {
        self.shared.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
