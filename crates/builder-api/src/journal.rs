use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use headstart_auction::Bid;
use headstart_registry::Cluster;
use headstart_types::{AuctionKey, Outcome, RelayId, Wei};
use tokio::sync::{broadcast, mpsc};
use tracing::{debug, info, warn};

/// Where answered headers are noted. The handler only passes a record on; a task of its own writes the line.
#[derive(Clone, Debug)]
pub struct Journal {
    records: mpsc::Sender<HeaderRecord>,
    events: broadcast::Sender<HeaderAnswered>,
    dropped: Arc<AtomicU64>,
}

/// One answered getHeader, for whoever watches.
#[derive(Clone, Debug)]
pub struct HeaderAnswered {
    pub key: AuctionKey,
    /// The cluster's name; `None` for a validator of nobody here.
    pub cluster: Option<String>,
    pub outcome: Outcome,
    pub value: Option<Wei>,
    /// Milliseconds from the start of the slot to the request.
    pub asked_ms: i64,
    pub took: Duration,
}

/// One answered getHeader.
#[derive(Clone, Debug)]
pub(crate) struct HeaderRecord {
    pub(crate) key: AuctionKey,
    pub(crate) cluster: Option<Arc<Cluster>>,
    pub(crate) outcome: Outcome,
    pub(crate) bid: Option<Arc<Bid>>,
    /// Milliseconds from the start of the slot to the request.
    pub(crate) asked_ms: i64,
    pub(crate) took: Duration,
}

/// Records waiting to be written; over it they are dropped and counted, for an answer never waits for its line.
const RECORDS_MAX: usize = 8_192;
/// Records written in one go.
const BATCH: usize = 256;
const REST: Duration = Duration::from_millis(5);
/// Events that a slow watcher may lag behind before it misses some.
const EVENTS_KEPT: usize = 1_024;

impl Journal {
    /// The journal, and the task that writes it: run it beside the server. Lines name relays as `relays` does.
    pub fn new(relays: HashMap<RelayId, String>) -> (Self, impl Future<Output = ()> + Send) {
        let (records, waiting) = mpsc::channel(RECORDS_MAX);
        let (events, dropped) = (broadcast::channel(EVENTS_KEPT).0, Arc::new(AtomicU64::new(0)));
        let writer = Writer { waiting, events: events.downgrade(), dropped: Arc::clone(&dropped), relays };
        (Self { records, events, dropped }, writer.write())
    }

    /// Every answered getHeader from now on.
    pub fn watch(&self) -> broadcast::Receiver<HeaderAnswered> {
        self.events.subscribe()
    }

    pub(crate) fn note(&self, record: HeaderRecord) {
        if self.records.try_send(record).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

struct Writer {
    waiting: mpsc::Receiver<HeaderRecord>,
    events: broadcast::WeakSender<HeaderAnswered>,
    dropped: Arc<AtomicU64>,
    relays: HashMap<RelayId, String>,
}

impl Writer {
    /// Ends when every handle of the journal is gone and what they noted is written.
    ///
    /// Records are taken in batches with a rest in between: a handler that notes one then wakes nobody.
    async fn write(mut self) {
        let mut batch = Vec::with_capacity(BATCH);
        while self.waiting.recv_many(&mut batch, BATCH).await > 0 {
            batch.drain(..).for_each(|record| self.tell(record));
            let dropped = self.dropped.swap(0, Ordering::Relaxed);
            if dropped > 0 {
                warn!(dropped, "journal full: lines of answered headers were dropped");
            }
            if self.waiting.is_empty() && !self.waiting.is_closed() {
                tokio::time::sleep(REST).await;
            }
        }
    }

    fn tell(&self, record: HeaderRecord) {
        line(&record, &self.relays);
        if let Some(events) = self.events.upgrade().filter(|events| events.receiver_count() > 0) {
            // The last watcher may have left in between.
            let _ = events.send(record.into());
        }
    }
}

impl From<HeaderRecord> for HeaderAnswered {
    fn from(record: HeaderRecord) -> Self {
        Self {
            key: record.key,
            cluster: record.cluster.map(|cluster| cluster.name.clone()),
            outcome: record.outcome,
            value: record.bid.map(|bid| bid.value()),
            asked_ms: record.asked_ms,
            took: record.took,
        }
    }
}

fn line(record: &HeaderRecord, relays: &HashMap<RelayId, String>) {
    let HeaderRecord { key, outcome, asked_ms, .. } = record;
    let cluster = record.cluster.as_ref().map_or("none", |cluster| cluster.name.as_str());
    let took_us = u64::try_from(record.took.as_micros()).unwrap_or(u64::MAX);
    match &record.bid {
        Some(bid) => info!(
            cluster, slot = %key.slot, %outcome, value_eth = bid.value().eth(), relay = relays.get(&bid.relay()), asked_ms, took_us,
            block_hash = %bid.block_hash(), parent_hash = %key.parent_hash, proposer = %key.proposer, "header served"
        ),
        // Strangers can ask for anything: their requests are no news.
        None if record.cluster.is_none() => {
            debug!(cluster, slot = %key.slot, %outcome, asked_ms, took_us, proposer = %key.proposer, "header not served");
        }
        None => info!(
            cluster, slot = %key.slot, %outcome, asked_ms, took_us,
            parent_hash = %key.parent_hash, proposer = %key.proposer, "header not served"
        ),
    }
}
