use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use headstart_auction::TokenBucket;
use headstart_registry::Cluster;
use headstart_types::UnixMillis;

/// A cluster may have the signature checks of so many seconds at once.
const BURST_S: u32 = 10;

/// What clusters have left of their signature checks. Bounded by the clusters that there ever were in this process.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    buckets: Mutex<BTreeMap<Arc<str>, TokenBucket>>,
}

impl Checks {
    /// Takes as many of these checks as the cluster has left: how many, and in how many milliseconds there are more.
    pub(crate) fn take(&self, now: UnixMillis, cluster: &Cluster, checks: u32) -> (u32, u64) {
        let rate = cluster.quotas.signature_checks_per_s;
        let burst = rate.saturating_mul(BURST_S);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket =
            buckets.entry(Arc::clone(&cluster.name)).or_insert_with(|| TokenBucket::new(rate, burst));
        bucket.set(rate, burst);
        let taken = bucket.take_up_to(now, checks);
        let wanted = (checks - taken).min(burst);
        // A copy shows the wait and costs nothing.
        let mut later = *bucket;
        let retry_after_ms = later.take(now, wanted).err().unwrap_or(0);
        (taken, retry_after_ms)
    }
}
