//! The record of every change: append-only, and chained by hashes so that nobody can change or drop a line unseen.

use headstart_types::{FixedBytes, UnixMillis};
use sha2::{Digest, Sha256};

use crate::Registry;
use crate::sql::{Database, Result, Row, Transaction, Value};

/// One change that somebody made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRecord {
    /// Counts the records of one chain from 1 without a gap.
    pub seq: i64,
    pub at: UnixMillis,
    /// For example `cli:root` or `operator:alpha/op1`.
    pub actor: String,
    /// For example `operator_key.add`.
    pub action: String,
    /// What was changed.
    pub subject: String,
    /// JSON; never a secret.
    pub detail: String,
    pub previous: FixedBytes<32>,
    /// Covers the record and the hash of the one before it.
    pub hash: FixedBytes<32>,
}

/// What an inspection of the audit found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditReport {
    /// The last record of each chain that is whole: whoever keeps them elsewhere can tell later whether a chain was cut
    /// short. The platform's chain is named by the empty text.
    pub heads: Vec<AuditHead>,
    /// The first record of each chain that is not what was written.
    pub broken: Vec<AuditBreak>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditHead {
    pub chain: String,
    pub seq: i64,
    pub hash: FixedBytes<32>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditBreak {
    pub chain: String,
    pub seq: i64,
}

/// Records in one page, at most.
const PAGE: i64 = 1_000;

impl Registry {
    /// Records of a cluster, or of the platform, in order, after the one numbered `after`: at most `limit`, and 1,000.
    pub async fn audit(&self, cluster: Option<&str>, after: i64, limit: u32) -> Result<Vec<AuditRecord>> {
        page(&self.database, cluster.unwrap_or_default(), after, i64::from(limit).min(PAGE)).await
    }

    /// Computes every hash again.
    pub async fn verify_audit(&self) -> Result<AuditReport> {
        let mut report = AuditReport::default();
        for mut row in self.database.query("SELECT DISTINCT chain FROM audit ORDER BY chain", &[]).await? {
            let chain = row.text()?;
            match walk(&self.database, &chain).await? {
                Ok(head) => report.heads.push(head),
                Err(seq) => report.broken.push(AuditBreak { chain, seq }),
            }
        }
        Ok(report)
    }
}

/// Follows one chain to its end; `Err` is the number of the first record that does not hold.
async fn walk(database: &Database, chain: &str) -> Result<Result<AuditHead, i64>> {
    let mut head = AuditHead { chain: chain.to_owned(), seq: 0, hash: FixedBytes::ZERO };
    loop {
        let records = page(database, chain, head.seq, PAGE).await?;
        if records.is_empty() {
            return Ok(Ok(head));
        }
        for record in records {
            if record.seq != head.seq + 1
                || record.previous != head.hash
                || record.hash != record.digest(chain)
            {
                return Ok(Err(head.seq + 1));
            }
            (head.seq, head.hash) = (record.seq, record.hash);
        }
    }
}

async fn page(database: &Database, chain: &str, after: i64, limit: i64) -> Result<Vec<AuditRecord>> {
    let sql = "SELECT seq, at, actor, action, subject, detail, prev_hash, hash FROM audit
               WHERE chain = $1 AND seq > $2 ORDER BY seq LIMIT $3";
    let rows = database.query(sql, &[chain.into(), after.into(), limit.into()]).await?;
    rows.into_iter().map(AuditRecord::read).collect()
}

/// A record about to be written.
pub(crate) struct Entry<'a> {
    pub(crate) chain: &'a str,
    pub(crate) action: &'a str,
    pub(crate) subject: &'a str,
    pub(crate) detail: &'a str,
}

/// Adds a record to the end of its chain. The caller's transaction holds the revision, so nobody else does meanwhile.
pub(crate) async fn append(
    transaction: &mut Transaction,
    entry: &Entry<'_>,
    actor: &str,
    at: UnixMillis,
) -> Result<()> {
    let last = "SELECT seq, hash FROM audit WHERE chain = $1 ORDER BY seq DESC LIMIT 1";
    let (seq, previous) = match transaction.query_one(last, &[entry.chain.into()]).await? {
        Some(mut row) => (row.int()? + 1, row.array()?),
        None => (1, FixedBytes::ZERO),
    };
    let mut record = AuditRecord {
        seq,
        at,
        actor: actor.to_owned(),
        action: entry.action.to_owned(),
        subject: entry.subject.to_owned(),
        detail: entry.detail.to_owned(),
        previous,
        hash: FixedBytes::ZERO,
    };
    record.hash = record.digest(entry.chain);
    let sql = "INSERT INTO audit (chain, seq, at, actor, action, subject, detail, prev_hash, hash)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    transaction.execute(sql, &record.into_values(entry.chain)).await?;
    Ok(())
}

impl AuditRecord {
    fn read(mut row: Row) -> Result<Self> {
        Ok(Self {
            seq: row.int()?,
            at: row.time()?,
            actor: row.text()?,
            action: row.text()?,
            subject: row.text()?,
            detail: row.text()?,
            previous: row.array()?,
            hash: row.array()?,
        })
    }

    fn into_values(self, chain: &str) -> [Value; 9] {
        [
            chain.into(),
            self.seq.into(),
            self.at.into(),
            self.actor.into(),
            self.action.into(),
            self.subject.into(),
            self.detail.into(),
            self.previous.as_slice().into(),
            self.hash.as_slice().into(),
        ]
    }

    /// Every field with its length before it, so that no two records read the same.
    fn digest(&self, chain: &str) -> FixedBytes<32> {
        let mut hasher = Sha256::new();
        hasher.update(self.previous);
        hasher.update(self.seq.to_be_bytes());
        hasher.update(self.at.0.to_be_bytes());
        for text in [chain, &self.actor, &self.action, &self.subject, &self.detail] {
            hasher.update((text.len() as u64).to_be_bytes());
            hasher.update(text);
        }
        FixedBytes(hasher.finalize().into())
    }
}
