//! Signing as relays, validators and proposers do.

use headstart_types::{
    BlindedBeaconBlock, BlsSignature, BuilderBid, ExecutionAddress, Network, SecretKey,
    SignedBlindedBeaconBlock, SignedBuilderBid, SignedValidatorRegistration, TreeHash as _,
    ValidatorRegistration, signing_root,
};

/// A relay signs a bid; the bid should name that relay's key.
pub fn sign_bid(network: &Network, message: BuilderBid, relay: &SecretKey) -> SignedBuilderBid {
    let signature = relay.sign(signing_root(message.tree_hash_root(), network.builder_domain()));
    SignedBuilderBid { message, signature }
}

/// A proposer signs a blinded block for the fork of its slot.
pub fn sign_block(
    network: &Network,
    message: BlindedBeaconBlock,
    proposer: &SecretKey,
) -> SignedBlindedBeaconBlock {
    let domain = network.proposer_domain(message.slot());
    let signature = proposer.sign(signing_root(message.tree_hash_root(), domain));
    SignedBlindedBeaconBlock { message, signature }
}

/// A validator registers; `timestamp` in Unix seconds.
pub fn sign_registration(
    network: &Network,
    validator: &SecretKey,
    fee_recipient: ExecutionAddress,
    gas_limit: u64,
    timestamp: u64,
) -> SignedValidatorRegistration {
    let message =
        ValidatorRegistration { fee_recipient, gas_limit, timestamp, pubkey: validator.public_key() };
    let signature = validator.sign(signing_root(message.tree_hash_root(), network.builder_domain()));
    SignedValidatorRegistration { message, signature }
}

/// A valid point that signs nothing that is ever asked about.
pub(crate) fn stray_signature(key: &SecretKey) -> BlsSignature {
    key.sign(headstart_types::Root::repeat_byte(0x5a))
}
