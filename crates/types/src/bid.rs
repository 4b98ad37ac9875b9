use alloy_primitives::FixedBytes;
use serde::{Deserialize, Serialize};
use ssz_derive::{Decode, Encode};
use ssz_types::VariableList;
use ssz_types::typenum::U4096;
use tree_hash::TreeHash as _;
use tree_hash_derive::TreeHash;

use crate::envelope::{from_ssz, from_versioned_json, to_versioned_json};
use crate::signed::{Signed, to_ssz};
use crate::{
    BlsPublicKey, BlsSignature, DecodeError, ExecutionPayloadHeader, ExecutionPayloadHeaderCapella,
    ExecutionPayloadHeaderDeneb, ExecutionRequests, ForkName, Root, Wei,
};

pub type KzgCommitments = VariableList<FixedBytes<48>, U4096>;

const WHAT: &str = "the signed builder bid";

/// `BuilderBid` of Capella (builder-specs, specs/capella/builder.md).
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, TreeHash, Serialize, Deserialize)]
pub struct BuilderBidCapella {
    pub header: ExecutionPayloadHeaderCapella,
    pub value: Wei,
    pub pubkey: BlsPublicKey,
}

/// `BuilderBid` of Deneb.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, TreeHash, Serialize, Deserialize)]
pub struct BuilderBidDeneb {
    pub header: ExecutionPayloadHeaderDeneb,
    pub blob_kzg_commitments: KzgCommitments,
    pub value: Wei,
    pub pubkey: BlsPublicKey,
}

/// `BuilderBid` of Electra and Fulu.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, TreeHash, Serialize, Deserialize)]
pub struct BuilderBidElectra {
    pub header: ExecutionPayloadHeaderDeneb,
    pub blob_kzg_commitments: KzgCommitments,
    pub execution_requests: ExecutionRequests,
    pub value: Wei,
    pub pubkey: BlsPublicKey,
}

/// A bid of any fork. Electra and Fulu share one shape, so the fork itself is always told beside it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, TreeHash, Serialize)]
#[ssz(enum_behaviour = "transparent")]
#[tree_hash(enum_behaviour = "transparent")]
#[serde(untagged)]
pub enum BuilderBid {
    Capella(BuilderBidCapella),
    Deneb(BuilderBidDeneb),
    Electra(BuilderBidElectra),
}

impl BuilderBid {
    pub fn header(&self) -> ExecutionPayloadHeader<'_> {
        match self {
            Self::Capella(bid) => ExecutionPayloadHeader::Capella(&bid.header),
            Self::Deneb(bid) => ExecutionPayloadHeader::Deneb(&bid.header),
            Self::Electra(bid) => ExecutionPayloadHeader::Deneb(&bid.header),
        }
    }

    pub fn value(&self) -> Wei {
        match self {
            Self::Capella(bid) => bid.value,
            Self::Deneb(bid) => bid.value,
            Self::Electra(bid) => bid.value,
        }
    }

    /// The key that the bid claims to be signed with: the relay's.
    pub fn pubkey(&self) -> BlsPublicKey {
        match self {
            Self::Capella(bid) => bid.pubkey,
            Self::Deneb(bid) => bid.pubkey,
            Self::Electra(bid) => bid.pubkey,
        }
    }

    /// KZG commitments of the blobs; none before Deneb.
    pub fn commitments(&self) -> &[FixedBytes<48>] {
        match self {
            Self::Capella(_) => &[],
            Self::Deneb(bid) => &bid.blob_kzg_commitments,
            Self::Electra(bid) => &bid.blob_kzg_commitments,
        }
    }

    pub fn tree_hash_root(&self) -> Root {
        match self {
            Self::Capella(bid) => bid.tree_hash_root(),
            Self::Deneb(bid) => bid.tree_hash_root(),
            Self::Electra(bid) => bid.tree_hash_root(),
        }
    }
}

/// `SignedBuilderBid`: what a relay answers to getHeader, not yet verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SignedBuilderBid {
    pub message: BuilderBid,
    pub signature: BlsSignature,
}

impl<T: ssz::Encode + ssz::Decode> Signed<T> {
    fn into_bid(self, into: impl FnOnce(T) -> BuilderBid) -> SignedBuilderBid {
        SignedBuilderBid { message: into(self.message), signature: self.signature }
    }
}

impl SignedBuilderBid {
    /// The largest SSZ encoding that a bid of `fork` can have, in bytes.
    pub const fn max_ssz_bytes(fork: ForkName) -> usize {
        match fork {
            ForkName::Capella => 784,
            ForkName::Deneb => 197_412,
            ForkName::Electra | ForkName::Fulu => 1_771_740,
        }
    }

    pub fn from_ssz(fork: ForkName, bytes: &[u8]) -> Result<Self, DecodeError> {
        let limit = Self::max_ssz_bytes(fork);
        Ok(match fork {
            ForkName::Capella => from_ssz::<Signed<_>>(WHAT, limit, bytes)?.into_bid(BuilderBid::Capella),
            ForkName::Deneb => from_ssz::<Signed<_>>(WHAT, limit, bytes)?.into_bid(BuilderBid::Deneb),
            ForkName::Electra | ForkName::Fulu => {
                from_ssz::<Signed<_>>(WHAT, limit, bytes)?.into_bid(BuilderBid::Electra)
            }
        })
    }

    pub fn to_ssz(&self) -> Vec<u8> {
        to_ssz(&self.message, &self.signature)
    }

    /// Decodes the JSON envelope; its version must be `fork`.
    pub fn from_json(fork: ForkName, json: &[u8]) -> Result<Self, DecodeError> {
        Ok(match fork {
            ForkName::Capella => {
                from_versioned_json::<Signed<_>>(WHAT, fork, json)?.into_bid(BuilderBid::Capella)
            }
            ForkName::Deneb => {
                from_versioned_json::<Signed<_>>(WHAT, fork, json)?.into_bid(BuilderBid::Deneb)
            }
            ForkName::Electra | ForkName::Fulu => {
                from_versioned_json::<Signed<_>>(WHAT, fork, json)?.into_bid(BuilderBid::Electra)
            }
        })
    }

    /// Encodes the JSON envelope of `fork`.
    pub fn to_json(&self, fork: ForkName) -> Vec<u8> {
        to_versioned_json(fork, self)
    }
}
