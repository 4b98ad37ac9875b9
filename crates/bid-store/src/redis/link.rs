//! One connection to one server: every call has a deadline, and a server that does not answer is left alone until it
//! does.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ErrorKind, RedisError, ServerErrorKind};
use tokio::sync::watch;
use tokio::time;
use tokio_util::task::AbortOnDropHandle;
use tracing::{debug, info, warn};

use super::SCRIPTS;
use super::refusals::Refusals;

/// Calls in a row that may miss the deadline before the server counts as away.
const MISSES_MAX: u32 = 2;
/// How often a server that is away is tried, and how long it may take to answer then.
const TRY_EVERY: Duration = Duration::from_millis(100);
const TRY_FOR: Duration = Duration::from_millis(250);
/// One that turned this process away is left alone for longer, lest it be filled again each time that it lets it in.
const TURNED_AWAY_FOR: Duration = Duration::from_secs(1);
/// A name that nobody uses.
const NOBODYS: &str = "headstart:nobodys";

/// Clones share the connection.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// What it is called in the log.
    name: &'static str,
    client: Client,
    /// The longest that a call waits for its answer.
    deadline: Duration,
    state: Mutex<State>,
    /// Counts how often the connection was made; zero while it is away.
    up: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    connection: Option<MultiplexedConnection>,
    misses: u32,
    connected: u64,
    refusals: Refusals,
    /// Tries to reach the server while it is away; ends with the link.
    trying: Option<AbortOnDropHandle<()>>,
}

impl Link {
    /// A link that is away until the server answers for the first time; that is tried at once and again and again.
    pub(crate) fn new(name: &'static str, client: Client, deadline: Duration) -> Self {
        let shared = Shared { name, client, deadline, state: Mutex::default(), up: watch::Sender::new(0) };
        let link = Self { shared: Arc::new(shared) };
        link.try_to_connect(&mut link.state(), Duration::ZERO);
        link
    }

    /// Calls the server: `None` when it is away, does not answer in time, or answers with an error, which is
    /// logged.
    pub(crate) async fn call<T>(
        &self,
        what: &'static str,
        call: impl AsyncFnOnce(MultiplexedConnection) -> Result<T, RedisError>,
    ) -> Option<T> {
        self.try_call(what, call).await.ok()
    }

    /// The same, with the server's own error: `Err(None)` when there is none because it did not answer.
    pub(crate) async fn try_call<T>(
        &self,
        what: &'static str,
        call: impl AsyncFnOnce(MultiplexedConnection) -> Result<T, RedisError>,
    ) -> Result<T, Option<RedisError>> {
        let connection = self.state().connection.clone().ok_or(None)?;
        match time::timeout(self.shared.deadline, call(connection)).await {
            Ok(Ok(answer)) => {
                self.answered(what);
                Ok(answer)
            }
            Ok(Err(error)) if is_lost(&error) => {
                let rest = if turns_away(&error) { TURNED_AWAY_FOR } else { Duration::ZERO };
                self.lost(&error.to_string(), rest);
                Err(None)
            }
            Ok(Err(error)) => {
                self.refused_by(what, &error);
                Err(Some(error))
            }
            Err(_) => {
                self.missed();
                Err(None)
            }
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.shared.name
    }

    pub(crate) fn is_up(&self) -> bool {
        *self.shared.up.borrow() > 0
    }

    /// Whether the server answers, and with errors.
    pub(crate) fn refuses(&self) -> bool {
        self.state().refusals.are_open(Instant::now())
    }

    /// Calls that the server answered with an error.
    pub(crate) fn refused(&self) -> u64 {
        self.state().refusals.count()
    }

    /// Tells when the server is there and when it is away: zero is away, another number each time it comes back.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.shared.up.subscribe()
    }

    pub(crate) fn client(&self) -> &Client {
        &self.shared.client
    }

    fn answered(&self, what: &'static str) {
        let mut state = self.state();
        state.misses = 0;
        state.refusals.succeeded(what);
    }

    fn refused_by(&self, what: &'static str, error: &RedisError) {
        let server = self.shared.name;
        // The group is made when it is missed, by whoever is first.
        let is_expected = matches!(error.code(), Some("NOGROUP" | "BUSYGROUP"));
        if !is_expected && self.state().refusals.refused(what, Instant::now()) {
            warn!(server, "redis refuses what this process asks of it: failed to {what}: {error}");
        } else {
            debug!(server, "failed to {what}: {error}");
        }
    }

    fn missed(&self) {
        let misses = {
            let mut state = self.state();
            state.misses += 1;
            state.misses
        };
        if misses >= MISSES_MAX {
            self.lost("it does not answer in time", Duration::ZERO);
        }
    }

    fn lost(&self, reason: &str, rest: Duration) {
        let mut state = self.state();
        if state.connection.take().is_some() {
            warn!(server = self.shared.name, reason, "redis is away: this process goes on by itself");
            self.shared.up.send_replace(0);
            self.try_to_connect(&mut state, rest);
        }
    }

    fn try_to_connect(&self, state: &mut State, rest: Duration) {
        let shared = Arc::downgrade(&self.shared);
        let client = self.shared.client.clone();
        let trying = tokio::spawn(async move {
            time::sleep(rest).await;
            let connection = loop {
                match connect(&client).await {
                    Ok(connection) => break connection,
                    Err(error) => debug!("redis is still away: {error}"),
                }
                time::sleep(TRY_EVERY).await;
            };
            if let Some(shared) = shared.upgrade() {
                Self { shared }.connected(connection);
            }
        });
        state.trying = Some(AbortOnDropHandle::new(trying));
    }

    fn connected(&self, connection: MultiplexedConnection) {
        let mut state = self.state();
        (state.connection, state.misses) = (Some(connection), 0);
        state.connected += 1;
        if state.connected > 1 {
            info!(server = self.shared.name, "redis is back");
        }
        self.shared.up.send_replace(state.connected);
        // The task that is just ending must not abort itself half-way.
        state.trying.take().map(AbortOnDropHandle::detach);
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether nothing is to be had over this connection any more.
fn is_lost(error: &RedisError) -> bool {
    error.is_io_error() || error.is_unrecoverable_error() || turns_away(error)
}

/// Whether the server is one to write to no more: it was demoted, has no primary, or does not let this process do its
/// work. The name or the proxy that led there may lead to another by now, so a new connection is worth a try.
fn turns_away(error: &RedisError) -> bool {
    use ServerErrorKind::{MasterDown, NoPerm, ReadOnly};
    // Before Redis 7 what a script met with stands in its text alone.
    let in_script = || error.detail().is_some_and(|detail| detail.contains("-READONLY "));
    matches!(error.kind(), ErrorKind::Server(MasterDown | NoPerm | ReadOnly)) || in_script()
}

/// A connection that has proven to answer, to a server that may be written to.
async fn connect(client: &Client) -> Result<MultiplexedConnection, String> {
    let settings = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(TRY_FOR))
        .set_response_timeout(Some(TRY_FOR));
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
