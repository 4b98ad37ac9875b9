use std::str::FromStr;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, PgPool};

use super::{Database, PATIENCE, Result};
use crate::Error;

const CONNECTIONS: u32 = 8;

pub(super) fn open(url: &str) -> Result<Database> {
    // What is wrong with it is not repeated, for it may be a part of the password.
    let options = PgConnectOptions::from_str(url).map_err(|_| {
        Error::Other("read the database's URL: write postgres://USER:PASSWORD@HOST:PORT/DATABASE".to_owned())
    })?;
    let patience = PATIENCE.as_millis().to_string();
    let options = options
        .application_name("headstart")
        .options([
            ("statement_timeout", patience.as_str()),
            ("lock_timeout", patience.as_str()),
            // A process that died in the middle of a change must not hold its lock for long.
            ("idle_in_transaction_session_timeout", "5000"),
        ])
        .disable_statement_logging();
    let pool = PgPoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(PATIENCE);
    Ok(Database::Postgres(pool.connect_lazy_with(options)))
}

/// For migrations: they may take their time, but never wait long for a lock, for everybody else waits behind them.
pub(super) fn without_statement_timeout(pool: &PgPool) -> PgPool {
    let options = PgConnectOptions::clone(&pool.connect_options()).options([("statement_timeout", "0")]);
    PgPoolOptions::new().max_connections(1).acquire_timeout(PATIENCE).connect_lazy_with(options)
}
