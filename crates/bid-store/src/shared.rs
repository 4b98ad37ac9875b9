//! What processes share, on either backend. `None` and `false` mean that nobody could be asked in time: whoever calls
//! goes on by itself.

use std::time::Duration;

use bytes::Bytes;
use headstart_auction::{LEASE_MS, LeaseAnswer, Origin};
use headstart_types::{AuctionKey, BlockHash, BlsPublicKey, RelayId, Root, Slot};

use crate::condition::Condition;
use crate::feed::Feed;
use crate::hints::{HintId, Life, TakenHint};
use crate::memory::Memory;
use crate::redis::Redis;
use crate::{LeaseName, Notice, SharedBid, SharedHint, SubmissionKey};

const LEASE: Duration = Duration::from_millis(LEASE_MS.unsigned_abs());

/// Where it is shared.
#[derive(Debug)]
pub(crate) enum Shared {
    Memory(Memory),
    Redis(Box<Redis>),
}

impl Shared {
    pub(crate) fn condition(&self) -> Condition {
        match self {
            Self::Memory(_) => Condition::Well,
            Self::Redis(redis) => redis.condition(),
        }
    }

    pub(crate) fn refused(&self) -> u64 {
        match self {
            Self::Memory(_) => 0,
            Self::Redis(redis) => redis.refused(),
        }
    }

    /// `Some(false)` when a newer bid of the relay is there already.
    pub(crate) async fn share_bid(&self, fence: u64, bid: SharedBid) -> Option<bool> {
        match self {
            Self::Memory(memory) => Some(memory.share_bid(fence, bid)),
            Self::Redis(redis) => redis.share_bid(fence, &bid).await,
        }
    }

    pub(crate) async fn bids(&self, key: &AuctionKey) -> Option<Vec<SharedBid>> {
        match self {
            Self::Memory(memory) => Some(memory.bids(key)),
            Self::Redis(redis) => redis.bids(key).await,
        }
    }

    pub(crate) async fn offered(&self, key: &AuctionKey, block_hash: BlockHash, relay: RelayId) -> bool {
        match self {
            Self::Memory(memory) => {
                memory.offered(key, block_hash, relay);
                true
            }
            Self::Redis(redis) => redis.offered(key, block_hash, relay).await,
        }
    }

    pub(crate) async fn origin(&self, slot: Slot, block_hash: BlockHash) -> Option<Origin> {
        match self {
            Self::Memory(memory) => memory.origin(block_hash),
            Self::Redis(redis) => redis.origin(slot, block_hash).await,
        }
    }

    pub(crate) async fn claim(&self, slot: Slot, proposer: &BlsPublicKey, root: Root) -> Option<Root> {
        match self {
            Self::Memory(memory) => Some(memory.claim(slot, proposer, root)),
            Self::Redis(redis) => redis.claim(slot, proposer, root).await,
        }
    }

    pub(crate) async fn lease(&self, name: LeaseName) -> LeaseAnswer {
        match self {
            Self::Memory(memory) => memory.lease(name, LEASE),
            Self::Redis(redis) => redis.lease(&name, LEASE).await,
        }
    }

    pub(crate) async fn release(&self, name: &LeaseName) {
        match self {
            Self::Memory(memory) => memory.release(name),
            Self::Redis(redis) => redis.release(name).await,
        }
    }

    pub(crate) async fn put_answer(&self, submission: SubmissionKey, answer: Bytes) {
        match self {
            Self::Memory(memory) => memory.put_answer(submission, answer),
            Self::Redis(redis) => redis.put_answer(&submission, &answer).await,
        }
    }

    pub(crate) async fn answer(&self, submission: &SubmissionKey) -> Option<Bytes> {
        match self {
            Self::Memory(memory) => memory.answer(submission),
            Self::Redis(redis) => redis.answer(submission).await,
        }
    }

    pub(crate) async fn put_hint(&self, hint: SharedHint) -> bool {
        match self {
            Self::Memory(memory) => {
                memory.put_hint(hint);
                true
            }
            Self::Redis(redis) => redis.put_hint(&hint).await,
        }
    }

    /// Memory is lost with the process alone.
    pub(crate) async fn life(&self) -> Option<Life> {
        match self {
            Self::Memory(_) => Some(Life(Vec::new())),
            Self::Redis(redis) => redis.life().await,
        }
    }

    pub(crate) async fn take_hints(&self) -> Vec<TakenHint> {
        match self {
            Self::Memory(memory) => memory.take_hints(),
            Self::Redis(redis) => redis.take_hints().await,
        }
    }

    pub(crate) async fn reclaim_hints(&self, silent_for: Duration) -> Vec<TakenHint> {
        match self {
            Self::Memory(memory) => memory.reclaim_hints(silent_for),
            Self::Redis(redis) => redis.reclaim_hints(silent_for).await,
        }
    }

    pub(crate) async fn keep_hints(&self, ids: &[HintId]) {
        match self {
            Self::Memory(memory) => memory.keep_hints(ids),
            Self::Redis(redis) => redis.keep_hints(ids).await,
        }
    }

    pub(crate) async fn done_with_hints(&self, ids: &[HintId]) {
        match self {
            Self::Memory(memory) => memory.done_with_hints(ids),
            Self::Redis(redis) => redis.done_with_hints(ids).await,
        }
    }

    pub(crate) async fn tell(&self, notice: Notice) -> bool {
        match self {
            Self::Memory(memory) => {
                memory.tell(notice);
                true
            }
            Self::Redis(redis) => redis.tell(&notice).await,
        }
    }

    pub(crate) fn feed(&self) -> Feed {
        match self {
            Self::Memory(memory) => memory.feed(),
            Self::Redis(redis) => redis.feed(),
        }
    }

    /// What expires by itself is left to expire.
    pub(crate) async fn forget(&self, slot: Slot) -> bool {
        match self {
            Self::Memory(memory) => {
                memory.forget_before(slot.next());
                true
            }
            Self::Redis(redis) => redis.forget(slot).await,
        }
    }

    pub(crate) async fn sweep(&self, before: Slot) -> bool {
        match self {
            Self::Memory(memory) => {
                memory.forget_before(before);
                true
            }
            Self::Redis(redis) => redis.sweep(before).await,
        }
    }
}
