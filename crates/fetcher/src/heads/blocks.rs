use std::collections::VecDeque;
use std::error::Error;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use headstart_beacon::ExecutionBlock;
use headstart_types::{Root, UnixMillis};
use tokio::time::{self, Instant};
use tracing::{debug, warn};

use super::Followed;

const BLOCK_TIMEOUT: Duration = Duration::from_millis(1_500);
/// A node may tell of a block before it gives it out, or be too busy to: it is asked again for so long.
const ASKED_FOR: Duration = Duration::from_secs(2);
const ASKED_AGAIN_AFTER: Duration = Duration::from_millis(75);
/// Blocks of which one node need not ask what another was told, or it itself before a re-org.
const BLOCKS_KEPT: usize = 16;

/// The execution blocks in the newest beacon blocks, by their roots.
#[derive(Debug, Default)]
pub(crate) struct Blocks(Mutex<VecDeque<(Root, ExecutionBlock)>>);

/// What a node said with its new head, until the block is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct News {
    pub(super) root: Root,
    pub(super) changed_at: UnixMillis,
    pub(super) is_optimistic: bool,
    pub(super) dependent_roots: [Root; 2],
}

/// A head of which everything is known; without news the node was asked for it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fetched {
    pub(super) root: Root,
    pub(super) block: ExecutionBlock,
    pub(super) news: Option<News>,
}

impl Followed {
    /// The head event names the beacon block; relays want the hash of the execution block in it. Without an event it is the
    /// head of the moment.
    pub(super) async fn fetch(&self, news: Option<News>) -> Option<Fetched> {
        let until = Instant::now() + ASKED_FOR;
        let mut failures = 0;
        loop {
            let found = self.fetch_once(news).await;
            match found {
                Ok(Some(fetched)) => return Some(fetched),
                Ok(None) => debug!(beacon_node = %self.node, "the beacon node does not give its head yet"),
                Err(error) => self.report(failures, &error),
            }
            if Instant::now() + ASKED_AGAIN_AFTER >= until {
                warn!(beacon_node = %self.node, "a head is left out: the beacon node does not give its block");
                return None;
            }
            failures += 1;
            time::sleep(ASKED_AGAIN_AFTER).await;
        }
    }

    async fn fetch_once(&self, news: Option<News>) -> Result<Option<Fetched>, headstart_beacon::Error> {
        let deadline = Instant::now() + BLOCK_TIMEOUT;
        let root = match news {
            Some(news) => Some(news.root),
            None => self.node.head_root(deadline).await?,
        };
        let Some(root) = root else { return Ok(None) };
        let blocks = &self.fetcher.shared.blocks;
        let block = match blocks.get(root) {
            Some(known) => Some(known),
            None => {
                self.node.execution_block(root, deadline).await?.inspect(|block| blocks.keep(root, *block))
            }
        };
        Ok(block.map(|block| Fetched { root, block, news }))
    }

    /// The first failure is a warning; the others of the same head are not.
    fn report(&self, failures: u32, error: &headstart_beacon::Error) {
        let cause = error.source().map(ToString::to_string);
        if failures == 0 {
            warn!(beacon_node = %self.node, cause, "failed to {error}; trying again");
        } else {
            debug!(beacon_node = %self.node, cause, failures, "still failing to {error}");
        }
    }
}

impl Blocks {
    pub(super) fn get(&self, root: Root) -> Option<ExecutionBlock> {
        let blocks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        blocks.iter().find(|(known, _)| *known == root).map(|(_, block)| *block)
    }

    fn keep(&self, root: Root, block: ExecutionBlock) {
        let mut blocks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if blocks.len() == BLOCKS_KEPT {
            blocks.pop_front();
        }
        blocks.push_back((root, block));
    }
}
