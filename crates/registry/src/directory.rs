use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use foldhash::fast::RandomState;
use headstart_auction::{CallPolicy, ClusterPolicy, PolicyLayer};
use headstart_types::{BlsPublicKey, PublicKey, RelayId};

use crate::asker::BeaconNode;
use crate::build::Building;
use crate::{Asker, Claim, Cluster, Declared, DirectoryRows, KeyRow, RelayEntry, SecretRow};

/// Who is served, as one immutable snapshot in memory: the hot path reads this and nothing else.
#[derive(Debug, Default)]
pub struct Directory {
    pub(crate) revision: i64,
    pub(crate) clusters: BTreeMap<Arc<str>, Arc<Cluster>>,
    /// Every getHeader and every registration looks here: the hash is keyed, and a fast one.
    pub(crate) validators: HashMap<BlsPublicKey, Validator, RandomState>,
    pub(crate) relays: Vec<Arc<RelayEntry>>,
    pub(crate) secrets: HashMap<String, (SecretRow, Arc<BeaconNode>)>,
    pub(crate) service_keys: Vec<KeyRow>,
    pub(crate) revoked_tokens: HashSet<String>,
    pub(crate) defaults: PolicyLayer,
    pub(crate) faults: Vec<String>,
}

/// A validator that somebody claims.
#[derive(Debug)]
pub(crate) struct Validator {
    pub(crate) key: PublicKey,
    /// The best first: proven before registered, then the oldest.
    pub(crate) claims: Box<[Claim]>,
}

impl Directory {
    /// Merges what the configuration file declares with what the database holds. What cannot be used is left out and
    /// told in [`Directory::faults`]: one cluster's mistake never takes the others down.
    pub fn build(rows: &DirectoryRows, declared: &Declared) -> Self {
        Building::new(declared).add_rows(rows).finish()
    }

    /// Grows with every change; of the database alone.
    pub fn revision(&self) -> i64 {
        self.revision
    }

    /// What could not be used, in words for the log.
    pub fn faults(&self) -> &[String] {
        &self.faults
    }

    /// Everybody's claims on this validator, the best first.
    pub fn claims(&self, validator: &BlsPublicKey) -> &[Claim] {
        self.validators.get(validator).map_or(&[], |validator| &validator.claims)
    }

    pub fn claim_of(&self, validator: &BlsPublicKey, cluster: &str) -> Option<&Claim> {
        self.claims(validator).iter().find(|claim| &*claim.cluster.name == cluster)
    }

    /// The claim that counts for whoever asks: the best of those whose cluster granted the asker.
    pub fn claim_for(&self, asker: &Asker, validator: &BlsPublicKey) -> Option<&Claim> {
        self.claims(validator).iter().find(|claim| asker.is_granted_by(&claim.cluster))
    }

    /// The validator's key, ready to verify with.
    pub fn key_of(&self, validator: &BlsPublicKey) -> Option<&PublicKey> {
        self.validators.get(validator).map(|validator| &validator.key)
    }

    pub fn cluster(&self, name: &str) -> Option<&Arc<Cluster>> {
        self.clusters.get(name)
    }

    pub fn clusters(&self) -> impl ExactSizeIterator<Item = &Arc<Cluster>> {
        self.clusters.values()
    }

    /// How many validators are claimed by anyone.
    pub fn validators(&self) -> usize {
        self.validators.len()
    }

    /// Every validator that anyone claims, with the claims on it, in no order.
    pub fn each_validator(&self) -> impl Iterator<Item = (&BlsPublicKey, &[Claim])> {
        self.validators.iter().map(|(pubkey, validator)| (pubkey, &*validator.claims))
    }

    /// The validators that a cluster claims, in no order.
    pub fn validators_of<'a>(
        &'a self,
        cluster: &'a str,
    ) -> impl Iterator<Item = (&'a BlsPublicKey, &'a Claim)> {
        self.validators.iter().filter_map(move |(pubkey, validator)| {
            validator.claims.iter().find(|claim| &*claim.cluster.name == cluster).map(|claim| (pubkey, claim))
        })
    }

    pub fn relays(&self) -> &[Arc<RelayEntry>] {
        &self.relays
    }

    pub fn relay(&self, id: RelayId) -> Option<&Arc<RelayEntry>> {
        self.relays.iter().find(|relay| relay.id == id)
    }

    pub fn call_policy(&self, relay: RelayId) -> CallPolicy {
        self.relay(relay).map_or(CallPolicy::MEV_BOOST_RELAY, |relay| relay.call_policy)
    }

    /// What holds where neither a cluster nor a validator says anything.
    pub fn defaults(&self) -> &PolicyLayer {
        &self.defaults
    }

    /// The live key of that id which a cluster's operators sign their tokens with, and the operator whose it is.
    pub fn operator_key(&self, cluster: &str, kid: &str) -> Option<(&str, &KeyRow)> {
        let operators = self.clusters.get(cluster)?.operators.iter();
        let mut keys = operators.flat_map(|operator| operator.keys.iter().map(|key| (&*operator.name, key)));
        keys.find(|(_, key)| key.kid == kid)
    }

    pub fn service_key(&self, kid: &str) -> Option<&KeyRow> {
        self.service_keys.iter().find(|key| key.kid == kid)
    }

    pub fn is_token_revoked(&self, jti: &str) -> bool {
        self.revoked_tokens.contains(jti)
    }

    /// Relay names for people, in the order of the policy.
    pub fn relay_names(&self, policy: &ClusterPolicy) -> Vec<String> {
        let name = |id: &RelayId| self.relay(*id).map_or_else(|| id.to_string(), |relay| relay.name.clone());
        policy.relays().iter().map(name).collect()
    }
}

#[cfg(test)]
#[path = "directory_tests.rs"]
mod tests;
