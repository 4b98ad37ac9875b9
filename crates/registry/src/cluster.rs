use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use headstart_auction::{CallPolicy, ClusterPolicy, PolicyLayer, PolicySources, Quotas};
use headstart_types::{BlsError, BlsPublicKey, RelayId, UnixMillis};

use crate::{ClaimLevel, ClaimRow, OperatorRow};

/// One operator cluster: a tenant. Trust flows from a credential to it, and from it to its relay set and policy.
#[derive(Debug)]
pub struct Cluster {
    /// Its identity everywhere.
    pub name: Arc<str>,
    /// The policy of its validators that have none of their own.
    pub policy: Arc<ClusterPolicy>,
    pub sources: PolicySources,
    /// What the cluster itself says of it.
    pub layer: PolicyLayer,
    pub quotas: Quotas,
    pub operators: Vec<OperatorRow>,
    /// Names of the beacon nodes that it granted.
    pub beacon_nodes: Vec<String>,
    /// Whether the configuration file declares it.
    pub declared: bool,
    /// Validators that it claims.
    pub validators: usize,
}

/// A cluster's claim on a validator. Claims are not exclusive.
#[derive(Clone, Debug)]
pub struct Claim {
    pub cluster: Arc<Cluster>,
    pub level: ClaimLevel,
    /// The cluster's policy, or the validator's own where that says something.
    pub policy: Arc<ClusterPolicy>,
}

/// A relay of the catalogue.
#[derive(Clone, PartialEq, Eq)]
pub struct RelayEntry {
    pub id: RelayId,
    pub name: String,
    pub url: String,
    /// Further headers of every call; their values may be credentials.
    pub headers: BTreeMap<String, String>,
    pub call_policy: CallPolicy,
    /// Whether bids are taken from its header streams where they can be.
    pub stream: bool,
    /// Where it announces its top bids.
    pub top_bid_url: Option<String>,
}

impl RelayEntry {
    /// Whether a relay's header streams are used where nobody says so: Helix admits whoever has an API key.
    pub fn streams_by_default(policy: &str, headers: &BTreeMap<String, String>) -> bool {
        policy == "helix" && headers.keys().any(|name| name.eq_ignore_ascii_case("x-api-key"))
    }
}

impl fmt::Debug for RelayEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RelayEntry").field("id", &self.id).field("name", &self.name).finish_non_exhaustive()
    }
}

/// What the configuration file declares beside the database, and the defaults of what neither says.
#[derive(Clone, Debug, Default)]
pub struct Declared {
    pub relays: Vec<RelayEntry>,
    pub clusters: Vec<DeclaredCluster>,
    pub defaults: PolicyLayer,
    pub quotas: Quotas,
}

/// A cluster of the configuration file. Its validators are vouched for by whoever wrote the file.
#[derive(Clone, Debug)]
pub struct DeclaredCluster {
    pub name: String,
    pub layer: PolicyLayer,
    pub claims: Vec<ClaimRow>,
}

impl DeclaredCluster {
    /// A cluster whose claims on its validators are proven by their standing in the file.
    pub fn new(
        name: impl Into<String>,
        layer: PolicyLayer,
        validators: impl IntoIterator<Item = BlsPublicKey>,
    ) -> Result<Self, BlsError> {
        let claim = |pubkey| ClaimRow::new(pubkey, ClaimLevel::Proven, UnixMillis::default());
        let claims = validators.into_iter().map(claim).collect::<Result<_, _>>()?;
        Ok(Self { name: name.into(), layer, claims })
    }
}
