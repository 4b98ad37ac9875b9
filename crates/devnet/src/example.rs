use headstart_types::{
    AuctionKey, BlockHash, Clock, ForkName, Network, Root, SecretKey, SignedBlindedBeaconBlock,
    SignedBuilderBid, Slot, UnblindedPayload, UnixMillis, ValidatorIndex, Wei,
};

use crate::block::{Place, blinded_block};
use crate::chain::{Chain, ChainConfig};
use crate::payload::BuiltBlock;
use crate::seed::Seed;
use crate::sign::{sign_bid, sign_block};

/// One auction from bid to payload, valid in every respect and made without any server: for unit tests.
#[derive(Clone, Debug)]
pub struct Example {
    pub fork: ForkName,
    pub network: Network,
    pub key: AuctionKey,
    pub proposer_index: ValidatorIndex,
    pub relay: SecretKey,
    pub proposer: SecretKey,
    pub bid: SignedBuilderBid,
    pub block: SignedBlindedBeaconBlock,
    pub payload: UnblindedPayload,
}

impl Example {
    /// An example of `fork` in slot 9 of a network with slots of 12 seconds; another seed gives another relay,
    /// proposer, parent and block.
    pub fn new(fork: ForkName, seed: u64) -> Self {
        Self::with_value(fork, seed, Wei::new(45_000_000_000_000_000))
    }

    pub fn with_value(fork: ForkName, seed: u64, value: Wei) -> Self {
        let network = crate::network(fork, 12_000, UnixMillis(1_700_000_000_000), 0);
        let chain =
            Chain::new(ChainConfig::new(network.clone(), Clock::new(|| UnixMillis(1_700_000_108_000)), seed));
        let (relay, proposer) = (crate::key(seed, 0), crate::key(seed, 1));
        let key = AuctionKey {
            slot: Slot(9),
            parent_hash: BlockHash(Seed::new(seed).with_bytes(b"parent").hash()),
            proposer: proposer.public_key(),
        };
        let built = BuiltBlock::new(fork, chain.attributes(key.slot, key.parent_hash), key.proposer, seed, 0);
        let bid = sign_bid(&network, built.bid(value, relay.public_key()), &relay);
        let proposer_index = ValidatorIndex(seed % 1_000_000);
        let place = Place { slot: key.slot, proposer_index, parent_root: Root::repeat_byte(7) };
        let block = sign_block(&network, blinded_block(place, &bid.message, 0), &proposer);
        Self { fork, key, proposer_index, relay, proposer, bid, block, payload: built.unblinded(), network }
    }
}

#[cfg(test)]
mod tests {
    use headstart_types::{PublicKey, signing_root};

    use super::*;

    #[test]
    fn bid_block_and_payload_of_every_fork_fit_each_other() {
        for fork in ForkName::ALL {
            for seed in 0..4 {
                let Example { network, key, relay, proposer, bid, block, payload, .. } =
                    Example::new(fork, seed);
                let verifies = |key: &SecretKey, root, domain, signature| {
                    PublicKey::decompress(&key.public_key())
                        .unwrap()
                        .verify(signing_root(root, domain), signature)
                };
                assert!(verifies(
                    &relay,
                    bid.message.tree_hash_root(),
                    network.builder_domain(),
                    &bid.signature
                ));
                let domain = network.proposer_domain(key.slot);
                assert!(verifies(&proposer, block.message.tree_hash_root(), domain, &block.signature));
                assert_eq!(bid.message.header().tree_hash_root(), payload.payload_root(), "{fork} {seed}");
                assert_eq!(block.message.header(), bid.message.header());
                assert_eq!(bid.message.header().timestamp(), network.payload_timestamp(key.slot));
                let commitments = payload.blobs_bundle().map_or(&[][..], |bundle| &bundle.commitments);
                assert_eq!(block.message.commitments(), commitments);
            }
        }
    }

    #[test]
    fn examples_survive_both_encodings() {
        for fork in ForkName::ALL {
            let Example { bid, block, payload, .. } = Example::new(fork, 3);
            assert_eq!(SignedBuilderBid::from_ssz(fork, &bid.to_ssz()), Ok(bid.clone()));
            assert_eq!(SignedBuilderBid::from_json(fork, &bid.to_json(fork)), Ok(bid));
            assert_eq!(SignedBlindedBeaconBlock::from_ssz(fork, &block.to_ssz()), Ok(block.clone()));
            assert_eq!(SignedBlindedBeaconBlock::from_json(fork, &block.to_json()), Ok(block));
            assert_eq!(UnblindedPayload::from_ssz(fork, &payload.to_ssz()), Ok(payload.clone()));
            assert_eq!(UnblindedPayload::from_json(fork, &payload.to_json(fork)), Ok(payload));
        }
    }
}
