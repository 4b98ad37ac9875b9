use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use headstart_auction::Offers;
use headstart_types::UnixMillis;
use tokio::sync::watch;

/// One auction as it stands. Handlers read it; the fetcher that runs the auction writes it.
#[derive(Debug)]
pub struct AuctionEntry {
    state: watch::Sender<State>,
    first_served_ms: AtomicI64,
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

const NEVER: i64 = i64::MIN;

impl AuctionEntry {
    pub(crate) fn new() -> Self {
        Self { state: watch::Sender::new(State::default()), first_served_ms: AtomicI64::new(NEVER) }
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

    /// Notes that a header was served; only the first time counts.
    pub fn mark_served(&self, now: UnixMillis) {
        if self.first_served_ms.load(Ordering::Relaxed) == NEVER {
            let _ = self.first_served_ms.compare_exchange(NEVER, now.0, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// When a header of this auction was first served.
    pub fn first_served_at(&self) -> Option<UnixMillis> {
        Some(self.first_served_ms.load(Ordering::Relaxed)).filter(|ms| *ms != NEVER).map(UnixMillis)
    }
}
