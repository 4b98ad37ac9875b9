//! From samples to figures.

use std::collections::BTreeMap;

use headstart_types::Wei;
use serde::Serialize;

use super::sample::Sample;

/// Value of the served bids by the best there was, over all auctions. Each share is at most 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Shares {
    pub(super) mean: f64,
    /// The fifth percentile: one in twenty is not better.
    pub(super) p5: f64,
    pub(super) least: f64,
    /// Auctions whose served bid was worth more than that best.
    pub(super) above: usize,
    /// The mean when those count with what they were worth.
    pub(super) mean_uncapped: f64,
}

/// How long something took in all cases, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Took {
    pub(super) median: u64,
    pub(super) p99: u64,
    pub(super) max: u64,
}

/// Header calls that relays got.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Calls {
    pub(super) total: u64,
    /// Of one relay in one auction.
    pub(super) mean: f64,
    pub(super) max: u64,
    /// Answered with 400, 403 or 429.
    pub(super) refused: u64,
    /// To relays that answer one call a slot, outside it.
    pub(super) outside_slot: u64,
    /// Of each relay in one auction, by its name.
    pub(super) of_relay: BTreeMap<String, Spread>,
}

/// The fewest and the most of anything that was counted in each auction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Spread {
    pub(super) least: u64,
    pub(super) most: u64,
}

impl Shares {
    /// Shares of `best` in every auction in which there was one.
    pub(super) fn new(samples: &[&Sample], best: impl Fn(&Sample) -> Option<Wei>) -> Self {
        let ratio = |sample: &&Sample| {
            let best = best(sample).filter(|best| !best.is_zero())?;
            Some(sample.answer.value.unwrap_or(Wei::ZERO).ratio_of(best))
        };
        let ratios: Vec<f64> = samples.iter().filter_map(ratio).collect();
        let mut shares: Vec<f64> = ratios.iter().map(|ratio| ratio.min(1.0)).collect();
        shares.sort_by(f64::total_cmp);
        Self {
            mean: mean(&shares),
            p5: nearest_rank(&shares, 5).unwrap_or(0.0),
            least: shares.first().copied().unwrap_or(0.0),
            above: ratios.iter().filter(|ratio| **ratio > 1.0).count(),
            mean_uncapped: mean(&ratios),
        }
    }
}

impl Took {
    pub(super) fn new(mut took: Vec<u64>) -> Self {
        took.sort_unstable();
        let at = |per_cent| nearest_rank(&took, per_cent).unwrap_or(0);
        Self { median: at(50), p99: at(99), max: at(100) }
    }
}

impl Calls {
    pub(super) fn new(samples: &[&Sample]) -> Self {
        let tallies = samples.iter().map(|sample| &sample.calls);
        let calls: Vec<u64> = tallies.clone().flat_map(|tally| tally.of_relay.iter().copied()).collect();
        let total = calls.iter().sum();
        Self {
            total,
            mean: ratio(total, calls.len() as u64),
            max: calls.into_iter().max().unwrap_or(0),
            refused: tallies.clone().map(|tally| tally.refused).sum(),
            outside_slot: tallies.map(|tally| tally.outside_slot).sum(),
            of_relay: of_relay(samples),
        }
    }
}

fn of_relay(samples: &[&Sample]) -> BTreeMap<String, Spread> {
    let mut spreads = BTreeMap::<String, Spread>::new();
    for sample in samples {
        let names = sample.set.cast().into_iter().map(|relay| relay.name);
        for (name, calls) in names.zip(sample.calls.of_relay.iter().copied()) {
            let spread = spreads.entry(name).or_insert(Spread { least: calls, most: calls });
            *spread = Spread { least: spread.least.min(calls), most: spread.most.max(calls) };
        }
    }
    spreads
}

/// The smallest of `sorted` that at least so many per cent of them do not exceed.
pub(super) fn nearest_rank<T: Copy>(sorted: &[T], per_cent: usize) -> Option<T> {
    let rank = (sorted.len() * per_cent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
pub(super) fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}

#[cfg(test)]
pub(super) mod tests {
    use headstart_types::Slot;

    use super::*;
    use crate::bench::value::cast::RelaySet;
    use crate::bench::value::sample::{Answer, Strategy, Tally};

    /// A sample with that value of a best of 100, answered in that time.
    pub(in crate::bench::value) fn sample(
        strategy: Strategy,
        value: Option<u128>,
        answered_us: u64,
    ) -> Sample {
        Sample {
            set: RelaySet::Polling,
            strategy,
            offset_ms: 170,
            seed: 1,
            slot: Slot(4),
            answer: Answer { value: value.map(Wei::new), answered_us, wrong: None },
            reachable: Some(Wei::new(100)),
            delivered: Some(Wei::new(100)),
            fetched: Some(Wei::new(100)),
            in_books: Some(Wei::new(200)),
            calls: Tally { of_relay: vec![2, 4], refused: 1, outside_slot: 0 },
        }
    }

    fn samples(values: &[Option<u128>]) -> Vec<Sample> {
        values.iter().map(|value| sample(Strategy::Headstart, *value, 10)).collect()
    }

    #[test]
    fn a_share_is_at_most_one_and_what_is_above_is_counted_apart() {
        let samples = samples(&[Some(100), Some(50), Some(150), None]);
        let shares = Shares::new(&samples.iter().collect::<Vec<_>>(), |sample| sample.reachable);
        assert_eq!((shares.mean, shares.least, shares.above), (0.625, 0.0, 1));
        assert!((shares.mean_uncapped - 0.75).abs() < 1e-12);
        let books = Shares::new(&samples.iter().collect::<Vec<_>>(), |sample| sample.in_books);
        assert_eq!((books.mean, books.above), (0.375, 0));
    }

    #[test]
    fn an_auction_without_any_bid_is_nobodys_loss() {
        let mut samples = samples(&[Some(100), None]);
        samples[1].reachable = None;
        let shares = Shares::new(&samples.iter().collect::<Vec<_>>(), |sample| sample.reachable);
        assert_eq!((shares.mean, shares.least), (1.0, 1.0));
    }

    #[test]
    fn percentiles_are_values_that_were_seen() {
        let sorted: Vec<u64> = (1..=40).collect();
        assert_eq!(
            [5, 50, 99, 100].map(|per_cent| nearest_rank(&sorted, per_cent)),
            [2, 20, 40, 40].map(Some)
        );
        assert_eq!(nearest_rank(&sorted[..1], 5), Some(1));
        assert_eq!(nearest_rank::<u64>(&[], 5), None);
    }

    #[test]
    fn calls_are_counted_for_each_relay_and_auction() {
        let mut samples = samples(&[Some(1), Some(2)]);
        samples[1].calls = Tally { of_relay: vec![5, 1], refused: 0, outside_slot: 2 };
        let calls = Calls::new(&samples.iter().collect::<Vec<_>>());
        assert_eq!((calls.total, calls.mean, calls.max), (12, 3.0, 5));
        assert_eq!((calls.refused, calls.outside_slot), (1, 2));
        let of_relay: Vec<_> = calls.of_relay.iter().map(|(name, calls)| (name.as_str(), *calls)).collect();
        assert_eq!(
            of_relay,
            [("polled-30", Spread { least: 2, most: 5 }), ("polled-60", Spread { least: 1, most: 4 })]
        );
    }
}
