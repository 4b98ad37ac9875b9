use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::Path;

use headstart_types::UnixMillis;
use serde_json::Value as Json;

use crate::audit;
use crate::loops::Loops;
use crate::spool::Spool;
use crate::sql::{Database, Migrated, Result, Row, Schema, Transaction};
use crate::{DirectoryRows, Error};

/// The registry's database: SQLite or PostgreSQL. Nothing on the hot path waits for it.
///
/// A clone is another handle of the same pools. Every method that changes something does so in one transaction,
/// together with its audit record and, where the directory shows it, the revision that other processes watch.
#[derive(Clone)]
pub struct Registry {
    pub(crate) database: Database,
    /// Where records wait while the database is away; without one, what cannot be written is refused or lost.
    pub(crate) spool: Option<Spool>,
    pub(crate) loops: Loops,
}

impl Registry {
    /// Reads `sqlite://PATH`, `sqlite::memory:` (for tests and demonstrations) or `postgres://…`. Contacts nothing yet,
    /// so that a process can start while its database is away. Must be called within a Tokio runtime.
    pub fn connect(url: &str) -> Result<Self> {
        Database::open(url).map(|database| Self { database, spool: None, loops: Loops::default() })
    }

    /// The same, with a folder where records wait while the database is away. What earlier processes left there is
    /// written into the database. Must be called within a Tokio runtime.
    pub fn with_spool(mut self, folder: &Path) -> io::Result<Self> {
        self.spool = Some(Spool::open(folder, &self.database, &self.loops)?);
        Ok(self)
    }

    /// Records that wait for the database.
    pub fn spool_depth(&self) -> u64 {
        self.spool.as_ref().map_or(0, Spool::depth)
    }

    /// Records that were lost since the start, because the spool was full, failed or was damaged.
    pub fn spool_dropped(&self) -> u64 {
        self.spool.as_ref().map_or(0, Spool::dropped)
    }

    /// How often loops of this room panicked and were started again, by name; those that never were are 0.
    pub fn restarts(&self) -> BTreeMap<&'static str, u64> {
        self.loops.restarts().clone()
    }

    /// Whether it is a SQLite file, whose schema belongs to whoever opens it.
    pub fn is_sqlite(&self) -> bool {
        self.database.is_sqlite()
    }

    /// Brings the schema up to what this program needs.
    pub async fn migrate(&self) -> Result<Migrated> {
        self.database.migrate().await
    }

    pub async fn schema(&self) -> Result<Schema> {
        self.database.schema().await
    }

    /// Grows with every change that the directory shows.
    pub async fn revision(&self) -> Result<i64> {
        let row =
            self.database.query_one("SELECT number FROM revisions WHERE name = 'directory'", &[]).await?;
        row.ok_or_else(|| Error::damaged("the revision"))?.int()
    }

    /// All that a directory is built from, as of one moment. Of what `known` has, only clusters that changed are read
    /// again, and of those only the claims that changed.
    pub async fn rows(&self, known: Option<&DirectoryRows>, now: UnixMillis) -> Result<DirectoryRows> {
        crate::load::rows(&self.database, known, now).await
    }

    /// Begins a change: from here on no other change goes on until this one is committed.
    pub(crate) async fn change(&self, actor: &Actor, now: UnixMillis) -> Result<Change> {
        let mut transaction = self.database.begin().await?;
        let bump = "UPDATE revisions SET number = number + 1 WHERE name = 'directory' RETURNING number";
        let row = transaction.query_one(bump, &[]).await?;
        let revision = row.ok_or_else(|| Error::damaged("the revision"))?.int()?;
        Ok(Change { transaction, actor: actor.clone(), at: now, revision })
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL may hold a password.
        f.debug_struct("Registry").field("is_sqlite", &self.is_sqlite()).finish_non_exhaustive()
    }
}

/// Who changes something, for the audit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor(String);

impl Actor {
    /// A person at the command line, by the name of the account.
    pub fn cli(account: &str) -> Self {
        Self(format!("cli:{account}"))
    }

    /// A cluster, through whichever of its operators.
    pub fn cluster(cluster: &str) -> Self {
        Self(format!("cluster:{cluster}"))
    }

    /// An operator of a cluster, over gRPC.
    pub fn operator(cluster: &str, operator: &str) -> Self {
        Self(format!("operator:{cluster}/{operator}"))
    }

    /// A beacon node, over the Builder API.
    pub fn beacon_node(name: &str) -> Self {
        Self(format!("beacon-node:{name}"))
    }

    /// The service itself, for instance when it reads its configuration file.
    pub fn service() -> Self {
        Self("service".to_owned())
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A change under way. Dropped without a commit, nothing happened.
pub(crate) struct Change {
    pub(crate) transaction: Transaction,
    actor: Actor,
    pub(crate) at: UnixMillis,
    /// The number of this change.
    pub(crate) revision: i64,
}

impl Change {
    /// Writes the audit record of this change into the chain of its cluster, or of the platform.
    pub(crate) async fn record(
        &mut self,
        cluster: Option<&str>,
        action: &str,
        subject: &str,
        detail: &Json,
    ) -> Result<()> {
        let entry =
            audit::Entry { chain: cluster.unwrap_or_default(), action, subject, detail: &detail.to_string() };
        audit::append(&mut self.transaction, &entry, &self.actor.0, self.at).await
    }

    /// Says that the cluster or something of it changes; fails when there is no such cluster.
    pub(crate) async fn touch(&mut self, cluster: &str) -> Result<()> {
        let sql = "UPDATE clusters SET revision = $1 WHERE name = $2";
        match self.transaction.execute(sql, &[self.revision.into(), cluster.into()]).await? {
            0 => Err(Error::NotFound(format!("cluster {cluster}"))),
            _ => Ok(()),
        }
    }

    pub(crate) async fn execute(
        &mut self,
        sql: impl sqlx::SqlSafeStr,
        values: &[crate::sql::Value],
    ) -> Result<u64> {
        self.transaction.execute(sql, values).await
    }

    pub(crate) async fn query(
        &mut self,
        sql: impl sqlx::SqlSafeStr,
        values: &[crate::sql::Value],
    ) -> Result<Vec<Row>> {
        self.transaction.query(sql, values).await
    }

    pub(crate) async fn commit(self) -> Result<()> {
        self.transaction.commit().await
    }

    /// It turned out that nothing changes.
    pub(crate) async fn cancel(self) -> Result<()> {
        self.transaction.rollback().await
    }
}
