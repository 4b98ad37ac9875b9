//! Which validators the cluster has, as the service knows them.

use std::collections::BTreeSet;
use std::time::Duration;

use headstart_cluster_api::client::{ClientError, ClusterClient};
use headstart_types::BlsPublicKey;
use tokio::sync::mpsc;
use tokio::time;
use tracing::{debug, info, warn};

use super::News;

/// A cluster may have a hundred thousand validators, and seldom gets new ones.
const LOOK_EVERY: Duration = Duration::from_mins(5);
/// While the service cannot be asked, or knows none.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(2);

/// Asks the service for the cluster's validators, for ever.
pub(super) async fn follow(client: &ClusterClient, news: &mpsc::Sender<News>) {
    let (mut known, mut failures) = (BTreeSet::new(), 0_u32);
    loop {
        match list(client).await {
            Ok(validators) => {
                failures = 0;
                if validators != known {
                    info!(validators = validators.len(), "the cluster's validators are known");
                    known.clone_from(&validators);
                    // Whoever takes in news outlives this.
                    let _ = news.send(News::Validators(validators)).await;
                }
            }
            Err(error) => {
                if failures == 0 {
                    warn!("failed to {error}; trying again");
                } else {
                    debug!(failures, "still failing to {error}");
                }
                failures += 1;
            }
        }
        let settled = failures == 0 && !known.is_empty();
        time::sleep(if settled { LOOK_EVERY } else { LOOK_AGAIN_AFTER }).await;
    }
}

async fn list(client: &ClusterClient) -> Result<BTreeSet<BlsPublicKey>, ClientError> {
    let validators = client.list().await?;
    // A key of another length is none, and the service sends none.
    let pubkey = |pubkey: &[u8]| <[u8; 48]>::try_from(pubkey).ok().map(|bytes| BlsPublicKey(bytes.into()));
    Ok(validators.iter().filter_map(|validator| pubkey(&validator.pubkey)).collect())
}
