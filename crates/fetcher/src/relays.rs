//! The clients of the relays that the directory lists.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, PoisonError, RwLock};

use headstart_registry::{Directory, RelayEntry};
use headstart_relay::{Config, Error, Relay, RelayUrl};
use headstart_types::{Clock, RelayId, UnixMillis};
use tracing::{info, warn};

use crate::Fetcher;

/// One client for each relay, with its warm connections for as long as nothing of the relay changes.
pub(crate) struct Relays {
    clock: Clock,
    /// For so long a relay that is gone may still be sent a block that it offered.
    kept_ms: i64,
    known: RwLock<Known>,
}

#[derive(Default)]
struct Known {
    clients: BTreeMap<RelayId, (Arc<RelayEntry>, Relay)>,
    /// Entries that make no client, so that each is complained of once.
    unusable: BTreeSet<(RelayId, String)>,
    /// Clients of relays that are gone, and since when; the latest last.
    gone: VecDeque<(UnixMillis, Relay)>,
}

/// Relays that are gone and kept; the oldest go first.
const GONE_MAX: usize = 256;

impl Relays {
    pub(crate) fn new(clock: Clock, kept_ms: i64) -> Self {
        Self { clock, kept_ms, known: RwLock::default() }
    }

    /// Makes clients for what is new or has changed, and puts those of relays that are gone aside.
    pub(crate) fn follow(&self, directory: &Directory) {
        // There is one writer: what is read here is still so when it is replaced.
        let (mut clients, mut unusable) = (BTreeMap::new(), BTreeSet::new());
        for entry in directory.relays() {
            match self.kept(entry).map_or_else(|| relay_client(entry, self.clock), Ok) {
                Ok(relay) => {
                    clients.insert(entry.id, (Arc::clone(entry), relay));
                }
                Err(fault) => {
                    unusable.insert((entry.id, fault));
                }
            }
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        for (relay, fault) in unusable.difference(&known.unusable) {
            let name = directory.relay(*relay).map(|entry| entry.name.as_str());
            warn!(relay = name, "relay left out: failed to {fault}");
        }
        let changed = !clients.keys().eq(known.clients.keys());
        if changed {
            info!(relays = clients.len(), "relays known");
        }
        let now = self.clock.now();
        let gone = known.gone_without(&clients, now, now - self.kept_ms);
        *known = Known { clients, unusable, gone };
    }

    fn kept(&self, entry: &RelayEntry) -> Option<Relay> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let (before, relay) = known.clients.get(&entry.id)?;
        (before.url == entry.url && before.headers == entry.headers).then(|| relay.clone())
    }

    pub(crate) fn get(&self, id: RelayId) -> Option<Relay> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.clients.get(&id).map(|(_, relay)| relay.clone())
    }

    /// The same, or the client of a relay that was removed a moment ago: it may have offered what is signed only now.
    pub(crate) fn get_for_block(&self, id: RelayId) -> Option<Relay> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let oldest = self.clock.now() - self.kept_ms;
        let gone = || known.gone.iter().rev().find(|(since, relay)| relay.id() == id && *since >= oldest);
        let listed = known.clients.get(&id).map(|(_, relay)| relay);
        listed.or_else(|| gone().map(|(_, relay)| relay)).cloned()
    }

    pub(crate) fn all(&self) -> Vec<Relay> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.clients.values().map(|(_, relay)| relay.clone()).collect()
    }
}

impl Known {
    /// Who is gone once there are only these clients, and has been for less time than that.
    fn gone_without(
        &self,
        clients: &BTreeMap<RelayId, (Arc<RelayEntry>, Relay)>,
        now: UnixMillis,
        oldest: UnixMillis,
    ) -> VecDeque<(UnixMillis, Relay)> {
        let before = self.gone.iter().filter(|(since, _)| *since >= oldest).cloned();
        let leaving = self.clients.values().map(|(_, relay)| (now, relay.clone()));
        let mut gone: VecDeque<_> =
            before.chain(leaving).filter(|(_, relay)| !clients.contains_key(&relay.id())).collect();
        gone.drain(..gone.len().saturating_sub(GONE_MAX));
        gone
    }
}

/// A client of one relay of the directory. The error is said in words, so that it can be told once.
pub fn relay_client(entry: &RelayEntry, clock: Clock) -> Result<Relay, String> {
    let make = || -> Result<Relay, Error> {
        let url: RelayUrl = entry.url.parse()?;
        let headers = entry.headers.clone().into_iter().collect();
        Relay::new(Config { name: entry.name.clone(), headers, ..Config::new(url) }, clock)
    };
    let relay = make().map_err(|error| error.to_string())?;
    if relay.id() == entry.id {
        Ok(relay)
    } else {
        Err("use the relay: its URL is not the one it was added with".to_owned())
    }
}

/// Follows the directory for as long as the fetcher runs.
pub(crate) async fn follow(fetcher: Fetcher) {
    let mut changed = fetcher.shared.config.directory.changed();
    let following = async {
        // Whoever came before this receiver is seen by the first look.
        loop {
            let directory = fetcher.shared.config.directory.snapshot();
            fetcher.shared.relays.follow(&directory);
            fetcher.follow_outboxes(&directory);
            if fetcher.shared.config.prefetches {
                fetcher.follow_top_bids(&directory);
            }
            if changed.changed().await.is_err() {
                break;
            }
        }
    };
    fetcher.shared.closing.run_until_cancelled(following).await;
}
