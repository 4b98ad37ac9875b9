use std::sync::Arc;
use std::time::Duration;

use headstart_bid_store::BidStore;
use headstart_fetcher::Fetcher;
use headstart_registry::{Directory, Registrations};
use headstart_types::{Clock, Network};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::Journal;
use crate::submissions::Submissions;

/// What the Builder API works with.
#[derive(Clone)]
pub struct Config {
    pub network: Arc<Network>,
    pub clock: Clock,
    pub directory: Arc<Directory>,
    pub store: BidStore,
    pub fetcher: Fetcher,
    pub registrations: Arc<Registrations>,
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
    /// Requests and submissions under way: drain waits for them.
    pub(crate) tasks: TaskTracker,
}

/// Requests of one kind under way at a time, so that a burst of one kind never starves a more important one.
pub(crate) struct Bulkheads {
    /// An unproven block over the limit waits; proven ones need no place.
    pub(crate) unproven_submits: Semaphore,
    /// A miss over the limit is answered with "no bid".
    pub(crate) misses: Semaphore,
    /// A registration body over the limit is answered with 503 and `Retry-After`.
    pub(crate) registrations: Semaphore,
}

const UNPROVEN_SUBMITS_MAX: usize = 512;
const MISSES_MAX: usize = 4_096;
const REGISTRATIONS_MAX: usize = 8;

impl BuilderApi {
    pub fn new(config: Config) -> Self {
        let bulkheads = Bulkheads {
            unproven_submits: Semaphore::new(UNPROVEN_SUBMITS_MAX),
            misses: Semaphore::new(MISSES_MAX),
            registrations: Semaphore::new(REGISTRATIONS_MAX),
        };
        let shared =
            Shared { config, bulkheads, submissions: Submissions::default(), tasks: TaskTracker::new() };
        Self { shared: Arc::new(shared) }
    }

    pub(crate) fn config(&self) -> &Config {
        &self.shared.config
    }

    /// Waits until no submission is under way, at most for `patience`; whether all have ended.
    pub async fn drained(&self, patience: Duration) -> bool {
        self.shared.tasks.close();
        let drained = tokio::time::timeout(patience, self.shared.tasks.wait()).await;
        drained.is_ok()
    }
}
