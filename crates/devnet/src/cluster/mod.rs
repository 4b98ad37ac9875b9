//! The validating side: clusters of validators, and the beacon nodes that register them and propose for them.

mod check;
mod client;
mod drive;
mod get_header;
mod proposal;
mod proposer;
mod register;
mod submit;
#[cfg(test)]
mod tests;

use headstart_types::{
    BlsPublicKey, ExecutionAddress, Network, SecretKey, SignedValidatorRegistration, ValidatorIndex,
};

pub use check::{BidField, Wrong, check_bid, check_payload};
pub use client::BeaconClient;
pub use drive::{ClusterPlan, ClusterTask};
pub use proposal::{HeaderReply, Proposal, RevealReply};
pub use proposer::{Asked, Proposer};

use crate::chain::fee_recipient;
use crate::sign::sign_registration;

const GAS_LIMIT: u64 = 60_000_000;

/// Validators that belong together. Clusters of one operator are an ordinary staker's.
#[derive(Clone, Debug)]
pub struct Cluster {
    pub name: String,
    pub validators: Vec<Validator>,
    /// The client of its beacon nodes.
    pub client: BeaconClient,
}

#[derive(Clone, Debug)]
pub struct Validator {
    pub key: SecretKey,
    pub pubkey: BlsPublicKey,
    pub index: ValidatorIndex,
    pub fee_recipient: ExecutionAddress,
    pub gas_limit: u64,
}

impl Cluster {
    /// A cluster of `count` validators with consecutive indices from `first_index`; the indices decide the keys.
    pub fn new(name: &str, client: BeaconClient, first_index: u64, count: usize) -> Self {
        let validators = (first_index..).take(count).map(Validator::new).collect();
        Self { name: name.to_owned(), validators, client }
    }

    /// Indices and keys, as a chain wants to know them.
    pub fn identities(&self) -> impl Iterator<Item = (ValidatorIndex, BlsPublicKey)> {
        self.validators.iter().map(|validator| (validator.index, validator.pubkey))
    }

    pub fn validator(&self, pubkey: &BlsPublicKey) -> Option<&Validator> {
        self.validators.iter().find(|validator| validator.pubkey == *pubkey)
    }

    /// Signed registrations of all validators; `timestamp` in Unix seconds.
    pub fn registrations(&self, network: &Network, timestamp: u64) -> Vec<SignedValidatorRegistration> {
        self.validators.iter().map(|validator| validator.registration(network, timestamp)).collect()
    }
}

impl Validator {
    /// The validator of that index; the same one everywhere.
    pub fn new(index: u64) -> Self {
        const KEY_SEED: u64 = 0x0076_616c_6964;
        let key = crate::key(KEY_SEED, index);
        let pubkey = key.public_key();
        let fee_recipient = fee_recipient(pubkey.0.as_slice());
        Self { key, pubkey, index: ValidatorIndex(index), fee_recipient, gas_limit: GAS_LIMIT }
    }

    pub fn registration(&self, network: &Network, timestamp: u64) -> SignedValidatorRegistration {
        sign_registration(network, &self.key, self.fee_recipient, self.gas_limit, timestamp)
    }
}
