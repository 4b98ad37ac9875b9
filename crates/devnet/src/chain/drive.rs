use std::time::Duration;

use headstart_types::{Slot, UnixMillis};
use tokio_util::task::AbortOnDropHandle;

use super::Chain;
use crate::market::scaled_ms;

/// When a block that nobody waits for becomes the head, in nominal milliseconds into its slot.
const ARRIVES_MS: std::ops::Range<u64> = 800..1600;
const ARRIVES_LATE_MS: std::ops::Range<u64> = 4200..6500;
/// Until then the chain waits for the block of one of our proposers; without one the slot is missed.
const WAITS_UNTIL_MS: i64 = 4500;
/// When a slot without a block is given up and the next proposer prepares for the older parent.
const GIVEN_UP_MS: i64 = 8000;

/// The task that moves a chain; dropping it stops the chain where it is.
#[derive(Debug)]
pub struct ChainTask {
    _task: AbortOnDropHandle<()>,
}

impl Chain {
    /// Moves the chain by its clock: a block most slots, told with the payload attributes of the next one.
    pub fn run(&self) -> ChainTask {
        let chain = self.clone();
        ChainTask { _task: AbortOnDropHandle::new(tokio::spawn(async move { chain.drive().await })) }
    }

    async fn drive(&self) {
        let mut slot = self.network().slot_at(self.clock().now()).next();
        self.announce(slot);
        loop {
            self.live_through(slot).await;
            slot = slot.next().max(self.network().slot_at(self.clock().now()));
        }
    }

    async fn live_through(&self, slot: Slot) {
        self.sleep_until(self.network().slot_start(slot)).await;
        if self.block_arrives(slot).await {
            self.publish(slot);
        }
        if self.head().slot < slot {
            self.sleep_until(self.moment(slot, GIVEN_UP_MS)).await;
            self.announce(slot.next());
        }
    }

    /// Waits for the block of `slot`; false if there will be none.
    async fn block_arrives(&self, slot: Slot) -> bool {
        let seed = self.0.seed.with_slot(slot);
        let ours = self.is_ours(slot);
        if !ours && seed.with_bytes(b"missed").happens(self.0.config.missed_per_mille) {
            return false;
        }
        let late = seed.with_bytes(b"late").happens(self.0.config.late_per_mille);
        let offset_ms = seed.with_bytes(b"arrival").within(if late { ARRIVES_LATE_MS } else { ARRIVES_MS });
        self.sleep_until(self.moment(slot, offset_ms.cast_signed())).await;
        !ours || self.wait_for_reveal(slot).await
    }

    async fn wait_for_reveal(&self, slot: Slot) -> bool {
        let wait = self.clock().now().until(self.moment(slot, WAITS_UNTIL_MS));
        tokio::time::timeout(wait, self.until_revealed(slot)).await.is_ok()
    }

    /// Returns once the proposer of `slot` has published a block.
    pub async fn until_revealed(&self, slot: Slot) {
        loop {
            let notified = self.0.revealed.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            if self.revealed(slot).is_some() {
                return;
            }
            notified.await;
        }
    }

    fn moment(&self, slot: Slot, nominal_ms: i64) -> UnixMillis {
        self.network().slot_start(slot) + scaled_ms(self.network(), nominal_ms)
    }

    async fn sleep_until(&self, moment: UnixMillis) {
        let wait: Duration = self.clock().now().until(moment);
        tokio::time::sleep(wait).await;
    }
}
