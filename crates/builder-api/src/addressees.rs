use std::sync::Arc;

use headstart_auction::Origin;
use headstart_registry::{Asker, Claim};
use headstart_relay::Relay;
use headstart_types::{BlsPublicKey, RelayId};

use crate::BuilderApi;
use crate::signed_block::SignedBlock;

/// Whom a block goes to, and whose it is.
pub(crate) struct Addressees {
    pub(crate) proposer: Option<BlsPublicKey>,
    /// Of those whom the submitter serves; `None` when none of them claims the proposer.
    pub(crate) cluster: Option<Arc<str>>,
    /// Those that offered the block stand first.
    pub(crate) relays: Vec<Addressee>,
}

/// One relay that a block goes to.
#[derive(Clone, Debug)]
pub(crate) struct Addressee {
    pub(crate) relay: Relay,
    /// It offered this very block, to whichever process.
    pub(crate) offered: bool,
    /// The submitter's own cluster trusts it, and so its name is nothing new to the submitter.
    pub(crate) may_be_named: bool,
}

impl Addressees {
    /// The cluster, for people.
    pub(crate) fn cluster_name(&self) -> &str {
        self.cluster.as_deref().unwrap_or("unknown")
    }

    /// Whether the submitter may be told that this relay was asked.
    pub(crate) fn may_name(&self, relay: RelayId) -> bool {
        self.relays.iter().any(|to| to.may_be_named && to.relay.id() == relay)
    }

    /// The same for somebody who showed nothing but the block.
    pub(crate) fn nameless(mut self) -> Self {
        for to in &mut self.relays {
            to.may_be_named = false;
        }
        self
    }

    /// How many of the relays offered this block.
    pub(crate) fn offering(&self) -> usize {
        self.relays.iter().filter(|to| to.offered).count()
    }
}

impl BuilderApi {
    /// The relays that offered the block first, whoever sends it; then the other relays of every cluster that claims the
    /// proposer and is served to the submitter. Where there is none, all of them: one may know a block that nobody
    /// offered to us (another operator's, or one built locally and blinded).
    pub(crate) async fn addressees(&self, asker: &Asker, signed: &SignedBlock) -> Addressees {
        let config = self.config();
        let origin = config.store.shared_origin(signed.id.slot, signed.block.block_hash()).await;
        let proposer = self.proposer_of(signed, origin.as_ref());
        let directory = config.directory.load();
        let claims = proposer.as_ref().map_or(&[][..], |proposer| directory.claims(proposer));
        let served: Vec<&Claim> = claims.iter().filter(|claim| asker.is_granted_by(&claim.cluster)).collect();
        let offering: Vec<RelayId> = origin.map(|known| known.relays).unwrap_or_default();
        let own: Vec<RelayId> =
            served.iter().flat_map(|claim| claim.policy.relays().iter().copied()).collect();
        let all = || config.fetcher.relays().iter().map(Relay::id).collect();
        let others = if served.is_empty() { all() } else { own.clone() };
        let mut ids = offering.clone();
        for relay in others {
            if !ids.contains(&relay) {
                ids.push(relay);
            }
        }
        let addressee = |id| {
            let relay = config.fetcher.relay_for_block(id)?;
            Some(Addressee { relay, offered: offering.contains(&id), may_be_named: own.contains(&id) })
        };
        let relays = ids.into_iter().filter_map(addressee).collect();
        let cluster = served.first().map(|claim| Arc::clone(&claim.cluster.name));
        Addressees { proposer, cluster, relays }
    }

    /// The proposer of the header that was offered here, or else the one whom the schedule names.
    pub(crate) fn proposer_of(&self, signed: &SignedBlock, origin: Option<&Origin>) -> Option<BlsPublicKey> {
        let offered_to = origin.filter(|known| known.key.slot == signed.id.slot);
        let duty = self.config().fetcher.duty_of(signed.id.slot);
        let scheduled = duty.filter(|duty| duty.validator_index == signed.block.message.proposer_index());
        offered_to.map(|known| known.key.proposer).or(scheduled.map(|duty| duty.proposer))
    }
}
