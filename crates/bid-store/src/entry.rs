use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard};

use headstart_auction::{AskedAt, Bid, Choice, ClusterPolicy, FirstServed, Offers, Serving, best};
use headstart_types::UnixMillis;
use tokio::sync::watch;

/// One auction as it stands. Handlers read it; the fetcher that runs the auction writes it.
#[derive(Debug)]
pub struct AuctionEntry {
    state: watch::Sender<State>,
    served: OnceLock<Served>,
    /// What each cluster was served first, and when.
    first_served: RwLock<FirstServed>,
}

/// What a cluster is served.
#[derive(Clone, Debug)]
pub struct Chosen {
    pub choice: Choice,
    pub serving: Serving,
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
    pub bid: Arc<Bid>,
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

    /// What the cluster is served. A cluster with a sticky header gets the same one for a while: what is chosen first is on
    /// record before anyone can be served another, and after it was chosen only a short read lock is taken.
    pub fn choose(&self, cluster: &Arc<str>, policy: &ClusterPolicy, asked: AskedAt) -> Chosen {
        {
            let first_served = self.first_served();
            let again = if policy.sticky {
                first_served.again(cluster, policy, asked).map(|bid| Choice::Bid(Arc::clone(bid)))
            } else {
                first_served.has_served(cluster).then(|| best(&self.offers(), policy))
            };
            if let Some(choice) = again {
                return Chosen { choice, serving: Serving::Again };
            }
        }
        let mut first_served = self.first_served.write().unwrap_or_else(PoisonError::into_inner);
        // The offers are read with the lock held: a bid that is withdrawn meanwhile is either not seen here, or
        // forgotten thereafter.
        let (choice, serving) = first_served.choose(cluster, policy, asked, &self.offers());
        Chosen { choice, serving }
    }

    /// Another process has served this header to the cluster first. `sticky_ms` is the cluster's. Whether it is the first
    /// one of the cluster that this process knows of.
    pub fn adopt(&self, cluster: &Arc<str>, bid: &Arc<Bid>, at: UnixMillis, sticky_ms: i64) -> bool {
        let mut first_served = self.first_served.write().unwrap_or_else(PoisonError::into_inner);
        let is_first = !first_served.has_served(cluster);
        first_served.adopt(cluster, bid, at, sticky_ms);
        drop(first_served);
        self.mark_served(at, cluster, bid);
        is_first
    }

    /// When each cluster was last served another header than before.
    pub fn moments(&self) -> Vec<(Arc<str>, UnixMillis)> {
        self.first_served().moments().map(|(cluster, at)| (Arc::clone(cluster), at)).collect()
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

    /// Notes that a header was served; only the first time counts.
    pub fn mark_served(&self, at: UnixMillis, cluster: &Arc<str>, bid: &Arc<Bid>) {
        self.served.get_or_init(|| Served { at, cluster: Arc::clone(cluster), bid: Arc::clone(bid) });
    }

    /// The first header of this auction that was served.
    pub fn served(&self) -> Option<&Served> {
        self.served.get()
    }
}
