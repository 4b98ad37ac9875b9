use std::sync::Arc;

use headstart_types::{Network, RegistrationRejected, SignedValidatorRegistration, UnixMillis, verify_batch};
use tokio::sync::Semaphore;
use tokio::task;

/// Registrations verified in one piece of work, so that a large body shares the cores with bids.
const BATCH: usize = 64;

/// Where signatures are checked: blocking threads, bounded by permits. Registrations have fewer permits than there are
/// cores, so they never hold all of them.
#[derive(Clone, Debug)]
pub struct Verifier {
    bids: Arc<Semaphore>,
    registrations: Arc<Semaphore>,
}

impl Verifier {
    /// A pool for a machine with so many cores.
    pub fn new(cores: usize) -> Self {
        let cores = cores.max(1);
        Self {
            bids: Arc::new(Semaphore::new(cores)),
            registrations: Arc::new(Semaphore::new((cores / 2).max(1))),
        }
    }

    /// Runs one check of a bid; `None` when it panicked.
    pub(crate) async fn bid<T: Send + 'static>(
        &self,
        check: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let _permit = self.bids.acquire().await.ok()?;
        task::spawn_blocking(check).await.ok()
    }

    /// Runs one check that a signed block waits for: at once, whatever else is being verified.
    pub async fn block<T: Send + 'static>(&self, check: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        task::spawn_blocking(check).await.ok()
    }

    /// Verifies registrations in randomised batches; gives each one's own verdict, in order.
    pub async fn registrations(
        &self,
        network: &Arc<Network>,
        now: UnixMillis,
        registrations: Vec<SignedValidatorRegistration>,
    ) -> Vec<Result<(), RegistrationRejected>> {
        let mut verdicts = Vec::with_capacity(registrations.len());
        for batch in registrations.chunks(BATCH) {
            let Ok(_permit) = self.registrations.acquire().await else { break };
            let (network, batch) = (Arc::clone(network), batch.to_vec());
            let size = batch.len();
            let checked = task::spawn_blocking(move || check_batch(&network, now, &batch)).await;
            verdicts.extend(checked.unwrap_or_else(|_| vec![Err(RegistrationRejected::Signature); size]));
        }
        verdicts
    }
}

/// One randomised check for the batch; only when it fails is each signature looked at by itself.
fn check_batch(
    network: &Network,
    now: UnixMillis,
    batch: &[SignedValidatorRegistration],
) -> Vec<Result<(), RegistrationRejected>> {
    let keys: Result<Vec<_>, _> = batch.iter().map(SignedValidatorRegistration::public_key).collect();
    let in_time = batch.iter().all(|registration| registration.check_timestamp(now).is_ok());
    if let (true, Ok(keys)) = (in_time, keys) {
        let items: Vec<_> = batch
            .iter()
            .zip(&keys)
            .map(|(registration, key)| (registration.signing_root(network), key, &registration.signature))
            .collect();
        if verify_batch(&items, &mut rand::rng()) {
            return vec![Ok(()); batch.len()];
        }
    }
    batch.iter().map(|registration| registration.verify(network, now)).collect()
}
