use std::array;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::{Relay, StreamEnd};

/// What a relay streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StreamKind {
    /// Signed bids of one auction.
    Header,
    /// Announcements of the best bids of all auctions.
    TopBid,
}

/// What became of one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FrameResult {
    /// A new bid that was believed.
    Bid,
    /// The bid that is held already.
    Unchanged,
    /// A bid that was not believed.
    Rejected,
    /// A newer one came before it was looked at.
    Overtaken,
    /// No bid of the expected fork.
    Malformed,
    /// Of a kind that is not for us.
    Ignored,
    /// An announcement of a top bid.
    TopBid,
}

impl StreamKind {
    pub const ALL: [Self; 2] = [Self::Header, Self::TopBid];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::TopBid => "top_bid",
        }
    }
}

impl FrameResult {
    pub const ALL: [Self; 7] = [
        Self::Bid,
        Self::Unchanged,
        Self::Rejected,
        Self::Overtaken,
        Self::Malformed,
        Self::Ignored,
        Self::TopBid,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bid => "bid",
            Self::Unchanged => "unchanged",
            Self::Rejected => "rejected",
            Self::Overtaken => "overtaken",
            Self::Malformed => "malformed",
            Self::Ignored => "ignored",
            Self::TopBid => "top_bid",
        }
    }
}

impl StreamEnd {
    /// The words for logs and counters.
    pub const ALL: [&'static str; 7] =
        ["over", "closed", "silent", "flooded", "too_long", "garbled", "broken"];

    pub const fn as_str(&self) -> &'static str {
        Self::ALL[self.number()]
    }

    const fn number(&self) -> usize {
        match self {
            Self::Over => 0,
            Self::Closed => 1,
            Self::Silent => 2,
            Self::Flooded => 3,
            Self::TooLong => 4,
            Self::Garbled => 5,
            Self::Broken(_) => 6,
        }
    }
}

/// The streams of one relay, counted since its client was made.
#[derive(Debug)]
pub(crate) struct StreamTally {
    open: [AtomicU64; StreamKind::ALL.len()],
    ends: [[AtomicU64; StreamEnd::ALL.len()]; StreamKind::ALL.len()],
    frames: [AtomicU64; FrameResult::ALL.len()],
}

impl Default for StreamTally {
    fn default() -> Self {
        let counters = || array::from_fn(|_| AtomicU64::new(0));
        Self {
            open: array::from_fn(|_| AtomicU64::new(0)),
            ends: array::from_fn(|_| counters()),
            frames: counters(),
        }
    }
}

impl Relay {
    /// Streams of this kind that are open.
    pub fn streams_open(&self, kind: StreamKind) -> u64 {
        self.streams().open[kind as usize].load(Ordering::Relaxed)
    }

    /// Streams that ended for this reason, one of [`StreamEnd::ALL`], before whoever followed them was done with them.
    pub fn stream_ends(&self, kind: StreamKind, reason: &str) -> u64 {
        let number = StreamEnd::ALL.iter().position(|word| *word == reason);
        number.map_or(0, |number| self.streams().ends[kind as usize][number].load(Ordering::Relaxed))
    }

    /// Frames of which that became.
    pub fn frames(&self, result: FrameResult) -> u64 {
        self.streams().frames[result as usize].load(Ordering::Relaxed)
    }

    /// Whoever follows a stream tells what became of its bids.
    pub fn count_frame(&self, result: FrameResult) {
        self.streams().frames[result as usize].fetch_add(1, Ordering::Relaxed);
    }
}

/// A stream that counts as open for as long as this is there.
#[derive(Debug)]
pub(crate) struct Open {
    relay: Relay,
    kind: StreamKind,
}

impl Open {
    pub(crate) fn new(relay: Relay, kind: StreamKind) -> Self {
        relay.streams().open[kind as usize].fetch_add(1, Ordering::Relaxed);
        Self { relay, kind }
    }

    pub(crate) fn relay(&self) -> &Relay {
        &self.relay
    }

    pub(crate) fn ended(&self, end: &StreamEnd) {
        self.relay.streams().ends[self.kind as usize][end.number()].fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.relay.streams().open[self.kind as usize].fetch_sub(1, Ordering::Relaxed);
    }
}
