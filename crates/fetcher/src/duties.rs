//! Keeps the proposer schedule of this epoch and the next.

use std::error::Error;
use std::time::Duration;

use headstart_auction::{Duty, NodeIndex};
use headstart_beacon::{BeaconNode, ProposerDuty};
use headstart_types::{Epoch, UnixMillis};
use tokio::time::{self, Instant};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::Fetcher;
use crate::heads::Followed;

const DUTIES_TIMEOUT: Duration = Duration::from_secs(5);
/// A beacon node that does not answer is asked again after so long, then ever less often.
const RETRY_AFTER: Duration = Duration::from_millis(500);
const RETRY_AFTER_MAX: Duration = Duration::from_secs(4);

pub(crate) async fn follow(followed: Followed, shutdown: CancellationToken) {
    let Followed { fetcher, node, .. } = &followed;
    let following = async {
        let mut failures = 0;
        loop {
            let stale = fetcher.shared.duties_stale.notified();
            // Whoever is behind or unchecked may tell another schedule: it comes after the others, and tells what they do not.
            let is_sound = fetcher.is_among_the_soundest(followed.index);
            if !is_sound {
                time::sleep(fetcher.slot_duration()).await;
            }
            let wait = match fetcher.refresh_duties(node, is_sound).await {
                Ok(()) => {
                    failures = 0;
                    if is_sound { fetcher.until_next_epoch() } else { Duration::ZERO }
                }
                Err(error) => {
                    report(node, failures, &error);
                    let wait = RETRY_AFTER.saturating_mul(1 << failures.min(8)).min(RETRY_AFTER_MAX);
                    failures += 1;
                    wait
                }
            };
            let _ = time::timeout(wait, stale).await;
        }
    };
    shutdown.run_until_cancelled(following).await;
}

/// The first failure is a warning; a node that stays away is not told of every few seconds.
fn report(node: &BeaconNode, failures: u32, error: &headstart_beacon::Error) {
    let cause = error.source().map(ToString::to_string);
    if failures == 0 {
        warn!(beacon_node = %node, cause, "failed to {error}; trying again");
    } else {
        debug!(beacon_node = %node, cause, failures, "still failing to {error}");
    }
}

impl Fetcher {
    /// Fetches what is stale of this epoch and the next; from a node that others are believed more than only what is unknown.
    async fn refresh_duties(&self, node: &BeaconNode, is_sound: bool) -> Result<(), headstart_beacon::Error> {
        let current = self.network().epoch(self.network().slot_at(self.now()));
        // A node that cannot tell the one may well tell the other.
        let this = self.refresh_epoch(node, current, is_sound).await;
        let next = self.refresh_epoch(node, Epoch(current.0 + 1), is_sound).await;
        this.and(next)
    }

    async fn refresh_epoch(
        &self,
        node: &BeaconNode,
        epoch: Epoch,
        is_sound: bool,
    ) -> Result<(), headstart_beacon::Error> {
        let (roots, stale) = {
            let schedule = self.schedule();
            let (roots, duties) = (schedule.dependent_roots, &schedule.duties);
            (roots, if is_sound { duties.is_stale(epoch, roots) } else { !duties.knows(epoch) })
        };
        if !stale {
            return Ok(());
        }
        let told = node.proposer_duties(epoch, Instant::now() + DUTIES_TIMEOUT).await?;
        let changed = self.schedule().duties.set(epoch, roots, told.duties.iter().map(duty));
        if changed {
            self.announce_duties(epoch, &told.duties);
            self.hurry(&self.proposing_soon());
            self.look_again();
        }
        Ok(())
    }

    fn is_among_the_soundest(&self, node: NodeIndex) -> bool {
        let now = self.now();
        self.schedule().heads.is_among_the_soundest(now, self.network(), node)
    }

    fn announce_duties(&self, epoch: Epoch, duties: &[ProposerDuty]) {
        let directory = self.shared.config.directory.load();
        let ours = duties.iter().filter(|duty| !directory.claims(&duty.pubkey).is_empty()).count();
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
