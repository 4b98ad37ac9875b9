//! What builders bid, as relays hold it: a curve made from a seed, or one that was recorded.

mod generated;
mod recording;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use headstart_types::{Network, Slot, UnixMillis, Wei};

use crate::seed::Seed;
pub use generated::median_wei;
use generated::{Builders, Temper};
pub use recording::{Recording, RecordingError};

const MAINNET_SLOT_MS: i64 = 12_000;

/// Builders whose bids grow over the slot like mainnet's. A pure function of seed, slot, builder and moment, so that
/// the best bid available at an instant can be computed exactly.
///
/// Offsets are nominal milliseconds of a 12-second slot; on a faster network they shrink with the slot, unless the
/// market is one [in real time](Self::in_real_time).
#[derive(Clone, Debug)]
pub struct Market {
    network: Network,
    seed: Seed,
    bids: Bids,
    in_real_time: bool,
}

/// Where bids come from.
#[derive(Clone, Debug)]
enum Bids {
    Generated(Builders),
    Recorded(Arc<Recording>),
}

/// A builder's newest bid as a relay holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    pub builder: u64,
    /// Tells this builder's bids for the slot apart, in ascending order; each one is another block.
    pub step: u64,
    pub value: Wei,
}

impl Market {
    /// A market of that many builders; at least one.
    pub fn new(network: Network, seed: u64, builders: u64) -> Self {
        let seed = Seed::new(seed).with_bytes(b"market");
        let builders = Builders { seed, count: builders.max(1), temper: Temper::Steady };
        Self { network, seed, bids: Bids::Generated(builders), in_real_time: false }
    }

    /// The same, but builders also bid several times within a few milliseconds, lower a bid, or withdraw it.
    #[must_use]
    pub fn restless(mut self) -> Self {
        if let Bids::Generated(builders) = &mut self.bids {
            builders.temper = Temper::Restless;
        }
        self
    }

    /// The same bids in every slot: those of the recording. The seed decides which builder sends to which relay.
    #[must_use]
    pub fn replaying(self, recording: Arc<Recording>) -> Self {
        Self { bids: Bids::Recorded(recording), ..self }
    }

    /// Offsets are real milliseconds, however long a slot lasts.
    #[must_use]
    pub fn in_real_time(self) -> Self {
        Self { in_real_time: true, ..self }
    }

    /// The best bid that relay number `relay` holds for `slot` at `now`; `None` while nobody has bid there.
    pub fn top_bid(&self, relay: u64, slot: Slot, now: UnixMillis) -> Option<Offer> {
        let nominal_ms = self.nominal_offset_ms(slot, now);
        let listed = (0..self.builders()).filter(|builder| self.lists(relay, *builder, slot));
        let offers = listed
            .filter_map(|builder| self.offer(slot, builder, nominal_ms - self.in_transit_ms(relay, builder)));
        offers.max_by_key(|offer| (offer.value, std::cmp::Reverse(offer.builder)))
    }

    /// The first moment after `now` at which relay number `relay` may hold another best bid for `slot`; `None` when
    /// nobody bids any more.
    pub fn next_change(&self, relay: u64, slot: Slot, now: UnixMillis) -> Option<UnixMillis> {
        let nominal_ms = self.nominal_offset_ms(slot, now);
        let listed = (0..self.builders()).filter(|builder| self.lists(relay, *builder, slot));
        let changes = listed.filter_map(|builder| {
            let in_transit_ms = self.in_transit_ms(relay, builder);
            let sent_ms = nominal_ms - in_transit_ms;
            let next_ms = match &self.bids {
                Bids::Generated(builders) => builders.next_change(slot, builder, sent_ms),
                Bids::Recorded(recording) => recording.next_change(builder, sent_ms),
            };
            next_ms.map(|next_ms| next_ms + in_transit_ms)
        });
        changes.min().map(|change_ms| self.moment(slot, change_ms))
    }

    /// The best bid that any of `relays` holds at `now`.
    pub fn best(&self, relays: &[u64], slot: Slot, now: UnixMillis) -> Option<Wei> {
        relays.iter().filter_map(|relay| self.top_bid(*relay, slot, now)).map(|offer| offer.value).max()
    }

    /// The newest bid that `builder` has sent by `nominal_ms` of the slot; `None` before the first one, and while a
    /// bid is withdrawn. A new bid replaces the old one even when it is lower.
    pub fn offer(&self, slot: Slot, builder: u64, nominal_ms: i64) -> Option<Offer> {
        match &self.bids {
            Bids::Generated(builders) => builders.offer(slot, builder, nominal_ms),
            Bids::Recorded(recording) => recording.offer(builder, nominal_ms),
        }
    }

    /// Milliseconds into `slot` as if it lasted 12 seconds; real ones in a market in real time. Negative before it.
    pub fn nominal_offset_ms(&self, slot: Slot, now: UnixMillis) -> i64 {
        let offset_ms = now - self.network.slot_start(slot);
        if self.in_real_time {
            return offset_ms;
        }
        offset_ms.saturating_mul(MAINNET_SLOT_MS).div_euclid(self.slot_ms())
    }

    /// The first moment at which so many nominal milliseconds of `slot` have passed.
    fn moment(&self, slot: Slot, nominal_ms: i64) -> UnixMillis {
        let offset_ms = if self.in_real_time {
            nominal_ms
        } else {
            -(-nominal_ms * self.slot_ms()).div_euclid(MAINNET_SLOT_MS)
        };
        self.network.slot_start(slot) + offset_ms
    }

    fn slot_ms(&self) -> i64 {
        self.network.slot_duration_ms.max(1).cast_signed()
    }

    /// How long a bid of `builder` is on its way to relay number `relay`.
    fn in_transit_ms(&self, relay: u64, builder: u64) -> i64 {
        self.seed.with(relay).with(builder).with_bytes(b"transit").within(5..40).cast_signed()
    }

    fn builders(&self) -> u64 {
        match &self.bids {
            Bids::Generated(builders) => builders.count,
            Bids::Recorded(recording) => recording.builders(),
        }
    }

    /// Builders send to most relays but not to all; every relay has at least one. A recording is split anew in each
    /// slot, so that its slots differ.
    fn lists(&self, relay: u64, builder: u64, slot: Slot) -> bool {
        let seed = match &self.bids {
            Bids::Generated(_) => self.seed,
            Bids::Recorded(_) => self.seed.with_slot(slot),
        };
        builder == relay % self.builders() || seed.with(relay).with(builder).happens(700)
    }
}

/// A span of a 12-second slot in the real milliseconds of `network`: cut-offs and delays shrink with its slots.
pub(crate) fn scaled_ms(network: &Network, nominal_ms: i64) -> i64 {
    nominal_ms.saturating_mul(network.slot_duration_ms.cast_signed()) / MAINNET_SLOT_MS
}
