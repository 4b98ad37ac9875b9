use std::collections::BTreeMap;

use headstart_types::RelayId;

/// What is assumed of a relay that was never asked.
const UNKNOWN_MS: i64 = 120;

/// How long each relay takes to answer: a smoothed mean and deviation, as TCP keeps them (RFC 6298), in microseconds so
/// that small steps are not lost in rounding.
#[derive(Clone, Debug, Default)]
pub struct RoundTrips {
    relays: BTreeMap<RelayId, Smoothed>,
}

/// From an ask to its answer, as far as is known; milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoundTrip {
    pub mean_ms: i64,
    /// Within so many an answer is very likely here.
    pub likely_ms: i64,
}

#[derive(Clone, Copy, Debug)]
struct Smoothed {
    mean_us: i64,
    deviation_us: i64,
}

impl RoundTrip {
    /// Always the same.
    pub const fn steady(ms: i64) -> Self {
        Self { mean_ms: ms, likely_ms: ms }
    }
}

impl RoundTrips {
    /// A relay has answered after `took_ms`.
    pub fn heard(&mut self, relay: RelayId, took_ms: i64) {
        let took_us = took_ms.clamp(0, 10_000) * 1_000;
        let known =
            self.relays.entry(relay).or_insert(Smoothed { mean_us: took_us, deviation_us: took_us / 4 });
        let off_us = took_us - known.mean_us;
        known.mean_us += off_us / 8;
        known.deviation_us += (off_us.abs() - known.deviation_us) / 4;
    }

    pub fn expected(&self, relay: RelayId) -> RoundTrip {
        self.relays.get(&relay).map_or(RoundTrip::steady(UNKNOWN_MS), |known| RoundTrip {
            mean_ms: (known.mean_us + 999) / 1_000,
            likely_ms: (known.mean_us + 2 * known.deviation_us) / 1_000 + 1,
        })
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
        assert_eq!(trips.expected(steady), RoundTrip { mean_ms: 40, likely_ms: 41 });
        let moody = trips.expected(moody);
        assert!((35..45).contains(&moody.mean_ms) && (70..95).contains(&moody.likely_ms), "{moody:?}");
        assert_eq!(trips.expected(unknown), RoundTrip::steady(UNKNOWN_MS));
    }

    #[test]
    fn absurd_times_do_no_harm() {
        let mut trips = RoundTrips::default();
        trips.heard(RelayId(1), i64::MAX);
        trips.heard(RelayId(1), i64::MIN);
        assert!(trips.expected(RelayId(1)).likely_ms > 0);
    }
}
