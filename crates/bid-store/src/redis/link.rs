//! One connection to one server: every call has a deadline, and a server that does not answer is left alone until it
//! does.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{Client, RedisError};
use tokio::sync::watch;
use tokio::time;
use tokio_util::task::AbortOnDropHandle;
use tracing::{debug, info, warn};

use super::connect::{connect, is_lost, turns_away};
use super::refusals::Refusals;

/// Calls, each begun after the one before missed the deadline, before the server counts as away.
const MISSES_MAX: u32 = 2;
/// How often a server that is away is tried.
const TRY_EVERY: Duration = Duration::from_millis(100);
/// One that turned this process away is left alone for longer, lest it be filled again each time that it lets it in.
const TURNED_AWAY_FOR: Duration = Duration::from_secs(1);

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
    /// When the last of them was counted.
    missed_at: Option<Instant>,
    /// How often the connection was made, which names the one that there is.
    connected: u64,
    refusals: Refusals,
    /// Tries to reach the server while it is away; ends with the link.
    trying: Option<AbortOnDropHandle<()>>,
}

/// One call: when it began, and over which connection.
#[derive(Debug)]
struct Begun {
    at: Instant,
    connection: u64,
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
        let (connection, begun) = self.begin().ok_or(None)?;
        match time::timeout(self.shared.deadline, call(connection)).await {
            Ok(Ok(answer)) => {
                self.answered(what);
                Ok(answer)
            }
            Ok(Err(error)) if is_lost(&error) => {
                let rest = if turns_away(&error) { TURNED_AWAY_FOR } else { Duration::ZERO };
                self.lost(&begun, &error.to_string(), rest);
                Err(None)
            }
            Ok(Err(error)) => {
                self.refused_by(what, &error);
                Err(Some(error))
            }
            Err(_) => {
                self.missed(&begun);
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

    fn begin(&self) -> Option<(MultiplexedConnection, Begun)> {
        let state = self.state();
        let begun = Begun { at: Instant::now(), connection: state.connected };
        Some((state.connection.clone()?, begun))
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

    /// Calls that were under way together miss together: one stall is one miss.
    fn missed(&self, call: &Begun) {
        let is_away = {
            let mut state = self.state();
            if state.missed_at.is_some_and(|missed_at| call.at <= missed_at) {
                return;
            }
            state.missed_at = Some(Instant::now());
            state.misses += 1;
            state.misses >= MISSES_MAX
        };
        if is_away {
            self.lost(call, "it does not answer in time", Duration::ZERO);
        }
    }

    /// What became of a call over an earlier connection says nothing of this one.
    fn lost(&self, call: &Begun, reason: &str, rest: Duration) {
        let mut state = self.state();
        if state.connected == call.connection && state.connection.take().is_some() {
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
        // Those that are still under way over the connection before are no misses of this one.
        state.missed_at = Some(Instant::now());
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
