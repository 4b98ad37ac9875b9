//! The whole service, wired from top to bottom.

mod cluster_api;
mod drain;
mod listener;
mod opening;
mod sharing;

use std::net::SocketAddr;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use anyhow::Context;
use headstart_beacon::BeaconNode;
use headstart_bid_store::BidStore;
use headstart_builder_api::{Access, BuilderApi, Journal, JournalWriter, ServerConfig};
use headstart_cluster_api::DEFAULT_LANE_CAPACITY;
use headstart_fetcher::{Fetcher, Supervisor, Verifier};
use headstart_registry::{Deliveries, LiveDirectory, Outcomes, Registry};
use headstart_types::{Clock, Network};
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::time;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::admin::{Admin, Health, Metrics, Sources, Stage};
use crate::config::Role;
use crate::{Config, Shutdown, checks, network};
use cluster_api::Door;
use drain::Draining;
use opening::{Following, Opened};

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

/// Where beacon nodes ask, and who of them is served there.
struct Listener {
    socket: TcpListener,
    addr: SocketAddr,
    config: ServerConfig,
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
        let core = Core { network, clock, opened: &opened, store: &store };
        let fetcher = core.fetcher(&config);
        let builder_api = core.builder_api(&fetcher, journal);
        let listeners = listeners(&config)?;
        let cluster_api = Door::new(&config, || core.cluster_api(&fetcher, config.cluster_api.workers))?;
        core.announce(&listeners);
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

/// What every room of the upper floors is given.
struct Core<'a> {
    network: Arc<Network>,
    clock: Clock,
    opened: &'a Opened,
    store: &'a BidStore,
}

impl Core<'_> {
    fn fetcher(&self, config: &Config) -> Fetcher {
        let settings = &config.fetcher;
        let cores = settings.verify_cores.or_else(available_cores).unwrap_or(1);
        Fetcher::new(headstart_fetcher::Config {
            network: Arc::clone(&self.network),
            clock: self.clock,
            directory: self.opened.directory.clone(),
            registry: self.opened.registry.clone(),
            registrations: self.opened.registrations.clone(),
            deliveries: self.opened.deliveries.clone(),
            store: self.store.clone(),
            verifier: Verifier::new(cores),
            lead_ms: i64::from(settings.lead_ms),
            compared_percent: settings.compared_percent,
            prefetches: config.has_role(Role::Fetcher),
        })
    }

    fn builder_api(&self, fetcher: &Fetcher, journal: Journal) -> BuilderApi {
        BuilderApi::new(headstart_builder_api::Config {
            network: Arc::clone(&self.network),
            clock: self.clock,
            directory: self.opened.directory.clone(),
            store: self.store.clone(),
            fetcher: fetcher.clone(),
            journal,
        })
    }

    fn cluster_api(&self, fetcher: &Fetcher, workers: usize) -> headstart_cluster_api::Config {
        headstart_cluster_api::Config {
            network: Arc::clone(&self.network),
            clock: self.clock,
            directory: self.opened.directory.clone(),
            registry: self.opened.registry.clone(),
            registrations: self.opened.registrations.clone(),
            deliveries: self.opened.deliveries.clone(),
            fetcher: fetcher.clone(),
            store: self.store.clone(),
            workers,
            lane_capacity: DEFAULT_LANE_CAPACITY,
        }
    }

    fn announce(&self, listeners: &[Listener]) {
        let (network, known) = (&self.network.name, self.opened.directory.load());
        let (clusters, validators, relays) =
            (known.clusters().len(), known.validators(), known.relays().len());
        for Listener { addr, config, .. } in listeners {
            let access = match config.access {
                Access::Open => "open",
                Access::Credentials => "credentials",
            };
            info!(%addr, access, network, clusters, validators, relays, "builder_api listening");
        }
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
    let serving = listeners.into_iter().map(|listener| answer(listener, api.clone(), shutdown.clone()));
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

/// Serves at one address until `shutdown`. What breaks there is opened again at the same address, so that nobody is sent
/// away meanwhile.
async fn answer(listener: Listener, api: BuilderApi, shutdown: CancellationToken) {
    let Listener { socket, addr, config } = listener;
    let supervisor = api.fetcher().supervisor().clone();
    // Whoever serves owns its handle of the socket; this one keeps the socket open for the next.
    let spare = std::sync::Mutex::new(socket.into_std().ok());
    let handle = || spare.lock().unwrap_or_else(PoisonError::into_inner).as_ref()?.try_clone().ok();
    let serving = supervisor.keep("builder_api", || {
        let (handle, api, shutdown) = (handle(), api.clone(), shutdown.clone());
        async move {
            if let Some(socket) = handle.and_then(|handle| TcpListener::from_std(handle).ok()) {
                headstart_builder_api::serve(socket, api, config, shutdown).await;
            } else {
                error!(%addr, "failed to listen: no handle of the socket can be had");
            }
        }
    });
    let letting_go = async {
        shutdown.cancelled().await;
        spare.lock().unwrap_or_else(PoisonError::into_inner).take();
    };
    tokio::join!(serving, letting_go);
}

fn listeners(config: &Config) -> anyhow::Result<Vec<Listener>> {
    if !config.has_role(Role::BuilderApi) {
        return Ok(Vec::new());
    }
    let settings = &config.builder_api;
    let first = Some(("builder_api.listen", settings.listen, settings.access));
    let second = settings.open_listen.map(|addr| ("builder_api.open_listen", addr, Access::Open));
    let bind = |(key, addr, access)| {
        let (socket, addr) = listener::bind(key, addr)?;
        Ok(Listener { socket, addr, config: ServerConfig { access, ..settings.serving() } })
    };
    first.into_iter().chain(second).map(bind).collect()
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

fn available_cores() -> Option<usize> {
    std::thread::available_parallelism().ok().map(usize::from)
}
