use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use super::{DISK_PATIENCE, Database, PATIENCE, Result};
use crate::Error;

const READERS: u32 = 4;
const IN_MEMORY: &str = ":memory:";

pub(super) fn open(path: &str) -> Result<Database> {
    // Parameters would be taken for a part of the file's name.
    if path.is_empty() || path.contains('?') {
        return Err(Error::Other(
            "read the database's URL: write sqlite://PATH, without parameters".to_owned(),
        ));
    }
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // A registration that was answered must survive a power cut.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(PATIENCE)
        .foreign_keys(true)
        // In pages of 4 KiB: a bulk of registrations is not interrupted by checkpoints.
        .pragma("wal_autocheckpoint", "4000")
        // In KiB.
        .pragma("cache_size", "-16384")
        .disable_statement_logging();
    // One writer at a time: the next waits for its turn here, and need not ask again and again for the lock.
    let one = SqlitePoolOptions::new().max_connections(1).acquire_timeout(DISK_PATIENCE);
    if path == IN_MEMORY {
        // It lives as long as its connection, so there is one for everything and it never idles away.
        let pool = one.min_connections(1).idle_timeout(None).max_lifetime(None);
        let writer = pool.connect_lazy_with(options.in_memory(true).journal_mode(SqliteJournalMode::Memory));
        return Ok(Database::Sqlite { readers: writer.clone(), writer });
    }
    let readers = SqlitePoolOptions::new().max_connections(READERS).acquire_timeout(PATIENCE);
    let reading = options.clone().pragma("query_only", "ON").pragma("cache_size", "-4096");
    Ok(Database::Sqlite {
        writer: one.connect_lazy_with(options),
        readers: readers.connect_lazy_with(reading),
    })
}
