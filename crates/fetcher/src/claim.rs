//! Makes claims durable and known to this process.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use headstart_auction::TokenBucket;
use headstart_registry::{Actor, ClaimLevel, ClaimRow, Cluster};
use headstart_types::{BlsPublicKey, FixedBytes, PublicKey, UnixMillis};
use tokio::time;
use tracing::warn;

use crate::{Fetcher, Registrant};

/// The longest that a registration waits for the directory to show its validator.
const SERVED_WITHIN: Duration = Duration::from_secs(1);
/// Public keys validated in one piece of background work.
const KEYS_AT_ONCE: usize = 256;

/// After each change of claims every process reads them again. A change may name thousands of validators, so a cluster
/// in good order needs few.
const CHANGES_PER_S: u32 = 5;
const CHANGES_AT_ONCE: u32 = 100;

/// What clusters have left of their changes of claims. Bounded by the clusters that there ever were in this process.
#[derive(Debug, Default)]
pub(crate) struct ClaimChanges {
    buckets: Mutex<BTreeMap<Arc<str>, TokenBucket>>,
}

/// A validator that a cluster begins to claim.
pub(crate) struct NewClaim {
    pub(crate) pubkey: BlsPublicKey,
    /// `None` when it is still to be validated.
    pub(crate) key: Option<PublicKey>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotClaimed {
    OverQuota { retry_after_ms: u64 },
    NotDurable,
}

/// The cluster claims as many validators as it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRoom {
    pub limit: u32,
}

impl fmt::Display for NoRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { limit } = self;
        write!(
            f,
            "claim the validator: the cluster has the {limit} that its quota `validators` allows; remove one, or have the \
             quota raised"
        )
    }
}

impl Fetcher {
    /// Claims these validators for the cluster, as many of them as it may have; when this returns they are served in this
    /// process. Answers for whose there was no room. What the cluster claims already stays as it is.
    pub(crate) async fn claim(
        &self,
        by: &Registrant,
        cluster: &Cluster,
        claims: Vec<NewClaim>,
    ) -> Result<Vec<BlsPublicKey>, NotClaimed> {
        self.charge_claim_change(cluster)
            .map_err(|retry_after_ms| NotClaimed::OverQuota { retry_after_ms })?;
        let mut rows = self.claim_rows(claims).await;
        let (actor, now, limit) = (by.actor(cluster), self.now(), cluster.quotas.validators);
        let registry = &self.shared.config.registry;
        let left_out = registry.add_claims_that_fit(&actor, now, &cluster.name, &rows, limit).await;
        let left_out = left_out.map_err(|error| {
            warn!(cluster = %cluster.name, "validators not claimed: failed to {error}");
            NotClaimed::NotDurable
        })?;
        if !left_out.is_empty() {
            let left_out: HashSet<_> = left_out.iter().collect();
            warn!(cluster = %cluster.name, left_out = left_out.len(), limit,
                "the cluster would claim more validators than it may");
            rows.retain(|row| !left_out.contains(&row.pubkey));
        }
        self.until_served(cluster, &rows).await;
        Ok(left_out)
    }

    /// Takes one of the changes of claims that the cluster has left, or says in how many milliseconds there is one.
    pub fn charge_claim_change(&self, cluster: &Cluster) -> Result<(), u64> {
        let buckets = &self.shared.claim_changes.buckets;
        let mut buckets = buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let full = || TokenBucket::new(CHANGES_PER_S, CHANGES_AT_ONCE);
        buckets.entry(Arc::clone(&cluster.name)).or_insert_with(full).take(self.now(), 1)
    }

    /// Waits until the directory shows what was claimed: whoever is told that its validator is registered may ask for a
    /// header at once. What is durable is not taken back when that takes too long; it is served a little later.
    async fn until_served(&self, cluster: &Cluster, claims: &[ClaimRow]) {
        let live = &self.shared.config.directory;
        let is_served = |claim: &ClaimRow| live.load().claim_of(&claim.pubkey, &cluster.name).is_some();
        if claims.iter().all(is_served) {
            return;
        }
        let served = async {
            match self.shared.config.registry.revision().await {
                Ok(revision) => live.reach(revision).await,
                Err(error) => warn!("failed to {error}"),
            }
        };
        if time::timeout(SERVED_WITHIN, served).await.is_err() {
            warn!(cluster = %cluster.name, claims = claims.len(), "new validators are not in the directory yet");
        }
    }

    async fn claim_rows(&self, claims: Vec<NewClaim>) -> Vec<ClaimRow> {
        let (now, mut rows) = (self.now(), Vec::with_capacity(claims.len()));
        let mut claims = claims.into_iter().peekable();
        while claims.peek().is_some() {
            let part: Vec<_> = claims.by_ref().take(KEYS_AT_ONCE).collect();
            let validate = move || part.iter().filter_map(|claim| claim.row(now)).collect::<Vec<_>>();
            rows.extend(self.verifier().in_background(validate).await.unwrap_or_default());
        }
        rows
    }
}

impl NewClaim {
    fn row(&self, now: UnixMillis) -> Option<ClaimRow> {
        let uncompressed = match &self.key {
            Some(key) => key.to_uncompressed(),
            None => PublicKey::decompress(&self.pubkey).ok()?.to_uncompressed(),
        };
        let (pubkey, key) = (self.pubkey, FixedBytes(uncompressed));
        Some(ClaimRow { pubkey, key, level: ClaimLevel::Registered, claimed_at: now, policy: None })
    }
}

impl Registrant {
    fn actor(&self, cluster: &Cluster) -> Actor {
        match self {
            Self::Cluster(_) => Actor::cluster(&cluster.name),
            Self::BeaconNode(asker) => {
                asker.beacon_node().map_or_else(Actor::service, |node| Actor::beacon_node(node))
            }
        }
    }
}
