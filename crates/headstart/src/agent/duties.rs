//! Who proposes in this epoch and the next.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use headstart_auction::{DependentRoots, Duty};
use headstart_beacon::{BeaconNode, ProposerDuty};
use headstart_types::{Clock, Epoch, Network};
use tokio::sync::{mpsc, watch};
use tokio::time::{self, Instant};
use tracing::{debug, warn};

use super::News;

const DUTIES_TIMEOUT: Duration = Duration::from_secs(5);
/// A beacon node that does not answer is asked again after so long, then ever less often.
const RETRY_AFTER: Duration = Duration::from_millis(500);
const RETRY_AFTER_MAX: Duration = Duration::from_secs(4);

/// Asks for duties as epochs begin and whenever the head's dependent roots change, for ever.
pub(super) async fn follow(
    node: &BeaconNode,
    network: &Network,
    clock: Clock,
    news: &mpsc::Sender<News>,
    mut roots: watch::Receiver<DependentRoots>,
) {
    let mut known = BTreeMap::new();
    let mut failures = 0;
    loop {
        let under = *roots.borrow_and_update();
        let current = network.epoch(network.slot_at(clock.now()));
        let wait = match refresh(node, current, under, &mut known, news).await {
            Ok(()) => {
                failures = 0;
                let next = network.slot_start(network.first_slot(Epoch(current.0 + 1)));
                clock.now().until(next)
            }
            Err(error) => {
                report(node, failures, &error);
                failures += 1;
                RETRY_AFTER.saturating_mul(1 << failures.min(8)).min(RETRY_AFTER_MAX)
            }
        };
        let _ = time::timeout(wait, roots.changed()).await;
    }
}

/// Fetches what is stale of this epoch and the next; `known` are the roots under which each was fetched.
async fn refresh(
    node: &BeaconNode,
    current: Epoch,
    under: DependentRoots,
    known: &mut BTreeMap<Epoch, DependentRoots>,
    news: &mpsc::Sender<News>,
) -> Result<(), headstart_beacon::Error> {
    known.retain(|epoch, _| *epoch >= current);
    for epoch in [current, Epoch(current.0 + 1)] {
        if known.get(&epoch) == Some(&under) {
            continue;
        }
        let told = node.proposer_duties(epoch, Instant::now() + DUTIES_TIMEOUT).await?;
        known.insert(epoch, under);
        let (dependent_root, duties) = (told.dependent_root, told.duties.iter().map(duty).collect());
        // Whoever takes in news outlives this.
        let _ = news.send(News::Duties { epoch, under, dependent_root, duties }).await;
    }
    Ok(())
}

fn duty(duty: &ProposerDuty) -> Duty {
    Duty { slot: duty.slot, proposer: duty.pubkey, validator_index: duty.validator_index }
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
