//! The whole service, wired from top to bottom.

mod builder_api;
mod cluster_api;
mod drain;
mod listener;
mod opening;
mod sharing;
mod wiring;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use headstart_beacon::BeaconNode;
use headstart_bid_store::BidStore;
use headstart_builder_api::{BuilderApi, Journal, JournalWriter};
use headstart_fetcher::{Fetcher, Supervisor};
use headstart_registry::{Deliveries, LiveDirectory, Outcomes, Registry};
use headstart_types::Clock;
use tokio::sync::Mutex;
use tokio::time;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::admin::{Admin, Health, Metrics, Sources, Stage};
use crate::{Config, Shutdown, checks, network};
use builder_api::Listener;
use cluster_api::Door;
use drain::Draining;
use opening::{Following, Opened};
use wiring::Wiring;

/// A service that is bound and ready to run.
pub struct App {
    listeners: Vec<Listener>,
    builder_api: BuilderApi,
    cluster_api: Option<Door>,
    registry: Registry,
    directory: LiveDirectory,
    deliveries: Deliveries,
    following: Following,
    fetcher: Fetcher,
    beacon_nodes: Vec<BeaconNode>,
    store: BidStore,
    journal_writer: JournalWriter,
    outcomes_writer: Box<dyn Future<Output = ()> + Send>,
    admin: Option<Admin>,
    health: Arc<Health>,
    draining: Draining,
    config: Arc<Config>,
    clock: Clock,
}

impl App {
    /// Wires everything and binds the listeners; nothing is served before [`App::run`].
    pub async fn start(config: Config, clock: Clock) -> anyhow::Result<Self> {
        for warning in config.warnings() {
            warn!("{warning}");
        }
        let beacon_nodes = network::beacon_nodes(&config)?;
        let network = Arc::new(network::resolve(&config, &beacon_nodes).await?);
        let opened = Opened::new(&config, &network, clock).await?;
        let store = sharing::open(&config, &network).await?;
        let (outcomes, outcomes_writer) = Outcomes::open(&opened.registry);
        let (journal, journal_writer) = Journal::new(opened.directory.clone(), store.clone(), outcomes);
        let wiring = Wiring { network: Arc::clone(&network), clock, opened: &opened, store: &store };
        let fetcher = wiring.fetcher(&config)?;
        let builder_api = wiring.builder_api(&fetcher, journal);
        let listeners = builder_api::listeners(&config)?;
        let cluster_api = Door::new(&config, || wiring.cluster_api(&fetcher, config.cluster_api.workers))?;
        builder_api::announce(&listeners, &network, &opened.directory.load());
        let health = Arc::new(Health::new(fetcher.clone(), opened.directory.clone(), store.clone()));
        let admin = admin(&config, &builder_api, &opened, &store, &health)?;
        let roles: Vec<_> = config.roles.0.iter().map(|role| role.as_str()).collect();
        info!(roles = roles.join(","), "started");
        let draining = Draining::new(&config, clock, &builder_api, &health);
        let Opened { registry, directory, deliveries, following, .. } = opened;
        Ok(Self {
            listeners,
            builder_api,
            cluster_api,
            registry,
            directory,
            deliveries,
            following,
            fetcher,
            beacon_nodes,
            store,
            journal_writer,
            outcomes_writer: Box::new(outcomes_writer),
            admin,
            health,
            draining,
            config: Arc::new(config),
            clock,
        })
    }

    /// Where beacon nodes ask, if they are answered here; with port 0 in the configuration, the port that was bound.
    pub fn builder_api_addr(&self) -> Option<SocketAddr> {
        self.listeners.first().map(|listener| listener.addr)
    }

    /// The second address, which is open; if there is one.
    pub fn open_addr(&self) -> Option<SocketAddr> {
        self.listeners.get(1).map(|listener| listener.addr)
    }

    /// Where clusters are heard, if they are.
    pub fn cluster_api_addr(&self) -> Option<SocketAddr> {
        self.cluster_api.as_ref().map(|door| door.addr)
    }

    /// Where the health of the process and its figures are told, if they are.
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(|admin| admin.addr)
    }

    pub(crate) fn health(&self) -> Arc<Health> {
        Arc::clone(&self.health)
    }

    /// The bid store of this process, for whoever wants to watch it.
    pub fn store(&self) -> BidStore {
        self.store.clone()
    }

    /// Whom this process serves; what is put there in its place is served until the database says something new.
    pub fn directory(&self) -> LiveDirectory {
        self.directory.clone()
    }

    /// The registry of this process, for whoever administers it.
    pub fn registry(&self) -> Registry {
        self.registry.clone()
    }

    /// Serves until `shutdown`, and on until nothing would be lost. Then what is under way is finished: clusters' streams
    /// end, requests and submissions are drained, running auctions end, and what is not yet in the database is written.
    pub async fn run(self, shutdown: Shutdown) -> anyhow::Result<()> {
        let supervisor = self.fetcher.supervisor().clone();
        let journal = tokio::spawn(write(supervisor.clone(), self.journal_writer));
        let outcomes = tokio::spawn(Box::into_pin(self.outcomes_writer));
        // Whatever comes in needs the one below it, so each floor ends after the one above.
        let [closing, fetching, following, telling] = [(); 4].map(|()| CancellationToken::new());
        let directory = tokio::spawn(self.following.keep(supervisor.clone(), following.clone()));
        let admin =
            self.admin.map(|admin| tokio::spawn(admin.serve(Arc::clone(&self.health), telling.clone())));
        self.health.reached(Stage::Serving);
        let watching = {
            let (config, fetcher, nodes) = (self.config, self.fetcher.clone(), self.beacon_nodes.clone());
            let (supervisor, health, clock) = (supervisor.clone(), Arc::clone(&self.health), self.clock);
            let watch = move || {
                checks::watch(Arc::clone(&config), fetcher.clone(), nodes.clone(), Arc::clone(&health), clock)
            };
            closing.clone().run_until_cancelled_owned(async move { supervisor.keep("checks", watch).await })
        };
        tokio::spawn(watching);
        let draining = async {
            closing.run_until_cancelled(self.draining.wait(&shutdown)).await;
            self.health.reached(Stage::Closing);
            closing.cancel();
        };
        let serving = async {
            let served = serve(self.listeners, self.builder_api, self.cluster_api, closing.clone()).await;
            fetching.cancel();
            served
        };
        let fetching = self.fetcher.run(self.beacon_nodes, fetching.clone());
        let (served, (), ()) = tokio::join!(serving, fetching, draining);
        if let Err(error) = self.deliveries.flush().await {
            warn!("what relays were told last is told to them again after the start: failed to {error}");
        }
        following.cancel();
        // The last snapshot; a full disk must not keep the process.
        let _ = time::timeout(LAST_WORDS, directory).await;
        // Both ends of the journal are gone with the server, except for connections that would not end.
        let _ = time::timeout(LAST_WORDS, async { tokio::join!(journal, outcomes) }).await;
        telling.cancel();
        if let Some(admin) = admin {
            let _ = time::timeout(LAST_WORDS, admin).await;
        }
        info!("stopped");
        served
    }
}

/// What is written at the very end takes no longer.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// Serves beacon nodes and clusters. A door that cannot be opened ends the process: clusters would wait at it in vain.
async fn serve(
    listeners: Vec<Listener>,
    api: BuilderApi,
    door: Option<Door>,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let serving = listeners.into_iter().map(|listener| listener.answer(api.clone(), shutdown.clone()));
    let hearing = async {
        let heard = match door {
            Some(door) => door.serve(shutdown.clone()).await.context("open the clusters' door"),
            None => Ok(()),
        };
        if heard.is_err() {
            shutdown.cancel();
        }
        heard
    };
    // The handle that the listeners' tasks were made from is one of those that keep the journal open.
    let serving = futures_util::future::join_all(serving.collect::<Vec<_>>());
    drop(api);
    // A process without doors has work all the same.
    tokio::join!(hearing, serving, shutdown.cancelled()).0
}

fn admin(
    config: &Config,
    builder_api: &BuilderApi,
    opened: &Opened,
    store: &BidStore,
    health: &Arc<Health>,
) -> anyhow::Result<Option<Admin>> {
    if !config.admin.enabled {
        return Ok(None);
    }
    let (listener, addr) = listener::bind("admin.listen", config.admin.listen)?;
    info!(%addr, "admin listening");
    let metrics = Metrics::new(Sources {
        tally: Arc::clone(builder_api.tally()),
        fetcher: builder_api.fetcher().clone(),
        directory: opened.directory.clone(),
        registry: opened.registry.clone(),
        store: store.clone(),
        health: Arc::clone(health),
    });
    Ok(Some(Admin { listener, addr, metrics }))
}

/// Writes the journal to its end, whatever a line of it breaks.
async fn write(supervisor: Supervisor, writer: JournalWriter) {
    let writer = Mutex::new(writer);
    supervisor.keep("journal", || async { writer.lock().await.write().await }).await;
}
