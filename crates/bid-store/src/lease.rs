use headstart_types::{AuctionKey, Root, Slot};

/// What one process at a time does for all that share the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LeaseName {
    /// Asks relays for this auction.
    Auction(AuctionKey),
    /// Has this block revealed.
    Submission(SubmissionKey),
}

/// Submissions that are the same: one block through one version of the operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubmissionKey {
    pub slot: Slot,
    pub block_root: Root,
    /// 1 or 2.
    pub version: u8,
}
