//! What happened in auctions, kept for whoever asks why a header was what it was.

use headstart_types::{BlockHash, BlsPublicKey, Slot};
use serde::{Deserialize, Serialize};
use tracing::warn;

use crate::spool::{Entry, Stream};
use crate::sql::{Database, Insert, Row, Value};
use crate::{Error, Registry, Result, identity};

/// One auction as one process saw it, for one cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineRecord {
    /// The process: see [`Registry::timeline_source`].
    pub source: String,
    pub slot: Slot,
    pub cluster: String,
    pub parent_hash: BlockHash,
    pub proposer: BlsPublicKey,
    /// A JSON array in the order of time, whose form is the writer's.
    pub events: String,
}

/// A week of 12-second slots; older ones are forgotten as new ones come.
const SLOTS_KEPT: u64 = 50_400;

impl Registry {
    /// A name for this process among all that ever write timelines.
    pub fn timeline_source() -> String {
        identity::draw()
    }

    /// Keeps them in the database, or in the spool while it is away, and forgets what is a week older than the `current`
    /// slot: a record's own slot may be anything.
    pub async fn write_timelines(&self, records: Vec<TimelineRecord>, current: Slot) {
        let entries = || records.iter().cloned().map(Entry::Timeline).collect();
        let written = async {
            write(&self.database, &records).await?;
            forget_before(&self.database, Slot(current.0.saturating_sub(SLOTS_KEPT))).await
        };
        match self.write_or_keep(Stream::Outcomes, written, entries).await {
            Ok(_) => {}
            // The spool counts what it cannot keep, and says so once.
            Err(error) if self.spools(&error) => {}
            Err(error) => warn!(timelines = records.len(), "timelines are lost: failed to {error}"),
        }
    }

    /// What each process saw of a cluster's auctions of one slot.
    pub async fn timelines(&self, slot: Slot, cluster: &str) -> Result<Vec<TimelineRecord>> {
        let sql = "SELECT source, parent_hash, pubkey, events FROM timelines WHERE slot = $1 AND cluster = $2
                   ORDER BY pubkey, parent_hash, source";
        let mut rows = self.database.query(sql, &[slot_number(slot).into(), cluster.into()]).await?;
        rows.iter_mut().map(|row| read(row, slot, cluster)).collect()
    }
}

/// Writes those that are not there yet.
pub(crate) async fn write(database: &Database, records: &[TimelineRecord]) -> Result<()> {
    if records.is_empty() {
        return Ok(());
    }
    let insert = Insert {
        head: "INSERT INTO timelines (source, slot, cluster, parent_hash, pubkey, events) VALUES",
        columns: 6,
        tail: "ON CONFLICT (slot, cluster, pubkey, parent_hash, source) DO NOTHING",
    };
    let values: Vec<Value> = records.iter().flat_map(values).collect();
    let mut transaction = database.begin().await?;
    insert.run(&mut transaction, &values).await?;
    transaction.commit().await
}

async fn forget_before(database: &Database, oldest: Slot) -> Result<()> {
    let sql = "DELETE FROM timelines WHERE slot < $1";
    database.execute(sql, &[slot_number(oldest).into()]).await.map(drop)
}

fn values(record: &TimelineRecord) -> [Value; 6] {
    [
        record.source.as_str().into(),
        slot_number(record.slot).into(),
        record.cluster.as_str().into(),
        record.parent_hash.0.as_slice().into(),
        Some(&record.proposer).into(),
        record.events.as_str().into(),
    ]
}

fn read(row: &mut Row, slot: Slot, cluster: &str) -> Result<TimelineRecord> {
    let (source, parent_hash) = (row.text()?, BlockHash(row.array()?));
    let proposer = row.pubkey_or_null()?.ok_or_else(|| Error::damaged("a proposer"))?;
    Ok(TimelineRecord {
        source,
        slot,
        cluster: cluster.to_owned(),
        parent_hash,
        proposer,
        events: row.text()?,
    })
}

fn slot_number(slot: Slot) -> i64 {
    i64::try_from(slot.0).unwrap_or(i64::MAX)
}
