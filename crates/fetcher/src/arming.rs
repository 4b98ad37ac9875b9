//! The loop that begins auctions when they are due, and forgets slots that are over.

use std::sync::atomic::Ordering;

use headstart_auction::Arming;
use headstart_types::Slot;
use tokio::time;

use crate::Fetcher;
use crate::fetcher::SLOTS_KEPT;

/// The name of the loop that must turn at least once a slot.
pub const ARMING: &str = "arming";

impl Fetcher {
    /// From now on auctions begin only when a getHeader asks for them.
    pub fn arm_no_more(&self) {
        self.shared.arms_no_more.store(true, Ordering::Relaxed);
    }

    pub(crate) fn prefetches(&self) -> bool {
        self.shared.config.prefetches && !self.shared.arms_no_more.load(Ordering::Relaxed)
    }

    pub(crate) async fn arm_auctions(&self) {
        let mut forgotten = Slot(0);
        loop {
            let now = self.now();
            if self.prefetches() {
                for key in self.due(now) {
                    self.start(key, None);
                }
            }
            // Hints wake this loop often, and forgetting takes locks that headers need too.
            let oldest = Slot(self.network().slot_at(now).0.saturating_sub(SLOTS_KEPT));
            if forgotten < oldest {
                self.forget_before(oldest);
                forgotten = oldest;
            }
            let next_lead = Arming::wake_at(now, self.network(), self.shared.config.lead_ms);
            // A new slot brings nothing to arm, but an old one to forget.
            let next_slot = self.network().slot_start(self.network().slot_at(now).next());
            // Before genesis the next slot may be far; whoever watches this loop expects it to turn.
            let wait = now.until(next_lead.min(next_slot)).min(self.slot_duration());
            let wait = self.heads_wake_in(now).map_or(wait, |heads| wait.min(heads));
            let _ = time::timeout(wait, self.shared.changed.notified()).await;
        }
    }

    /// Duties or heads have changed: auctions may be due that were not.
    pub(crate) fn look_again(&self) {
        self.shared.changed.notify_one();
    }

    fn forget_before(&self, oldest: Slot) {
        let store = self.shared.config.store.clone();
        store.forget_before(oldest);
        if self.shared.config.prefetches && store.has_others() {
            let fetcher = self.clone();
            self.spawn(async move { fetcher.forget_shared(oldest).await });
        }
        self.shared.warmed.forget_before(oldest);
        let mut schedule = self.schedule();
        schedule.forget_before(oldest);
        let epoch = self.network().epoch(oldest);
        schedule.duties.forget_before(epoch);
    }

    /// Forgets for all processes: the slot that was the oldest and, after a start or when the store was away meanwhile,
    /// whatever is older still.
    async fn forget_shared(&self, oldest: Slot) {
        let (store, due) = (&self.shared.config.store, &self.shared.sweep_due);
        let is_forgotten = store.forget_shared(Slot(oldest.0.saturating_sub(1))).await;
        if is_forgotten && !due.swap(false, Ordering::Relaxed) {
            return;
        }
        if !is_forgotten || !store.sweep_shared(Slot(oldest.0.saturating_sub(SLOTS_KEPT))).await {
            due.store(true, Ordering::Relaxed);
        }
    }
}
