//! Follows one beacon node: its heads and what it announces of the payloads to come.

use std::time::Duration;

use futures_util::future::{Fuse, FutureExt};
use headstart_auction::{Head, ParentFacts};
use headstart_beacon::{BeaconNode, Event, HeadEvent, PayloadAttributes};
use headstart_types::{BlockHash, Slot, TreeHash, Withdrawals};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::Fetcher;

/// Events waiting to be taken in; over it the stream of the beacon node waits.
const EVENTS_MAX: usize = 64;
const BLOCK_TIMEOUT: Duration = Duration::from_secs(2);

pub(crate) async fn follow(fetcher: Fetcher, node: BeaconNode, shutdown: CancellationToken) {
    let (events, mut waiting) = mpsc::channel(EVENTS_MAX);
    let watching = node.watch(events, shutdown);
    let taking = async {
        // Only the newest head counts: its block is fetched beside the events, and a newer head drops the older fetch.
        let mut fetching = std::pin::pin!(Fuse::terminated());
        loop {
            tokio::select! {
                event = waiting.recv() => match event {
                    None => break,
                    Some(Event::Head(head)) => {
                        fetcher.note_dependent_roots(&head);
                        fetching.set(fetch_head(&node, head).fuse());
                    }
                    Some(Event::PayloadAttributes(attributes)) => fetcher.take_attributes(&attributes),
                    Some(Event::ChainReorg(reorg)) => debug!(?reorg, "chain re-organised"),
                },
                Some(head) = &mut fetching => fetcher.take_head(head),
            }
        }
    };
    tokio::join!(watching, taking);
}

/// The head event names the beacon block; relays want the hash of the execution block in it.
async fn fetch_head(node: &BeaconNode, head: HeadEvent) -> Option<Head> {
    match node.block_execution_hash(head.block, BLOCK_TIMEOUT).await {
        Ok(block) => Some(Head { slot: head.slot, block_hash: block.block_hash }),
        Err(error) => {
            warn!(slot = %head.slot, block = %head.block, "failed to fetch the head's block: {error}");
            None
        }
    }
}

impl Fetcher {
    fn note_dependent_roots(&self, head: &HeadEvent) {
        let roots = [head.previous_duty_dependent_root, head.current_duty_dependent_root];
        let changed = std::mem::replace(&mut self.schedule().dependent_roots, roots) != roots;
        if changed {
            self.shared.duties_stale.notify_waiters();
        }
    }

    fn take_head(&self, head: Head) {
        let changed = self.schedule().heads.set_head(head);
        if changed {
            self.shared.changed.notify_one();
        }
    }

    fn take_attributes(&self, attributes: &PayloadAttributes) {
        let slot: Slot = attributes.proposal_slot;
        let parent: BlockHash = attributes.parent_block_hash;
        let withdrawals: &Withdrawals = &attributes.withdrawals;
        let facts = ParentFacts {
            prev_randao: attributes.prev_randao,
            parent_block_number: attributes.parent_block_number,
            withdrawals_root: withdrawals.tree_hash_root(),
        };
        let changed = self.schedule().heads.announce(slot, parent, facts);
        if changed {
            self.shared.changed.notify_one();
        }
    }
}
