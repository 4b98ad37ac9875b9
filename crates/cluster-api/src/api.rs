use std::sync::Arc;

use headstart_bid_store::BidStore;
use headstart_fetcher::Fetcher;
use headstart_registry::{Deliveries, LiveDirectory, Registrations, Registry};
use headstart_types::{Clock, Network, UnixMillis};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::apply::Applier;
use crate::lanes::Lanes;
use crate::places::Places;
use crate::rates::Rates;

/// Items that one cluster's lane holds at most.
pub const DEFAULT_LANE_CAPACITY: usize = 1_024;

/// Searches of the directory at a time, one of a cluster at most: nobody's queue is in front of another's.
const LISTS_MAX: usize = 2;

/// What the service works with.
#[derive(Clone)]
pub struct Config {
    pub network: Arc<Network>,
    pub clock: Clock,
    pub directory: LiveDirectory,
    pub registry: Registry,
    pub registrations: Registrations,
    pub deliveries: Deliveries,
    pub fetcher: Fetcher,
    pub store: BidStore,
    /// Clusters whose items take effect at the same time.
    pub workers: usize,
    /// Items waiting in one cluster's lane; over it that cluster's streams are not read.
    pub lane_capacity: usize,
}

/// The service that clusters speak to; clones share it.
#[derive(Clone)]
pub struct ClusterApi {
    shared: Arc<Shared>,
}

struct Shared {
    config: Arc<Config>,
    lanes: Lanes,
    places: Arc<Places>,
    rates: Rates,
    /// Pages of validators that are looked for at a time.
    lists: Semaphore,
    streams: TaskTracker,
    closing: CancellationToken,
}

impl ClusterApi {
    /// Must be called within a Tokio runtime, which runs the lanes.
    pub fn new(config: Config) -> Self {
        let config = Arc::new(config);
        let (applier, supervisor) = (Applier::new(Arc::clone(&config)), config.fetcher.supervisor().clone());
        let lanes = Lanes::new(applier, supervisor, config.workers, config.lane_capacity);
        let (places, rates, lists) = (Arc::default(), Rates::default(), Semaphore::new(LISTS_MAX));
        let (streams, closing) = (TaskTracker::new(), CancellationToken::new());
        Self { shared: Arc::new(Shared { config, lanes, places, rates, lists, streams, closing }) }
    }

    pub(crate) fn config(&self) -> &Config {
        &self.shared.config
    }

    pub(crate) fn now(&self) -> UnixMillis {
        self.config().clock.now()
    }

    pub(crate) fn lanes(&self) -> &Lanes {
        &self.shared.lanes
    }

    pub(crate) fn places(&self) -> &Arc<Places> {
        &self.shared.places
    }

    pub(crate) fn rates(&self) -> &Rates {
        &self.shared.rates
    }

    pub(crate) fn lists(&self) -> &Semaphore {
        &self.shared.lists
    }

    pub(crate) fn streams(&self) -> &TaskTracker {
        &self.shared.streams
    }

    /// Cancelled on shutdown.
    pub(crate) fn closing(&self) -> &CancellationToken {
        &self.shared.closing
    }

    /// Waits until every stream has ended and what they sent has taken effect.
    pub(crate) async fn drained(&self) {
        self.shared.streams.close();
        self.shared.streams.wait().await;
        self.shared.lanes.drained().await;
    }
}
