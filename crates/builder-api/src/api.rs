use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use headstart_auction::UnderWay;
use headstart_bid_store::BidStore;
use headstart_fetcher::Fetcher;
use headstart_registry::LiveDirectory;
use headstart_types::{Clock, Network};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::callers::Strangers;
use crate::places::Places;
use crate::submissions::Submissions;
use crate::{Journal, Tally};

/// What the Builder API works with.
#[derive(Clone)]
pub struct Config {
    pub network: Arc<Network>,
    pub clock: Clock,
    pub directory: LiveDirectory,
    pub store: BidStore,
    pub fetcher: Fetcher,
    pub journal: Journal,
}

/// The Builder API of one process. A handle: clones share it.
#[derive(Clone)]
pub struct BuilderApi {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) bulkheads: Bulkheads,
    pub(crate) submissions: Submissions,
    pub(crate) strangers: Strangers,
    /// Requests and submissions under way: drain waits for them.
    pub(crate) tasks: TaskTracker,
    /// Blocks on their way to relays.
    pub(crate) revealing: TaskTracker,
    /// The process is about to end: connections are used once more at most.
    draining: AtomicBool,
}

/// Requests of one kind under way at a time, so that a burst of one kind never starves a more important one.
pub(crate) struct Bulkheads {
    /// An unproven block over the limit waits; proven ones need no place.
    pub(crate) unproven_submits: Semaphore,
    /// A miss over the limit is answered with "no bid".
    pub(crate) misses: Semaphore,
    /// A registration body over the limit waits a moment, and is then answered with 503 and `Retry-After`.
    pub(crate) registrations: Places,
}

const UNPROVEN_SUBMITS_MAX: usize = 512;
const MISSES_MAX: usize = 4_096;

impl BuilderApi {
    pub fn new(config: Config) -> Self {
        let bulkheads = Bulkheads {
            unproven_submits: Semaphore::new(UNPROVEN_SUBMITS_MAX),
            misses: Semaphore::new(MISSES_MAX),
            registrations: Places::default(),
        };
        let shared = Shared {
            config,
            bulkheads,
            submissions: Submissions::default(),
            strangers: Strangers::default(),
            tasks: TaskTracker::new(),
            revealing: TaskTracker::new(),
            draining: AtomicBool::new(false),
        };
        Self { shared: Arc::new(shared) }
    }

    pub(crate) fn config(&self) -> &Config {
        &self.shared.config
    }

    pub fn fetcher(&self) -> &Fetcher {
        &self.config().fetcher
    }

    /// What this process answered.
    pub fn tally(&self) -> &Arc<Tally> {
        &self.shared.config.journal.tally
    }

    /// What would be lost if the process ended now. A header is known a few milliseconds after it was served.
    pub fn under_way(&self) -> UnderWay {
        UnderWay {
            newest_unsubmitted: self.tally().newest_unsubmitted(),
            submissions: self.shared.revealing.len(),
        }
    }

    /// From now on each answer is the last of its connection: whoever comes again goes elsewhere, if there is an elsewhere.
    pub fn drain(&self) {
        self.shared.draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.shared.draining.load(Ordering::Relaxed)
    }

    /// Waits until no submission is under way, at most for `patience`; whether all have ended.
    pub async fn drained(&self, patience: Duration) -> bool {
        self.shared.tasks.close();
        let drained = tokio::time::timeout(patience, self.shared.tasks.wait()).await;
        drained.is_ok()
    }
}
