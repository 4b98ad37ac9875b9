//! Serves on after the process was told to end, until nothing would be lost.

use std::sync::Arc;
use std::time::Duration;

use headstart_auction::{Drain, DrainStep};
use headstart_builder_api::BuilderApi;
use headstart_fetcher::Fetcher;
use headstart_types::Clock;
use tokio::time;
use tracing::{info, warn};

use crate::admin::{Health, Stage};
use crate::{Config, Shutdown};

/// How often to look whether a block has come.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// A header is known to have been served so long after it was.
const RECORDED_WITHIN: Duration = Duration::from_millis(25);

/// What a drain works with.
pub(super) struct Draining {
    pub(super) clock: Clock,
    pub(super) builder_api: BuilderApi,
    pub(super) fetcher: Fetcher,
    pub(super) health: Arc<Health>,
    pub(super) min_ms: u64,
    pub(super) timeout_ms: u64,
}

impl Draining {
    pub(super) fn new(config: &Config, clock: Clock, api: &BuilderApi, health: &Arc<Health>) -> Self {
        Self {
            clock,
            builder_api: api.clone(),
            fetcher: api.fetcher().clone(),
            health: Arc::clone(health),
            min_ms: config.admin.drain_min_ms,
            timeout_ms: config.builder_api.drain_timeout_ms,
        }
    }

    /// Returns when the doors may be closed.
    pub(super) async fn wait(self, shutdown: &Shutdown) {
        shutdown.begun().await;
        self.health.reached(Stage::Draining);
        self.fetcher.arm_no_more();
        self.builder_api.drain();
        // The rule reads the wall clock, which may be set meanwhile.
        let longest = Duration::from_millis(self.timeout_ms);
        if time::timeout(longest, self.until_nothing_is_lost(shutdown)).await.is_err() {
            warn!(under_way = ?self.builder_api.under_way(), "the time for draining is over");
        }
    }

    async fn until_nothing_is_lost(&self, shutdown: &Shutdown) {
        let millis = |ms| i64::try_from(ms).unwrap_or(i64::MAX);
        let mut drain = Drain::new(self.clock.now(), millis(self.min_ms), millis(self.timeout_ms));
        let _ = time::timeout(RECORDED_WITHIN, shutdown.hurried()).await;
        let mut is_told = false;
        loop {
            if shutdown.is_hurried() {
                drain.hurry();
            }
            let (now, under_way) = (self.clock.now(), self.builder_api.under_way());
            let DrainStep::Wait { until } = drain.step(now, under_way) else { return };
            if !std::mem::replace(&mut is_told, true) {
                let (submissions, wait_ms) = (under_way.submissions, until - now);
                info!(submissions, wait_ms, "draining: blocks of served headers may still come");
            }
            time::sleep(now.until(until).min(LOOK_EVERY)).await;
        }
    }
}
