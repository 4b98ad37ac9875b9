//! Runs one auction: performs its decisions until it closes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use headstart_auction::{Answer, Ask, Auction, Bid, Expectations};
use headstart_bid_store::AuctionEntry;
use headstart_relay::{HeaderAnswer, ReceivedBid, Relay};
use headstart_types::{AuctionKey, Encoding, RelayId, UnixMillis};
use tokio::sync::Notify;
use tokio::time::{self, Instant};
use tracing::{debug, warn};

use crate::Fetcher;

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
        asks.extend(decision.asks.into_iter().map(|ask| perform(&fetcher, &entry, key, ask)));
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

async fn perform(fetcher: &Fetcher, entry: &AuctionEntry, key: AuctionKey, ask: Ask) -> (RelayId, Answer) {
    let (Some(relay), Some(fork)) = (fetcher.relay(ask.relay), fetcher.network().fork_at(key.slot)) else {
        return (ask.relay, Answer::TooLate);
    };
    let asked_at = fetcher.now();
    let patience = asked_at.until(ask.deadline);
    let timeout_ms = u64::try_from(patience.as_millis()).unwrap_or(u64::MAX);
    let answer = relay.header(&key, fork, timeout_ms, Instant::now() + patience).await;
    let answer = match answer {
        HeaderAnswer::Bid(received) => take(fetcher, entry, &key, relay, asked_at, *received).await,
        other => without_bid(relay, &key, &other),
    };
    if answer == Answer::Bid {
        fetcher.schedule().round_trips.heard(ask.relay, fetcher.now() - asked_at);
    }
    (ask.relay, answer)
}

/// Believes a bid, or says why not, and offers it to the store.
async fn take(
    fetcher: &Fetcher,
    entry: &AuctionEntry,
    key: &AuctionKey,
    relay: &Relay,
    asked_at: UnixMillis,
    received: ReceivedBid,
) -> Answer {
    if let Some(held) = entry.offers().of(relay.id())
        && held.body(Encoding::Ssz) == &received.ssz
    {
        return offer(fetcher, key, held.again_at(asked_at));
    }
    let facts = fetcher.schedule().heads.facts(key.slot, key.parent_hash);
    let Some(expectations) = Expectations::new(fetcher.network(), *key, facts) else {
        return Answer::TooLate;
    };
    let (id, relay_key) = (relay.id(), relay.verifying_key().clone());
    let verify = move || Bid::verify(&received.bid, id, &relay_key, asked_at, &expectations);
    match fetcher.verifier().bid(verify).await {
        Some(Ok(bid)) => offer(fetcher, key, bid),
        Some(Err(rejected)) => {
            warn!(relay = relay.name(), slot = %key.slot, reason = rejected.as_str(), "bid rejected: failed to {rejected}");
            Answer::Disbelieved
        }
        None => Answer::Failed,
    }
}

/// Offers a bid, and holds it against what a beacon node may have told while it was being verified.
fn offer(fetcher: &Fetcher, key: &AuctionKey, bid: Bid) -> Answer {
    fetcher.shared.config.store.offer(key, bid);
    let facts = fetcher.schedule().heads.facts(key.slot, key.parent_hash);
    let withdrawn = facts.is_some_and(|facts| fetcher.withdraw_bids(key, &facts) > 0);
    if withdrawn { Answer::Disbelieved } else { Answer::Bid }
}

fn without_bid(relay: &Relay, key: &AuctionKey, answer: &HeaderAnswer) -> Answer {
    let (word, answer) = match answer {
        HeaderAnswer::NoBid | HeaderAnswer::Bid(_) => ("no_bid", Answer::NoBid),
        HeaderAnswer::TooEarly(_) => ("too_early", Answer::TooEarly),
        HeaderAnswer::TooLate(_) => ("too_late", Answer::TooLate),
        HeaderAnswer::RateLimited { retry_after_ms } => {
            let retry_after_ms = retry_after_ms.and_then(|ms| i64::try_from(ms).ok());
            ("rate_limited", Answer::RateLimited { retry_after_ms })
        }
        HeaderAnswer::UnknownProposer(_) => ("unknown_proposer", Answer::UnknownProposer),
        HeaderAnswer::Refused(_) => ("refused", Answer::Refused),
        HeaderAnswer::Malformed(_) => ("malformed", Answer::Refused),
        HeaderAnswer::Timeout => ("timeout", Answer::Failed),
        HeaderAnswer::Transport(_) => ("transport", Answer::Failed),
    };
    debug!(relay = relay.name(), slot = %key.slot, answer = word, "relay gave no bid");
    answer
}
