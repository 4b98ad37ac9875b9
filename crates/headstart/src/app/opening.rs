//! What is served at the start: from the database, else from the snapshot, else from the configuration file alone.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use futures_util::FutureExt;
use headstart_fetcher::Supervisor;
use headstart_registry::{
    Declared, Deliveries, Directory, DirectoryRows, Error, Follow, LiveDirectory, Registrations, Registry,
    follow, snapshot,
};
use headstart_types::{Clock, Network};
use tokio::runtime::Handle;
use tokio::{task, time};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use crate::{Config, database, declared};

/// How often a database that was away at the start is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The registry, and what of it is in memory.
pub(super) struct Opened {
    pub(super) registry: Registry,
    pub(super) directory: LiveDirectory,
    pub(super) registrations: Registrations,
    pub(super) deliveries: Deliveries,
    pub(super) following: Following,
}

/// What keeps the directory at what the database holds.
#[derive(Clone)]
pub(super) struct Following {
    follow: Follow,
    /// The database was away: whether it is ours is still to be seen.
    unseen: Option<Unseen>,
}

/// What a database that was away at the start is asked when it answers.
#[derive(Clone)]
struct Unseen {
    migrates: bool,
    network: Arc<Network>,
}

impl Opened {
    pub(super) async fn new(config: &Config, network: &Arc<Network>, clock: Clock) -> anyhow::Result<Self> {
        let (registry, declared) =
            (with_spool(config, database::open(config)?), Arc::new(declared::read(config)?));
        let file = config.registry.snapshot_file(&config.directory);
        let (rows, known) = match read(config, network, &registry, &declared, clock).await {
            Ok(rows) => (Some(rows.clone()), rows),
            Err(error @ Error::Unreachable(_)) => {
                (None, without_database(&error, file.as_deref(), &declared)?)
            }
            Err(error) => return Err(error.into()),
        };
        let directory = Directory::build(&known, &declared);
        for fault in directory.faults() {
            warn!("left out of the directory: {fault}");
        }
        let unseen = Unseen { migrates: config.registry.migrate, network: Arc::clone(network) };
        let unseen = rows.is_none().then_some(unseen);
        let directory = LiveDirectory::new(directory);
        directory.set_database_away(rows.is_none());
        let follow = Follow {
            registry: registry.clone(),
            live: directory.clone(),
            declared,
            rows,
            snapshot: file,
            clock,
        };
        Ok(Self {
            registrations: Registrations::open(&registry),
            deliveries: Deliveries::open(&registry),
            following: Following { follow, unseen },
            registry,
            directory,
        })
    }
}

impl Following {
    /// The same, whatever breaks it.
    pub(super) async fn keep(self, supervisor: Supervisor, shutdown: CancellationToken) {
        supervisor.keep("directory", || self.clone().run(shutdown.clone())).await;
    }

    /// Keeps the directory at what the database holds, until `shutdown`.
    async fn run(self, shutdown: CancellationToken) {
        if let Some(unseen) = &self.unseen {
            unseen.see(&self.follow.registry, &shutdown).await;
        }
        // Boxed where it is made, so that the compiler need not look into it again for every caller.
        follow(self.follow, shutdown).boxed().await;
    }
}

/// A disk that takes no spool keeps nobody from serving.
fn with_spool(config: &Config, registry: Registry) -> Registry {
    let Some(folder) = config.registry.spool_folder(&config.directory) else { return registry };
    match registry.clone().with_spool(&folder) {
        Ok(registry) => registry,
        Err(error) => {
            let folder = folder.display();
            warn!(%folder, "what the database cannot take while it is away is refused or lost: failed to open the spool: {error}; see registry.spool");
            registry
        }
    }
}

/// Makes the database ready and reads what it holds.
async fn read(
    config: &Config,
    network: &Network,
    registry: &Registry,
    declared: &Declared,
    clock: Clock,
) -> Result<DirectoryRows, Error> {
    if config.registry.migrate {
        let done = registry.migrate().await?;
        if done.from != done.to {
            info!(from = done.from, to = done.to, "database migrated");
        }
    }
    registry.schema().await?.check()?;
    registry.belong_to(network).await?;
    let names: Vec<_> = declared.clusters.iter().map(|cluster| cluster.name.as_str()).collect();
    registry.declare_clusters(clock.now(), &names).await?;
    registry.rows(None, clock.now()).await
}

fn without_database(
    error: &Error,
    file: Option<&Path>,
    declared: &Declared,
) -> anyhow::Result<DirectoryRows> {
    let snapshot = match file {
        Some(file) => {
            snapshot::read(file).with_context(|| format!("start without the database: {}", file.display()))?
        }
        None => None,
    };
    match snapshot {
        Some(rows) => {
            let (revision, clusters) = (rows.revision, rows.clusters.len());
            warn!(revision, clusters, "failed to {error}; serving from the snapshot until it is back");
            Ok(rows)
        }
        None if !declared.clusters.is_empty() => {
            warn!("failed to {error}; serving the clusters of the configuration file alone until it is back");
            Ok(DirectoryRows::default())
        }
        None => bail!(
            "{error}; there is no snapshot to start from and no cluster in the configuration file: start the database, or correct registry.url"
        ),
    }
}

impl Unseen {
    /// Tries until the database is there, of this version's form and of our network, or until `shutdown`.
    async fn see(&self, registry: &Registry, shutdown: &CancellationToken) {
        let mut is_told = false;
        loop {
            match self.look(registry, shutdown).await {
                Ok(()) => return,
                Err(error) if !is_told && !matches!(error, Error::Unreachable(_)) => {
                    is_told = true;
                    error!("the directory stays as it is: failed to {error}");
                }
                Err(error) => debug!("still failing to {error}"),
            }
            if shutdown.run_until_cancelled(time::sleep(AGAIN_AFTER)).await.is_none() {
                return;
            }
        }
    }

    async fn look(&self, registry: &Registry, shutdown: &CancellationToken) -> Result<(), Error> {
        if self.migrates {
            migrate(registry.clone(), shutdown.clone()).await?;
        }
        registry.schema().await?.check()?;
        registry.belong_to(&self.network).await
    }
}

async fn migrate(registry: Registry, shutdown: CancellationToken) -> Result<(), Error> {
    let runtime = Handle::current();
    // A migration cannot go from one thread to another, so it has one of its own.
    let migrating =
        task::spawn_blocking(move || runtime.block_on(shutdown.run_until_cancelled(registry.migrate())));
    match migrating.await {
        Ok(Some(done)) => done.map(drop),
        // A migration that panicked is told of by whoever needs the schema.
        Ok(None) | Err(_) => Ok(()),
    }
}
