use headstart_types::{BlockHash, BlsPublicKey, Encoding, Slot, UnixMillis, Wei};

use super::check::Wrong;

/// What one operator's beacon node met with in one slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    pub cluster: String,
    /// Which of the cluster's operators, counted from zero.
    pub operator: usize,
    pub slot: Slot,
    pub proposer: BlsPublicKey,
    pub parent_hash: BlockHash,
    pub asked_at: UnixMillis,
    /// Milliseconds into the slot; negative before it.
    pub asked_offset_ms: i64,
    pub header: HeaderReply,
    /// What became of the signed block; `None` when this operator signed none.
    pub reveal: Option<RevealReply>,
}

/// The answer to getHeader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderReply {
    /// Zero when there was no answer in time.
    pub status: u16,
    /// Until the last byte.
    pub answered_in_us: u64,
    pub encoding: Option<Encoding>,
    /// Value and block hash of the bid, if the answer was one that decodes.
    pub bid: Option<(Wei, BlockHash)>,
    /// Why the beacon node does not use the answer.
    pub wrong: Option<Wrong>,
}

/// The answer to a signed block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevealReply {
    /// Zero when there was no answer in time.
    pub status: u16,
    /// Until the last byte.
    pub answered_in_us: u64,
    pub block_hash: BlockHash,
    /// The message of a refusal.
    pub message: Option<String>,
    pub wrong: Option<Wrong>,
}

impl Proposal {
    /// A bid that a beacon node may propose with.
    pub fn has_bid(&self) -> bool {
        self.header.bid.is_some() && self.header.wrong.is_none()
    }

    /// A block was signed, and this operator learnt that it is published.
    pub fn is_revealed(&self) -> bool {
        self.reveal
            .as_ref()
            .is_some_and(|reveal| matches!(reveal.status, 200 | 202) && reveal.wrong.is_none())
    }

    /// The answer broke a promise of the Builder API, whatever the market.
    pub fn wrong(&self) -> Option<&Wrong> {
        self.header.wrong.as_ref().or(self.reveal.as_ref().and_then(|reveal| reveal.wrong.as_ref()))
    }
}
