use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use headstart_auction::{CallPolicy, ClusterPolicy};
use headstart_types::{BlsPublicKey, PublicKey, RelayId};

/// One operator cluster: a tenant. Trust flows from it to its relay set and policy, never from a public key in a path.
#[derive(Debug)]
pub struct Cluster {
    pub name: String,
    pub policy: ClusterPolicy,
}

/// A validator of a cluster, its key decompressed once.
#[derive(Debug)]
struct Validator {
    cluster: Arc<Cluster>,
    key: PublicKey,
}

/// Who is served, as one immutable snapshot in memory.
#[derive(Debug, Default)]
pub struct Directory {
    clusters: Vec<Arc<Cluster>>,
    validators: HashMap<BlsPublicKey, Validator>,
    call_policies: HashMap<RelayId, CallPolicy>,
}

/// Why a directory cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    #[error("add validator {0}: it is no valid BLS public key")]
    InvalidValidator(BlsPublicKey),
    #[error("add validator {validator} to cluster {second}: cluster {first} has it already")]
    ValidatorTwice { validator: BlsPublicKey, first: String, second: String },
    #[error("add cluster {0}: another cluster has that name")]
    ClusterTwice(String),
}

impl Directory {
    pub fn new(call_policies: HashMap<RelayId, CallPolicy>) -> Self {
        Self { call_policies, ..Self::default() }
    }

    pub fn add_cluster(
        &mut self,
        cluster: Cluster,
        validators: impl IntoIterator<Item = BlsPublicKey>,
    ) -> Result<(), DirectoryError> {
        if self.clusters.iter().any(|known| known.name == cluster.name) {
            return Err(DirectoryError::ClusterTwice(cluster.name));
        }
        let cluster = Arc::new(cluster);
        self.clusters.push(Arc::clone(&cluster));
        validators.into_iter().try_for_each(|validator| self.add_validator(&cluster, validator))
    }

    fn add_validator(
        &mut self,
        cluster: &Arc<Cluster>,
        validator: BlsPublicKey,
    ) -> Result<(), DirectoryError> {
        let key =
            PublicKey::decompress(&validator).map_err(|_| DirectoryError::InvalidValidator(validator))?;
        match self.validators.entry(validator) {
            Entry::Vacant(place) => {
                place.insert(Validator { cluster: Arc::clone(cluster), key });
                Ok(())
            }
            Entry::Occupied(known) => Err(DirectoryError::ValidatorTwice {
                validator,
                first: known.get().cluster.name.clone(),
                second: cluster.name.clone(),
            }),
        }
    }

    /// The cluster that this validator belongs to.
    pub fn cluster_of(&self, validator: &BlsPublicKey) -> Option<&Arc<Cluster>> {
        self.validators.get(validator).map(|validator| &validator.cluster)
    }

    /// The validator's key, ready to verify with.
    pub fn key_of(&self, validator: &BlsPublicKey) -> Option<&PublicKey> {
        self.validators.get(validator).map(|validator| &validator.key)
    }

    pub fn clusters(&self) -> &[Arc<Cluster>] {
        &self.clusters
    }

    pub fn validators(&self) -> usize {
        self.validators.len()
    }

    pub fn call_policy(&self, relay: RelayId) -> CallPolicy {
        self.call_policies.get(&relay).copied().unwrap_or(CallPolicy::MEV_BOOST_RELAY)
    }
}
