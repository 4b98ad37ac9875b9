//! The task that writes deliveries a moment after they were noted, follows what other processes note, and keeps the lease.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::{self, Instant};
use tracing::{info, warn};

use super::{Shared, Telling, store};
use crate::Result;

/// Deliveries in one transaction: registrations wait for the same writer.
const BATCH: usize = 1_000;
/// What is noted in a row is written together.
const REST: Duration = Duration::from_millis(500);
const REST_AWAY: Duration = Duration::from_secs(2);

/// Loads, then writes and follows until every handle is gone.
pub(super) async fn run(deliveries: Weak<Shared>) {
    let mut away = false;
    while let Some(shared) = deliveries.upgrade() {
        let done = work(&shared).await;
        match (away, &done) {
            // A lost note costs a relay one more call, and nobody anything else.
            (false, Err(error)) => warn!("deliveries are not written: failed to {error}"),
            (true, Ok(())) => info!("deliveries are written again"),
            _ => {}
        }
        away = done.is_err();
        if away {
            without_database(&shared).await;
        }
        // Who waits holds nothing, so that the last handle may go meanwhile.
        let wanted = Arc::clone(&shared.wanted);
        drop(shared);
        let _ = time::timeout(if away { REST_AWAY } else { REST }, wanted.notified()).await;
    }
}

async fn work(shared: &Arc<Shared>) -> Result<()> {
    let is_ours = contest(shared).await?;
    // Whoever has just taken the lease knows first what the holder before it has told.
    follow(shared).await?;
    if let Some(is_ours) = is_ours {
        tell(shared, if is_ours { Telling::Everything } else { Telling::Nothing });
    }
    while write_some(shared).await? {}
    Ok(())
}

/// Renews the lease, or tries to get it; `None` where nobody else is.
async fn contest(shared: &Shared) -> Result<Option<bool>> {
    let Some(registry) = shared.contested() else { return Ok(None) };
    let mut lease = shared.lease.lock().await;
    if !shared.is_candidate.load(Ordering::Relaxed) {
        return Ok(Some(false));
    }
    lease.step(&registry.database, Instant::now()).await.map(Some)
}

async fn without_database(shared: &Shared) {
    let is_candidate = shared.is_candidate.load(Ordering::Relaxed);
    if is_candidate && shared.contested().is_some() && !shared.lease.lock().await.is_held(Instant::now()) {
        tell(shared, Telling::WhatWasAcceptedHere);
    }
}

fn tell(shared: &Shared, telling: Telling) {
    let changed = shared.telling.send_if_modified(|now| std::mem::replace(now, telling) != telling);
    if changed {
        info!(?telling, "which registrations this process tells relays of");
    }
}

/// Reads what was written since the last look; at first, everything.
async fn follow(shared: &Shared) -> Result<()> {
    let Some(registry) = &shared.registry else { return Ok(()) };
    let mut seen = shared.seen.lock().await;
    let now = store::revision(&registry.database).await?;
    if *seen == Some(now) {
        return Ok(());
    }
    // A number that goes back is that of another database, put in the place of the one we knew.
    let since = seen.filter(|seen| *seen < now);
    let mut after = None;
    loop {
        let page = store::page(&registry.database, since, after).await?;
        let Some((validator, last)) = page.last() else { break };
        after = Some((last.relay, *validator));
        let mut told = shared.told();
        for (validator, delivered) in &page {
            told.learn(*validator, delivered);
        }
    }
    *seen = Some(now);
    shared.loaded.send_replace(true);
    Ok(())
}

/// Writes one batch; whether there may be more.
pub(super) async fn write_some(shared: &Shared) -> Result<bool> {
    let Some(registry) = &shared.registry else { return Ok(false) };
    let mut seen = shared.seen.lock().await;
    let unwritten = shared.told().take_unwritten(BATCH);
    if unwritten.is_empty() {
        return Ok(false);
    }
    match store::write(&registry.database, &unwritten).await {
        // When nobody else wrote in between, there is nothing to look for.
        Ok(revision) => {
            *seen = seen.map(|seen| if revision == seen + 1 { revision } else { seen });
            Ok(true)
        }
        Err(error) => {
            shared.told().give_back(&unwritten);
            Err(error)
        }
    }
}
