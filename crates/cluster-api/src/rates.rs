use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use headstart_auction::TokenBucket;
use headstart_types::UnixMillis;
use tokio::sync::Semaphore;
use tonic::Status;

use crate::status::exhausted;

/// What each cluster has left of its calls that are no stream. Bounded by the clusters that there ever were in this
/// process.
///
/// They are constants and no quotas: no cluster in good order comes near them, and one that does not is to cost the others
/// nothing.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    clusters: Mutex<HashMap<Arc<str>, Left>>,
}

/// A report is a transaction: a few operators tell of a few slots, and after an outage of many.
const REPORTS_PER_S: u32 = 20;
const REPORTS_AT_ONCE: u32 = 200;
/// A page is a search of the whole directory. Twice all validators that a cluster has by default are 200 pages.
const LISTS_PER_S: u32 = 10;
const LISTS_AT_ONCE: u32 = 200;

#[derive(Debug)]
struct Left {
    reports: TokenBucket,
    lists: TokenBucket,
    /// One search of a cluster at a time.
    turn: Arc<Semaphore>,
}

impl Rates {
    pub(crate) fn report(&self, cluster: &Arc<str>, now: UnixMillis) -> Result<(), Status> {
        self.of(cluster, |left| take(&mut left.reports, now, "reports of the moment"))
    }

    /// The cluster's turn to search, which the caller waits for.
    pub(crate) fn list(&self, cluster: &Arc<str>, now: UnixMillis) -> Result<Arc<Semaphore>, Status> {
        self.of(cluster, |left| {
            take(&mut left.lists, now, "pages of the moment")?;
            Ok(Arc::clone(&left.turn))
        })
    }

    fn of<T>(&self, cluster: &Arc<str>, take: impl FnOnce(&mut Left) -> T) -> T {
        let mut clusters = self.clusters.lock().unwrap_or_else(PoisonError::into_inner);
        take(clusters.entry(Arc::clone(cluster)).or_insert_with(Left::full))
    }
}

impl Left {
    fn full() -> Self {
        Self {
            reports: TokenBucket::new(REPORTS_PER_S, REPORTS_AT_ONCE),
            lists: TokenBucket::new(LISTS_PER_S, LISTS_AT_ONCE),
            turn: Arc::new(Semaphore::new(1)),
        }
    }
}

fn take(bucket: &mut TokenBucket, now: UnixMillis, what: &str) -> Result<(), Status> {
    bucket.take(now, 1).map_err(|retry_after_ms| exhausted(what, retry_after_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

    #[test]
    fn what_a_cluster_has_used_up_is_its_own() {
        let (rates, alpha, beta) = (Rates::default(), "alpha".into(), "beta".into());
        assert!((0..REPORTS_AT_ONCE).all(|_| rates.report(&alpha, NOW).is_ok()));
        assert_eq!(rates.report(&alpha, NOW).unwrap_err().code(), tonic::Code::ResourceExhausted);
        assert!(rates.report(&beta, NOW).is_ok());
        assert!(rates.list(&alpha, NOW).is_ok(), "one call is not charged for another");
        assert!(rates.report(&alpha, NOW + 1_000 / i64::from(REPORTS_PER_S)).is_ok());
    }

    #[test]
    fn a_cluster_searches_once_at_a_time_and_keeps_no_other_from_it() {
        let (rates, alpha, beta) = (Rates::default(), "alpha".into(), "beta".into());
        let first = rates.list(&alpha, NOW).unwrap();
        let _searching = first.try_acquire().unwrap();
        assert!(rates.list(&alpha, NOW).unwrap().try_acquire().is_err());
        assert!(rates.list(&beta, NOW).unwrap().try_acquire().is_ok());
    }
}
