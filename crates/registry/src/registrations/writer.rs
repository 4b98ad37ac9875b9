//! The one task that writes registrations, and learns what other processes wrote.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use headstart_types::{BlsPublicKey, SignedValidatorRegistration, UnixMillis};
use tokio::sync::{mpsc, oneshot};
use tokio::time::MissedTickBehavior;
use tracing::{info, warn};

use super::batch::Batch;
use super::{NotRecorded, Shared, store};
use crate::spool::{Entry, Spool, Stream};
use crate::sql::Result;
use crate::{Error, Registry};

/// What one caller wants recorded.
pub(super) struct Request {
    pub(super) now: UnixMillis,
    pub(super) registrations: Vec<SignedValidatorRegistration>,
    pub(super) answer: oneshot::Sender<Vec<Result<(), NotRecorded>>>,
}

pub(super) struct Writer {
    registry: Registry,
    shared: Arc<Shared>,
    waiting: mpsc::Receiver<Request>,
    /// Everything up to this number is in memory; `None` until the first reading.
    seen: Option<i64>,
    away: bool,
}

/// Callers whose registrations are written together.
const CALLERS_MAX: usize = 256;
/// Registrations in one transaction: a larger batch would keep other writers waiting.
const TRANSACTION_MAX: usize = 5_000;
/// How often to look for what other processes wrote.
const LOOK_EVERY: Duration = Duration::from_secs(1);

impl Writer {
    pub(super) fn new(registry: &Registry, shared: Arc<Shared>, waiting: mpsc::Receiver<Request>) -> Self {
        Self { registry: registry.clone(), shared, waiting, seen: None, away: false }
    }

    /// Ends when every handle is gone.
    pub(super) async fn run(&mut self) {
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut requests = Vec::with_capacity(CALLERS_MAX);
        loop {
            tokio::select! {
                taken = self.waiting.recv_many(&mut requests, CALLERS_MAX) => match taken {
                    0 => return,
                    _ => self.record(std::mem::take(&mut requests)).await,
                },
                // The spool asks it again and again when it is away.
                _ = look.tick(), if !self.is_spooling() => match self.look().await {
                    Ok(()) => self.tell(None),
                    Err(error) if self.can_spool(&error) => self.registry.note_away(&error),
                    Err(error) => self.give_up(&error),
                },
            }
        }
    }

    async fn record(&mut self, requests: Vec<Request>) {
        let batch = self.judge(&requests);
        let now = requests.iter().map(|request| request.now).max().unwrap_or_default();
        match self.write_or_keep(now, &batch.writes).await {
            Ok(others) => {
                self.tell(None);
                answer(requests, batch.written(&others));
            }
            Err(error) => {
                answer(requests, batch.failed());
                self.give_up(&error);
            }
        }
    }

    /// Until everything is loaded nobody knows whether there is not a newer one, so nothing is kept elsewhere.
    async fn write_or_keep(
        &mut self,
        now: UnixMillis,
        writes: &BTreeMap<BlsPublicKey, SignedValidatorRegistration>,
    ) -> Result<HashMap<BlsPublicKey, SignedValidatorRegistration>> {
        if writes.is_empty() || self.seen.is_none() {
            return self.write(now, writes).await;
        }
        let (registry, shared) = (self.registry.clone(), Arc::clone(&self.shared));
        let entry = |registration: &SignedValidatorRegistration| Entry::Registration {
            at: now,
            registration: *registration,
        };
        let entries = || writes.values().map(entry).collect();
        let written = registry.write_or_keep(Stream::Promised, self.write(now, writes), entries).await?;
        if written.is_none() {
            shared.learn(writes.values());
        }
        Ok(written.unwrap_or_default())
    }

    fn is_spooling(&self) -> bool {
        self.seen.is_some() && self.registry.spool.as_ref().is_some_and(Spool::is_away)
    }

    fn can_spool(&self, error: &Error) -> bool {
        self.seen.is_some() && self.registry.spools(error)
    }

    fn judge(&self, requests: &[Request]) -> Batch {
        let (mut batch, recorded) = (Batch::default(), self.shared.read());
        for registration in requests.iter().flat_map(|request| &request.registrations) {
            batch.add(*registration, &recorded);
        }
        batch
    }

    /// Writes what is new, and puts into memory what is then on record. Answers where that is something else.
    async fn write(
        &mut self,
        now: UnixMillis,
        writes: &BTreeMap<BlsPublicKey, SignedValidatorRegistration>,
    ) -> Result<HashMap<BlsPublicKey, SignedValidatorRegistration>> {
        let mut others = HashMap::new();
        let all: Vec<_> = writes.values().collect();
        for part in all.chunks(TRANSACTION_MAX) {
            let part: BTreeMap<_, _> =
                part.iter().map(|registration| (registration.message.pubkey, **registration)).collect();
            let written = store::write(&self.registry.database, now, &part).await?;
            self.shared
                .learn(part.values().filter(|ours| !written.others.contains_key(&ours.message.pubkey)));
            self.shared.learn(written.others.values());
            // Nobody else wrote in between, so there is nothing to look for.
            self.seen =
                self.seen.map(|seen| if written.revision == seen + 1 { written.revision } else { seen });
            others.extend(written.others);
        }
        Ok(others)
    }

    /// Whoever came while the database did not answer is not kept waiting for another attempt.
    fn give_up(&mut self, error: &Error) {
        self.tell(Some(error));
        let requests: Vec<_> = std::iter::from_fn(|| self.waiting.try_recv().ok()).collect();
        let batch = self.judge(&requests);
        answer(requests, batch.failed());
    }

    /// Reads what was written since the last look; at first, everything.
    async fn look(&mut self) -> Result<()> {
        let now = store::revision(&self.registry.database).await?;
        if self.seen == Some(now) {
            return Ok(());
        }
        // A number that goes back is that of another database, put in the place of the one we knew.
        let since = self.seen.filter(|seen| *seen < now).unwrap_or(-1);
        let mut last = None;
        loop {
            let page = store::page(&self.registry.database, since, last.as_ref()).await?;
            let Some(end) = page.last() else { break };
            last = Some(end.message.pubkey);
            self.shared.learn(&page);
            if self.seen.is_some() {
                // That nobody listens is no loss.
                let _ = self.shared.learned.send(page.into());
            }
        }
        if self.seen.replace(now).is_none() {
            self.shared.loaded.send_replace(true);
        }
        Ok(())
    }

    /// One line when the database goes away, and one when it is back.
    fn tell(&mut self, fault: Option<&Error>) {
        match (self.away, fault) {
            (false, Some(error)) => warn!("registrations are refused: failed to {error}"),
            (true, None) => info!("registrations are recorded again"),
            _ => {}
        }
        self.away = fault.is_some();
    }
}

fn answer(requests: Vec<Request>, mut verdicts: impl Iterator<Item = Result<(), NotRecorded>>) {
    for request in requests {
        let its_own = verdicts.by_ref().take(request.registrations.len()).collect();
        // Whoever asked may have gone; what is written stays written.
        let _ = request.answer.send(its_own);
    }
}
