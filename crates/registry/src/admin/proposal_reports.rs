use headstart_types::{BlsPublicKey, Slot, UnixMillis};

use serde::{Deserialize, Serialize};

use crate::Registry;
use crate::spool::{Entry, Stream};
use crate::sql::{Database, Result};

/// What an operator tells of a slot: what its own path saw, and what became of the block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProposalReport {
    pub slot: Slot,
    pub validator: BlsPublicKey,
    pub operator: String,
    /// JSON, as the room that hears operators writes it.
    pub report: String,
    pub reported_at: UnixMillis,
}

/// Reports of one cluster on one slot: a slot has one proposer, and every operator of its cluster may tell of it.
const OF_SLOT_MAX: i64 = 64;
/// A week of 12-second slots; older ones are forgotten as new ones come.
const SLOTS_KEPT: i64 = 50_400;

/// A report, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reported {
    cluster: String,
    report: ProposalReport,
}

impl Registry {
    /// Keeps a report, in the place of the same operator's earlier one on the same slot. `false` says that the cluster
    /// has told enough of this slot. While the database is away it is kept in the spool.
    pub async fn report_proposal(&self, cluster: &str, report: &ProposalReport) -> Result<bool> {
        let reported = Reported { cluster: cluster.to_owned(), report: report.clone() };
        let entries = || vec![Entry::Report(reported.clone())];
        let write = Box::pin(write(&self.database, &reported));
        let kept = self.write_or_keep(Stream::Reports, write, entries).await?;
        Ok(kept.unwrap_or(true))
    }

    /// A cluster's reports on one slot.
    pub async fn proposal_reports(&self, cluster: &str, slot: Slot) -> Result<Vec<ProposalReport>> {
        let sql = "SELECT pubkey, operator, report, reported_at FROM proposal_reports
                   WHERE cluster = $1 AND slot = $2 ORDER BY pubkey, operator";
        let number = i64::try_from(slot.0).unwrap_or(i64::MAX);
        let mut rows = self.database.query(sql, &[cluster.into(), number.into()]).await?;
        let report = |row: &mut crate::sql::Row| {
            Ok(ProposalReport {
                slot,
                validator: row.pubkey()?,
                operator: row.text()?,
                report: row.text()?,
                reported_at: row.time()?,
            })
        };
        rows.iter_mut().map(report).collect()
    }
}

/// Writes a report; `false` says that the cluster has told enough of the slot.
pub(crate) async fn write(database: &Database, reported: &Reported) -> Result<bool> {
    let Reported { cluster, report } = reported;
    let mut transaction = database.begin().await?;
    let slot = i64::try_from(report.slot.0).unwrap_or(i64::MAX);
    // One that waited for the database may be older than what has come since.
    let sql = "INSERT INTO proposal_reports (cluster, slot, pubkey, operator, report, reported_at)
               VALUES ($1, $2, $3, $4, $5, $6)
               ON CONFLICT (cluster, slot, pubkey, operator)
               DO UPDATE SET report = excluded.report, reported_at = excluded.reported_at
               WHERE excluded.reported_at >= proposal_reports.reported_at";
    let cluster = cluster.as_str();
    let values = [
        cluster.into(),
        slot.into(),
        (&report.validator).into(),
        report.operator.as_str().into(),
        report.report.as_str().into(),
        report.reported_at.into(),
    ];
    transaction.execute(sql, &values).await?;
    let sql = "SELECT COUNT(*) FROM proposal_reports WHERE cluster = $1 AND slot = $2";
    let count = transaction.query_one(sql, &[cluster.into(), slot.into()]).await?;
    if count.map(|mut row| row.int()).transpose()?.unwrap_or(0) > OF_SLOT_MAX {
        transaction.rollback().await?;
        return Ok(false);
    }
    let sql = "DELETE FROM proposal_reports WHERE cluster = $1 AND slot < $2";
    transaction.execute(sql, &[cluster.into(), (slot - SLOTS_KEPT).into()]).await?;
    transaction.commit().await?;
    Ok(true)
}
