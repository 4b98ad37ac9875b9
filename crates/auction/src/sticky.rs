use std::sync::Arc;

use headstart_types::UnixMillis;

use crate::{Bid, Choice, ClusterPolicy, Offers, best};

/// The header that each cluster was first served in one auction.
///
/// The operators of a cluster must all sign the same header, so for `sticky_ms` of its policy it gets this one again.
/// Whoever asks later belongs to a later round of their consensus, which may as well have a better one. Another parent is
/// another auction, with first headers of its own.
///
/// Bounded: what a further cluster gets is the best of the moment each time.
#[derive(Debug, Default)]
pub struct FirstServed {
    headers: Vec<Header>,
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
    /// Whether an ask at `now` belongs to the round in which this was first served; a clock set back begins another.
    fn is_fresh(&self, now: UnixMillis, sticky_ms: i64) -> bool {
        (0..sticky_ms).contains(&(now - self.at))
    }
}

impl FirstServed {
    /// The header that `cluster` is served again at `now`, if there is one. A relay that the cluster has ceased to trust
    /// and a minimum that it has raised since then are respected.
    pub fn again(&self, cluster: &str, policy: &ClusterPolicy, now: UnixMillis) -> Option<&Arc<Bid>> {
        let header = self.headers.iter().find(|header| &*header.cluster == cluster)?;
        let wanted = policy.trusts(header.bid.relay()) && header.bid.value() >= policy.min_bid;
        (wanted && header.is_fresh(now, policy.sticky_ms)).then_some(&header.bid)
    }

    /// What `cluster` is served at `now`: the same again, or the best of the offers, which then is the first served.
    pub fn choose(
        &mut self,
        cluster: &Arc<str>,
        policy: &ClusterPolicy,
        now: UnixMillis,
        offers: &Offers,
    ) -> Choice {
        if let Some(bid) = self.again(cluster, policy, now) {
            return Choice::Bid(Arc::clone(bid));
        }
        let choice = best(offers, policy);
        if let Choice::Bid(bid) = &choice {
            self.headers.retain(|header| header.cluster != *cluster);
            if self.headers.len() < CLUSTERS_MAX {
                let (cluster, bid) = (Arc::clone(cluster), Arc::clone(bid));
                self.headers.push(Header { cluster, bid, at: now });
            }
        }
        choice
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

    pub fn is_empty(&self) -> bool {
        self.headers.is_empty()
    }

    /// Forgets headers that turned out not to stand.
    pub fn withdraw(&mut self, stands: impl Fn(&Bid) -> bool) {
        self.headers.retain(|header| stands(&header.bid));
    }
}
