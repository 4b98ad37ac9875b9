//! Runs one auction: performs its decisions until it closes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use headstart_auction::Auction;
use headstart_bid_store::AuctionEntry;
use headstart_types::AuctionKey;
use tokio::sync::Notify;
use tokio::time::{self, Instant};
use tracing::debug;

use crate::Fetcher;
use crate::asker::Asker;

/// What others tell a running auction.
#[derive(Debug, Default)]
pub(crate) struct Running {
    submitted: AtomicBool,
    told: Notify,
}

impl Running {
    /// Something has changed in the auction's entry.
    pub(crate) fn look(&self) {
        self.told.notify_one();
    }

    pub(crate) fn submitted(&self) {
        self.submitted.store(true, Ordering::Release);
        self.told.notify_one();
    }
}

/// Leaves the books whole however the auction's task ends.
struct Ended<'a> {
    fetcher: &'a Fetcher,
    entry: &'a AuctionEntry,
    key: AuctionKey,
}

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.fetcher.ended(&self.key);
        self.entry.close();
    }
}

pub(crate) async fn run(
    fetcher: Fetcher,
    mut auction: Auction,
    entry: Arc<AuctionEntry>,
    running: Arc<Running>,
) {
    let key = *auction.key();
    let _ended = Ended { fetcher: &fetcher, entry: &entry, key };
    let asker = Asker::new(&fetcher, &entry, key);
    let (mut asks, mut hurries) = (FuturesUnordered::new(), 0);
    loop {
        let now = fetcher.now();
        hear(&mut auction, &entry, &running);
        let newest = entry.hurries();
        if newest != hurries {
            hurries = newest;
            auction.hurry(now);
        }
        let head = fetcher.schedule().head_slot();
        let decision = auction.decide(now, head);
        asks.extend(decision.asks.into_iter().map(|ask| asker.perform(ask)));
        entry.settle(hurries, auction.is_settled());
        if decision.closed {
            break;
        }
        let wake = decision.wake_at.map_or(Instant::now(), |wake_at| Instant::now() + now.until(wake_at));
        tokio::select! {
            Some((relay, answer)) = asks.next() => auction.answered(relay, fetcher.now(), answer),
            () = running.told.notified() => {}
            () = time::sleep_until(wake) => {}
            () = fetcher.shared.closing.cancelled() => break,
        }
    }
    debug!(slot = %key.slot, parent_hash = %key.parent_hash, calls = auction.calls(), relays = auction.relays(), "auction closed");
}

/// Takes in what happened elsewhere since the last decision.
fn hear(auction: &mut Auction, entry: &AuctionEntry, running: &Running) {
    if let Some(served_at) = entry.first_served_at() {
        auction.served(served_at);
    }
    if running.submitted.load(Ordering::Acquire) {
        auction.submitted();
    }
}
