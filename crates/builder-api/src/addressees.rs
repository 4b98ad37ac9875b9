use headstart_relay::Relay;
use headstart_types::{BlsPublicKey, RelayId};

use crate::BuilderApi;
use crate::signed_block::SignedBlock;

/// Whom a block goes to, and whose it is.
pub(crate) struct Addressees {
    pub(crate) proposer: Option<BlsPublicKey>,
    pub(crate) cluster: String,
    pub(crate) relays: Vec<Relay>,
    /// How many of the relays offered this block; they stand first.
    pub(crate) offering: usize,
}

impl BuilderApi {
    /// The relays that offered the block first, then the other relays of the proposer's cluster. A block that nobody
    /// offered to us (another operator's, or one built locally and blinded) goes to all of them: one may know it.
    pub(crate) fn addressees(&self, signed: &SignedBlock) -> Addressees {
        let config = self.config();
        let origin = config.store.origin(signed.block.block_hash());
        let duty = config.fetcher.duty_of(signed.id.slot);
        let scheduled = duty.filter(|duty| duty.validator_index == signed.block.message.proposer_index());
        let offered_to = origin.as_ref().filter(|known| known.key.slot == signed.id.slot);
        let proposer = offered_to.map(|known| known.key.proposer).or(scheduled.map(|duty| duty.proposer));
        let cluster = proposer.and_then(|proposer| config.directory.cluster_of(&proposer));
        let offering: Vec<RelayId> = origin.map(|known| known.relays).unwrap_or_default();
        let others: Vec<RelayId> = match cluster {
            Some(cluster) => cluster.policy.relays().to_vec(),
            None => config.fetcher.relays().iter().map(Relay::id).collect(),
        };
        let others = others.into_iter().filter(|id| !offering.contains(id));
        let relays = offering
            .iter()
            .copied()
            .chain(others)
            .filter_map(|id| config.fetcher.relay(id).cloned())
            .collect();
        let cluster = cluster.map_or_else(|| "unknown".to_owned(), |cluster| cluster.name.clone());
        Addressees { proposer, cluster, relays, offering: offering.len() }
    }
}
