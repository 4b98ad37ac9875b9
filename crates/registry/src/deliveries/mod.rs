//! What each relay was told of each validator, in memory for whoever asks and in SQL for the time after a restart.

mod store;
mod told;
mod writer;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use headstart_auction::DeliveryState;
use headstart_types::{BlsPublicKey, RelayId, SignedValidatorRegistration, UnixMillis};
use tokio::sync::{Notify, watch};

use self::told::Told;
use crate::lease::Lease;
use crate::{Registry, Result};

/// How far registrations have come with relays. A clone is another handle of the same.
///
/// It remembers and decides nothing. What is noted is written a moment later; what is lost in between is told to a relay
/// once more. Memory is about 80 bytes for each validator and 24 for each relay that was told of it.
#[derive(Clone, Debug)]
pub struct Deliveries {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    told: Mutex<Told>,
    /// `None` when nothing outlives the process.
    registry: Option<Registry>,
    loaded: watch::Sender<bool>,
    /// This process is one that can tell relays.
    is_candidate: AtomicBool,
    telling: watch::Sender<Telling>,
    /// The task that writes has something to do before its time.
    wanted: Arc<Notify>,
    /// One batch is written or read at a time; the number up to which everything is in memory.
    seen: tokio::sync::Mutex<Option<i64>>,
    /// Which of the processes on this database tells relays.
    lease: tokio::sync::Mutex<Lease>,
}

/// What this process tells relays of. One process on a database tells of everything; that a relay is told twice by two of
/// them does no harm, but that nobody tells it would.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    /// It is the one.
    Everything,
    /// The database is away, so nobody can know who is: of what was accepted here, and what was under way.
    WhatWasAcceptedHere,
    /// Another one does.
    Nothing,
}

/// The lease's name.
const LEASE: &str = "deliveries";

/// What one relay was told of one validator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    pub relay: RelayId,
    pub state: DeliveryState,
    /// The timestamp of the registration that it was told, in Unix seconds.
    pub timestamp: u64,
    /// Stands for that registration: see [`mark`].
    pub mark: u64,
    /// Why the last attempt failed, if it did.
    pub fault: Option<Arc<str>>,
    /// To the second.
    pub noted_at: UnixMillis,
}

/// Eight bytes of the signature, which covers the whole registration: enough to tell a validator's registrations apart.
pub fn mark(registration: &SignedValidatorRegistration) -> u64 {
    registration.signature.0.last_chunk().map_or(0, |end| u64::from_be_bytes(*end))
}

impl Deliveries {
    /// Begins to load what the registry has, and to write. Must be called within a Tokio runtime.
    pub fn open(registry: &Registry) -> Self {
        let shared = Arc::new(Shared::new(Some(registry.clone())));
        let written = Arc::downgrade(&shared);
        registry.loops.keep("delivery_writer", move || writer::run(written.clone()));
        Self { shared }
    }

    /// Keeps everything in memory alone: for demonstrations and benches.
    pub fn in_memory() -> Self {
        Self { shared: Arc::new(Shared::new(None)) }
    }

    /// Waits until everything of the database is in memory, which it is not before the database answers.
    pub async fn loaded(&self) {
        // The sender is our own: it does not go away.
        let _ = self.shared.loaded.subscribe().wait_for(|loaded| *loaded).await;
    }

    /// Says that this process can tell relays, so that it does when no other one on the same database does.
    pub fn stand_for_telling(&self) {
        self.shared.is_candidate.store(true, Ordering::Relaxed);
        self.shared.wanted.notify_one();
    }

    pub fn telling(&self) -> Telling {
        *self.shared.telling.borrow()
    }

    /// Every change of [`Deliveries::telling`].
    pub fn watch_telling(&self) -> watch::Receiver<Telling> {
        self.shared.telling.subscribe()
    }

    /// How far this very registration has come with a relay.
    pub fn state(
        &self,
        relay: RelayId,
        registration: &SignedValidatorRegistration,
        now: UnixMillis,
    ) -> DeliveryState {
        match self.shared.told().get(relay, &registration.message.pubkey) {
            Some(told) if told.mark == mark(registration) => told.state.at(told.noted_at, now),
            _ => DeliveryState::Pending,
        }
    }

    /// Notes how far these have come with a relay.
    pub fn note(
        &self,
        relay: RelayId,
        registrations: &[SignedValidatorRegistration],
        state: DeliveryState,
        now: UnixMillis,
    ) {
        self.shared.told().note(relay, registrations, state, None, now);
    }

    /// Notes why a relay does not have these yet.
    pub fn note_fault(
        &self,
        relay: RelayId,
        registrations: &[SignedValidatorRegistration],
        fault: &str,
        now: UnixMillis,
    ) {
        self.shared.told().note(relay, registrations, DeliveryState::Pending, Some(fault), now);
    }

    /// What each relay was told of a validator, in the order in which they first were.
    pub fn of_validator(&self, validator: &BlsPublicKey) -> Vec<Delivered> {
        self.shared.told().of_validator(validator)
    }

    /// Writes what is not written yet, before the process ends.
    pub async fn flush(&self) -> Result<()> {
        while writer::write_some(&self.shared).await? {}
        Ok(())
    }

    /// Leaves telling to another process, before this one ends.
    pub async fn hand_over(&self) -> Result<()> {
        self.shared.is_candidate.store(false, Ordering::Relaxed);
        match self.shared.contested() {
            Some(registry) => self.shared.lease.lock().await.release(&registry.database).await,
            None => Ok(()),
        }
    }
}

impl Shared {
    fn new(registry: Option<Registry>) -> Self {
        let loaded = watch::Sender::new(registry.is_none());
        let told = Mutex::new(Told::new(registry.is_some()));
        let is_shared = registry.as_ref().is_some_and(|registry| !registry.is_sqlite());
        let telling = if is_shared { Telling::Nothing } else { Telling::Everything };
        Self {
            told,
            registry,
            loaded,
            is_candidate: AtomicBool::new(false),
            telling: watch::Sender::new(telling),
            wanted: Arc::default(),
            seen: tokio::sync::Mutex::default(),
            lease: tokio::sync::Mutex::new(Lease::new(LEASE)),
        }
    }

    /// The registry, if other processes may be on it: a SQLite file has one.
    fn contested(&self) -> Option<&Registry> {
        self.registry.as_ref().filter(|registry| !registry.is_sqlite())
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
