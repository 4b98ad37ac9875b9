//! Makes one auction's asks: call, believe or not, offer.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use headstart_auction::{Answer, Ask, Asked, Bid, BidSource, Expectations, Unverified};
use headstart_bid_store::{AuctionEntry, AuctionEventKind};
use headstart_relay::{HeaderAnswer, Operation, ReceivedBid, Relay};
use headstart_types::{AuctionKey, Encoding, RelayId, UnixMillis, Wei};
use tokio::time::Instant;
use tracing::{debug, warn};

use crate::Fetcher;
use crate::clusters::Paid;
use crate::running::Running;

pub(crate) struct Asker<'a> {
    pub(crate) fetcher: &'a Fetcher,
    pub(crate) entry: &'a AuctionEntry,
    pub(crate) running: &'a Running,
    pub(crate) key: AuctionKey,
    /// What was complained of in this auction: once a relay and reason is enough, though it is asked many times.
    complaints: Mutex<BTreeSet<(RelayId, &'static str)>>,
    /// Relays whose last bid was not believed.
    doubted: Mutex<BTreeSet<RelayId>>,
}

impl<'a> Asker<'a> {
    pub(crate) fn new(
        fetcher: &'a Fetcher,
        entry: &'a AuctionEntry,
        running: &'a Running,
        key: AuctionKey,
    ) -> Self {
        Self { fetcher, entry, running, key, complaints: Mutex::default(), doubted: Mutex::default() }
    }

    /// Asks a relay; what it answers is in the store before this returns.
    pub(crate) async fn perform(&self, ask: Ask) -> (RelayId, Answer) {
        let fork = self.fetcher.network().fork_at(self.key.slot);
        let (Some(relay), Some(fork)) = (self.fetcher.relay(ask.relay), fork) else {
            return (ask.relay, Answer::TooLate);
        };
        let asked_at = self.fetcher.now();
        if let Err(answer) = self.admit(ask.relay, asked_at) {
            return (ask.relay, answer);
        }
        let asked = AuctionEventKind::Asked { relay: ask.relay, call: ask.call };
        self.tell(&asked);
        let patience = asked_at.until(ask.deadline);
        let answer = relay.header(&self.key, fork, ask.hold_ms, Instant::now() + patience).await;
        self.fetcher.heard_header(&relay, patience, &answer);
        let answer = match answer {
            HeaderAnswer::Bid(received) => self.take(&relay, asked_at, *received, BidSource::Answer).await,
            other => self.without_bid(&relay, other),
        };
        self.learn(&ask, asked_at, answer);
        let took = self.fetcher.now() - asked_at;
        let took = Duration::from_millis(took.max(0).unsigned_abs());
        self.tell(&AuctionEventKind::Answered { relay: ask.relay, answer, took });
        (ask.relay, answer)
    }

    /// Whether the relay may be asked now, or what stands for its answer. Whatever is used up by asking comes last.
    fn admit(&self, relay: RelayId, now: UnixMillis) -> Result<(), Answer> {
        match self.fetcher.pay(&self.key, relay, &self.running.asked_by()) {
            Paid::Yes => {}
            Paid::NotYet => return Err(Answer::NotAsked),
            Paid::OverQuota => return Err(Answer::TooLate),
        }
        self.fetcher.spends_call(&self.key, relay, &self.running.asked_by(), now)?;
        // Whoever waits need not wait for a relay that is left alone; it may be back later in this slot.
        self.fetcher.lets_through(relay, Operation::Header).then_some(()).ok_or(Answer::NotAsked)
    }

    fn tell(&self, what: &AuctionEventKind) {
        self.fetcher.tell(&self.key, &self.running.asked_by(), what);
    }

    /// What a relay refuses and how long it takes are remembered for its next asks.
    fn learn(&self, ask: &Ask, asked_at: UnixMillis, answer: Answer) {
        let slot = self.key.slot;
        let at_ms = asked_at - self.fetcher.network().slot_start(slot);
        let mut schedule = self.fetcher.schedule();
        schedule.policies.answered(ask.relay, Asked { slot, at_ms, call: ask.call, answer });
        if answer == Answer::Bid {
            schedule.round_trips.heard(ask.relay, self.fetcher.now() - asked_at);
        }
    }

    /// Believes a bid, or says why not, and offers it to the store. Where bids come faster than they can be verified, the
    /// most valuable goes first, and of one relay only the newest is looked at.
    pub(crate) async fn take(
        &self,
        relay: &Relay,
        asked_at: UnixMillis,
        received: ReceivedBid,
        source: BidSource,
    ) -> Answer {
        let came_at = self.fetcher.now();
        if let Some(answer) = self.take_again(relay, asked_at, &received) {
            return answer;
        }
        let value = self.credible_value(relay.id(), &received);
        let may_win = self.fetcher.may_win(&self.key, &self.entry.offers(), relay.id(), value);
        let bid = Unverified { lane: (self.key, relay.id()), source, asked_at, value, may_win };
        let Some(turn) = self.fetcher.verifier().turn(bid).await else { return Answer::Overtaken };
        // While it waited, the same bid may have been believed.
        if let Some(answer) = self.take_again(relay, asked_at, &received) {
            return answer;
        }
        let facts = self.fetcher.schedule().heads.facts(self.key.slot, self.key.parent_hash);
        let Some(expectations) = Expectations::new(self.fetcher.network(), self.key, facts) else {
            return Answer::TooLate;
        };
        let (id, relay_key) = (relay.id(), relay.verifying_key().clone());
        let verify = move || {
            let verified = Bid::verify(&received.bid, id, &relay_key, asked_at, &expectations);
            verified.map(|bid| bid.that_came_at(came_at))
        };
        let Some((verified, _turn)) = self.fetcher.verifier().bid(turn, verify).await else {
            return Answer::Failed;
        };
        self.note_credit(id, verified.is_ok());
        match verified {
            Ok(bid) => {
                let (relay, value, block_hash) = (bid.relay(), bid.value(), bid.block_hash());
                let answer = self.offer(bid).await;
                if answer == Answer::Bid {
                    let held = AuctionEventKind::BidHeld { relay, value, block_hash };
                    self.tell(&held);
                }
                answer
            }
            Err(rejected) => {
                self.complain(relay, rejected.as_str(), &format!("bid rejected: failed to {rejected}"));
                Answer::Disbelieved
            }
        }
    }

    /// A bid that is held already only becomes newer, and others have it; `None` when it is another one.
    fn take_again(&self, relay: &Relay, asked_at: UnixMillis, received: &ReceivedBid) -> Option<Answer> {
        let offers = self.entry.offers();
        let held = offers.of(relay.id()).filter(|held| held.body(Encoding::Ssz) == &received.ssz)?;
        let again = held.again_at(asked_at);
        self.running.regret().bid(relay.id(), again.value(), asked_at);
        self.fetcher.shared.config.store.take(&self.key, again);
        Some(self.held_against_facts())
    }

    /// What a bid claims to be worth; nothing when its relay's last one was not believed, so that it goes after others.
    fn credible_value(&self, relay: RelayId, received: &ReceivedBid) -> Wei {
        let is_doubted = lock(&self.doubted).contains(&relay);
        if is_doubted { Wei::ZERO } else { received.bid.message.value() }
    }

    fn note_credit(&self, relay: RelayId, is_believed: bool) {
        let mut doubted = lock(&self.doubted);
        if is_believed {
            doubted.remove(&relay);
        } else {
            doubted.insert(relay);
        }
    }

    async fn offer(&self, bid: Bid) -> Answer {
        self.running.regret().bid(bid.relay(), bid.value(), bid.asked_at());
        self.fetcher.shared.config.store.offer(&self.key, bid, self.running.fence()).await;
        self.held_against_facts()
    }

    /// Holds a bid against what a beacon node may have told while it was being verified.
    fn held_against_facts(&self) -> Answer {
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
    pub(crate) fn complain(&self, relay: &Relay, reason: &'static str, message: &str) {
        let mut complaints = lock(&self.complaints);
        if complaints.insert((relay.id(), reason)) {
            warn!(relay = relay.name(), slot = %self.key.slot, reason, "{}", message.trim_end());
        } else {
            debug!(relay = relay.name(), slot = %self.key.slot, reason, "{}", message.trim_end());
        }
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
