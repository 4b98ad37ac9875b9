//! Follows one beacon node: its heads and what it announces of the payloads to come.

use std::error::Error;
use std::time::Duration;

use futures_util::future::{Fuse, FutureExt};
use headstart_auction::{Head, ParentFacts};
use headstart_beacon::{BeaconNode, Event, ExecutionBlock, PayloadAttributes};
use headstart_types::{AuctionKey, Root, TreeHash};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::Fetcher;

/// Events waiting to be taken in; over it the stream of the beacon node waits.
const EVENTS_MAX: usize = 64;
const BLOCK_TIMEOUT: Duration = Duration::from_secs(2);
/// A stream without a byte for so many slots is opened again.
const SILENT_SLOTS: u32 = 3;

pub(crate) async fn follow(fetcher: Fetcher, node: BeaconNode, shutdown: CancellationToken) {
    let (events, waiting) = mpsc::channel(EVENTS_MAX);
    let silence = Duration::from_millis(fetcher.network().slot_duration_ms) * SILENT_SLOTS;
    let following = async { tokio::join!(node.watch(silence, events), take_in(&fetcher, &node, waiting)) };
    shutdown.run_until_cancelled(following).await;
}

async fn take_in(fetcher: &Fetcher, node: &BeaconNode, mut events: mpsc::Receiver<Event>) {
    // Only the newest head counts: its block is fetched beside the events, and a newer head drops the older fetch.
    let mut fetching = std::pin::pin!(Fuse::terminated());
    loop {
        tokio::select! {
            event = events.recv() => match event {
                None => break,
                // What happened while nobody listened is not told again.
                Some(Event::Connected) => fetching.set(fetch(node, None).fuse()),
                Some(Event::Head(head)) => {
                    fetcher.note_dependent_roots([head.previous_duty_dependent_root, head.current_duty_dependent_root]);
                    fetching.set(fetch(node, Some(head.block)).fuse());
                }
                Some(Event::PayloadAttributes(attributes)) => fetcher.take_attributes(&attributes),
                Some(Event::ChainReorg(reorg)) => debug!(?reorg, "chain re-organised: the new head follows"),
                Some(Event::Disconnected) => {}
            },
            Some(block) = &mut fetching => fetcher.take_head(&block),
        }
    }
}

/// The head event names the beacon block; relays want the hash of the execution block in it.
async fn fetch(node: &BeaconNode, root: Option<Root>) -> Option<ExecutionBlock> {
    let deadline = Instant::now() + BLOCK_TIMEOUT;
    let block = match root {
        Some(root) => node.execution_block(root, deadline).await,
        None => node.head_block(deadline).await,
    };
    block.unwrap_or_else(|error| {
        let cause = error.source().map(ToString::to_string);
        warn!(beacon_node = %node, cause, "failed to {error}");
        None
    })
}

impl Fetcher {
    fn note_dependent_roots(&self, roots: [Root; 2]) {
        let changed = std::mem::replace(&mut self.schedule().dependent_roots, roots) != roots;
        if changed {
            self.shared.duties_stale.notify_waiters();
        }
    }

    fn take_head(&self, block: &ExecutionBlock) {
        let head = Head { slot: block.slot, block_hash: block.block_hash };
        let changed = self.schedule().heads.set_head(head);
        if changed {
            self.look_again();
        }
    }

    fn take_attributes(&self, attributes: &PayloadAttributes) {
        let facts = ParentFacts {
            prev_randao: attributes.prev_randao,
            parent_block_number: Some(attributes.parent_block_number),
            withdrawals_root: attributes.withdrawals.tree_hash_root(),
        };
        let (slot, parent) = (attributes.proposal_slot, attributes.parent_block_hash);
        let changed = self.schedule().heads.announce(slot, parent, facts);
        if changed {
            if let Some(duty) = self.duty_of(slot) {
                self.withdraw_bids(
                    &AuctionKey { slot, parent_hash: parent, proposer: duty.proposer },
                    &facts,
                );
            }
            self.look_again();
        }
    }

    /// Bids that came before the facts were told are held against them; how many do not stand.
    pub(crate) fn withdraw_bids(&self, key: &AuctionKey, facts: &ParentFacts) -> usize {
        let withdrawn = self.shared.config.store.withdraw(key, |bid| bid.stands(facts).is_ok());
        if withdrawn > 0 {
            warn!(slot = %key.slot, withdrawn, "bids withdrawn: they are not what the beacon node announced");
        }
        withdrawn
    }
}
