use std::sync::Arc;
use std::time::Duration;

use headstart_auction::{Answer, AskMoment, Regret};
use headstart_types::{AuctionKey, BlockHash, Outcome, RelayId, UnixMillis, Wei};
use tokio::sync::broadcast;

/// Something that happened to an auction, for whoever watches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuctionEvent {
    /// Whose it is: nobody else may see it. `None` for a validator of nobody here.
    pub cluster: Option<Arc<str>>,
    pub key: AuctionKey,
    pub at: UnixMillis,
    pub what: AuctionEventKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuctionEventKind {
    /// A cluster's operators have hinted the auction, or another on a parent that they did not name.
    Hinted,
    /// The auction was started.
    Armed,
    /// A beacon node of ours has told a new head while the auction ran.
    HeadChanged { block_hash: BlockHash },
    /// The first getHeader is expected then.
    Expected(AskMoment),
    /// A relay is asked, for the so many-th time.
    Asked { relay: RelayId, call: u32 },
    /// What the relay answered, if it was a new bid beside [`AuctionEventKind::BidHeld`].
    Answered { relay: RelayId, answer: Answer, took: Duration },
    /// A relay's bid is held from now on.
    BidHeld { relay: RelayId, value: Wei, block_hash: BlockHash },
    /// A getHeader was answered.
    HeaderAnswered {
        outcome: Outcome,
        value: Option<Wei>,
        block_hash: Option<BlockHash>,
        /// Milliseconds from the start of the slot to the request.
        asked_ms: i64,
        took: Duration,
    },
    /// What the first header that was served was worth, beside what relays would have given then and gave later.
    Compared(Regret),
    /// A signed block was revealed, or was not.
    BlockSubmitted { outcome: Outcome, block_hash: BlockHash, took: Duration },
}

/// Events that a watcher may lag behind; one who is slower misses the oldest, and is told how many.
const EVENTS_KEPT: usize = 1_024;

/// Passes events on to whoever watches at the moment.
#[derive(Debug)]
pub(crate) struct Events(broadcast::Sender<AuctionEvent>);

impl Default for Events {
    fn default() -> Self {
        Self(broadcast::Sender::new(EVENTS_KEPT))
    }
}

impl Events {
    pub(crate) fn tell(&self, event: AuctionEvent) {
        if self.0.receiver_count() > 0 {
            // The last watcher may have left in between.
            let _ = self.0.send(event);
        }
    }

    pub(crate) fn watch(&self) -> broadcast::Receiver<AuctionEvent> {
        self.0.subscribe()
    }
}
