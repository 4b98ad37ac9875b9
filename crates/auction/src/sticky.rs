use std::sync::Arc;

use headstart_types::UnixMillis;

use crate::{Bid, Choice, ClusterPolicy, Offers, best};

/// The header that each cluster was first served in one auction.
///
/// The operators of a cluster must all sign the same header, so for `sticky_ms` of its policy it gets this one again.
/// Whoever asks later belongs to a later round of their consensus, which may as well have a better one. Another parent is
/// another auction, with first headers of its own. Of a cluster that wants the best each time only the moment counts.
///
/// Bounded: what a further cluster gets is the best of the moment each time.
#[derive(Debug, Default)]
pub struct FirstServed {
    headers: Vec<Header>,
}

/// What serving a header to a cluster was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serving {
    /// Its first header of this auction.
    First,
    /// Another one, in a later round.
    NextRound,
    /// Nothing that others need to know.
    Again,
}

/// When a getHeader came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AskedAt {
    pub now: UnixMillis,
    /// A round that began before this is over from then on: whoever asked so early did not ask to propose.
    pub earnest_from: UnixMillis,
}

/// More clusters than ever have the same validator in earnest.
const CLUSTERS_MAX: usize = 16;

#[derive(Debug)]
struct Header {
    cluster: Arc<str>,
    bid: Arc<Bid>,
    at: UnixMillis,
}

impl Header {
    /// Whether such an ask belongs to the round in which this was first served; a clock set back begins another.
    fn is_fresh(&self, asked: AskedAt, sticky_ms: i64) -> bool {
        let is_earnest = |at: UnixMillis| at >= asked.earnest_from;
        (0..sticky_ms).contains(&(asked.now - self.at)) && is_earnest(self.at) == is_earnest(asked.now)
    }
}

impl FirstServed {
    /// The header that `cluster` is served again, if there is one. A relay that the cluster has ceased to trust
    /// and a minimum that it has raised since then are respected.
    pub fn again(&self, cluster: &str, policy: &ClusterPolicy, asked: AskedAt) -> Option<&Arc<Bid>> {
        let header = self.of(cluster)?;
        let wanted = policy.trusts(header.bid.relay()) && header.bid.value() >= policy.min_bid;
        (wanted && header.is_fresh(asked, policy.sticky_ms)).then_some(&header.bid)
    }

    /// What `cluster` is served: the same again, or the best of the offers, which then is the first served.
    pub fn choose(
        &mut self,
        cluster: &Arc<str>,
        policy: &ClusterPolicy,
        asked: AskedAt,
        offers: &Offers,
    ) -> (Choice, Serving) {
        if let Some(bid) = self.again(cluster, policy, asked).filter(|_| policy.sticky) {
            return (Choice::Bid(Arc::clone(bid)), Serving::Again);
        }
        let choice = best(offers, policy);
        let Choice::Bid(bid) = &choice else { return (choice, Serving::Again) };
        let is_full = self.headers.len() >= CLUSTERS_MAX;
        let serving = match self.headers.iter_mut().find(|header| header.cluster == *cluster) {
            Some(_) if !policy.sticky => Serving::Again,
            Some(header) => {
                (header.bid, header.at) = (Arc::clone(bid), asked.now);
                Serving::NextRound
            }
            None if is_full => Serving::Again,
            None => {
                let (cluster, bid) = (Arc::clone(cluster), Arc::clone(bid));
                self.headers.push(Header { cluster, bid, at: asked.now });
                Serving::First
            }
        };
        (choice, serving)
    }

    /// Another process has served this header to the cluster at `at`. Of two that were served in one round, which lasts
    /// `sticky_ms`, the earlier one is everybody's, and of two at the same instant that with the lower hash.
    pub fn adopt(&mut self, cluster: &Arc<str>, bid: &Arc<Bid>, at: UnixMillis, sticky_ms: i64) {
        let Some(header) = self.headers.iter_mut().find(|header| header.cluster == *cluster) else {
            if self.headers.len() < CLUSTERS_MAX {
                self.headers.push(Header { cluster: Arc::clone(cluster), bid: Arc::clone(bid), at });
            }
            return;
        };
        let same_round = (at - header.at).abs() < sticky_ms;
        let earlier = (at, bid.block_hash()) < (header.at, header.bid.block_hash());
        if if same_round { earlier } else { at > header.at } {
            (header.bid, header.at) = (Arc::clone(bid), at);
        }
    }

    /// Whether the cluster was served a header.
    pub fn has_served(&self, cluster: &str) -> bool {
        self.of(cluster).is_some()
    }

    /// When each cluster was last served another header than before.
    pub fn moments(&self) -> impl Iterator<Item = (&Arc<str>, UnixMillis)> {
        self.headers.iter().map(|header| (&header.cluster, header.at))
    }

    fn of(&self, cluster: &str) -> Option<&Header> {
        self.headers.iter().find(|header| &*header.cluster == cluster)
    }

    pub fn is_empty(&self) -> bool {
        self.headers.is_empty()
    }

    /// Forgets headers that turned out not to stand.
    pub fn withdraw(&mut self, stands: impl Fn(&Bid) -> bool) {
        self.headers.retain(|header| stands(&header.bid));
    }
}
