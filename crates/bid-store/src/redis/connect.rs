//! How a connection to a server is made, and when it is none any more.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ErrorKind, RedisError, ServerErrorKind};
use tokio::time;

use super::SCRIPTS;

/// How long a server may take to answer when it is tried.
const TRY_FOR: Duration = Duration::from_millis(250);
/// A name that nobody uses.
const NOBODYS: &str = "headstart:nobodys";

/// A connection that has proven to answer, to a server that may be written to.
pub(super) async fn connect(client: &Client) -> Result<MultiplexedConnection, String> {
    // Later on each call has a deadline of its own.
    let settings =
        AsyncConnectionConfig::new().set_connection_timeout(Some(TRY_FOR)).set_response_timeout(None);
    let connected = async {
        let mut connection = client.get_multiplexed_async_connection_with_config(&settings).await?;
        // The first offer of an auction must not wait for its script to be sent.
        let mut load = redis::pipe();
        for script in SCRIPTS {
            load.cmd("SCRIPT").arg("LOAD").arg(script).ignore();
        }
        load.query_async::<()>(&mut connection).await?;
        match redis::cmd("UNLINK").arg(NOBODYS).query_async::<()>(&mut connection).await {
            Err(error) if is_lost(&error) => Err(error),
            // One that takes nothing for now can still pass things on.
            _ => Ok(connection),
        }
    };
    match time::timeout(2 * TRY_FOR, connected).await {
        Ok(connected) => connected.map_err(|error| error.to_string()),
        Err(_) => Err("it does not answer in time".to_owned()),
    }
}

/// Whether nothing is to be had over this connection any more.
pub(super) fn is_lost(error: &RedisError) -> bool {
    error.is_io_error() || error.is_unrecoverable_error() || turns_away(error)
}

/// Whether the server is one to write to no more: it was demoted, has no primary, or does not let this process do its
/// work. The name or the proxy that led there may lead to another by now, so a new connection is worth a try.
pub(super) fn turns_away(error: &RedisError) -> bool {
    use ServerErrorKind::{MasterDown, NoPerm, ReadOnly};
    // Before Redis 7 what a script met with stands in its text alone.
    let in_script = || error.detail().is_some_and(|detail| detail.contains("-READONLY "));
    matches!(error.kind(), ErrorKind::Server(MasterDown | NoPerm | ReadOnly)) || in_script()
}
