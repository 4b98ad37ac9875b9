//! Whether the process lives, and whether it should be sent requests.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use headstart_auction::OffsetBounds;
use headstart_bid_store::{BidStore, Condition};
use headstart_fetcher::{ARMING, Fetcher};
use headstart_registry::LiveDirectory;

use crate::checks::{Finding, clock};

/// A loop that should turn once a slot and has not for so many is not alive.
const SILENT_SLOTS: u32 = 2;

/// Where in its life the process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Stage {
    Starting,
    Serving,
    /// It was told to end and serves on until nothing would be lost.
    Draining,
    /// Its doors are closed.
    Closing,
}

/// The health of one process, for all who ask.
pub(crate) struct Health {
    stage: AtomicU8,
    clock_offset: Mutex<Option<OffsetBounds>>,
    fetcher: Fetcher,
    directory: LiveDirectory,
    store: BidStore,
}

impl Health {
    pub(crate) fn new(fetcher: Fetcher, directory: LiveDirectory, store: BidStore) -> Self {
        let stage = AtomicU8::new(Stage::Starting as u8);
        Self { stage, clock_offset: Mutex::default(), fetcher, directory, store }
    }

    /// A process never goes back to an earlier stage.
    pub(crate) fn reached(&self, stage: Stage) {
        self.stage.fetch_max(stage as u8, Ordering::Relaxed);
    }

    pub(crate) fn stage(&self) -> Stage {
        match self.stage.load(Ordering::Relaxed) {
            0 => Stage::Starting,
            1 => Stage::Serving,
            2 => Stage::Draining,
            _ => Stage::Closing,
        }
    }

    /// How far this machine's clock is off, as last measured.
    pub(crate) fn clock_offset(&self) -> Option<OffsetBounds> {
        *self.clock_offset.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_clock_offset(&self, offset: Option<OffsetBounds>) {
        *self.clock_offset.lock().unwrap_or_else(PoisonError::into_inner) = offset;
    }

    pub(crate) fn is_live(&self) -> bool {
        self.live().is_empty()
    }

    /// What keeps the process from being alive: a supervisor should start it anew.
    pub(crate) fn live(&self) -> Vec<Finding> {
        const REMEDY: &str = "restart the process, and tell us: this is a fault of the program";
        let longest = Duration::from_millis(self.fetcher.network().slot_duration_ms) * SILENT_SLOTS;
        let supervisor = self.fetcher.supervisor();
        let silent = supervisor
            .is_silent(ARMING, longest)
            .then(|| Finding::fail(ARMING, format!("no auction was looked for within {longest:?}"), REMEDY));
        let stuck = supervisor.stuck(longest).into_iter();
        let stuck = stuck.map(|task| Finding::fail(task, format!("it stands still for {longest:?}"), REMEDY));
        silent.into_iter().chain(stuck).collect()
    }

    /// What says that this process should, or should not, be sent requests.
    pub(crate) fn ready(&self) -> Vec<Finding> {
        let mut findings = vec![self.doors(), self.known(), self.database(), self.redis(), self.clock()];
        findings.extend(self.live());
        findings
    }

    fn doors(&self) -> Finding {
        match self.stage() {
            Stage::Starting => Finding::fail("listeners", "starting", "wait"),
            Stage::Serving => Finding::ok("listeners", "bound"),
            Stage::Draining => Finding::fail(
                "listeners",
                "draining: told to end, serving until nothing is lost",
                "ask another",
            ),
            Stage::Closing => Finding::fail("listeners", "closed", "ask another"),
        }
    }

    fn known(&self) -> Finding {
        let directory = self.directory.load();
        let (clusters, validators) = (directory.clusters().len(), directory.validators());
        Finding::ok("directory", format!("{clusters} clusters, {validators} validators"))
    }

    fn database(&self) -> Finding {
        if self.directory.is_database_away() {
            let seen = "away: serving what was known before";
            Finding::warn("database", seen, "start the database; nothing else need be done")
        } else {
            Finding::ok("database", "followed")
        }
    }

    fn redis(&self) -> Finding {
        match self.store.condition() {
            _ if !self.store.has_others() => Finding::ok("redis", "not used: this process is alone"),
            Condition::Well => Finding::ok("redis", "shared"),
            Condition::Refusing(server) => Finding::warn(
                "redis",
                format!("the server for {server} refuses what is put there"),
                "see in the log why: it is full, or its disk is",
            ),
            Condition::Away(server) => Finding::warn(
                "redis",
                format!("the server for {server} is away: this process goes on by itself"),
                "start it; nothing else need be done",
            ),
        }
    }

    fn clock(&self) -> Finding {
        clock::judge(self.clock_offset())
    }
}
