//! The schema: `migrations/` of the repository, the same files for both databases.

use std::borrow::Cow;
use std::time::Duration;

use sqlx::SqlSafeStr;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};

use super::{Database, Result, postgres};
use crate::Error;

const MIGRATIONS: [(i64, &str, &str); 7] = [
    (1, "registry", include_str!("../../../../migrations/0001_registry.sql")),
    (2, "sharing", include_str!("../../../../migrations/0002_sharing.sql")),
    (3, "outcomes", include_str!("../../../../migrations/0003_outcomes.sql")),
    (4, "relay_streams", include_str!("../../../../migrations/0004_relay_streams.sql")),
    (5, "timing", include_str!("../../../../migrations/0005_timing.sql")),
    (6, "timelines", include_str!("../../../../migrations/0006_timelines.sql")),
    (7, "network", include_str!("../../../../migrations/0007_network.sql")),
];

/// The schema that this program was written for.
const NEEDED: i64 = MIGRATIONS[MIGRATIONS.len() - 1].0;
/// How long all migrations together may take.
const PATIENCE: Duration = Duration::from_mins(10);

/// The state of the database's schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schema {
    /// The number of the last migration that was applied; 0 for an empty database.
    pub have: i64,
    /// The number that this program needs.
    pub need: i64,
    /// The oldest number whose programs still work on this database.
    pub floor: i64,
}

impl Schema {
    /// Whether this program can work with it.
    pub fn check(self) -> Result<()> {
        let Self { have, need, floor } = self;
        match () {
            () if have < need => Err(Error::SchemaBehind { have, need }),
            () if floor > need => Err(Error::SchemaAhead { floor, need }),
            () => Ok(()),
        }
    }
}

/// What a migration did: nothing when both numbers are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migrated {
    pub from: i64,
    pub to: i64,
}

impl Database {
    pub(crate) async fn schema(&self) -> Result<Schema> {
        let present = match self {
            Self::Sqlite { .. } => {
                "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = '_sqlx_migrations'"
            }
            Self::Postgres(_) => "SELECT COUNT(*) FROM pg_class WHERE oid = to_regclass('_sqlx_migrations')",
        };
        let present = self.query_one(present, &[]).await?.map(|mut row| row.int()).transpose()?;
        if present != Some(1) {
            return Ok(Schema { have: 0, need: NEEDED, floor: 0 });
        }
        let have = self.number("SELECT MAX(version) FROM _sqlx_migrations").await?;
        let floor = if have > 0 { self.number("SELECT number FROM schema_floor").await? } else { 0 };
        Ok(Schema { have, need: NEEDED, floor })
    }

    async fn number(&self, sql: &'static str) -> Result<i64> {
        let row = self.query_one(sql, &[]).await?;
        Ok(row.map(|mut row| row.int_or_null()).transpose()?.flatten().unwrap_or(0))
    }

    /// Applies what is missing. Of several processes that try at once, one does it.
    pub(crate) async fn migrate(&self) -> Result<Migrated> {
        let from = self.schema().await?;
        if from.have >= NEEDED {
            from.check()?;
            return Ok(Migrated { from: from.have, to: from.have });
        }
        let mut had = from.have;
        loop {
            let done = tokio::time::timeout(PATIENCE, self.apply()).await;
            let done = done.unwrap_or_else(|_| Err(Error::too_slow(PATIENCE)));
            let now = self.schema().await?;
            match done {
                Err(error) if now.have < NEEDED && now.have == had => return Err(error),
                // SQLite has no lock for this: another process was faster with a part of it, and ours failed.
                Err(_) if now.have < NEEDED => had = now.have,
                _ => return Ok(Migrated { from: from.have, to: now.have }),
            }
        }
    }

    async fn apply(&self) -> Result<()> {
        let mut migrator = Migrator::with_migrations(MIGRATIONS.map(migration).to_vec());
        // A newer program's migrations are none of our business: `schema_floor` tells whether we can work with them.
        migrator.set_ignore_missing(true);
        let applied = match self {
            Self::Sqlite { writer, .. } => migrator.run(writer).await,
            Self::Postgres(pool) => {
                let pool = postgres::without_statement_timeout(pool);
                let applied = migrator.run(&pool).await;
                pool.close().await;
                applied
            }
        };
        applied.map_err(|error| match error {
            MigrateError::Execute(error) => error.into(),
            error => Error::Other(format!("migrate the database: {error}")),
        })
    }
}

fn migration((number, name, sql): (i64, &'static str, &'static str)) -> Migration {
    Migration::new(number, Cow::Borrowed(name), MigrationType::Simple, sql.into_sql_str(), false)
}
