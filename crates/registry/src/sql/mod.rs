//! SQLite or PostgreSQL behind one small face: a closed enum over two typed pools, and one SQL text for both.

mod bulk;
mod connection;
mod error;
mod migrations;
mod postgres;
mod sqlite;
mod transaction;
mod value;

use std::time::Duration;

use sqlx::{PgPool, SqlSafeStr, SqlitePool};

use self::connection::{Connection, Link};

pub(crate) use self::bulk::{Insert, Listing};
pub use self::error::{Error, Result};
pub use self::migrations::{Migrated, Schema};
pub(crate) use self::transaction::Transaction;
pub(crate) use self::value::{Row, Value};

/// How long PostgreSQL may take for one statement, or to lend a connection: a database that is away fails, and never
/// hangs.
const PATIENCE: Duration = Duration::from_secs(2);
/// SQLite waits for a lock no longer than [`PATIENCE`], but a slow disk gets more.
const DISK_PATIENCE: Duration = Duration::from_secs(10);

/// Pools of connections to the one database of this process.
#[derive(Clone)]
pub(crate) enum Database {
    /// SQLite has one writer at a time, so there is one connection that writes, and a few that read.
    Sqlite {
        writer: SqlitePool,
        readers: SqlitePool,
    },
    Postgres(PgPool),
}

impl Database {
    /// Reads the URL and contacts nothing yet. Must be called within a runtime.
    pub(crate) fn open(url: &str) -> Result<Self> {
        match url.split_once(':') {
            Some(("sqlite", path)) => sqlite::open(path.strip_prefix("//").unwrap_or(path)),
            Some(("postgres" | "postgresql", _)) => postgres::open(url),
            // The URL may hold a password: it is not repeated.
            _ => Err(Error::Other(
                "read the database's URL: write sqlite://PATH or postgres://USER@HOST/DATABASE".to_owned(),
            )),
        }
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        matches!(self, Self::Sqlite { .. })
    }

    /// One statement that changes something, durable once it returns; answers how many rows changed.
    pub(crate) async fn execute(&self, sql: impl SqlSafeStr, values: &[Value]) -> Result<u64> {
        self.writing().await?.execute(sql.into_sql_str(), values).await
    }

    pub(crate) async fn query(&self, sql: impl SqlSafeStr, values: &[Value]) -> Result<Vec<Row>> {
        self.reading().await?.query(sql.into_sql_str(), values).await
    }

    pub(crate) async fn query_one(&self, sql: impl SqlSafeStr, values: &[Value]) -> Result<Option<Row>> {
        Ok(self.query(sql, values).await?.into_iter().next())
    }

    /// A transaction that writes.
    pub(crate) async fn begin(&self) -> Result<Transaction> {
        // SQLite would otherwise take its lock in the middle, where waiting for it can no longer help.
        let begin = if self.is_sqlite() { "BEGIN IMMEDIATE" } else { "BEGIN" };
        Transaction::begin(self.writing().await?, begin.into_sql_str()).await
    }

    /// A transaction whose every statement sees the same state.
    pub(crate) async fn begin_reading(&self) -> Result<Transaction> {
        let begin =
            if self.is_sqlite() { "BEGIN" } else { "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" };
        Transaction::begin(self.reading().await?, begin.into_sql_str()).await
    }

    async fn writing(&self) -> Result<Connection> {
        match self {
            Self::Sqlite { writer, .. } => sqlite_connection(writer).await,
            Self::Postgres(pool) => postgres_connection(pool).await,
        }
    }

    async fn reading(&self) -> Result<Connection> {
        match self {
            Self::Sqlite { readers, .. } => sqlite_connection(readers).await,
            Self::Postgres(pool) => postgres_connection(pool).await,
        }
    }
}

async fn sqlite_connection(pool: &SqlitePool) -> Result<Connection> {
    Ok(Connection::new(Link::Sqlite(pool.acquire().await?), DISK_PATIENCE))
}

async fn postgres_connection(pool: &PgPool) -> Result<Connection> {
    Ok(Connection::new(Link::Postgres(pool.acquire().await?), PATIENCE))
}
