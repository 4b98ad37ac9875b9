use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use headstart_auction::Bid;
use headstart_registry::Cluster;
use headstart_types::{AuctionKey, Outcome, RelayId};
use tokio::sync::mpsc;
use tracing::{debug, info, warn};

/// Where answered headers are noted. The handler only passes a record on; a task of its own writes the line.
#[derive(Clone, Debug)]
pub struct Journal {
    records: mpsc::Sender<HeaderRecord>,
    dropped: Arc<AtomicU64>,
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

impl Journal {
    /// The journal, and the task that writes it: run it beside the server. Lines name relays as `relays` does.
    pub fn new(relays: HashMap<RelayId, String>) -> (Self, impl Future<Output = ()> + Send) {
        let (records, waiting) = mpsc::channel(RECORDS_MAX);
        let dropped = Arc::new(AtomicU64::new(0));
        (Self { records, dropped: Arc::clone(&dropped) }, write(waiting, dropped, relays))
    }

    pub(crate) fn note(&self, record: HeaderRecord) {
        if self.records.try_send(record).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Ends when every handle of the journal is gone and what they noted is written.
async fn write(
    mut waiting: mpsc::Receiver<HeaderRecord>,
    dropped: Arc<AtomicU64>,
    relays: HashMap<RelayId, String>,
) {
    while let Some(record) = waiting.recv().await {
        line(&record, &relays);
        let dropped = dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            warn!(dropped, "journal full: lines of answered headers were dropped");
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
