//! What the beacon node tells of the chain's tip.

use std::error::Error;
use std::time::Duration;

use futures_util::future::{Fuse, FutureExt};
use headstart_auction::DependentRoots;
use headstart_beacon::{BeaconNode, Event, ExecutionBlock};
use headstart_types::{Network, Root};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tracing::warn;

use super::{NEWS_MAX, News};

const BLOCK_TIMEOUT: Duration = Duration::from_secs(2);
/// A stream without a byte for so many slots is opened again.
const SILENT_SLOTS: u32 = 3;

/// Follows the node's events for ever. `roots` are the newest head's dependent roots.
pub(super) async fn follow(
    node: &BeaconNode,
    network: &Network,
    news: &mpsc::Sender<News>,
    roots: watch::Sender<DependentRoots>,
) {
    let (events, waiting) = mpsc::channel(NEWS_MAX);
    let silence = Duration::from_millis(network.slot_duration_ms) * SILENT_SLOTS;
    tokio::join!(node.watch(silence, events), take_in(node, waiting, news, roots));
}

async fn take_in(
    node: &BeaconNode,
    mut events: mpsc::Receiver<Event>,
    news: &mpsc::Sender<News>,
    roots: watch::Sender<DependentRoots>,
) {
    // Only the newest head counts: a newer one drops the fetch of the older one's block.
    let mut fetching = std::pin::pin!(Fuse::terminated());
    loop {
        let told = tokio::select! {
            event = events.recv() => match event {
                None => break,
                // What happened while nobody listened is not told again.
                Some(Event::Connected) => {
                    fetching.set(fetch(node, None).fuse());
                    None
                }
                Some(Event::Head(head)) => {
                    let now = [head.previous_duty_dependent_root, head.current_duty_dependent_root];
                    roots.send_if_modified(|known| std::mem::replace(known, now) != now);
                    fetching.set(fetch(node, Some(head.block)).fuse());
                    None
                }
                Some(Event::PayloadAttributes(attributes)) => {
                    Some(News::Announced { slot: attributes.proposal_slot, parent: attributes.parent_block_hash })
                }
                Some(Event::ChainReorg(_) | Event::Disconnected) => None,
            },
            Some(block) = &mut fetching => Some(News::Head { slot: block.slot, block_hash: block.block_hash }),
        };
        if let Some(told) = told {
            // Whoever takes in news outlives this.
            let _ = news.send(told).await;
        }
    }
}

/// The head event names the beacon block; hints name the execution block in it.
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
