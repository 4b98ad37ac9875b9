//! Keeps the proposer schedule of this epoch and the next.

use std::error::Error;
use std::time::Duration;

use headstart_auction::Duty;
use headstart_beacon::{BeaconNode, ProposerDuty};
use headstart_types::{Epoch, UnixMillis};
use tokio::time::{self, Instant};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::Fetcher;

const DUTIES_TIMEOUT: Duration = Duration::from_secs(5);
/// A beacon node that did not answer is asked again after so long.
const RETRY_AFTER: Duration = Duration::from_millis(500);

pub(crate) async fn follow(fetcher: Fetcher, node: BeaconNode, shutdown: CancellationToken) {
    let following = async {
        loop {
            let stale = fetcher.shared.duties_stale.notified();
            let complete = fetcher.refresh_duties(&node).await;
            let wait = if complete { fetcher.until_next_epoch() } else { RETRY_AFTER };
            let _ = time::timeout(wait, stale).await;
        }
    };
    shutdown.run_until_cancelled(following).await;
}

impl Fetcher {
    /// Fetches what is stale of this epoch and the next; whether all is known now.
    async fn refresh_duties(&self, node: &BeaconNode) -> bool {
        let current = self.network().epoch(self.network().slot_at(self.now()));
        let mut complete = true;
        for epoch in [current, Epoch(current.0 + 1)] {
            let (roots, stale) = {
                let schedule = self.schedule();
                (schedule.dependent_roots, schedule.duties.is_stale(epoch, schedule.dependent_roots))
            };
            if !stale {
                continue;
            }
            match node.proposer_duties(epoch, Instant::now() + DUTIES_TIMEOUT).await {
                Ok(told) => {
                    let duties = told.duties.iter().map(duty);
                    let changed = self.schedule().duties.set(epoch, roots, duties);
                    if changed {
                        self.announce_duties(epoch, &told.duties);
                        self.look_again();
                    }
                }
                Err(error) => {
                    complete = false;
                    let cause = error.source().map(ToString::to_string);
                    warn!(beacon_node = %node, %epoch, cause, "failed to {error}");
                }
            }
        }
        complete
    }

    fn announce_duties(&self, epoch: Epoch, duties: &[ProposerDuty]) {
        let directory = &self.shared.config.directory;
        let ours = duties.iter().filter(|duty| directory.cluster_of(&duty.pubkey).is_some()).count();
        info!(%epoch, duties = duties.len(), ours, "proposer duties known");
    }

    fn until_next_epoch(&self) -> Duration {
        let network = self.network();
        let now: UnixMillis = self.now();
        let next = Epoch(network.epoch(network.slot_at(now)).0 + 1);
        now.until(network.slot_start(network.first_slot(next)))
    }
}

fn duty(duty: &ProposerDuty) -> Duty {
    Duty { slot: duty.slot, proposer: duty.pubkey, validator_index: duty.validator_index }
}
