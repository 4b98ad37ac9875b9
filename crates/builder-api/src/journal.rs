use std::sync::Arc;
use std::time::Duration;

use headstart_auction::Bid;
use headstart_bid_store::{AuctionEvent, AuctionEventKind, BidStore};
use headstart_registry::{Cluster, LiveDirectory, OutcomeKind, OutcomeRecord, Outcomes};
use headstart_types::{AuctionKey, Outcome, UnixMillis};
use tokio::sync::mpsc;
use tracing::{debug, info, warn};

use crate::Tally;

/// Where answered headers are noted. The handler only passes a record on; a task of its own writes the line and tells
/// those who watch the store.
#[derive(Clone, Debug)]
pub struct Journal {
    records: mpsc::Sender<HeaderRecord>,
    pub(crate) tally: Arc<Tally>,
    outcomes: Outcomes,
}

/// One answered getHeader.
#[derive(Clone, Debug)]
pub(crate) struct HeaderRecord {
    pub(crate) key: AuctionKey,
    pub(crate) cluster: Option<Arc<Cluster>>,
    pub(crate) outcome: Outcome,
    pub(crate) bid: Option<Arc<Bid>>,
    pub(crate) at: UnixMillis,
    /// Milliseconds from the start of the slot to the request.
    pub(crate) asked_ms: i64,
    pub(crate) took: Duration,
}

/// Records waiting to be written; over it they are dropped and counted, for an answer never waits for its line.
const RECORDS_MAX: usize = 8_192;
/// Records written in one go.
const BATCH: usize = 256;
const REST: Duration = Duration::from_millis(5);

impl Journal {
    /// The journal, and what writes it: run it beside the server. The directory names relays in its lines. What a bid was
    /// served for is also noted in `outcomes`.
    pub fn new(directory: LiveDirectory, store: BidStore, outcomes: Outcomes) -> (Self, JournalWriter) {
        let ((records, waiting), tally) = (mpsc::channel(RECORDS_MAX), Arc::<Tally>::default());
        let writer = JournalWriter {
            waiting,
            tally: Arc::clone(&tally),
            told_unrecorded: 0,
            directory,
            store,
            outcomes: outcomes.clone(),
        };
        (Self { records, tally, outcomes }, writer)
    }

    pub(crate) fn note(&self, record: HeaderRecord) {
        if self.records.try_send(record).is_err() {
            self.tally.header_unrecorded();
        }
    }

    pub(crate) fn note_submission(&self, record: OutcomeRecord) {
        self.outcomes.note(record);
    }
}

/// Writes the lines of answered headers, counts them, and tells those who watch.
#[derive(Debug)]
pub struct JournalWriter {
    waiting: mpsc::Receiver<HeaderRecord>,
    tally: Arc<Tally>,
    told_unrecorded: u64,
    directory: LiveDirectory,
    store: BidStore,
    outcomes: Outcomes,
}

impl JournalWriter {
    /// Ends when every handle of the journal is gone and what they noted is written.
    ///
    /// Records are taken in batches with a rest in between: a handler that notes one then wakes nobody.
    pub async fn write(&mut self) {
        let mut batch = Vec::with_capacity(BATCH);
        while self.waiting.recv_many(&mut batch, BATCH).await > 0 {
            batch.drain(..).for_each(|record| self.tell(record));
            let unrecorded = self.tally.unrecorded();
            if unrecorded > self.told_unrecorded {
                let dropped = unrecorded - self.told_unrecorded;
                warn!(dropped, "journal full: lines of answered headers were dropped");
                self.told_unrecorded = unrecorded;
            }
            if self.waiting.is_empty() && !self.waiting.is_closed() {
                tokio::time::sleep(REST).await;
            }
        }
    }

    fn tell(&self, record: HeaderRecord) {
        self.tally.header_answered(record.outcome, record.took);
        if record.bid.is_some() {
            self.tally.served(record.key.slot, record.key.proposer, record.at);
        }
        self.line(&record);
        if let Some(bid) = &record.bid {
            self.outcomes.note(self.outcome(&record, bid));
        }
        self.store.tell(record.into());
    }

    fn outcome(&self, record: &HeaderRecord, bid: &Bid) -> OutcomeRecord {
        let directory = self.directory.load();
        OutcomeRecord {
            kind: OutcomeKind::Header,
            cluster: record.cluster.as_ref().map(|cluster| Arc::clone(&cluster.name)),
            slot: record.key.slot,
            parent_hash: record.key.parent_hash,
            proposer: Some(record.key.proposer),
            outcome: record.outcome,
            value: Some(bid.value()),
            block_hash: bid.block_hash(),
            relay: directory.relay(bid.relay()).map(|relay| relay.name.clone()),
            asked_ms: Some(record.asked_ms),
            took: record.took,
            at: record.at,
        }
    }

    fn line(&self, record: &HeaderRecord) {
        let HeaderRecord { key, outcome, asked_ms, .. } = record;
        let cluster = record.cluster.as_ref().map_or("none", |cluster| &*cluster.name);
        let took_us = u64::try_from(record.took.as_micros()).unwrap_or(u64::MAX);
        match &record.bid {
            Some(bid) => {
                let directory = self.directory.load();
                let relay = directory.relay(bid.relay()).map(|relay| relay.name.as_str());
                info!(
                    cluster, slot = %key.slot, %outcome, value_eth = bid.value().eth(), relay, asked_ms, took_us,
                    block_hash = %bid.block_hash(), parent_hash = %key.parent_hash, proposer = %key.proposer, "header served"
                );
            }
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
}

impl From<HeaderRecord> for AuctionEvent {
    fn from(record: HeaderRecord) -> Self {
        let what = AuctionEventKind::HeaderAnswered {
            outcome: record.outcome,
            value: record.bid.as_ref().map(|bid| bid.value()),
            block_hash: record.bid.as_ref().map(|bid| bid.block_hash()),
            asked_ms: record.asked_ms,
            took: record.took,
        };
        let cluster = record.cluster.map(|cluster| Arc::clone(&cluster.name));
        Self { cluster, key: record.key, at: record.at, what }
    }
}
