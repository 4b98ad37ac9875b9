//! Makes claims durable and known to this process.

use std::time::Duration;

use headstart_registry::{Actor, AddedClaims, ClaimLevel, ClaimRow, Cluster};
use headstart_types::{BlsPublicKey, FixedBytes, PublicKey, UnixMillis};
use tokio::time;
use tracing::warn;

use crate::{Fetcher, Registrant};

/// Only an administrator can raise the limit of validators: it is pointless to ask again at once.
const RETRY_OVER_LIMIT_MS: u64 = 3_600_000;
/// The longest that a registration waits for the directory to show its validator.
const SERVED_WITHIN: Duration = Duration::from_secs(1);
/// Public keys validated in one piece of background work.
const KEYS_AT_ONCE: usize = 256;

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

impl Fetcher {
    /// Claims these validators for the cluster, all or none; when this returns they are served in this process. What the
    /// cluster claims already stays as it is.
    pub(crate) async fn claim(
        &self,
        by: &Registrant,
        cluster: &Cluster,
        claims: Vec<NewClaim>,
    ) -> Result<(), NotClaimed> {
        let rows = self.claim_rows(claims).await;
        let (actor, now) = (by.actor(cluster), self.now());
        let registry = &self.shared.config.registry;
        let added = registry.add_claims(&actor, now, &cluster.name, &rows, cluster.quotas.validators).await;
        match added {
            Ok(AddedClaims::Added(_)) => {
                self.until_served(cluster, &rows).await;
                Ok(())
            }
            Ok(AddedClaims::OverLimit { claimed, limit }) => {
                warn!(cluster = %cluster.name, claimed, limit, "the cluster would claim more validators than it may");
                Err(NotClaimed::OverQuota { retry_after_ms: RETRY_OVER_LIMIT_MS })
            }
            Err(error) => {
                warn!(cluster = %cluster.name, "validators not claimed: failed to {error}");
                Err(NotClaimed::NotDurable)
            }
        }
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
