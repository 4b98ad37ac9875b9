//! Makes one auction's asks: call, believe or not, offer.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use headstart_auction::{Answer, Ask, Bid, Expectations};
use headstart_bid_store::AuctionEntry;
use headstart_relay::{HeaderAnswer, ReceivedBid, Relay};
use headstart_types::{AuctionKey, Encoding, RelayId, UnixMillis};
use tokio::time::Instant;
use tracing::{debug, warn};

use crate::Fetcher;

pub(crate) struct Asker<'a> {
    fetcher: &'a Fetcher,
    entry: &'a AuctionEntry,
    key: AuctionKey,
    /// What was complained of in this auction: once a relay and reason is enough, though it is asked many times.
    complaints: Mutex<BTreeSet<(RelayId, &'static str)>>,
}

impl<'a> Asker<'a> {
    pub(crate) fn new(fetcher: &'a Fetcher, entry: &'a AuctionEntry, key: AuctionKey) -> Self {
        Self { fetcher, entry, key, complaints: Mutex::default() }
    }

    /// Asks a relay; what it answers is in the store before this returns.
    pub(crate) async fn perform(&self, ask: Ask) -> (RelayId, Answer) {
        let fork = self.fetcher.network().fork_at(self.key.slot);
        let (Some(relay), Some(fork)) = (self.fetcher.relay(ask.relay), fork) else {
            return (ask.relay, Answer::TooLate);
        };
        let asked_at = self.fetcher.now();
        let patience = asked_at.until(ask.deadline);
        let timeout_ms = u64::try_from(patience.as_millis()).unwrap_or(u64::MAX);
        let answer = match relay.header(&self.key, fork, timeout_ms, Instant::now() + patience).await {
            HeaderAnswer::Bid(received) => self.take(relay, asked_at, *received).await,
            other => self.without_bid(relay, other),
        };
        if answer == Answer::Bid {
            self.fetcher.schedule().round_trips.heard(ask.relay, self.fetcher.now() - asked_at);
        }
        (ask.relay, answer)
    }

    /// Believes a bid, or says why not, and offers it to the store.
    async fn take(&self, relay: &Relay, asked_at: UnixMillis, received: ReceivedBid) -> Answer {
        if let Some(held) = self.entry.offers().of(relay.id())
            && held.body(Encoding::Ssz) == &received.ssz
        {
            return self.offer(held.again_at(asked_at));
        }
        let facts = self.fetcher.schedule().heads.facts(self.key.slot, self.key.parent_hash);
        let Some(expectations) = Expectations::new(self.fetcher.network(), self.key, facts) else {
            return Answer::TooLate;
        };
        let (id, relay_key) = (relay.id(), relay.verifying_key().clone());
        let verify = move || Bid::verify(&received.bid, id, &relay_key, asked_at, &expectations);
        match self.fetcher.verifier().bid(verify).await {
            Some(Ok(bid)) => self.offer(bid),
            Some(Err(rejected)) => {
                self.complain(relay, rejected.as_str(), &format!("bid rejected: failed to {rejected}"));
                Answer::Disbelieved
            }
            None => Answer::Failed,
        }
    }

    /// Offers a bid, and holds it against what a beacon node may have told while it was being verified.
    fn offer(&self, bid: Bid) -> Answer {
        self.fetcher.shared.config.store.offer(&self.key, bid);
        let facts = self.fetcher.schedule().heads.facts(self.key.slot, self.key.parent_hash);
        let withdrawn = facts.is_some_and(|facts| self.fetcher.withdraw_bids(&self.key, &facts) > 0);
        if withdrawn { Answer::Disbelieved } else { Answer::Bid }
    }

    fn without_bid(&self, relay: &Relay, answer: HeaderAnswer) -> Answer {
        let (reason, fault, answer) = match answer {
            HeaderAnswer::NoBid | HeaderAnswer::Bid(_) => ("no_bid", None, Answer::NoBid),
            HeaderAnswer::TooEarly(_) => ("too_early", None, Answer::TooEarly),
            HeaderAnswer::TooLate(_) => ("too_late", None, Answer::TooLate),
            HeaderAnswer::RateLimited { retry_after_ms } => {
                let retry_after_ms = retry_after_ms.and_then(|ms| i64::try_from(ms).ok());
                ("rate_limited", Some(String::new()), Answer::RateLimited { retry_after_ms })
            }
            HeaderAnswer::UnknownProposer(no) => {
                ("unknown_proposer", Some(no.to_string()), Answer::UnknownProposer)
            }
            HeaderAnswer::Refused(no) => ("refused", Some(no.to_string()), Answer::Refused),
            HeaderAnswer::Malformed(fault) => ("malformed", Some(fault), Answer::Refused),
            HeaderAnswer::Timeout => ("timeout", Some(String::new()), Answer::Failed),
            HeaderAnswer::Transport(fault) => ("transport", Some(fault), Answer::Failed),
        };
        if let Some(fault) = fault {
            self.complain(relay, reason, &format!("relay gave no bid: {reason} {fault}"));
        } else {
            debug!(relay = relay.name(), slot = %self.key.slot, reason, "relay gave no bid");
        }
        answer
    }

    /// Warns of each relay and reason once in an auction; the rest is for whoever looks closer.
    fn complain(&self, relay: &Relay, reason: &'static str, message: &str) {
        let mut complaints = self.complaints.lock().unwrap_or_else(PoisonError::into_inner);
        if complaints.insert((relay.id(), reason)) {
            warn!(relay = relay.name(), slot = %self.key.slot, reason, "{}", message.trim_end());
        } else {
            debug!(relay = relay.name(), slot = %self.key.slot, reason, "{}", message.trim_end());
        }
    }
}
