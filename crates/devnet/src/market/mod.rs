//! What builders bid, as relays hold it: a curve made from a seed, or one that was recorded.

mod generated;
mod recording;

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
        let offers = listed.filter_map(|builder| {
            let in_transit_ms = self.seed.with(relay).with(builder).with_bytes(b"transit").within(5..40);
            self.offer(slot, builder, nominal_ms - in_transit_ms.cast_signed())
        });
        offers.max_by_key(|offer| (offer.value, std::cmp::Reverse(offer.builder)))
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
        offset_ms.saturating_mul(MAINNET_SLOT_MS) / self.network.slot_duration_ms.max(1).cast_signed()
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

#[cfg(test)]
mod tests {
    use headstart_types::ForkName;

    use super::*;

    fn market() -> Market {
        Market::new(crate::network(ForkName::Fulu, 12_000, UnixMillis(0), 0), 7, 8)
    }

    #[test]
    fn the_curve_goes_through_mainnet_medians() {
        let known = [(-2000, 200), (-1000, 5600), (0, 7600), (1000, 8900), (2000, 9700), (9000, 9700)];
        for (offset_ms, micro_eth) in known {
            assert_eq!(median_wei(offset_ms), micro_eth * 1_000_000_000_000, "at {offset_ms} ms");
        }
        assert_eq!(median_wei(-500), 6_600_000_000_000_000, "halfway between two points");
    }

    #[test]
    fn the_median_top_bid_of_many_slots_follows_the_curve() {
        let market = market();
        for offset_ms in [-1000, 0, 1000, 2000] {
            let tops = (1..2000).map(Slot).map(|slot| {
                market
                    .top_bid(3, slot, market.network.slot_start(slot) + offset_ms)
                    .expect("builders have bid")
                    .value
            });
            let mut tops: Vec<_> = tops.collect();
            tops.sort_unstable();
            let ratio = tops[tops.len() / 2].ratio_of(Wei::new(median_wei(offset_ms)));
            assert!((0.9..1.1).contains(&ratio), "{ratio} of the median at {offset_ms} ms");
        }
    }

    #[test]
    fn bids_come_step_by_step_and_only_once_bidding_has_started() {
        let market = market();
        let steps: Vec<_> = (-4200..4000).filter_map(|ms| market.offer(Slot(9), 2, ms)).collect();
        let changes = steps.windows(2).filter(|pair| pair[0] != pair[1]).count();
        assert!((60..=200).contains(&changes), "{changes} bids in eight seconds");
        assert!(market.top_bid(0, Slot(9), market.network.slot_start(Slot(9)) - 5000).is_none());
    }

    #[test]
    fn the_same_instant_always_gives_the_same_bid() {
        let (one, other) = (market(), market());
        let now = one.network.slot_start(Slot(40)) - 321;
        assert_eq!(one.top_bid(1, Slot(40), now), other.top_bid(1, Slot(40), now));
        let relays = [0, 1, 2];
        let tops = relays.map(|relay| one.top_bid(relay, Slot(40), now).expect("builders have bid").value);
        assert_eq!(one.best(&relays, Slot(40), now), tops.into_iter().max());
    }

    #[test]
    fn a_faster_network_bids_in_shorter_time() {
        let fast = Market::new(crate::network(ForkName::Fulu, 1200, UnixMillis(0), 0), 7, 8);
        let (slow, slot) = (market(), Slot(12));
        let slow_top = slow.top_bid(1, slot, slow.network.slot_start(slot) - 1000);
        assert_eq!(fast.top_bid(1, slot, fast.network.slot_start(slot) - 100), slow_top);
    }

    #[test]
    fn a_market_in_real_time_does_not_care_how_long_slots_last() {
        let short = Market::new(crate::network(ForkName::Fulu, 6000, UnixMillis(0), 0), 7, 8).in_real_time();
        let (long, slot) = (market(), Slot(12));
        for offset_ms in [-2500, -1000, 0, 170] {
            let held = |market: &Market| market.top_bid(1, slot, market.network.slot_start(slot) + offset_ms);
            assert_eq!(held(&short), held(&long), "at {offset_ms} ms");
        }
    }

    #[test]
    fn a_recording_is_replayed_in_each_slot_and_split_over_the_relays() {
        let text = "offset_ms,value_wei,builder,block_hash_prefix,num_tx\n\
                    -900,5,3,0xab,1\n-800,7,4,0xac,1\n-700,6,9,0xad,1\n";
        let recording = Arc::new(Recording::parse(text).expect("it is well formed"));
        let market = market().in_real_time().replaying(recording);
        let tops: Vec<_> = (1..40)
            .map(Slot)
            .map(|slot| market.top_bid(2, slot, market.network.slot_start(slot)).map(|offer| offer.value))
            .collect();
        assert!(tops.contains(&Some(Wei::new(7))) && tops.contains(&Some(Wei::new(6))), "{tops:?}");
        assert!(market.top_bid(2, Slot(5), market.network.slot_start(Slot(5)) - 1000).is_none());
    }
}
