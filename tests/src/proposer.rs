use headstart::clock::SYSTEM;
use headstart_devnet::{Place, blinded_block, sign_block, sign_registration};
use headstart_types::{
    Address, ExecutionAddress, Network, Root, SecretKey, SignedBlindedBeaconBlock, SignedBuilderBid,
    SignedValidatorRegistration, ValidatorIndex,
};

use crate::SLOT;

/// The two versions of submitBlindedBlock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Answers with the payload.
    V1,
    /// Answers 202.
    V2,
}

impl Version {
    pub const ALL: [Self; 2] = [Self::V1, Self::V2];

    pub fn path(self) -> &'static str {
        match self {
            Self::V1 => "/eth/v1/builder/blinded_blocks",
            Self::V2 => "/eth/v2/builder/blinded_blocks",
        }
    }

    /// The status of a success.
    pub fn success(self) -> u16 {
        match self {
            Self::V1 => 200,
            Self::V2 => 202,
        }
    }
}

/// The block of [`SLOT`] that `proposer` signs around the header of `bid`.
pub fn signed_block(
    network: &Network,
    bid: &SignedBuilderBid,
    proposer: &SecretKey,
) -> SignedBlindedBeaconBlock {
    signed_block_with_graffiti(network, bid, proposer, 0)
}

/// The same with another graffiti is another block.
pub fn signed_block_with_graffiti(
    network: &Network,
    bid: &SignedBuilderBid,
    proposer: &SecretKey,
    graffiti: u8,
) -> SignedBlindedBeaconBlock {
    let place = Place { slot: SLOT, proposer_index: ValidatorIndex(7), parent_root: Root::repeat_byte(0x22) };
    sign_block(network, blinded_block(place, &bid.message, graffiti), proposer)
}

/// A registration that was signed `age_s` seconds ago.
pub fn registration(network: &Network, validator: &SecretKey, age_s: u64) -> SignedValidatorRegistration {
    let fee_recipient = ExecutionAddress(Address::repeat_byte(0xfe));
    sign_registration(network, validator, fee_recipient, 36_000_000, SYSTEM.now().seconds() - age_s)
}
