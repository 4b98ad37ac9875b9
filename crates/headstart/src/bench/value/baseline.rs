//! The three strategies that headstart is held against.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use headstart_types::{AuctionKey, UnixMillis};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::group::Group;
use super::held::Held;
use super::lateness::Lateness;
use super::sample::Answer;
use crate::clock;

const SIDECAR_PATIENCE: Duration = Duration::from_millis(950);
/// A relay is given its own time, however early it was asked.
const PREFETCH_PATIENCE: Duration = Duration::from_millis(1_500);
const FIRST_MS: i64 = -1_500;
const POLLS_UNTIL_MS: i64 = 850;
const POLL_GAP_MS: i64 = 50;

/// Bids that were asked for ahead of time.
pub(super) type Shelf = Arc<Mutex<Held>>;

/// What mev-boost does: asks all relays, and answers with the best when all have answered, or at the deadline.
pub(super) async fn sidecar(group: &Arc<Group>, key: AuctionKey) -> Answer {
    let (asked, mut asks) = (Instant::now(), JoinSet::new());
    let deadline = asked + SIDECAR_PATIENCE;
    for relay in 0..group.len() {
        asks.spawn(Arc::clone(group).ask(relay, key, deadline));
    }
    let mut best = None;
    while let Ok(Some(answer)) = timeout_at(deadline, asks.join_next()).await {
        best = best.max(answer.ok().flatten());
    }
    Answer { value: best, answered_us: micros(asked.elapsed()), wrong: None }
}

/// Asks every relay once before the slot starts.
pub(super) async fn prefetch(
    group: Arc<Group>,
    key: AuctionKey,
    start: UnixMillis,
    shelf: Shelf,
    lateness: Arc<Lateness>,
) {
    lateness.sleep_until(start + FIRST_MS).await;
    let mut asks = JoinSet::new();
    ask_all(&group, key, PREFETCH_PATIENCE, &shelf, &mut asks);
    asks.join_all().await;
}

/// Asks every relay again and again, without waiting for its answers.
pub(super) async fn poll(
    group: Arc<Group>,
    key: AuctionKey,
    start: UnixMillis,
    shelf: Shelf,
    lateness: Arc<Lateness>,
) {
    let mut asks = JoinSet::new();
    let mut offset_ms = FIRST_MS;
    while offset_ms <= POLLS_UNTIL_MS {
        lateness.sleep_until(start + offset_ms).await;
        ask_all(&group, key, SIDECAR_PATIENCE, &shelf, &mut asks);
        offset_ms += POLL_GAP_MS;
    }
    asks.join_all().await;
}

fn ask_all(group: &Arc<Group>, key: AuctionKey, patience: Duration, shelf: &Shelf, asks: &mut JoinSet<()>) {
    let (asked_at, deadline) = (clock::SYSTEM.now(), Instant::now() + patience);
    for relay in 0..group.len() {
        let (group, shelf) = (Arc::clone(group), Arc::clone(shelf));
        asks.spawn(async move {
            let bid = group.ask(relay, key, deadline).await;
            shelf.lock().unwrap_or_else(PoisonError::into_inner).take(relay, asked_at.0, bid);
        });
    }
}

/// What a strategy serves that has asked ahead of time.
pub(super) fn from_shelf(shelf: &Shelf) -> Answer {
    let asked = Instant::now();
    let value = shelf.lock().unwrap_or_else(PoisonError::into_inner).best();
    Answer { value, answered_us: micros(asked.elapsed()), wrong: None }
}

fn micros(took: Duration) -> u64 {
    took.as_micros().try_into().unwrap_or(u64::MAX)
}
