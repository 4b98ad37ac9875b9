use std::collections::VecDeque;

use headstart_types::{BlockHash, BlsPublicKey, Root, SignedValidatorRegistration, Slot, UnixMillis, Wei};

/// Calls of one kind that are kept one by one; older ones are only counted.
const CALLS_KEPT: usize = 2048;

/// What a relay has seen so far. A call is recorded when it arrives, its status when it is answered.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub status_calls: u64,
    /// Reads of the data API.
    pub data_reads: u64,
    /// Calls to paths that no relay has.
    pub unknown_calls: u64,
    /// Bytes that endless answers have sent until their peers hung up.
    pub endless_bytes: u64,
    /// Registrations received, in all batches together.
    pub registrations_received: u64,
    pub headers: Calls<HeaderCall>,
    pub registrations: Calls<RegistrationCall>,
    pub submits: Calls<SubmitCall>,
    /// Wishes for a header stream.
    pub streams: Calls<StreamCall>,
    /// Wishes for the stream of top bids.
    pub top_bid_calls: u64,
}

/// Calls of one kind: how many there were, and the newest two thousand, oldest first.
#[derive(Clone, Debug)]
pub struct Calls<T> {
    total: u64,
    kept: VecDeque<T>,
}

/// One getHeader call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderCall {
    pub asked_at: UnixMillis,
    pub slot: Slot,
    pub parent_hash: BlockHash,
    pub proposer: BlsPublicKey,
    pub accept: Option<String>,
    pub user_agent: Option<String>,
    /// `X-Timeout-Ms` as sent.
    pub timeout_ms: Option<u64>,
    /// `Date-Milliseconds` as sent.
    pub date_ms: Option<i64>,
    /// Of the answer that the relay meant to give; zero while there is none.
    pub status: u16,
    /// The bid given.
    pub bid: Option<(BlockHash, Wei)>,
}

/// One wish for a header stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamCall {
    pub asked_at: UnixMillis,
    pub slot: Slot,
    pub parent_hash: BlockHash,
    pub proposer: BlsPublicKey,
    /// `X-Timeout-Ms` as sent.
    pub timeout_ms: Option<u64>,
    /// `Date-Milliseconds` as sent.
    pub date_ms: Option<i64>,
    /// 101 when it was granted.
    pub status: u16,
    /// Sent so far.
    pub frames: u64,
    /// Whether the connection has ended.
    pub is_over: bool,
}

/// One batch of registrations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrationCall {
    pub asked_at: UnixMillis,
    pub ssz: bool,
    pub status: u16,
    /// Kept for the first hundred of a batch.
    pub first: Vec<SignedValidatorRegistration>,
    pub count: usize,
}

/// One signed block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubmitCall {
    pub asked_at: UnixMillis,
    pub v2: bool,
    pub ssz: bool,
    /// Of the answer that the relay meant to give; zero while there is none.
    pub status: u16,
    /// Slot, root and execution block hash of the block, once it has been read.
    pub block: Option<(Slot, Root, BlockHash)>,
    /// Why it was refused.
    pub refused: Option<String>,
}

impl<T> Default for Calls<T> {
    fn default() -> Self {
        Self { total: 0, kept: VecDeque::new() }
    }
}

impl<T> Calls<T> {
    /// How many there were.
    pub fn total(&self) -> u64 {
        self.total
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.kept.iter()
    }

    pub fn last(&self) -> Option<&T> {
        self.kept.back()
    }

    /// Records a call and gives the number by which [`Self::get_mut`] finds it again.
    pub(super) fn push(&mut self, call: T) -> u64 {
        if self.kept.len() == CALLS_KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(call);
        self.total += 1;
        self.total - 1
    }

    /// The call of that number, unless newer ones have displaced it.
    pub(super) fn get_mut(&mut self, number: u64) -> Option<&mut T> {
        let first = self.total - self.kept.len() as u64;
        self.kept.get_mut(usize::try_from(number.checked_sub(first)?).ok()?)
    }
}

impl Seen {
    /// Header calls for `slot`, oldest first.
    pub fn headers_of(&self, slot: Slot) -> impl Iterator<Item = &HeaderCall> {
        self.headers.iter().filter(move |call| call.slot == slot)
    }
}
