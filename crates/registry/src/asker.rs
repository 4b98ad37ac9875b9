use std::sync::Arc;

use crate::secret::{PresentedSecret, digest_matches};
use crate::{Cluster, Directory};

/// A beacon node that holds a credential, and who granted it. A credential names no cluster by itself.
#[derive(Debug)]
pub(crate) struct BeaconNode {
    pub(crate) name: Arc<str>,
    pub(crate) clusters: Box<[Arc<Cluster>]>,
}

/// Whoever asks over the Builder API, as authentication left it: nothing else makes one.
#[derive(Clone, Debug)]
pub struct Asker(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Open,
    BeaconNode(Arc<BeaconNode>),
}

impl Directory {
    /// Whoever reaches a listener that is open: every cluster is served there, by public key.
    pub fn asker_open(&self) -> Asker {
        Asker(Kind::Open)
    }

    /// The beacon node whose live secret this is; nothing tells an unknown id from a wrong secret.
    pub fn authenticate_beacon_node(&self, presented: &PresentedSecret<'_>) -> Option<Asker> {
        let (row, node) = self.secrets.get(presented.id)?;
        digest_matches(presented.secret, &row.digest).then(|| Asker(Kind::BeaconNode(Arc::clone(node))))
    }
}

impl Asker {
    pub fn is_open(&self) -> bool {
        matches!(self.0, Kind::Open)
    }

    /// The name of the beacon node; `None` on an open listener.
    pub fn beacon_node(&self) -> Option<&Arc<str>> {
        match &self.0 {
            Kind::Open => None,
            Kind::BeaconNode(node) => Some(&node.name),
        }
    }

    pub fn is_granted_by(&self, cluster: &Cluster) -> bool {
        match &self.0 {
            Kind::Open => true,
            Kind::BeaconNode(node) => node.clusters.iter().any(|granting| granting.name == cluster.name),
        }
    }

    /// The cluster that alone granted this beacon node.
    pub fn only_cluster(&self) -> Option<&Arc<Cluster>> {
        match &self.0 {
            Kind::BeaconNode(node) if node.clusters.len() == 1 => node.clusters.first(),
            _ => None,
        }
    }
}
