use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use headstart_auction::Duty;
use headstart_beacon::BeaconNode;
use headstart_bid_store::{AuctionEvent, BidStore, Notice};
use headstart_registry::{Deliveries, LiveDirectory, Registrations, Registry};
use headstart_relay::Relay;
use headstart_types::{AuctionKey, Clock, Network, RelayId, Slot, UnixMillis};
use tokio::sync::{Notify, broadcast};
use tokio::time;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use crate::arming::ARMING;
use crate::breakers::{self, Breakers};
use crate::checks::Checks;
use crate::claim::ClaimChanges;
use crate::forward::{self, Outboxes};
use crate::heads::{Blocks, Followed};
use crate::others::{self, Inbox};
use crate::relays::{self, Relays};
use crate::running::Running;
use crate::schedule::Schedule;
use crate::top_bids::TopBids;
use crate::warm::Warmed;
use crate::{Regrets, Supervisor, Verifier, duties, heads, hints, timeline};

/// What a fetcher works with.
#[derive(Clone)]
pub struct Config {
    pub network: Arc<Network>,
    pub clock: Clock,
    pub directory: LiveDirectory,
    pub registry: Registry,
    pub registrations: Registrations,
    pub deliveries: Deliveries,
    pub store: BidStore,
    pub verifier: Verifier,
    /// Milliseconds before a slot at which its auctions begin.
    pub lead_ms: i64,
    /// Of so many in a hundred auctions each relay is asked once more when the first header is served, for comparison.
    pub compared_percent: u8,
    /// Whether this process arms the auctions that duties and hints tell of, and sends registrations on. One that does not
    /// runs only what a getHeader asks for.
    pub prefetches: bool,
}

/// A handle to the worker pool; clones share it.
#[derive(Clone)]
pub struct Fetcher {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) relays: Relays,
    schedule: Mutex<Schedule>,
    pub(crate) running: Mutex<HashMap<AuctionKey, Arc<Running>>>,
    pub(crate) inbox: Inbox,
    /// Other processes have taken hints.
    pub(crate) hints_wait: Notify,
    pub(crate) outboxes: Outboxes,
    pub(crate) checks: Checks,
    pub(crate) claim_changes: ClaimChanges,
    pub(crate) breakers: Breakers,
    pub(crate) regrets: Regrets,
    /// Whatever happened before timelines were kept.
    first_events: Mutex<Option<broadcast::Receiver<AuctionEvent>>>,
    /// Events that no timeline has room for.
    pub(crate) timelines_left_out: AtomicU64,
    pub(crate) top_bids: TopBids,
    pub(crate) warmed: Warmed,
    supervisor: Supervisor,
    /// There may be slots in the shared store that nobody has forgotten.
    pub(crate) sweep_due: AtomicBool,
    /// The process is about to end: others run the auctions that nobody has asked for.
    pub(crate) arms_no_more: AtomicBool,
    /// Duties or heads have changed: look again at what is to be armed.
    pub(crate) changed: Notify,
    /// What heads that any beacon node told are made of.
    pub(crate) blocks: Blocks,
    /// Of the beacon nodes that are followed.
    pub(crate) node_names: OnceLock<Vec<String>>,
    /// The head's dependent roots have changed: duties may be others now.
    pub(crate) duties_stale: Notify,
    pub(crate) tasks: TaskTracker,
    /// Cancelled on shutdown: what can be done later is left.
    pub(crate) closing: CancellationToken,
}

/// The longest that the end waits for the database.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);
/// Slots after which nothing of an auction is needed any more.
pub(crate) const SLOTS_KEPT: u64 = 2;

impl Fetcher {
    pub fn new(config: Config) -> Self {
        let kept_ms = config.network.slot_duration_ms.saturating_mul(SLOTS_KEPT);
        let relays = Relays::new(config.clock, i64::try_from(kept_ms).unwrap_or(i64::MAX));
        relays.follow(&config.directory.load());
        let shared = Shared {
            first_events: Mutex::new(Some(config.store.watch())),
            config,
            relays,
            schedule: Mutex::default(),
            running: Mutex::default(),
            inbox: Inbox::default(),
            hints_wait: Notify::new(),
            outboxes: Outboxes::default(),
            checks: Checks::default(),
            claim_changes: ClaimChanges::default(),
            breakers: Breakers::default(),
            regrets: Regrets::default(),
            timelines_left_out: AtomicU64::new(0),
            top_bids: TopBids::default(),
            warmed: Warmed::default(),
            supervisor: Supervisor::default(),
            sweep_due: AtomicBool::new(true),
            arms_no_more: AtomicBool::new(false),
            changed: Notify::new(),
            blocks: Blocks::default(),
            node_names: OnceLock::new(),
            duties_stale: Notify::new(),
            tasks: TaskTracker::new(),
            closing: CancellationToken::new(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Follows the beacon nodes and arms auctions until `shutdown`; then lets running work end.
    pub async fn run(&self, beacon_nodes: Vec<BeaconNode>, shutdown: CancellationToken) {
        let _only_once = self.shared.node_names.set(heads::names(&beacon_nodes));
        for (index, node) in beacon_nodes.into_iter().enumerate() {
            let followed = Followed { fetcher: self.clone(), node, index };
            let (duties_of, stop) = (followed.clone(), shutdown.clone());
            self.keep("heads", move || heads::follow(followed.clone(), stop.clone()));
            let stop = shutdown.clone();
            self.keep("duties", move || duties::follow(duties_of.clone(), stop.clone()));
        }
        let fetcher = self.clone();
        self.keep("relays", move || relays::follow(fetcher.clone()));
        if self.shared.config.prefetches {
            let fetcher = self.clone();
            self.keep("registrations", move || forward::sweep_on(fetcher.clone()));
            let fetcher = self.clone();
            self.keep("deliveries", move || forward::follow_others(fetcher.clone()));
        }
        if self.shared.config.store.has_others() {
            let fetcher = self.clone();
            self.keep("others", move || others::listen(fetcher.clone()));
            let fetcher = self.clone();
            self.keep("hints", move || hints::follow(fetcher.clone()));
        }
        let fetcher = self.clone();
        self.keep("timelines", move || timeline::record(fetcher.clone()));
        let fetcher = self.clone();
        self.keep("breakers", move || breakers::greet_on(fetcher.clone()));
        let arming = self.shared.supervisor.keep(ARMING, || self.arm_auctions());
        shutdown.run_until_cancelled(arming).await;
        self.shared.closing.cancel();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
        // What is not written is told to relays once more, by this process after its restart or by another.
        let deliveries = &self.shared.config.deliveries;
        let written = async {
            deliveries.flush().await?;
            deliveries.hand_over().await
        };
        if let Ok(Err(error)) = time::timeout(FLUSH_TIMEOUT, written).await {
            warn!("deliveries are not written: failed to {error}");
        }
    }

    /// Events since this fetcher was made, for the first who asks: requests are served before every loop has begun.
    pub(crate) fn events_from_the_start(&self) -> Option<broadcast::Receiver<AuctionEvent>> {
        self.shared.first_events.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// A loop of this room, which ends with it and not before.
    pub(crate) fn keep<F>(&self, name: &'static str, make: impl FnMut() -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let supervisor = self.shared.supervisor.clone();
        self.shared.tasks.spawn(async move { supervisor.keep(name, make).await });
    }

    /// The loops of this process; rooms above have theirs kept here too.
    pub fn supervisor(&self) -> &Supervisor {
        &self.shared.supervisor
    }

    /// Work of this room that ends by itself.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.shared.tasks.spawn(self.shared.closing.clone().run_until_cancelled_owned(work));
    }

    /// Tells the other processes, if there can be any, and once more if it is not certain that they were told: a store that
    /// has stalled once is not away.
    pub(crate) fn notify(&self, notice: Notice) {
        let store = &self.shared.config.store;
        if store.has_others() {
            let store = store.clone();
            self.spawn(async move { _ = store.notify(notice.clone()).await || store.notify(notice).await });
        }
    }

    /// Who proposes the slot, as far as a beacon node has told.
    pub fn duty_of(&self, slot: Slot) -> Option<Duty> {
        self.schedule().duties.at(slot).copied()
    }

    /// The client of a relay of the directory.
    pub fn relay(&self, id: RelayId) -> Option<Relay> {
        self.shared.relays.get(id)
    }

    /// The same for a signed block, also of a relay that was removed since it offered the block.
    pub fn relay_for_block(&self, id: RelayId) -> Option<Relay> {
        self.shared.relays.get_for_block(id)
    }

    pub fn relays(&self) -> Vec<Relay> {
        self.shared.relays.all()
    }

    pub fn verifier(&self) -> &Verifier {
        &self.shared.config.verifier
    }

    pub fn network(&self) -> &Arc<Network> {
        &self.shared.config.network
    }

    pub(crate) fn slot_duration(&self) -> Duration {
        Duration::from_millis(self.network().slot_duration_ms)
    }

    pub(crate) fn now(&self) -> UnixMillis {
        self.shared.config.clock.now()
    }

    pub(crate) fn schedule(&self) -> MutexGuard<'_, Schedule> {
        self.shared.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
