//! One relay's outbox: it is told of validators as the rules allow.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use headstart_auction::{Batch, Confirming, Delivery, DeliveryAnswer, DeliveryState, Due, Next};
use headstart_registry::Directory;
use headstart_relay::{Failure, Operation};
use headstart_types::{BlsPublicKey, RelayId, SignedValidatorRegistration, UnixMillis};
use tokio::sync::Notify;
use tokio::time::{self, Instant};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::Fetcher;

const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// When nothing is known to be due.
const LONG: Duration = Duration::from_hours(1);

pub(crate) struct Outbox {
    pub(crate) relay: RelayId,
    state: Mutex<State>,
    woken: Notify,
    /// The last call failed: the next failure need not be told again.
    failing: AtomicBool,
    /// The directory has the relay no more.
    pub(crate) gone: CancellationToken,
}

pub(crate) struct State {
    pub(crate) delivery: Delivery,
    pub(crate) confirming: Confirming,
}

/// What a call was made with and what came of it.
struct Told {
    batch: Batch,
    registrations: Vec<SignedValidatorRegistration>,
    result: Result<(), Failure>,
}

impl Outbox {
    pub(crate) fn new(relay: RelayId, delivery: Delivery) -> Self {
        Self {
            relay,
            state: Mutex::new(State { delivery, confirming: Confirming::default() }),
            woken: Notify::new(),
            failing: AtomicBool::new(false),
            gone: CancellationToken::new(),
        }
    }

    /// Takes what the relay should be told, cluster by cluster. What finds the lane of one full goes into that of the next
    /// which claims the validator and trusts the relay: whoever else claims it must not keep it from the relay. What finds
    /// no room at all comes again with the next sweep.
    pub(crate) fn offer(&self, now: UnixMillis, directory: &Directory, due: BTreeMap<Arc<str>, Vec<Due>>) {
        let mut waiting: Vec<_> = due.into_iter().collect();
        while let Some((cluster, due)) = waiting.pop() {
            let full = self.state().delivery.offer(now, &cluster, due);
            let (next, left_out) = self.next_lanes(directory, &cluster, full);
            waiting.extend(next);
            if left_out > 0 {
                warn!(%cluster, relay = %self.relay, left_out, "too many registrations wait for this relay: the others follow later");
            }
        }
        self.woken.notify_one();
    }

    /// Whose lanes come after this cluster's, and how many validators have no further one.
    fn next_lanes(
        &self,
        directory: &Directory,
        cluster: &Arc<str>,
        due: Vec<Due>,
    ) -> (BTreeMap<Arc<str>, Vec<Due>>, usize) {
        let (mut next, mut left_out) = (BTreeMap::<_, Vec<Due>>::new(), 0);
        for due in due {
            let claims = directory.claims(&due.validator).iter();
            let mut after = claims.skip_while(|claim| claim.cluster.name != *cluster).skip(1);
            match after.find(|claim| claim.policy.trusts(self.relay)) {
                Some(claim) => next.entry(Arc::clone(&claim.cluster.name)).or_default().push(due),
                None => left_out += 1,
            }
        }
        (next, left_out)
    }

    /// These propose soon.
    pub(crate) fn hurry(&self, validators: impl IntoIterator<Item = BlsPublicKey>) {
        let mut state = self.state();
        for validator in validators {
            state.delivery.hurry(&validator);
        }
        drop(state);
        self.woken.notify_one();
    }

    /// What is to be sent now; otherwise `wake` says when to ask again.
    fn next(&self, now: UnixMillis, wake: &mut Option<UnixMillis>) -> Option<Batch> {
        match self.state().delivery.next(now) {
            Next::Send(batch) => Some(batch),
            Next::Wait(at) => {
                *wake = at;
                None
            }
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Performs the rules until the relay is gone or the process ends. Nothing is sent before it is known what was sent
/// before a restart.
pub(crate) async fn run(fetcher: Fetcher, outbox: Arc<Outbox>) {
    tokio::select! {
        () = fetcher.shared.config.deliveries.loaded() => {}
        () = outbox.gone.cancelled() => return,
        () = fetcher.shared.closing.cancelled() => return,
    }
    // One that panicked before took its calls with it; the next sweep finds what they were about.
    outbox.state().delivery.forget_calls();
    let (mut calls, mut reads) = (FuturesUnordered::new(), FuturesUnordered::new());
    loop {
        let now = fetcher.now();
        let mut wake = None;
        while let Some(batch) = outbox.next(now, &mut wake) {
            calls.push(fetcher.tell_relay(&outbox, batch));
        }
        if reads.is_empty() {
            match outbox.state().confirming.next(now) {
                Ok(read) => reads.push(fetcher.read_back(&outbox, read)),
                Err(at) => wake = wake.into_iter().chain(at).min(),
            }
        }
        let wait = wake.map_or(LONG, |at| now.until(at));
        tokio::select! {
            Some(told) = calls.next() => fetcher.answered(&outbox, told),
            Some((read, published)) = reads.next() => fetcher.published(&outbox, read, published),
            () = outbox.woken.notified() => {}
            () = time::sleep(wait) => {}
            () = outbox.gone.cancelled() => break,
            () = fetcher.shared.closing.cancelled() => break,
        }
    }
}

impl Fetcher {
    /// Makes one call with each validator's newest registration, as far as the relay still has to be told.
    async fn tell_relay(&self, outbox: &Outbox, batch: Batch) -> Told {
        let registrations = self.still_due(outbox.relay, &batch);
        let result = match self.relay(outbox.relay) {
            _ if registrations.is_empty() => Ok(()),
            Some(relay) if !self.lets_through(relay.id(), Operation::Register) => {
                Err(Failure::Transport("the relay is left alone: it did not answer".to_owned()))
            }
            Some(relay) => {
                let result = relay.register(&registrations, Instant::now() + CALL_TIMEOUT).await;
                self.heard(&relay, Operation::Register, &result);
                result
            }
            None => Err(Failure::Transport("the relay is not known any more".to_owned())),
        };
        Told { batch, registrations, result }
    }

    fn answered(&self, outbox: &Outbox, told: Told) {
        let Told { batch, registrations, result } = told;
        let (now, cluster) = (self.now(), Arc::clone(&batch.cluster));
        let answer = result.as_ref().map_or_else(answer_to, |()| DeliveryAnswer::Accepted);
        self.report(outbox, &cluster, registrations.len(), &result);
        if answer == DeliveryAnswer::Accepted {
            self.shared.config.deliveries.note(outbox.relay, &registrations, DeliveryState::Accepted, now);
        }
        let mut state = outbox.state();
        if answer == DeliveryAnswer::Accepted {
            let validators: Vec<_> =
                registrations.iter().map(|registration| registration.message.pubkey).collect();
            state.confirming.accepted(now, &validators);
        }
        let offender = state.delivery.answered(now, batch, answer);
        drop(state);
        if let (Some(offender), Err(fault)) = (offender, &result) {
            warn!(%cluster, relay = %self.relay_name(outbox.relay), pubkey = %offender,
                "registration refused, and left alone until it changes: failed to {fault}");
            self.shared.config.deliveries.note_fault(
                outbox.relay,
                &registrations,
                &format!("failed to {fault}"),
                now,
            );
        }
    }

    fn report(&self, outbox: &Outbox, cluster: &str, count: usize, result: &Result<(), Failure>) {
        let relay = self.relay_name(outbox.relay);
        match result {
            Ok(()) if count == 0 => {}
            Ok(()) => {
                outbox.failing.store(false, Ordering::Relaxed);
                info!(cluster, relay, registrations = count, "registrations sent on");
            }
            Err(fault) if outbox.failing.swap(true, Ordering::Relaxed) => {
                debug!(
                    cluster,
                    relay,
                    registrations = count,
                    "registrations still not taken: failed to {fault}"
                );
            }
            Err(fault) => {
                warn!(
                    cluster,
                    relay,
                    registrations = count,
                    "registrations not taken, trying on: failed to {fault}"
                );
            }
        }
    }

    fn relay_name(&self, id: RelayId) -> String {
        self.relay(id).map_or_else(|| id.to_string(), |relay| relay.name().to_owned())
    }
}

/// What a failure says of the batch and of the relay.
fn answer_to(failure: &Failure) -> DeliveryAnswer {
    match failure {
        Failure::RateLimited { retry_after_ms } => {
            DeliveryAnswer::Limited { retry_after_ms: *retry_after_ms }
        }
        Failure::Refused(refusal) => match refusal.status {
            400 | 413 | 422 => DeliveryAnswer::Refused,
            // Some relays' firewalls say so instead of 429.
            403 => DeliveryAnswer::Limited { retry_after_ms: None },
            _ => DeliveryAnswer::Failed,
        },
        Failure::Timeout | Failure::Transport(_) | Failure::Malformed(_) => DeliveryAnswer::Failed,
    }
}

#[cfg(test)]
#[path = "outbox_tests.rs"]
mod tests;
