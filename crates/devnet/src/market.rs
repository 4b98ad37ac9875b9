use headstart_types::{Network, Slot, UnixMillis, Wei};

use crate::seed::Seed;

/// The best bid of mainnet relays by the moment of asking (medians of February 2026): milliseconds into a slot of
/// 12 seconds, and wei.
const CURVE: [(i64, u128); 6] = [
    (-4000, 1_000_000_000_000),
    (-2000, 200_000_000_000_000),
    (-1000, 5_600_000_000_000_000),
    (0, 7_600_000_000_000_000),
    (1000, 8_900_000_000_000_000),
    (2000, 9_700_000_000_000_000),
];

const BIDDING_STARTS_MS: i64 = -4000;
const BIDDING_ENDS_MS: i64 = 4000;
const MAINNET_SLOT_MS: i64 = 12_000;

/// How rich a slot is, in per mille of the median one: most are near it, a few are worth many times as much.
const RICHNESS: [u128; 9] = [300, 450, 600, 800, 1000, 1250, 1700, 2500, 6000];

/// Builders whose bids grow over the slot like mainnet's. A pure function of seed, slot, builder and moment, so that
/// the best bid available at an instant can be computed exactly.
///
/// Offsets are nominal milliseconds of a 12-second slot; on a faster network they shrink with the slot.
#[derive(Clone, Debug)]
pub struct Market {
    network: Network,
    seed: Seed,
    builders: u64,
}

/// A builder's newest bid as a relay holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    pub builder: u64,
    /// Counts this builder's bids for the slot; each one is another block.
    pub step: u64,
    pub value: Wei,
}

impl Market {
    /// A market of that many builders; at least one.
    pub fn new(network: Network, seed: u64, builders: u64) -> Self {
        Self { network, seed: Seed::new(seed).with_bytes(b"market"), builders: builders.max(1) }
    }

    /// The best bid that relay number `relay` holds for `slot` at `now`; `None` while nobody has bid there.
    pub fn top_bid(&self, relay: u64, slot: Slot, now: UnixMillis) -> Option<Offer> {
        let nominal_ms = self.nominal_offset_ms(slot, now);
        let listed = (0..self.builders).filter(|builder| self.lists(relay, *builder));
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

    /// The newest bid that `builder` has sent by `nominal_ms` of the slot.
    ///
    /// Builders bid step by step, each with its own gap, and a new bid replaces the old one even when it is lower.
    pub fn offer(&self, slot: Slot, builder: u64, nominal_ms: i64) -> Option<Offer> {
        let seed = self.seed.with_slot(slot).with(builder);
        let gap_ms = seed.with_bytes(b"gap").within(40..120).cast_signed();
        let first_ms = BIDDING_STARTS_MS + seed.with_bytes(b"phase").within(0..120).cast_signed();
        let elapsed_ms = nominal_ms.min(BIDDING_ENDS_MS) - first_ms;
        let step = u64::try_from(elapsed_ms.div_euclid(gap_ms)).ok()?;
        let made_at_ms = first_ms + step.cast_signed() * gap_ms;
        let skill = u128::from(seed.with_bytes(b"skill").within(820..1040));
        let luck = u128::from(seed.with(step).within(990..1010));
        let value = median_wei(made_at_ms) * self.richness(slot) / 1000 * skill / 1000 * luck / 1000;
        Some(Offer { builder, step, value: Wei::new(value) })
    }

    /// Milliseconds into `slot` as if it lasted 12 seconds; negative before it.
    pub fn nominal_offset_ms(&self, slot: Slot, now: UnixMillis) -> i64 {
        let duration_ms = self.network.slot_duration_ms.max(1).cast_signed();
        (now - self.network.slot_start(slot)).saturating_mul(MAINNET_SLOT_MS) / duration_ms
    }

    /// What the values of `slot` are multiplied with, in per mille.
    fn richness(&self, slot: Slot) -> u128 {
        let pick = self.seed.with_slot(slot).with_bytes(b"richness").within(0..RICHNESS.len() as u64);
        RICHNESS.into_iter().nth(usize::try_from(pick).unwrap_or(0)).unwrap_or(1000)
    }

    /// Builders send to most relays but not to all; every relay has at least one.
    fn lists(&self, relay: u64, builder: u64) -> bool {
        builder == relay % self.builders || self.seed.with(relay).with(builder).happens(700)
    }
}

/// The median of mainnet's best bids at `nominal_ms`, in wei: straight lines between the known points.
pub fn median_wei(nominal_ms: i64) -> u128 {
    let (first_ms, first_wei) = CURVE[0];
    if nominal_ms <= first_ms {
        return first_wei;
    }
    let segment = CURVE.windows(2).find(|points| nominal_ms <= points[1].0);
    segment.map_or(CURVE[CURVE.len() - 1].1, |points| {
        let ((from_ms, from_wei), (to_ms, to_wei)) = (points[0], points[1]);
        let elapsed = u128::from((nominal_ms - from_ms).cast_unsigned());
        from_wei + (to_wei - from_wei) * elapsed / u128::from((to_ms - from_ms).cast_unsigned())
    })
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
}
