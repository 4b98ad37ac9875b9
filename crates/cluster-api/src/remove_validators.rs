use std::sync::Arc;
use std::time::Duration;

use headstart_proto::v1::{RemoveValidatorsRequest, RemoveValidatorsResponse};
use headstart_registry::{Actor, Cluster};
use headstart_types::BlsPublicKey;
use tokio::sync::oneshot;
use tokio::time;
use tonic::{Request, Response, Status};

use crate::auth::Method;
use crate::status::{exhausted, internal, invalid, of_registry};
use crate::work::{Item, Work};
use crate::{ClusterApi, Config, convert};

const PUBKEYS_MAX: usize = 1_000;
/// A directory that follows its database shows a change within a fraction of this.
const SHOWN_WITHIN: Duration = Duration::from_secs(2);

impl ClusterApi {
    /// Gives up claims, after everything that the cluster sent before.
    pub(crate) async fn remove(
        &self,
        request: Request<RemoveValidatorsRequest>,
    ) -> Result<Response<RemoveValidatorsResponse>, Status> {
        let caller = self.authenticate(request.metadata(), Method::RemoveValidators)?;
        let charged = self.config().fetcher.charge_claim_change(caller.cluster());
        charged.map_err(|retry_after_ms| exhausted("changes of claims", retry_after_ms))?;
        let pubkeys = read(&request.into_inner().pubkeys)?;
        let (reply, removed) = oneshot::channel();
        let (cluster, operator) = (Arc::clone(caller.cluster()), Arc::clone(caller.operator()));
        let lane = self.lanes().enter(&cluster.name);
        lane.push(Item { cluster, operator, work: Work::Remove { pubkeys, reply } }).await;
        let removed = removed.await.map_err(|_| internal())??;
        Ok(Response::new(RemoveValidatorsResponse { removed }))
    }
}

impl Config {
    /// Returns how many claims there were, once this process does not serve them any more.
    pub(crate) async fn remove(
        &self,
        cluster: &Cluster,
        operator: &str,
        pubkeys: Vec<BlsPublicKey>,
    ) -> Result<u32, Status> {
        let (actor, now) = (Actor::operator(&cluster.name, operator), self.clock.now());
        let removed = self.registry.remove_claims(&actor, now, &cluster.name, &pubkeys).await;
        let removed = removed.map_err(|fault| of_registry(&fault))?;
        if removed > 0 {
            let revision = self.registry.revision().await.map_err(|fault| of_registry(&fault))?;
            // The removal stands, even if this process should be slow to show it.
            let _ = time::timeout(SHOWN_WITHIN, self.directory.reach(revision)).await;
        }
        Ok(u32::try_from(removed).unwrap_or(u32::MAX))
    }
}

fn read(keys: &[Vec<u8>]) -> Result<Vec<BlsPublicKey>, Status> {
    if keys.len() > PUBKEYS_MAX {
        return Err(invalid("pubkeys", format!("must be {PUBKEYS_MAX} at most in one call")));
    }
    let numbered = keys.iter().enumerate();
    numbered.map(|(place, key)| convert::pubkey(&format!("pubkeys[{place}]"), key)).collect()
}
