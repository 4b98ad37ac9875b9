use alloy_primitives::FixedBytes;
use serde::{Deserialize, Serialize};
use ssz::Encode as _;
use ssz_derive::{Decode, Encode};
use ssz_types::typenum::{U4096, U131072, U33554432};
use ssz_types::{FixedVector, VariableList};
use tree_hash::TreeHash as _;

use crate::envelope::{from_ssz, from_versioned_json, to_versioned_json};
use crate::{
    BlockHash, DecodeError, ExecutionPayloadCapella, ExecutionPayloadDeneb, ForkName, KzgCommitments, Root,
};

const WHAT: &str = "the unblinded payload";

/// Cell proofs of one extended blob (EIP-7594): from Fulu on a bundle has this many for each blob.
pub const CELLS_PER_EXT_BLOB: usize = 128;

pub type Blob = FixedVector<u8, U131072>;

/// Blobs with their commitments and proofs: one proof a blob before Fulu, 128 from Fulu on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct BlobsBundle {
    pub commitments: KzgCommitments,
    pub proofs: VariableList<FixedBytes<48>, U33554432>,
    #[serde(with = "ssz_types::serde_utils::list_of_hex_fixed_vec")]
    pub blobs: VariableList<Blob, U4096>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct ExecutionPayloadAndBlobsBundle {
    pub execution_payload: ExecutionPayloadDeneb,
    pub blobs_bundle: BlobsBundle,
}

/// What a relay reveals for a signed blinded block: the payload alone in Capella, with its blobs from Deneb on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum UnblindedPayload {
    Capella(ExecutionPayloadCapella),
    Deneb(ExecutionPayloadAndBlobsBundle),
}

impl UnblindedPayload {
    /// A full payload with 21 blobs is below 14 MiB; twice that is surely no answer to us.
    pub const MAX_SSZ_BYTES: usize = 32 << 20;

    pub fn from_ssz(fork: ForkName, bytes: &[u8]) -> Result<Self, DecodeError> {
        Ok(match fork {
            ForkName::Capella => Self::Capella(from_ssz(WHAT, Self::MAX_SSZ_BYTES, bytes)?),
            ForkName::Deneb | ForkName::Electra | ForkName::Fulu => {
                Self::Deneb(from_ssz(WHAT, Self::MAX_SSZ_BYTES, bytes)?)
            }
        })
    }

    pub fn to_ssz(&self) -> Vec<u8> {
        match self {
            Self::Capella(payload) => payload.as_ssz_bytes(),
            Self::Deneb(payload) => payload.as_ssz_bytes(),
        }
    }

    /// Decodes the JSON envelope; its version must be `fork`.
    pub fn from_json(fork: ForkName, json: &[u8]) -> Result<Self, DecodeError> {
        Ok(match fork {
            ForkName::Capella => Self::Capella(from_versioned_json(WHAT, fork, json)?),
            ForkName::Deneb | ForkName::Electra | ForkName::Fulu => {
                Self::Deneb(from_versioned_json(WHAT, fork, json)?)
            }
        })
    }

    pub fn to_json(&self, fork: ForkName) -> Vec<u8> {
        to_versioned_json(fork, self)
    }

    pub fn block_hash(&self) -> BlockHash {
        match self {
            Self::Capella(payload) => payload.block_hash,
            Self::Deneb(payload) => payload.execution_payload.block_hash,
        }
    }

    /// The payload's hash tree root, which must equal that of the signed header.
    pub fn payload_root(&self) -> Root {
        match self {
            Self::Capella(payload) => payload.tree_hash_root(),
            Self::Deneb(payload) => payload.execution_payload.tree_hash_root(),
        }
    }

    /// The blobs; `None` in Capella, which has none.
    pub fn blobs_bundle(&self) -> Option<&BlobsBundle> {
        match self {
            Self::Capella(_) => None,
            Self::Deneb(payload) => Some(&payload.blobs_bundle),
        }
    }
}
