//! The newest registration of every validator, in memory for whoever asks and in SQL for ever.

mod batch;
pub(crate) mod store;
mod writer;

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use headstart_types::{BlsPublicKey, RegistrationRejected, SignedValidatorRegistration, UnixMillis};
use tokio::sync::{Mutex, broadcast, mpsc, oneshot, watch};

use self::writer::{Request, Writer};
use crate::Registry;
use crate::table::Table;

/// The newest registration of every validator. A clone is another handle of the same.
///
/// Reading waits for nothing. Recording waits until the database has it: one task writes what all callers bring, many at
/// a time, for one at a time would wait for the disk each time. Memory is about 200 bytes for each validator that was
/// ever registered by a cluster here.
#[derive(Clone, Debug)]
pub struct Registrations {
    shared: Arc<Shared>,
    /// `None` when nothing outlives the process.
    requests: Option<mpsc::Sender<Request>>,
}

#[derive(Debug)]
struct Shared {
    newest: RwLock<Table<SignedValidatorRegistration>>,
    loaded: watch::Sender<bool>,
    learned: broadcast::Sender<Arc<[SignedValidatorRegistration]>>,
}

/// How a registration compares with the one on record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// Byte for byte the one on record: its signature has been verified before.
    Unchanged,
    /// It may replace what is on record once its signature is verified.
    New,
}

/// Why a registration was not recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRecorded {
    #[error(transparent)]
    Rejected(#[from] RegistrationRejected),
    /// Nobody may be told that it was accepted; the same later may be.
    #[error("record the registration: the database is away")]
    NotDurable,
}

/// Callers that wait to be written; the next one waits to wait.
const REQUESTS_MAX: usize = 1_024;
/// Pages of other processes' registrations that a listener may lag behind; over it the oldest are missed.
const LEARNED_MAX: usize = 16;

impl Registrations {
    /// Begins to load what the registry has, and to write. Until it has loaded, every registration counts as new. Must
    /// be called within a Tokio runtime.
    pub fn open(registry: &Registry) -> Self {
        let shared = Arc::new(Shared::new(false));
        let (requests, waiting) = mpsc::channel(REQUESTS_MAX);
        let writer = Arc::new(Mutex::new(Writer::new(registry, Arc::clone(&shared), waiting)));
        registry.loops.keep("registration_writer", move || {
            let writer = Arc::clone(&writer);
            async move { writer.lock().await.run().await }
        });
        Self { shared, requests: Some(requests) }
    }

    /// Keeps registrations in memory alone: for demonstrations and benches, where nothing need outlive the process.
    pub fn in_memory() -> Self {
        Self { shared: Arc::new(Shared::new(true)), requests: None }
    }

    /// Waits until everything of the database is in memory, which it is not before the database answers.
    pub async fn loaded(&self) {
        // The sender is our own: it does not go away.
        let _ = self.shared.loaded.subscribe().wait_for(|loaded| *loaded).await;
    }

    /// What other processes record from now on, about a second later. There may be some of our own among them. Whoever
    /// lags behind misses some, and must look at all.
    pub fn of_others(&self) -> broadcast::Receiver<Arc<[SignedValidatorRegistration]>> {
        self.shared.learned.subscribe()
    }

    /// Compares without recording: an unchanged registration needs no signature check, an older one is refused.
    pub fn compare(
        &self,
        registration: &SignedValidatorRegistration,
    ) -> Result<Recorded, RegistrationRejected> {
        match self.shared.read().get(&registration.message.pubkey) {
            Some(recorded) if recorded == registration => Ok(Recorded::Unchanged),
            Some(recorded) => registration.may_replace(&recorded.message).map(|()| Recorded::New),
            None => Ok(Recorded::New),
        }
    }

    /// Records registrations whose signatures were verified, and returns once they are durable: a verdict for each, in
    /// order. Timestamps never go back, whichever process writes. While the database is away the spool has them; without
    /// one, or before everything is loaded, that is told of within about two seconds.
    pub async fn record(
        &self,
        now: UnixMillis,
        registrations: Vec<SignedValidatorRegistration>,
    ) -> Vec<Result<(), NotRecorded>> {
        let count = registrations.len();
        let Some(requests) = &self.requests else { return self.shared.record(&registrations) };
        let (answer, answered) = oneshot::channel();
        // Neither fails before the runtime itself ends.
        let sent = requests.send(Request { now, registrations, answer }).await;
        let verdicts = if sent.is_ok() { answered.await.ok() } else { None };
        verdicts.unwrap_or_else(|| vec![Err(NotRecorded::NotDurable); count])
    }

    pub fn of(&self, validator: &BlsPublicKey) -> Option<SignedValidatorRegistration> {
        self.shared.read().get(validator).copied()
    }

    pub fn len(&self) -> usize {
        self.shared.read().len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Shared {
    fn new(loaded: bool) -> Self {
        let newest = RwLock::new(Table::new(|row: &SignedValidatorRegistration| &row.message.pubkey));
        Self { newest, loaded: watch::Sender::new(loaded), learned: broadcast::Sender::new(LEARNED_MAX) }
    }

    fn read(&self) -> RwLockReadGuard<'_, Table<SignedValidatorRegistration>> {
        self.newest.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Table<SignedValidatorRegistration>> {
        self.newest.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self, registrations: &[SignedValidatorRegistration]) -> Vec<Result<(), NotRecorded>> {
        let mut newest = self.write();
        registrations.iter().map(|registration| Ok(keep_newest(&mut newest, registration)?)).collect()
    }

    /// Takes over what the database has.
    fn learn<'a>(&self, recorded: impl IntoIterator<Item = &'a SignedValidatorRegistration>) {
        let mut newest = self.write();
        for registration in recorded {
            // What is in memory is on record too, so the newer of both is right.
            let _ = keep_newest(&mut newest, registration);
        }
    }
}

fn keep_newest(
    newest: &mut Table<SignedValidatorRegistration>,
    registration: &SignedValidatorRegistration,
) -> Result<(), RegistrationRejected> {
    let number = newest.number_of(&registration.message.pubkey, || *registration);
    let recorded = newest.row_mut(number);
    registration.may_replace(&recorded.message)?;
    *recorded = *registration;
    Ok(())
}
