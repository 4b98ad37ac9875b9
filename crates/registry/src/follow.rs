//! Keeps the live directory at what the database holds.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use headstart_types::Clock;
use tokio::task;
use tokio::time::{self, Instant, Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{Declared, Directory, DirectoryRows, Error, LiveDirectory, Registry, Result, snapshot};

/// How often to ask whether anything has changed: a change is in every process within a second.
const POLL: Duration = Duration::from_millis(300);
/// The least time between two writings of the snapshot, which holds everything.
const SNAPSHOT_REST: Duration = Duration::from_secs(5);

/// What [`follow`] works with.
#[derive(Clone, Debug)]
pub struct Follow {
    pub registry: Registry,
    pub live: LiveDirectory,
    /// What the configuration file says.
    pub declared: Arc<Declared>,
    /// What the live directory was built from, if the database gave it; `None` after a start from a snapshot, which may
    /// be that of another database.
    pub rows: Option<DirectoryRows>,
    /// Where to keep what is known.
    pub snapshot: Option<PathBuf>,
    pub clock: Clock,
}

/// Asks the database again and again, and replaces the directory when something has changed, until `shutdown`. While the
/// database is away the directory stays as it is.
pub async fn follow(follow: Follow, shutdown: CancellationToken) {
    let Follow { registry, live, declared, rows, snapshot, clock } = follow;
    let keeper = snapshot.map(|path| Keeper::new(path, rows.is_some()));
    let mut follower = Follower { registry, live, declared, rows, clock, met: false, away: false, keeper };
    let mut poll = time::interval(POLL);
    poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // Looking may be broken off at any time, writing a snapshot not.
    while shutdown.run_until_cancelled(follower.look_at(&mut poll)).await.is_some() {
        follower.keep(Instant::now()).await;
    }
    follower.keep(Instant::now() + SNAPSHOT_REST).await;
}

struct Follower {
    registry: Registry,
    live: LiveDirectory,
    declared: Arc<Declared>,
    rows: Option<DirectoryRows>,
    clock: Clock,
    /// The database has answered once, and knows the clusters of the configuration file.
    met: bool,
    away: bool,
    keeper: Option<Keeper>,
}

impl Follower {
    async fn look_at(&mut self, poll: &mut Interval) {
        tokio::select! {
            _ = poll.tick() => {}
            () = self.live.wanted() => {}
        }
        let looked = self.look().await;
        self.tell(&looked);
    }

    async fn look(&mut self) -> Result<()> {
        if !self.met {
            self.registry.schema().await?.check()?;
            let names: Vec<_> = self.declared.clusters.iter().map(|cluster| cluster.name.as_str()).collect();
            self.registry.declare_clusters(self.clock.now(), &names).await?;
            self.met = true;
        }
        let revision = self.registry.revision().await?;
        if self.rows.as_ref().is_some_and(|rows| rows.revision == revision) {
            return Ok(());
        }
        let rows = self.registry.rows(self.rows.as_ref(), self.clock.now()).await?;
        self.replace(rows).await
    }

    async fn replace(&mut self, rows: DirectoryRows) -> Result<()> {
        let declared = Arc::clone(&self.declared);
        // Hundreds of thousands of validators take a while, which no request should wait for.
        let built = task::spawn_blocking(move || (Directory::build(&rows, &declared), rows)).await;
        let (directory, rows) =
            built.map_err(|error| Error::Other(format!("build the directory: {error}")))?;
        let (clusters, validators) = (directory.clusters().len(), directory.validators());
        info!(revision = rows.revision, clusters, validators, "directory changed");
        if directory.faults() != self.live.load().faults() {
            for fault in directory.faults() {
                warn!("left out of the directory: {fault}");
            }
        }
        self.live.replace(directory);
        self.rows = Some(rows);
        if let Some(keeper) = &mut self.keeper {
            keeper.wanted = true;
        }
        Ok(())
    }

    /// One line when the database goes away, and one when it is back.
    fn tell(&mut self, looked: &Result<()>) {
        match (self.away, looked) {
            (false, Err(error)) => warn!("the directory stays as it is: failed to {error}"),
            (true, Ok(())) => info!("the database is back, the directory follows it again"),
            _ => {}
        }
        self.away = looked.is_err();
        self.live.set_database_away(self.away);
    }

    async fn keep(&mut self, now: Instant) {
        if let (Some(keeper), Some(rows)) = (&mut self.keeper, &self.rows) {
            keeper.keep(rows, now).await;
        }
    }
}

/// Writes the snapshot when there is something new, but not all the time.
struct Keeper {
    path: PathBuf,
    /// What is known is not what was written.
    wanted: bool,
    not_before: Instant,
    failing: bool,
}

impl Keeper {
    fn new(path: PathBuf, wanted: bool) -> Self {
        Self { path, wanted, not_before: Instant::now(), failing: false }
    }

    async fn keep(&mut self, rows: &DirectoryRows, now: Instant) {
        if !self.wanted || now < self.not_before {
            return;
        }
        let (path, rows) = (self.path.clone(), rows.clone());
        let written = task::spawn_blocking(move || snapshot::write(&path, &rows)).await;
        let fault = written.map_err(std::io::Error::other).flatten().err();
        if let Some(error) = fault.as_ref().filter(|_| !self.failing) {
            warn!(path = %self.path.display(), "failed to write the snapshot: {error}");
        }
        self.failing = fault.is_some();
        self.wanted = self.failing;
        self.not_before = now + SNAPSHOT_REST;
    }
}
