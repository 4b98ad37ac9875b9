//! Runs one auction: performs its decisions until it closes, or stands by for the process that does.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use headstart_auction::{Answer, AskMoment, Auction, Change, Decision, Interest, is_compared};
use headstart_bid_store::{AuctionEntry, AuctionEventKind, Notice, Served};
use headstart_types::{AuctionKey, RelayId, UnixMillis};
use tokio::time::{self, Instant};
use tracing::debug;

use crate::Fetcher;
use crate::asker::Asker;
use crate::post::Post;
use crate::running::Running;
use crate::streams::{Progress, Stage};

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

pub(crate) async fn run(fetcher: Fetcher, auction: Auction, entry: Arc<AuctionEntry>, running: Arc<Running>) {
    let key = *auction.key();
    let _ended = Ended { fetcher: &fetcher, entry: &entry, key };
    let config = &fetcher.shared.config;
    let post = Post::apply(&config.store, key, config.clock).await;
    let mut auctioneer = Auctioneer {
        fetcher: &fetcher,
        entry: &entry,
        running: &running,
        auction,
        hurries: 0,
        expected: BTreeMap::new(),
        key,
    };
    if post.leads() {
        auctioneer.lead(post.fence());
    }
    auctioneer.run(post).await;
    fetcher.conclude(&key, &entry, &running);
    let auction = auctioneer.auction;
    debug!(slot = %key.slot, parent_hash = %key.parent_hash, calls = auction.calls(), relays = auction.relays(), "auction closed");
}

struct Auctioneer<'a> {
    fetcher: &'a Fetcher,
    entry: &'a AuctionEntry,
    running: &'a Running,
    auction: Auction,
    /// The hurries that the auction has taken in.
    hurries: u64,
    /// What each cluster was told of when it is expected.
    expected: BTreeMap<Arc<str>, AskMoment>,
    key: AuctionKey,
}

impl Auctioneer<'_> {
    async fn run(&mut self, mut post: Post) {
        let asker = Asker::new(self.fetcher, self.entry, self.running, self.key);
        let (mut asks, mut streams) = (FuturesUnordered::new(), FuturesUnordered::new());
        loop {
            let now = self.fetcher.now();
            self.hear(post.leads());
            let decision = if post.leads() { self.decide() } else { self.stand_by() };
            asks.extend(decision.asks.into_iter().map(|ask| asker.perform(ask)));
            if decision.closed {
                break;
            }
            let mut wake_at = decision.wake_at;
            if post.leads() {
                let (stages, look_at) = self.open_streams();
                streams.extend(stages.into_iter().map(|stage| asker.stream(stage)));
                wake_at = wake_at.into_iter().chain(look_at).min();
            } else if !streams.is_empty() {
                streams.clear();
                self.auction.leave_streams(now);
            }
            let wake = wake_at.map_or(Instant::now(), |wake_at| Instant::now() + now.until(wake_at));
            tokio::select! {
                Some((relay, answer)) = asks.next() => self.auction.answered(relay, self.fetcher.now(), answer),
                Some((relay, progress)) = streams.next() => {
                    streams.extend(self.streamed(relay, progress).map(|stage| asker.stream(stage)));
                }
                change = post.turn() => match change {
                    Change::Leads => self.lead(post.fence()),
                    Change::StandsBy => debug!(slot = %self.key.slot, "another process asks the relays now"),
                    Change::None => {}
                },
                () = self.running.told() => {}
                () = time::sleep_until(wake) => {}
                () = self.fetcher.shared.closing.cancelled() => break,
            }
        }
        post.leave().await;
    }

    /// Takes in what happened elsewhere since the last decision.
    fn hear(&mut self, leads: bool) {
        for (cluster, interest) in self.fetcher.interests(&self.key, &self.running.asked_by()) {
            self.expect(cluster, interest);
        }
        if let Some(served) = self.entry.served() {
            self.regret(served, leads);
        }
        let moments = self.entry.moments();
        self.auction.served(|cluster| moments.iter().find(|(name, _)| **name == *cluster).map(|(_, at)| *at));
        if self.running.is_submitted() {
            self.auction.submitted();
        }
        for (relay, value) in self.running.take_announced() {
            let held = self.entry.offers().of(relay).map(|bid| bid.value());
            self.auction.top_bid_rose(relay, value, held);
        }
        self.hurry(leads);
        self.running.set_moment(self.auction.aims_at(self.fetcher.now()));
    }

    /// Takes in who waits. The count is read first: of whoever is in it the name is known.
    fn hurry(&mut self, leads: bool) {
        let number = self.entry.hurries();
        self.hurries = number;
        for cluster in self.running.take_callers() {
            self.auction.hurry(&cluster, self.fetcher.now());
            if !leads {
                self.fetcher.notify(Notice::Hurry { key: self.key, cluster, number });
            }
        }
    }

    fn expect(&mut self, cluster: Arc<str>, interest: Interest) {
        self.auction.expect(&cluster, interest);
        if self.expected.get(&cluster) != Some(&interest.moment) {
            self.fetcher.tell_one(&self.key, &cluster, AuctionEventKind::Expected(interest.moment));
            self.expected.insert(cluster, interest.moment);
        }
    }

    /// The first header was served. For a sample of them relays are asked what they would have given at that instant.
    fn regret(&mut self, served: &Served, leads: bool) {
        let mut regret = self.running.regret();
        if !leads || regret.is_served() {
            return;
        }
        let directory = self.fetcher.shared.config.directory.load();
        let claims = directory.claims(&self.key.proposer).iter();
        let mut served_by = claims.filter(|claim| claim.cluster.name == served.cluster);
        let trusted = served_by.next().map_or(&[][..], |claim| claim.policy.relays());
        regret.served(served.at, served.bid.value(), served.bid.asked_at(), trusted);
        if is_compared(&self.key, self.fetcher.shared.config.compared_percent) {
            self.auction.compare(self.fetcher.now());
        }
    }

    fn decide(&mut self) -> Decision {
        let head = self.fetcher.schedule().head_slot();
        let decision = self.auction.decide(self.fetcher.now(), head);
        let settled = self.auction.is_settled();
        self.entry.settle(self.hurries, settled);
        if settled {
            let heard = self.running.take_waiting();
            if !heard.is_empty() {
                self.fetcher.notify(Notice::Settled { key: self.key, heard });
            }
        }
        decision
    }

    /// The streams to open now, and when to look again.
    fn open_streams(&mut self) -> (Vec<Stage>, Option<UnixMillis>) {
        let (now, head) = (self.fetcher.now(), self.fetcher.schedule().head_slot());
        let (due, ends) = (self.auction.streams_due(now, head), self.auction.closes_at());
        (due.relays.into_iter().map(|relay| Stage::Open { relay, ends }).collect(), due.wake_at)
    }

    /// Takes in what came of a stream; what is to be done next of it, if it goes on.
    fn streamed(&mut self, relay: RelayId, progress: Progress) -> Option<Stage> {
        let now = self.fetcher.now();
        match progress {
            Progress::Refused(refusal) => self.auction.stream_refused(relay, now, refusal),
            Progress::Lost => self.auction.stream_lost(relay, now),
            Progress::Opened(follower) => {
                self.auction.stream_opened(relay);
                return Some(Stage::Follow(follower));
            }
            Progress::Heard(answer, follower) => {
                if answer == Answer::Bid {
                    self.auction.stream_heard(relay, now);
                }
                return Some(Stage::Follow(follower));
            }
        }
        None
    }

    fn stand_by(&self) -> Decision {
        let closed = self.auction.is_over(self.fetcher.now());
        Decision { closed, wake_at: Some(self.auction.closes_at()), ..Decision::default() }
    }

    /// Relays are asked from here on; what another process has asked before counts.
    fn lead(&mut self, fence: u64) {
        self.running.leads_with(fence);
        for bid in self.entry.offers().bids() {
            self.auction.asked_elsewhere(bid.relay(), bid.asked_at());
        }
        self.fetcher.notify(Notice::Leading(self.key));
    }
}
