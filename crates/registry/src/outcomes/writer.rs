//! The task that writes outcomes, a moment after they were noted.

use std::time::Duration;

use headstart_types::Slot;
use tokio::sync::mpsc;
use tokio::time;
use tracing::warn;

use super::store::{self, OutcomeRow};
use super::{OutcomeRecord, RECORDS_MAX};
use crate::spool::{Entry, Stream};
use crate::{Registry, identity};

/// Records in one transaction: registrations wait for the same writer.
const BATCH: usize = 500;
/// What is noted in a row is written together.
const REST: Duration = Duration::from_millis(200);
/// How many slots pass before old ones are looked for again.
const FORGET_EVERY: u64 = 32;

/// Ends when every handle is gone.
pub(super) async fn run(registry: Registry, mut waiting: mpsc::Receiver<OutcomeRecord>) {
    let (source, mut seq, mut forgotten) = (identity::draw(), 0, Slot(0));
    let mut batch = Vec::with_capacity(BATCH);
    while waiting.recv_many(&mut batch, BATCH).await > 0 {
        let newest = batch.iter().map(|record| record.slot).max().unwrap_or_default();
        let rows: Vec<_> =
            batch.drain(..).zip(seq..).map(|(record, seq)| OutcomeRow::new(&source, seq, &record)).collect();
        seq += i64::try_from(rows.len()).unwrap_or(i64::MAX);
        if registry.write_outcomes(rows).await && newest.0 >= forgotten.0 + FORGET_EVERY {
            forgotten = newest;
            if let Err(error) = store::forget_before(&registry.database, newest).await {
                warn!("outcomes that are a week old stay: failed to {error}");
            }
        }
        if waiting.len() < RECORDS_MAX / 2 && !waiting.is_closed() {
            time::sleep(REST).await;
        }
    }
}

impl Registry {
    /// Whether the database has them; otherwise the spool does, as far as it can.
    async fn write_outcomes(&self, rows: Vec<OutcomeRow>) -> bool {
        let entries = || rows.iter().cloned().map(Entry::Outcome).collect();
        let written =
            self.write_or_keep(Stream::Outcomes, store::write(&self.database, &rows), entries).await;
        match written {
            Ok(written) => written.is_some(),
            // The spool counts what it cannot keep, and says so once.
            Err(error) if self.spools(&error) => false,
            Err(error) => {
                warn!(outcomes = rows.len(), "outcomes are lost: failed to {error}");
                false
            }
        }
    }
}
