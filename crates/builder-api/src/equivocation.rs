use std::sync::Arc;

use headstart_auction::GuardVerdict;
use headstart_types::{BlsPublicKey, Network, PublicKey, Root, SignedBlindedBeaconBlock, signing_root};
use tracing::{error, warn};

use crate::BuilderApi;

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
        let (network, block) = (Arc::clone(&self.config().network), Arc::clone(block));
        let slot = block.slot();
        // Keys of our own validators are decompressed once, when the directory is built.
        let key = self.config().directory.key_of(&proposer).cloned();
        let check = move || {
            let key = key.or_else(|| PublicKey::decompress(&proposer).ok());
            key.is_some_and(|key| is_signed_by(&network, &block, block_root, &key))
        };
        if self.config().fetcher.verifier().block(check).await != Some(true) {
            warn!(%slot, %proposer, %block_root, "block forwarded although its signature does not fit the proposer's key");
            return Signer::Unproven;
        }
        match self.shared.submissions.claim(slot, proposer, block_root) {
            GuardVerdict::Forward => Signer::Proven,
            GuardVerdict::SecondBlock { forwarded } => {
                error!(%slot, %proposer, %forwarded, refused = %block_root, alarm = "second_block",
                    "refused a second distinct signed block of one proposer and slot: forwarding it could get the validator slashed");
                Signer::SecondBlock
            }
        }
    }
}

fn is_signed_by(
    network: &Network,
    block: &SignedBlindedBeaconBlock,
    block_root: Root,
    key: &PublicKey,
) -> bool {
    key.verify(signing_root(block_root, network.proposer_domain(block.slot())), &block.signature)
}
