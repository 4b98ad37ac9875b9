//! What became of requests, in SQL for whoever wants to know later.

pub(crate) mod store;
mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use headstart_types::{BlockHash, BlsPublicKey, Outcome, Slot, UnixMillis, Wei};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::{Registry, Result};

pub(crate) use self::store::OutcomeRow;

/// Where it is noted what became of headers that were answered with a bid, and of submissions. Noting waits for nothing;
/// a task of its own writes. A clone is another handle of the same.
#[derive(Clone, Debug)]
pub struct Outcomes {
    /// `None` when nothing outlives the process.
    records: Option<mpsc::Sender<OutcomeRecord>>,
    dropped: Arc<AtomicU64>,
}

/// What became of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutcomeRecord {
    pub kind: OutcomeKind,
    /// Of those whom the asker is served for; `None` when nobody claims the proposer.
    pub cluster: Option<Arc<str>>,
    pub slot: Slot,
    pub parent_hash: BlockHash,
    pub proposer: Option<BlsPublicKey>,
    pub outcome: Outcome,
    pub value: Option<Wei>,
    pub block_hash: BlockHash,
    /// The name of the relay whose bid it was, or that took the block.
    pub relay: Option<String>,
    /// Milliseconds from the start of the slot to the request, of a header.
    pub asked_ms: Option<i64>,
    /// To the microsecond.
    pub took: Duration,
    pub at: UnixMillis,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeKind {
    Header,
    Submission,
}

/// Records waiting to be written; over it they are dropped and counted, for no answer waits for its record.
const RECORDS_MAX: usize = 8_192;

impl Outcomes {
    /// The handle, and the task that writes: run it beside the servers. It ends when every handle is gone and what they
    /// noted is in the database or in the spool.
    pub fn open(registry: &Registry) -> (Self, impl Future<Output = ()> + Send + use<>) {
        let (records, waiting) = mpsc::channel(RECORDS_MAX);
        let outcomes = Self { records: Some(records), dropped: Arc::default() };
        (outcomes, writer::run(registry.clone(), waiting))
    }

    /// Keeps nothing: for demonstrations and benches.
    pub fn discarded() -> Self {
        Self { records: None, dropped: Arc::default() }
    }

    pub fn note(&self, record: OutcomeRecord) {
        let Some(records) = &self.records else { return };
        if records.try_send(record).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Records that were lost since the start because too many came at once.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl Registry {
    /// What became of the requests for one slot, in the order in which they came.
    pub async fn outcomes(&self, slot: Slot) -> Result<Vec<OutcomeRecord>> {
        store::of_slot(&self.database, slot).await
    }
}
