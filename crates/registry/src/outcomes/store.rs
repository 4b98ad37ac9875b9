//! Outcomes in SQL.

use std::time::Duration;

use headstart_types::{BlockHash, BlsPublicKey, Outcome, Slot, UnixMillis, Wei};
use serde::{Deserialize, Serialize};

use super::{OutcomeKind, OutcomeRecord};
use crate::Error;
use crate::sql::{Database, Insert, Result, Row, Value};

/// A record with its name: the process that noted it, and its number among what that process noted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OutcomeRow {
    pub(super) source: String,
    pub(super) seq: i64,
    kind: OutcomeKind,
    cluster: Option<String>,
    slot: Slot,
    parent_hash: BlockHash,
    proposer: Option<BlsPublicKey>,
    outcome: String,
    value: Option<Wei>,
    block_hash: BlockHash,
    relay: Option<String>,
    asked_ms: Option<i64>,
    took_us: i64,
    at: UnixMillis,
}

/// A week of 12-second slots; older ones are forgotten as new ones come.
const SLOTS_KEPT: i64 = 50_400;

impl OutcomeRow {
    pub(super) fn new(source: &str, seq: i64, record: &OutcomeRecord) -> Self {
        Self {
            source: source.to_owned(),
            seq,
            kind: record.kind,
            cluster: record.cluster.as_deref().map(str::to_owned),
            slot: record.slot,
            parent_hash: record.parent_hash,
            proposer: record.proposer,
            outcome: record.outcome.as_str().to_owned(),
            value: record.value,
            block_hash: record.block_hash,
            relay: record.relay.clone(),
            asked_ms: record.asked_ms,
            took_us: i64::try_from(record.took.as_micros()).unwrap_or(i64::MAX),
            at: record.at,
        }
    }

    fn values(&self) -> [Value; 14] {
        [
            self.source.as_str().into(),
            self.seq.into(),
            kind_number(self.kind).into(),
            self.cluster.as_deref().into(),
            slot_number(self.slot).into(),
            self.parent_hash.0.as_slice().into(),
            self.proposer.as_ref().into(),
            self.outcome.as_str().into(),
            self.value.map(|value| value.to_string()).into(),
            self.block_hash.0.as_slice().into(),
            self.relay.as_deref().into(),
            self.asked_ms.into(),
            self.took_us.into(),
            self.at.into(),
        ]
    }
}

/// Writes those that are not there yet, in one transaction.
pub(crate) async fn write(database: &Database, rows: &[OutcomeRow]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let insert = Insert {
        head:
            "INSERT INTO outcomes (source, seq, kind, cluster, slot, parent_hash, pubkey, outcome, value_wei,
               block_hash, relay, asked_ms, took_us, at) VALUES",
        columns: 14,
        tail: "ON CONFLICT (source, seq) DO NOTHING",
    };
    let values: Vec<Value> = rows.iter().flat_map(OutcomeRow::values).collect();
    let mut transaction = database.begin().await?;
    insert.run(&mut transaction, &values).await?;
    transaction.commit().await
}

/// Forgets what is a week older than this slot.
pub(super) async fn forget_before(database: &Database, slot: Slot) -> Result<()> {
    let sql = "DELETE FROM outcomes WHERE slot < $1";
    database.execute(sql, &[(slot_number(slot) - SLOTS_KEPT).into()]).await.map(drop)
}

pub(super) async fn of_slot(database: &Database, slot: Slot) -> Result<Vec<OutcomeRecord>> {
    let sql = "SELECT kind, cluster, parent_hash, pubkey, outcome, value_wei, block_hash, relay, asked_ms, took_us, at
               FROM outcomes WHERE slot = $1 ORDER BY at, source, seq";
    let mut rows = database.query(sql, &[slot_number(slot).into()]).await?;
    rows.iter_mut().map(|row| read(row, slot)).collect()
}

fn read(row: &mut Row, slot: Slot) -> Result<OutcomeRecord> {
    let kind = if row.int()? == 0 { OutcomeKind::Header } else { OutcomeKind::Submission };
    let (cluster, parent_hash) = (row.text_or_null()?.map(Into::into), BlockHash(row.array()?));
    let (proposer, word) = (row.pubkey_or_null()?, row.text()?);
    let outcome = Outcome::ALL.into_iter().find(|outcome| outcome.as_str() == word);
    let value = row.text_or_null()?.map(|value| value.parse().map_err(|_| Error::damaged("a value")));
    Ok(OutcomeRecord {
        kind,
        cluster,
        slot,
        parent_hash,
        proposer,
        outcome: outcome.ok_or_else(|| Error::damaged("an outcome"))?,
        value: value.transpose()?,
        block_hash: BlockHash(row.array()?),
        relay: row.text_or_null()?,
        asked_ms: row.int_or_null()?,
        took: Duration::from_micros(row.int()?.unsigned_abs()),
        at: row.time()?,
    })
}

const fn kind_number(kind: OutcomeKind) -> i64 {
    match kind {
        OutcomeKind::Header => 0,
        OutcomeKind::Submission => 1,
    }
}

fn slot_number(slot: Slot) -> i64 {
    i64::try_from(slot.0).unwrap_or(i64::MAX)
}
