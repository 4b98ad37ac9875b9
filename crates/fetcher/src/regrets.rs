//! What served headers were worth, beside what relays would have given at that instant.

use std::array;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use headstart_auction::Regret;
use headstart_bid_store::{AuctionEntry, AuctionEvent, AuctionEventKind};
use headstart_types::{AuctionKey, Wei};
use tracing::info;

use crate::Fetcher;
use crate::running::Running;

/// Counted since the process started, over all clusters.
#[derive(Debug)]
pub struct Regrets {
    /// By how much of the best was served; the last ones got all of it.
    shares: [AtomicU64; SHARES.len() + 1],
    ages: [AtomicU64; AGES_MS.len() + 1],
    shares_sum_ppm: AtomicU64,
    ages_sum_ms: AtomicU64,
}

/// The upper bounds of the shares that are told apart.
const SHARES: [f64; 7] = [0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9999];
/// The upper bounds of the ages that are told apart, in milliseconds.
const AGES_MS: [i64; 10] = [5, 10, 25, 50, 100, 150, 250, 500, 1_000, 2_500];

/// Counts below upper bounds, the last of which is infinite; their sum, in the bounds' unit.
#[derive(Clone, Debug, PartialEq)]
pub struct Spread {
    pub buckets: Vec<(f64, u64)>,
    pub sum: f64,
}

impl Default for Regrets {
    fn default() -> Self {
        Self {
            shares: array::from_fn(|_| AtomicU64::new(0)),
            ages: array::from_fn(|_| AtomicU64::new(0)),
            shares_sum_ppm: AtomicU64::new(0),
            ages_sum_ms: AtomicU64::new(0),
        }
    }
}

impl Regrets {
    /// The value that was served, as a share of the best that any relay would have given at that instant.
    pub fn shares(&self) -> Spread {
        spread(SHARES.to_vec(), &self.shares, as_f64(self.shares_sum_ppm.load(Ordering::Relaxed)) / 1e6)
    }

    /// How long before it was served a bid was asked for, in seconds.
    pub fn ages(&self) -> Spread {
        let bounds = AGES_MS.iter().map(|ms| as_f64(ms.unsigned_abs()) / 1e3).collect();
        spread(bounds, &self.ages, as_f64(self.ages_sum_ms.load(Ordering::Relaxed)) / 1e3)
    }

    fn count(&self, regret: &Regret) {
        let age_ms = regret.bid_age_at_serve_ms;
        self.ages[AGES_MS.partition_point(|bound| *bound < age_ms)].fetch_add(1, Ordering::Relaxed);
        self.ages_sum_ms.fetch_add(age_ms.unsigned_abs(), Ordering::Relaxed);
        let Some(share) = share(regret) else { return };
        self.shares[SHARES.partition_point(|bound| *bound < share)].fetch_add(1, Ordering::Relaxed);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and a million"
        )]
        self.shares_sum_ppm.fetch_add((share * 1e6).round() as u64, Ordering::Relaxed);
    }
}

/// What was served, as a share of the best at that instant.
fn share(regret: &Regret) -> Option<f64> {
    regret.best_at_serve.map(|best| regret.value_served.ratio_of(best))
}

fn spread(bounds: Vec<f64>, counts: &[AtomicU64], sum: f64) -> Spread {
    let counts = counts.iter().map(|count| count.load(Ordering::Relaxed));
    Spread { buckets: bounds.into_iter().chain([f64::INFINITY]).zip(counts).collect(), sum }
}

#[expect(clippy::cast_precision_loss, reason = "counts and sums of a process stay far below 2^52")]
fn as_f64(count: u64) -> f64 {
    count as f64
}

impl Fetcher {
    /// What headers that this process's auctions served were worth.
    pub fn regrets(&self) -> &Regrets {
        &self.shared.regrets
    }

    /// The auction is over: what came of it is counted, and told to the cluster that was served.
    pub(crate) fn conclude(&self, key: &AuctionKey, entry: &AuctionEntry, running: &Running) {
        let Some(regret) = running.regret().conclude() else { return };
        let Some(served) = entry.served() else { return };
        self.regrets().count(&regret);
        let best_eth = regret.best_at_serve.map(Wei::eth);
        info!(
            cluster = %served.cluster, slot = %key.slot, value_eth = regret.value_served.eth(), best_eth,
            share = share(&regret), bid_age_ms = regret.bid_age_at_serve_ms,
            left_eth = regret.left_on_table_after.eth(), "header compared"
        );
        let (cluster, what) = (Some(Arc::clone(&served.cluster)), AuctionEventKind::Compared(regret));
        self.shared.config.store.tell(AuctionEvent { cluster, key: *key, at: self.now(), what });
    }
}

#[cfg(test)]
mod tests {
    use headstart_types::UnixMillis;

    use super::*;

    fn regret(value: u128, best: Option<u128>, age_ms: i64) -> Regret {
        Regret {
            served_at: UnixMillis(0),
            value_served: Wei::new(value),
            best_at_serve: best.map(Wei::new),
            bid_age_at_serve_ms: age_ms,
            left_on_table_after: Wei::ZERO,
        }
    }

    #[test]
    fn shares_and_ages_are_told_apart() {
        let regrets = Regrets::default();
        for (value, best, age_ms) in [(1_000, Some(1_000), 4), (994, Some(1_000), 40), (7, None, 9_000)] {
            regrets.count(&regret(value, best, age_ms));
        }
        let (shares, ages) = (regrets.shares(), regrets.ages());
        let counts = |spread: &Spread| spread.buckets.iter().map(|(_, count)| *count).collect::<Vec<_>>();
        assert_eq!(counts(&shares), [0, 0, 0, 0, 1, 0, 0, 1], "without a comparison there is no share");
        assert_eq!(counts(&ages), [1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1]);
        assert!((shares.sum - 1.994).abs() < 1e-9 && (ages.sum - 9.044).abs() < 1e-9, "{shares:?} {ages:?}");
    }
}
