use std::sync::Arc;

use headstart_auction::GuardVerdict;
use headstart_types::{BlsPublicKey, Network, PublicKey, Root, SignedBlindedBeaconBlock, Slot, signing_root};
use tracing::{error, warn};

use crate::BuilderApi;
use crate::signed_block::SignedBlock;

/// What is known of a block's signer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signer {
    /// The proposer's signature was verified, and no other block of its slot was forwarded.
    Proven,
    /// The signature does not fit the proposer's key, or the proposer is unknown: forwarded, but never believed.
    Unproven,
    /// Verified, but another distinct block of this slot and proposer was forwarded before.
    SecondBlock,
}

impl BuilderApi {
    /// Verifies the proposer's signature and claims the guard. Without a verified signature nothing is claimed, so that
    /// nobody can have the true block refused; and the block is forwarded all the same, so that a fault in our own
    /// check cannot lose it.
    pub(crate) async fn signer_of(
        &self,
        block: &Arc<SignedBlindedBeaconBlock>,
        block_root: Root,
        proposer: Option<BlsPublicKey>,
    ) -> Signer {
        let Some(proposer) = proposer else { return Signer::Unproven };
        let slot = block.slot();
        if !self.is_signed_by(block, block_root, proposer).await {
            warn!(%slot, %proposer, %block_root, "block forwarded although its signature does not fit the proposer's key");
            return Signer::Unproven;
        }
        match self.claim(slot, proposer, block_root).await {
            GuardVerdict::Forward => Signer::Proven,
            GuardVerdict::SecondBlock { forwarded } => {
                error!(%slot, %proposer, %forwarded, refused = %block_root, alarm = "second_block",
                    "refused a second distinct signed block of one proposer and slot: forwarding it could get the validator slashed");
                Signer::SecondBlock
            }
        }
    }

    /// Claims the slot in this process, and then in all of them. When the store is away, the relays are the second guard:
    /// they take no other block either.
    async fn claim(&self, slot: Slot, proposer: BlsPublicKey, block_root: Root) -> GuardVerdict {
        let here = self.shared.submissions.claim(slot, proposer, block_root);
        let store = &self.config().store;
        if here != GuardVerdict::Forward || !store.has_others() {
            return here;
        }
        match store.claim(slot, &proposer, block_root).await {
            Some(forwarded) if forwarded != block_root => {
                // What was refused must not hold the slot here: the block that was forwarded may come again.
                self.shared.submissions.overruled(slot, proposer, forwarded);
                GuardVerdict::SecondBlock { forwarded }
            }
            _ => GuardVerdict::Forward,
        }
    }

    /// Whether a block needs no other credential: its proposer is known here, and has signed it.
    pub(crate) async fn proves_itself(&self, signed: &SignedBlock) -> bool {
        let origin = self.config().store.shared_origin(signed.id.slot, signed.block.block_hash()).await;
        match self.proposer_of(signed, origin.as_ref()) {
            Some(proposer) => self.is_signed_by(&signed.block, signed.id.block_root, proposer).await,
            None => false,
        }
    }

    async fn is_signed_by(
        &self,
        block: &Arc<SignedBlindedBeaconBlock>,
        block_root: Root,
        proposer: BlsPublicKey,
    ) -> bool {
        let (network, block) = (Arc::clone(&self.config().network), Arc::clone(block));
        // Keys of our own validators are decompressed once, when the directory is built.
        let key = self.config().directory.load().key_of(&proposer).cloned();
        let check = move || {
            let key = key.or_else(|| PublicKey::decompress(&proposer).ok());
            key.is_some_and(|key| fits(&network, &block, block_root, &key))
        };
        self.config().fetcher.verifier().at_once(check).await == Some(true)
    }
}

fn fits(network: &Network, block: &SignedBlindedBeaconBlock, block_root: Root, key: &PublicKey) -> bool {
    key.verify(signing_root(block_root, network.proposer_domain(block.slot())), &block.signature)
}
