//! Sends registrations on to a cluster's relays, in the background.

use std::time::Duration;

use headstart_registry::Cluster;
use headstart_relay::{Failure, Relay};
use headstart_types::{RelayId, SignedValidatorRegistration};
use tokio::time::{self, Instant};
use tracing::{info, warn};

use crate::Fetcher;

/// Registrations in one upstream call.
const BATCH: usize = 500;
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// Waits between the attempts of one batch; after the last it is left to the beacon node's next epoch.
const BACKOFF: [Duration; 4] =
    [Duration::from_millis(250), Duration::from_secs(1), Duration::from_secs(4), Duration::from_secs(15)];

impl Fetcher {
    /// Sends verified registrations of one cluster to each of its relays, as far as they do not have them. Returns at
    /// once; clusters are never mixed in one call.
    pub fn forward(&self, cluster: &Cluster, registrations: &[SignedValidatorRegistration]) {
        for id in cluster.policy.relays() {
            let due = self.shared.ledger.begin(*id, registrations);
            if !due.is_empty() {
                self.shared.tasks.spawn(forward_to(self.clone(), cluster.name.clone(), *id, due));
            }
        }
    }
}

async fn forward_to(fetcher: Fetcher, cluster: String, id: RelayId, due: Vec<SignedValidatorRegistration>) {
    let Some(relay) = fetcher.relay(id) else { return };
    let mut batches: Vec<_> = due.chunks(BATCH).map(<[_]>::to_vec).collect();
    let mut accepted = 0;
    while let Some(batch) = batches.pop() {
        match fetcher.send(relay, &batch).await {
            Ok(()) => {
                accepted += batch.len();
                fetcher.shared.ledger.accepted(id, &batch);
            }
            // One registration that the relay dislikes spoils the whole call: halve until it stands alone.
            Err(Failure::Refused(refusal)) if refusal.status == 400 && batch.len() > 1 => {
                let (left, right) = batch.split_at(batch.len() / 2);
                batches.extend([left.to_vec(), right.to_vec()]);
            }
            Err(failure) => {
                fetcher.shared.ledger.failed(id, &batch);
                let (relay, size) = (relay.name(), batch.len());
                warn!(cluster, relay, registrations = size, "failed to send registrations on: {failure}");
            }
        }
    }
    info!(cluster, relay = relay.name(), accepted, of = due.len(), "registrations sent on");
}

impl Fetcher {
    /// One call, repeated while the relay is out of reach or overloaded and we are not shutting down.
    async fn send(&self, relay: &Relay, batch: &[SignedValidatorRegistration]) -> Result<(), Failure> {
        let mut backoff = BACKOFF.iter();
        loop {
            let failure = match relay.register(batch, Instant::now() + CALL_TIMEOUT).await {
                Ok(()) => return Ok(()),
                Err(failure) => failure,
            };
            let for_good =
                matches!(&failure, Failure::Refused(refusal) if (400..429).contains(&refusal.status));
            let Some(wait) = backoff.next().filter(|_| !for_good) else { return Err(failure) };
            if self.shared.closing.run_until_cancelled(time::sleep(*wait)).await.is_none() {
                return Err(failure);
            }
        }
    }
}
