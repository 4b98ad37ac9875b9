//! Tells systemd that the service is ready, that it ends, and that it lives. Without systemd nothing happens.

use std::sync::Arc;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time;
use tracing::{error, warn};

use crate::Shutdown;
use crate::admin::Health;

/// The service is ready; from here on systemd is told of its life until it is dropped.
pub(crate) async fn accompany(health: Arc<Health>, shutdown: Shutdown) {
    tell(NotifyState::Ready);
    let ending = async {
        shutdown.begun().await;
        tell(NotifyState::Stopping);
    };
    tokio::join!(ending, watchdog(&health));
}

/// Pings while the process lives; systemd starts another one when it does not.
async fn watchdog(health: &Health) {
    let mut timeout_us = 0;
    if !sd_notify::watchdog_enabled(false, &mut timeout_us) {
        return;
    }
    let mut ticks = time::interval(Duration::from_micros(timeout_us.max(2)) / 2);
    loop {
        ticks.tick().await;
        if health.is_live() {
            tell(NotifyState::Watchdog);
        } else {
            error!(alarm = "not_live", checks = ?health.live(), "the watchdog is not told that this process lives");
        }
    }
}

fn tell(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(false, &[state]) {
        warn!("failed to tell systemd: {error}");
    }
}
