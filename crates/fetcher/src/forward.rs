//! Sends registrations on to the relays of every cluster that claims the validators, in the background.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use headstart_auction::{Batch, Delivery, DeliveryState, Due, Pace};
use headstart_registry::{Claim, Directory, Telling, mark};
use headstart_types::{BlsPublicKey, RelayId, SignedValidatorRegistration};
use tokio::sync::broadcast::error::RecvError;
use tokio::task;
use tokio::time;

use crate::Fetcher;
use crate::outbox::{self, Outbox};

/// Validators looked at in one go, so that nobody waits for a core meanwhile.
const AT_ONCE: usize = 512;
/// A changed directory is left to settle; changes that come in a row are looked at together.
const SETTLE: Duration = Duration::from_secs(1);
const REST: Duration = Duration::from_secs(3);
/// Sweeps begin this part of an epoch after it does: at its start every beacon node is busy.
const SWEEP_OFFSET_PARTS: i64 = 8;

/// The outboxes of the relays that the directory lists.
#[derive(Default)]
pub(crate) struct Outboxes {
    all: Mutex<BTreeMap<RelayId, Arc<Outbox>>>,
}

/// What relays should be told, cluster by cluster.
#[derive(Default)]
struct DueByRelay(BTreeMap<RelayId, BTreeMap<Arc<str>, Vec<Due>>>);

impl Outboxes {
    fn all(&self) -> MutexGuard<'_, BTreeMap<RelayId, Arc<Outbox>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Fetcher {
    /// Each relay of the directory has an outbox, and each outbox a relay.
    pub(crate) fn follow_outboxes(&self, directory: &Directory) {
        let listed: BTreeSet<_> = directory.relays().iter().map(|relay| relay.id).collect();
        let mut outboxes = self.shared.outboxes.all();
        outboxes.retain(|relay, outbox| {
            let stays = listed.contains(relay);
            if !stays {
                outbox.gone.cancel();
            }
            stays
        });
        for relay in listed {
            outboxes.entry(relay).or_insert_with(|| {
                let outbox = Arc::new(Outbox::new(relay, Delivery::new(Pace::of(self.network()))));
                let (fetcher, kept) = (self.clone(), Arc::clone(&outbox));
                self.keep("outbox", move || outbox::run(fetcher.clone(), Arc::clone(&kept)));
                outbox
            });
        }
    }

    /// Tells relays of these registrations as far as they do not have them and no other process does. Returns at once.
    pub(crate) fn forward<'a>(
        &self,
        registrations: impl IntoIterator<Item = &'a SignedValidatorRegistration>,
    ) {
        if self.shared.config.deliveries.telling() == Telling::Nothing {
            return;
        }
        let (directory, soon) = (self.shared.config.directory.snapshot(), self.proposing_soon());
        let mut due = DueByRelay::default();
        for registration in registrations {
            self.collect(directory.claims(&registration.message.pubkey), registration, &soon, &mut due);
        }
        self.offer(due);
    }

    /// Adds the relays that any of the claiming clusters trusts and that do not have this registration. A relay that
    /// several trust is told once, on behalf of the best whose lane has room.
    fn collect(
        &self,
        claims: &[Claim],
        registration: &SignedValidatorRegistration,
        soon: &HashSet<BlsPublicKey>,
        due: &mut DueByRelay,
    ) {
        let validator = registration.message.pubkey;
        for (place, claim) in claims.iter().enumerate() {
            for relay in claim.policy.relays() {
                let is_taken = claims[..place].iter().any(|better| better.policy.trusts(*relay));
                if !is_taken && self.delivery_state(*relay, registration).is_due() {
                    let urgent = soon.contains(&validator);
                    due.add(*relay, &claim.cluster.name, Due { validator, mark: mark(registration), urgent });
                }
            }
        }
    }

    fn offer(&self, due: DueByRelay) {
        let (now, directory) = (self.now(), self.shared.config.directory.snapshot());
        let outboxes = self.shared.outboxes.all();
        for (relay, due) in due.0 {
            if let Some(outbox) = outboxes.get(&relay) {
                outbox.offer(now, &directory, due);
            }
        }
    }

    /// Looks at every validator for relays that do not have its registration: what was left undone before a restart, what
    /// a changed policy calls for, and what has become stale.
    async fn sweep(&self) {
        let (directory, soon) = (self.shared.config.directory.snapshot(), self.proposing_soon());
        let mut due = DueByRelay::default();
        for (number, (validator, claims)) in directory.each_validator().enumerate() {
            if number % AT_ONCE == AT_ONCE - 1 {
                task::yield_now().await;
            }
            if let Some(registration) = self.shared.config.registrations.of(validator) {
                self.collect(claims, &registration, &soon, &mut due);
            }
        }
        self.offer(due);
    }

    /// The newest registrations of a batch that the relay still has to be told of, now that its turn has come: none when
    /// another process tells them.
    pub(crate) fn still_due(&self, relay: RelayId, batch: &Batch) -> Vec<SignedValidatorRegistration> {
        if self.shared.config.deliveries.telling() == Telling::Nothing {
            return Vec::new();
        }
        let directory = self.shared.config.directory.load();
        let registration = |validator: &BlsPublicKey| {
            let claim = directory.claim_of(validator, &batch.cluster)?;
            let registration = self.shared.config.registrations.of(validator)?;
            let is_due = claim.policy.trusts(relay) && self.delivery_state(relay, &registration).is_due();
            is_due.then_some(registration)
        };
        batch.validators.iter().filter_map(registration).collect()
    }

    /// More is known of who proposes soon: they are to be known to their relays by then.
    pub(crate) fn hurry(&self, proposers: &HashSet<BlsPublicKey>) {
        for outbox in self.shared.outboxes.all().values() {
            outbox.hurry(proposers.iter().copied());
        }
    }

    pub(crate) fn delivery_state(
        &self,
        relay: RelayId,
        registration: &SignedValidatorRegistration,
    ) -> DeliveryState {
        self.shared.config.deliveries.state(relay, registration, self.now())
    }

    /// Proposers of the slots to come, as far as beacon nodes or clusters have told.
    pub(crate) fn proposing_soon(&self) -> HashSet<BlsPublicKey> {
        let current = self.network().slot_at(self.now());
        let schedule = self.schedule();
        let hinted = schedule.hints.proposers_from(current);
        schedule.duties.proposers_from(current).chain(hinted).collect()
    }

    fn until_next_sweep(&self) -> Duration {
        let (network, now) = (self.network(), self.now());
        let epoch_ms = i64::try_from(network.slot_duration_ms.saturating_mul(network.slots_per_epoch));
        let offset_ms = epoch_ms.unwrap_or(i64::MAX) / SWEEP_OFFSET_PARTS;
        let epoch = network.epoch(network.slot_at(now - offset_ms));
        let next = network.slot_start(network.first_slot(headstart_types::Epoch(epoch.0 + 1)));
        now.until(next + offset_ms)
    }
}

impl DueByRelay {
    fn add(&mut self, relay: RelayId, cluster: &Arc<str>, due: Due) {
        self.0.entry(relay).or_default().entry(Arc::clone(cluster)).or_default().push(due);
    }
}

/// Sweeps once everything of the past is known, then in every epoch and when the directory has changed, as long as it is
/// this process that tells relays.
pub(crate) async fn sweep_on(fetcher: Fetcher) {
    let deliveries = &fetcher.shared.config.deliveries;
    let (mut changed, mut telling) = (fetcher.shared.config.directory.changed(), deliveries.watch_telling());
    deliveries.stand_for_telling();
    let sweeping = async {
        fetcher.shared.config.registrations.loaded().await;
        deliveries.loaded().await;
        loop {
            if *telling.borrow_and_update() == Telling::Everything {
                fetcher.sweep().await;
                time::sleep(REST).await;
            }
            tokio::select! {
                () = time::sleep(fetcher.until_next_sweep()) => {}
                _ = changed.changed() => time::sleep(SETTLE).await,
                // The sender lives as long as the fetcher.
                _ = telling.changed() => {}
            }
        }
    };
    fetcher.shared.closing.run_until_cancelled(sweeping).await;
}

/// Sends on what other processes record, as long as it is this one that tells relays.
pub(crate) async fn follow_others(fetcher: Fetcher) {
    let mut recorded = fetcher.shared.config.registrations.of_others();
    let following = async {
        loop {
            let page = recorded.recv().await;
            let is_ours = fetcher.shared.config.deliveries.telling() == Telling::Everything;
            match page {
                Err(RecvError::Closed) => return,
                _ if !is_ours => {}
                Ok(page) => {
                    for part in page.chunks(AT_ONCE) {
                        fetcher.forward(part);
                        task::yield_now().await;
                    }
                }
                Err(RecvError::Lagged(_)) => fetcher.sweep().await,
            }
        }
    };
    fetcher.shared.closing.run_until_cancelled(following).await;
}
