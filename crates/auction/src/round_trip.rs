use std::collections::BTreeMap;

use headstart_types::RelayId;

/// What is assumed of a relay that was never asked.
const UNKNOWN_MS: i64 = 120;

/// How long each relay takes to answer: a smoothed mean and deviation, as TCP keeps them (RFC 6298), in microseconds so
/// that small steps are not lost in rounding.
#[derive(Clone, Debug, Default)]
pub struct RoundTrips {
    relays: BTreeMap<RelayId, RoundTrip>,
}

#[derive(Clone, Copy, Debug)]
struct RoundTrip {
    mean_us: i64,
    deviation_us: i64,
}

impl RoundTrips {
    /// A relay has answered after `took_ms`.
    pub fn heard(&mut self, relay: RelayId, took_ms: i64) {
        let took_us = took_ms.clamp(0, 10_000) * 1_000;
        let known =
            self.relays.entry(relay).or_insert(RoundTrip { mean_us: took_us, deviation_us: took_us / 4 });
        let off_us = took_us - known.mean_us;
        known.mean_us += off_us / 8;
        known.deviation_us += (off_us.abs() - known.deviation_us) / 4;
    }

    /// Within how many milliseconds an answer of this relay is very likely here.
    pub fn expected_ms(&self, relay: RelayId) -> i64 {
        let likely_us = |known: &RoundTrip| known.mean_us + 2 * known.deviation_us;
        self.relays.get(&relay).map_or(UNKNOWN_MS, |known| likely_us(known) / 1_000 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_relay_is_expected_at_its_round_trip_and_a_moody_one_later() {
        let (steady, moody, unknown) = (RelayId(1), RelayId(2), RelayId(3));
        let mut trips = RoundTrips::default();
        for turn in 0..200 {
            trips.heard(steady, 40);
            trips.heard(moody, if turn % 2 == 0 { 20 } else { 60 });
        }
        assert_eq!(trips.expected_ms(steady), 41);
        assert!((70..95).contains(&trips.expected_ms(moody)), "{}", trips.expected_ms(moody));
        assert_eq!(trips.expected_ms(unknown), UNKNOWN_MS);
    }

    #[test]
    fn absurd_times_do_no_harm() {
        let mut trips = RoundTrips::default();
        trips.heard(RelayId(1), i64::MAX);
        trips.heard(RelayId(1), i64::MIN);
        assert!(trips.expected_ms(RelayId(1)) > 0);
    }
}
