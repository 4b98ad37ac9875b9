//! `GET /eth/v1/builder/header/{slot}/{parent_hash}/{pubkey}`: 200 with a bid, 204 without, 400 and 406 for what cannot
//! be answered; never 5xx for lack of a bid.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use headstart_auction::{
    AskedAt, Bid, Choice, Mode, Offers, Serving, best, grace_ends, header_deadline, may_serve,
};
use headstart_bid_store::{AuctionEntry, Chosen, Served};
use headstart_registry::{Asker, Claim, Cluster};
use headstart_types::{AuctionKey, Encoding, Outcome, TIMEOUT_MS, UnixMillis};
use http::{HeaderMap, StatusCode};
use tokio::time;

use crate::access::{Access, Target};
use crate::journal::HeaderRecord;
use crate::reply::{ApiError, versioned};
use crate::request::accept_of;
use crate::{BuilderApi, HeaderPath};

/// A getHeader that memory could not answer: what the slow way needs to go on.
pub(crate) struct Missed {
    asked: Asked,
    node: Option<Arc<str>>,
    claim: Claim,
}

/// One request, with the two readings of time that its answer needs.
#[derive(Clone, Copy)]
struct Asked {
    key: AuctionKey,
    encoding: Encoding,
    now: UnixMillis,
    received: Instant,
    timeout_ms: Option<i64>,
}

/// What a request comes to in memory alone.
pub(crate) enum Immediate {
    Reply(http::Response<Bytes>),
    Miss(Missed),
    Error(ApiError),
}

impl BuilderApi {
    /// The hot path by itself, from path to reply: `None` when it is no getHeader or memory cannot answer it.
    pub fn header_from_memory(
        &self,
        access: Access,
        path: &str,
        headers: &HeaderMap,
    ) -> Option<http::Response<Bytes>> {
        let target = Target::of(path);
        let asker = access.asker(&self.config().directory.load(), headers, target.token).ok()?;
        let HeaderPath::Key(key) = HeaderPath::parse(target.path) else { return None };
        match self.get_header(&asker, key, headers) {
            Immediate::Reply(reply) => Some(reply),
            Immediate::Miss(_) | Immediate::Error(_) => None,
        }
    }

    /// Answers from memory if it can. This is the hot path: no await, no lock that a writer holds long.
    pub(crate) fn get_header(&self, asker: &Asker, key: AuctionKey, headers: &HeaderMap) -> Immediate {
        let asked = match self.asked(key, headers) {
            Ok(asked) => asked,
            Err(error) => return Immediate::Error(error),
        };
        let config = self.config();
        let directory = config.directory.load();
        let Some(claim) = directory.claim_for(asker, &key.proposer) else {
            return Immediate::Reply(self.without(&asked, None, Outcome::UnknownValidator));
        };
        let Claim { cluster, policy, .. } = claim;
        let without = |outcome| Immediate::Reply(self.without(&asked, Some(cluster), outcome));
        let node = asker.beacon_node();
        let missed = || Immediate::Miss(Missed { asked, node: node.cloned(), claim: claim.clone() });
        let cutoff_ms = policy.cutoff_ms(&config.network, key.slot);
        if let Err(outcome) = may_serve(asked.now, &config.network, key.slot, cutoff_ms) {
            return without(outcome);
        }
        if policy.mode == Mode::Shadow {
            return without(Outcome::Shadow);
        }
        let Some(entry) = config.store.auction(&key) else { return missed() };
        let asked_at = AskedAt::new(asked.now, &config.network, key.slot);
        let Chosen { choice, serving } = entry.choose(&cluster.name, policy, asked_at);
        match choice {
            Choice::Bid(bid) => {
                let served =
                    || Served { at: asked.now, cluster: Arc::clone(&cluster.name), bid: Arc::clone(&bid) };
                self.mark_served(&asked, &entry, serving, served, node);
                Immediate::Reply(self.with(&asked, cluster, bid, Outcome::Hit))
            }
            Choice::BelowMinBid => without(Outcome::BelowMinBid),
            Choice::NoBid => missed(),
        }
    }

    fn asked(&self, key: AuctionKey, headers: &HeaderMap) -> Result<Asked, ApiError> {
        let encoding = accept_of(headers)?.preferred();
        let (now, received) = (self.config().clock.now(), Instant::now());
        Ok(Asked { key, encoding, now, received, timeout_ms: timeout_ms(headers) })
    }

    /// Joins or starts the auction and waits for the first acceptable bid and a short grace, or the deadline.
    pub(crate) async fn missed_header(&self, missed: Missed) -> http::Response<Bytes> {
        let Missed { asked, node, claim: Claim { cluster, policy, .. } } = missed;
        let config = self.config();
        // Beyond any honest number of waiting beacon nodes the fast answer is the kind one.
        let Ok(_permit) = self.shared.bulkheads.misses.try_acquire() else {
            return self.without(&asked, Some(&cluster), Outcome::NoBid);
        };
        let entry = match config.fetcher.join(asked.key, &cluster.name) {
            Ok(entry) => entry,
            Err(outcome) => return self.without(&asked, Some(&cluster), outcome),
        };
        let cutoff_ms = policy.cutoff_ms(&config.network, asked.key.slot);
        let deadline =
            header_deadline(asked.now, &config.network, asked.key.slot, cutoff_ms, asked.timeout_ms);
        let acceptable = |offers: &Offers| matches!(best(offers, &policy), Choice::Bid(_));
        if let Ok(offers) = time::timeout(self.left_until(deadline), entry.wait_for(acceptable)).await
            && let Choice::Bid(first) = best(&offers, &policy)
        {
            // A little patience often gets a better bid.
            let grace = self.left_until(grace_ends(first.came_at(), deadline));
            let _ = time::timeout(grace, entry.wait_for(|_| false)).await;
        }
        let now = config.clock.now();
        if let Err(outcome) = may_serve(now, &config.network, asked.key.slot, cutoff_ms) {
            return self.without(&asked, Some(&cluster), outcome);
        }
        let asked_at = AskedAt::new(now, &config.network, asked.key.slot);
        let Chosen { choice, serving } = entry.choose(&cluster.name, &policy, asked_at);
        match choice {
            Choice::Bid(bid) => {
                let served = || Served { at: now, cluster: Arc::clone(&cluster.name), bid: Arc::clone(&bid) };
                self.mark_served(&asked, &entry, serving, served, node.as_ref());
                self.with(&asked, &cluster, bid, Outcome::Miss)
            }
            Choice::BelowMinBid => self.without(&asked, Some(&cluster), Outcome::BelowMinBid),
            Choice::NoBid => self.without(&asked, Some(&cluster), Outcome::NoBid),
        }
    }

    fn left_until(&self, deadline: UnixMillis) -> Duration {
        self.config().clock.now().until(deadline)
    }

    /// Others must know of another header than before: the auction, and all who serve the same cluster.
    fn mark_served(
        &self,
        asked: &Asked,
        entry: &AuctionEntry,
        serving: Serving,
        served: impl FnOnce() -> Served,
        node: Option<&Arc<str>>,
    ) {
        if serving == Serving::Again {
            return;
        }
        let served = served();
        entry.mark_served(served.at, &served.cluster, &served.bid);
        self.config().fetcher.served(asked.key, served, serving, node.cloned(), asked.now);
    }

    fn with(
        &self,
        asked: &Asked,
        cluster: &Arc<Cluster>,
        bid: Arc<Bid>,
        outcome: Outcome,
    ) -> http::Response<Bytes> {
        let reply = versioned(bid.fork(), asked.encoding, bid.body(asked.encoding).clone());
        self.note(asked, Some(cluster), outcome, Some(bid));
        reply
    }

    fn without(
        &self,
        asked: &Asked,
        cluster: Option<&Arc<Cluster>>,
        outcome: Outcome,
    ) -> http::Response<Bytes> {
        self.note(asked, cluster, outcome, None);
        let mut response = http::Response::new(Bytes::new());
        *response.status_mut() = StatusCode::NO_CONTENT;
        response
    }

    fn note(&self, asked: &Asked, cluster: Option<&Arc<Cluster>>, outcome: Outcome, bid: Option<Arc<Bid>>) {
        self.config().journal.note(HeaderRecord {
            key: asked.key,
            cluster: cluster.cloned(),
            outcome,
            bid,
            at: asked.now,
            asked_ms: asked.now - self.config().network.slot_start(asked.key.slot),
            took: asked.received.elapsed(),
        });
    }
}

fn timeout_ms(headers: &HeaderMap) -> Option<i64> {
    headers.get(TIMEOUT_MS)?.to_str().ok()?.trim().parse().ok()
}
