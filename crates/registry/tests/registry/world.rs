use std::sync::Arc;
use std::time::Duration;

use headstart_registry::{Actor, ClaimLevel, ClaimRow, KeyRow, PolicyRow, QuotaRow, Registry};
use headstart_types::{BlsPublicKey, FixedBytes, UnixMillis};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{PgPool, SqlitePool};

use crate::postgres::{Postgres, PostgresDatabase};

pub(crate) const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

/// A database with the schema in it, of either kind.
pub(crate) struct World {
    pub(crate) url: String,
    pub(crate) registry: Registry,
    database: Kind,
}

/// How a database is away: gone, or without a word while its connections stay open.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Away {
    Stopped,
    Frozen,
}

enum Kind {
    Sqlite(tempfile::TempDir),
    Postgres(PostgresDatabase),
}

impl World {
    pub(crate) async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("registry.db").display());
        Self::new(url, Kind::Sqlite(folder)).await
    }

    pub(crate) async fn postgres() -> Self {
        let database = tokio::task::spawn_blocking(PostgresDatabase::create).await.unwrap();
        Self::new(database.url(), Kind::Postgres(database)).await
    }

    /// On a server that nobody else uses, so that it can go away.
    pub(crate) async fn postgres_of_its_own() -> Self {
        let server = || PostgresDatabase::create_on(Arc::new(Postgres::start()));
        let database = tokio::task::spawn_blocking(server).await.unwrap();
        Self::new(database.url(), Kind::Postgres(database)).await
    }

    async fn new(url: String, database: Kind) -> Self {
        let registry = Registry::connect(&url).unwrap();
        registry.migrate().await.unwrap();
        Self { url, registry, database }
    }

    /// The registry as another process sees it.
    pub(crate) fn another_process(&self) -> Registry {
        Registry::connect(&self.url).unwrap()
    }

    /// Changes the database behind the registry's back.
    pub(crate) async fn tamper(&self, sql: &'static str) {
        match &self.database {
            Kind::Sqlite(folder) => {
                let options = SqliteConnectOptions::new().filename(folder.path().join("registry.db"));
                let pool = SqlitePool::connect_with(options).await.unwrap();
                sqlx::query(sql).execute(&pool).await.unwrap();
                pool.close().await;
            }
            Kind::Postgres(database) => database.sql(sql),
        }
    }

    /// Asks the database behind the registry's back.
    pub(crate) async fn number(&self, sql: &'static str) -> i64 {
        match &self.database {
            Kind::Sqlite(folder) => {
                let options = SqliteConnectOptions::new().filename(folder.path().join("registry.db"));
                let pool = SqlitePool::connect_with(options).await.unwrap();
                sqlx::query_scalar(sql).fetch_one(&pool).await.unwrap()
            }
            Kind::Postgres(_) => {
                let pool = PgPool::connect(&self.url).await.unwrap();
                sqlx::query_scalar(sql).fetch_one(&pool).await.unwrap()
            }
        }
    }

    pub(crate) fn take_away(&self, away: Away) {
        let Kind::Postgres(database) = &self.database else { panic!("a file does not go away") };
        match away {
            Away::Stopped => database.server.stop(),
            Away::Frozen => database.server.freeze(),
        }
    }

    pub(crate) fn bring_back(&self, away: Away) {
        let Kind::Postgres(database) = &self.database else { panic!("a file does not go away") };
        match away {
            Away::Stopped => database.server.restart(),
            Away::Frozen => database.server.thaw(),
        }
    }

    /// Every session from now on may read and not write, as on a copy.
    pub(crate) async fn let_read_only(&self) {
        let sql = "DO $$ BEGIN
            EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database());
        END $$";
        self.tamper(sql).await;
    }

    /// Sessions of PostgreSQL keep the settings that they began with, so they end here.
    pub(crate) async fn let_write(&self) {
        let sql = "BEGIN READ WRITE; DO $$ BEGIN
            EXECUTE format('ALTER DATABASE %I RESET default_transaction_read_only', current_database());
        END $$; COMMIT;
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
        self.tamper(sql).await;
    }

    /// How many transactions of PostgreSQL came to nothing.
    pub(crate) async fn undone(&self) -> i64 {
        self.number("SELECT xact_rollback FROM pg_stat_database WHERE datname = current_database()").await
    }

    pub(crate) async fn with_cluster(self, name: &str) -> Self {
        let (policy, quotas) = (PolicyRow::default(), QuotaRow::default());
        self.registry.add_cluster(&root(), NOW, name, &policy, &quotas).await.unwrap();
        self
    }
}

/// Runs one scenario on SQLite and on PostgreSQL.
#[expect(clippy::print_stdout, reason = "a scenario that fails tells on which database it did")]
pub(crate) async fn on_both(scenario: impl AsyncFn(World)) {
    println!("on SQLite");
    scenario(World::sqlite().await).await;
    println!("on PostgreSQL");
    scenario(World::postgres().await).await;
}

/// Waits with patience until it is so.
pub(crate) async fn eventually(so: impl AsyncFn() -> bool) {
    let waiting = async {
        let mut again = tokio::time::interval(Duration::from_millis(20));
        while !so().await {
            again.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting)
        .await
        .expect("it has not come to pass within 30 s");
}

pub(crate) fn root() -> Actor {
    Actor::cli("root")
}

/// A public key for the rules of SQL, which do not look whether it is a point of the group.
pub(crate) fn validator(number: u16) -> BlsPublicKey {
    let mut key = BlsPublicKey::default();
    key.0[..2].copy_from_slice(&number.to_be_bytes());
    key
}

pub(crate) fn claim(number: u16, level: ClaimLevel) -> ClaimRow {
    let key = FixedBytes::repeat_byte(7);
    ClaimRow { pubkey: validator(number), key, level, claimed_at: NOW, policy: None }
}

pub(crate) fn key(kid: &str) -> KeyRow {
    KeyRow { kid: kid.to_owned(), algorithm: "EdDSA".to_owned(), public_key: vec![5; 32].into() }
}
