use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard};

use headstart_auction::{Bid, Choice, ClusterPolicy, FirstServed, Offers, best};
use headstart_types::{BlockHash, UnixMillis};
use tokio::sync::watch;

/// One auction as it stands. Handlers read it; the fetcher that runs the auction writes it.
#[derive(Debug)]
pub struct AuctionEntry {
    state: watch::Sender<State>,
    served: OnceLock<Served>,
    /// The headers of clusters whose operators must get the same one.
    first_served: RwLock<FirstServed>,
}

/// What a cluster is served.
#[derive(Clone, Debug)]
pub struct Chosen {
    pub choice: Choice,
    /// It is the header that all operators of the cluster are to get: other processes must know.
    pub is_first: bool,
}

#[derive(Clone, Debug, Default)]
struct State {
    offers: Arc<Offers>,
    /// Every relay has answered and none is being asked: a bid is not to be expected at once.
    settled: bool,
    /// How often somebody came who waits for a bid.
    hurries: u64,
    /// The auction is over: nothing will change any more.
    closed: bool,
}

/// The first header of an auction that anybody was served.
#[derive(Clone, Debug)]
pub struct Served {
    pub at: UnixMillis,
    pub cluster: Arc<str>,
    /// `None` when another process served it and the bid is not here.
    pub bid: Option<Arc<Bid>>,
}

impl AuctionEntry {
    pub(crate) fn new() -> Self {
        Self {
            state: watch::Sender::new(State::default()),
            served: OnceLock::new(),
            first_served: RwLock::default(),
        }
    }

    /// The newest bids, as one snapshot.
    pub fn offers(&self) -> Arc<Offers> {
        Arc::clone(&self.state.borrow().offers)
    }

    pub(crate) fn publish(&self, offers: Offers) {
        self.state.send_modify(|state| state.offers = Arc::new(offers));
    }

    /// Somebody waits for a bid: relays are to be asked anew before the auction counts as settled again.
    pub fn hurry(&self) {
        self.state.send_modify(|state| {
            state.hurries += 1;
            state.settled = state.closed;
        });
    }

    /// How often [`AuctionEntry::hurry`] was called.
    pub fn hurries(&self) -> u64 {
        self.state.borrow().hurries
    }

    /// Says whether relays are still being waited for, as of so many hurries; those who wait learn it at once. A judgement
    /// that is older than the newest hurry is void.
    pub fn settle(&self, hurries: u64, settled: bool) {
        self.state.send_if_modified(|state| {
            let valid = state.hurries == hurries && !state.closed;
            valid && std::mem::replace(&mut state.settled, settled) != settled
        });
    }

    /// The auction is over: whoever still waits for a bid waits in vain.
    pub fn close(&self) {
        self.state.send_modify(|state| (state.settled, state.closed) = (true, true));
    }

    /// Waits until `enough` holds of the offers or, without that, until every relay has answered.
    pub async fn wait_for(&self, enough: impl Fn(&Offers) -> bool) -> Arc<Offers> {
        let mut changes = self.state.subscribe();
        let reached = changes.wait_for(|state| state.settled || enough(&state.offers)).await;
        // The sender lives in `self`, so the channel cannot be closed while we wait on it.
        reached.map_or_else(|_| self.offers(), |state| Arc::clone(&state.offers))
    }

    /// What the cluster is served at `now`. A cluster with a sticky header gets the same one for a while: what is chosen
    /// first is on record before anyone can be served another, and after it was chosen only a short read lock is taken.
    pub fn choose(&self, cluster: &Arc<str>, policy: &ClusterPolicy, now: UnixMillis) -> Chosen {
        if !policy.sticky {
            return Chosen { choice: best(&self.offers(), policy), is_first: false };
        }
        if let Some(bid) = self.first_served().again(cluster, policy, now) {
            return Chosen { choice: Choice::Bid(Arc::clone(bid)), is_first: false };
        }
        let mut first_served = self.first_served.write().unwrap_or_else(PoisonError::into_inner);
        // The offers are read with the lock held: a bid that is withdrawn meanwhile is either not seen here, or
        // forgotten thereafter.
        let choice = first_served.choose(cluster, policy, now, &self.offers());
        Chosen { is_first: matches!(choice, Choice::Bid(_)), choice }
    }

    /// Another process has served this header to the cluster first. Without the bid nothing can be done: it comes later,
    /// or never. `sticky_ms` is the cluster's. Whether it is the first of the auction that this process knows of.
    pub fn adopt(&self, cluster: &Arc<str>, block_hash: BlockHash, at: UnixMillis, sticky_ms: i64) -> bool {
        let offers = self.offers();
        let bid = offers.bids().iter().find(|bid| bid.block_hash() == block_hash);
        if let Some(bid) = bid {
            self.first_served
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .adopt(cluster, bid, at, sticky_ms);
        }
        self.mark_served(at, cluster, bid)
    }

    /// Forgets served headers that turned out not to stand; to be called after the offers were published without them.
    pub(crate) fn forget_served(&self, stands: impl Fn(&Bid) -> bool) {
        if !self.first_served().is_empty() {
            self.first_served.write().unwrap_or_else(PoisonError::into_inner).withdraw(stands);
        }
    }

    fn first_served(&self) -> RwLockReadGuard<'_, FirstServed> {
        self.first_served.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a header was served; only the first time counts. Whether this was it.
    pub fn mark_served(&self, at: UnixMillis, cluster: &Arc<str>, bid: Option<&Arc<Bid>>) -> bool {
        self.served.get().is_none()
            && self.served.set(Served { at, cluster: Arc::clone(cluster), bid: bid.cloned() }).is_ok()
    }

    /// The first header of this auction that was served.
    pub fn served(&self) -> Option<&Served> {
        self.served.get()
    }
}
