use std::sync::Arc;

use headstart_auction::Unverified;
use headstart_types::{
    Network, PublicKey, RegistrationRejected, SignedValidatorRegistration, UnixMillis, verify_batch,
};
use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};
use tokio::sync::oneshot;
use tokio::task;

use crate::background::{self, Background};
use crate::turns::{Turn, Turns};

/// Registrations verified in one piece of work: enough for a batch to pay, few enough for two bodies to take turns.
const BATCH: usize = 64;

/// Where signatures are checked. Bids have a thread for each core, and take turns; registrations have threads that run
/// only when no core is wanted for anything else, and fewer of them than there are cores.
#[derive(Clone, Debug)]
pub struct Verifier {
    turns: Turns,
    bids: Arc<ThreadPool>,
    background: Background,
}

impl Verifier {
    /// Pools for a machine with so many cores; an error when the system gives no threads.
    pub fn new(cores: usize) -> Result<Self, ThreadPoolBuildError> {
        let cores = cores.max(1);
        let bids = ThreadPoolBuilder::new().num_threads(cores).thread_name(|_| "bids".to_owned());
        // A panic has been reported when it comes here, and whoever waits for the check learns of it.
        let bids = Arc::new(bids.panic_handler(drop).build()?);
        let background = Background::new((cores / 2).max(1));
        Ok(Self { turns: Turns::new(cores), bids, background })
    }

    /// Waits until this bid is the next to be verified; `None` when a newer one of the same relay takes its place.
    pub(crate) async fn turn(&self, bid: Unverified) -> Option<Turn> {
        self.turns.next(bid).await
    }

    /// Runs the check of a bid whose turn it is, on two cores where another is idle, and gives the turn back: what is
    /// stored before it is dropped is known to the relay's next bid. `None` when the check panicked.
    pub(crate) async fn bid<T: Send + 'static>(
        &self,
        turn: Turn,
        check: impl FnOnce() -> T + Send + 'static,
    ) -> Option<(T, Turn)> {
        let (tell, told) = oneshot::channel();
        self.bids.spawn(move || {
            let checked = check();
            turn.verified();
            // Nobody may wait for it any more.
            let _ = tell.send((checked, turn));
        });
        told.await.ok()
    }

    /// Runs one check that a header or a signed block waits for, whatever else is being verified.
    pub async fn at_once<T: Send + 'static>(&self, check: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        task::spawn_blocking(check).await.ok()
    }

    /// Verifies registrations in randomised batches; gives each one's own verdict, in order.
    pub async fn registrations(
        &self,
        network: &Arc<Network>,
        now: UnixMillis,
        registrations: Vec<SignedValidatorRegistration>,
    ) -> Vec<Result<(), RegistrationRejected>> {
        let unknown: Vec<_> = registrations.into_iter().map(|registration| (registration, None)).collect();
        let keys = self.registration_keys(network, now, &unknown).await;
        keys.into_iter().map(|verdict| verdict.map(drop)).collect()
    }

    /// The same, with the key of each validator whose registration is believed. A key that is known already spares
    /// taking it from its bytes, a tenth of the whole check.
    pub(crate) async fn registration_keys(
        &self,
        network: &Arc<Network>,
        now: UnixMillis,
        registrations: &[(SignedValidatorRegistration, Option<PublicKey>)],
    ) -> Vec<Result<PublicKey, RegistrationRejected>> {
        let mut verdicts = Vec::with_capacity(registrations.len());
        for batch in registrations.chunks(BATCH) {
            let (network, batch) = (Arc::clone(network), batch.to_vec());
            let size = batch.len();
            let checked = self.in_background(move || check_batch(&network, now, &batch)).await;
            verdicts.extend(checked.unwrap_or_else(|| vec![Err(RegistrationRejected::Signature); size]));
        }
        verdicts
    }

    /// Runs one piece of work that can wait, such as reading a body of many thousands; `None` when it panicked. It must
    /// be such that doing it twice does no harm.
    pub async fn in_background<T: Send + 'static>(
        &self,
        work: impl Fn() -> T + Send + Sync + 'static,
    ) -> Option<T> {
        self.background.run(work).await
    }
}

/// One randomised check for the batch; only when it fails is each signature looked at by itself.
fn check_batch(
    network: &Network,
    now: UnixMillis,
    batch: &[(SignedValidatorRegistration, Option<PublicKey>)],
) -> Vec<Result<PublicKey, RegistrationRejected>> {
    let keys: Vec<_> =
        batch.iter().map(|(registration, known)| checked_key(registration, known.as_ref(), now)).collect();
    let believable = batch.iter().zip(&keys).filter_map(|((registration, _), key)| {
        key.as_ref().ok().map(|key| (registration.signing_root(network), key, &registration.signature))
    });
    let items: Vec<_> = believable.collect();
    if verify_batch(&items, &mut rand::rng(), background::give_way) {
        return keys;
    }
    let verify = |(registration, key): (&SignedValidatorRegistration, Result<PublicKey, _>)| {
        let key = key?;
        let good = key.verify(registration.signing_root(network), &registration.signature);
        background::give_way();
        if good { Ok(key) } else { Err(RegistrationRejected::Signature) }
    };
    batch.iter().map(|(registration, _)| registration).zip(keys).map(verify).collect()
}

/// What costs little comes first, so that one bad entry does not cost the others of its batch a check each.
fn checked_key(
    registration: &SignedValidatorRegistration,
    known: Option<&PublicKey>,
    now: UnixMillis,
) -> Result<PublicKey, RegistrationRejected> {
    registration.check_timestamp(now)?;
    known.map_or_else(
        || {
            background::give_way();
            registration.public_key()
        },
        |key| Ok(key.clone()),
    )
}

#[cfg(test)]
mod tests {
    use headstart_auction::BidSource;
    use headstart_types::{AuctionKey, BlockHash, BlsPublicKey, RelayId, Slot, Wei};

    use super::*;

    #[tokio::test]
    async fn a_check_that_panics_costs_its_own_bid_alone() {
        let (parent_hash, proposer) = (BlockHash([1; 32].into()), BlsPublicKey::default());
        let lane = (AuctionKey { slot: Slot(7), parent_hash, proposer }, RelayId(1));
        let (source, asked_at) = (BidSource::Answer, UnixMillis(0));
        let bid = Unverified { lane, source, asked_at, value: Wei::ZERO, may_win: true };
        let verifier = Verifier::new(1).unwrap();
        let turn = verifier.turn(bid).await.unwrap();
        let faulty = || -> u64 { panic!("a fault in the check") };
        assert!(verifier.bid(turn, faulty).await.is_none());
        let turn = verifier.turn(bid).await.unwrap();
        let checked = verifier.bid(turn, || 7).await;
        assert_eq!(checked.map(|(verdict, _turn)| verdict), Some(7));
    }
}
