use alloy_primitives::FixedBytes;
use serde::{Deserialize, Serialize};
use ssz_derive::{Decode, Encode};
use ssz_types::VariableList;
use ssz_types::typenum::{U1, U2, U8, U16, U128};
use tree_hash::TreeHash as _;
use tree_hash_derive::TreeHash;

use crate::envelope::{from_json, from_ssz, to_json};
use crate::operations::Graffiti;
use crate::signed::{Signed, to_ssz};
use crate::{
    Attestation, AttestationElectra, AttesterSlashing, AttesterSlashingElectra, BlockHash, BlsSignature,
    DecodeError, Deposit, Eth1Data, ExecutionPayloadHeader, ExecutionPayloadHeaderCapella,
    ExecutionPayloadHeaderDeneb, ExecutionRequests, ForkName, KzgCommitments, ProposerSlashing, Root,
    SignedBlsToExecutionChange, SignedVoluntaryExit, Slot, SyncAggregate, ValidatorIndex,
};

const WHAT: &str = "the signed blinded beacon block";

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TreeHash, Serialize, Deserialize)]
pub struct BlindedBeaconBlockBodyCapella {
    pub randao_reveal: BlsSignature,
    pub eth1_data: Eth1Data,
    pub graffiti: Graffiti,
    pub proposer_slashings: VariableList<ProposerSlashing, U16>,
    pub attester_slashings: VariableList<AttesterSlashing, U2>,
    pub attestations: VariableList<Attestation, U128>,
    pub deposits: VariableList<Deposit, U16>,
    pub voluntary_exits: VariableList<SignedVoluntaryExit, U16>,
    pub sync_aggregate: SyncAggregate,
    pub execution_payload_header: ExecutionPayloadHeaderCapella,
    pub bls_to_execution_changes: VariableList<SignedBlsToExecutionChange, U16>,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TreeHash, Serialize, Deserialize)]
pub struct BlindedBeaconBlockBodyDeneb {
    pub randao_reveal: BlsSignature,
    pub eth1_data: Eth1Data,
    pub graffiti: Graffiti,
    pub proposer_slashings: VariableList<ProposerSlashing, U16>,
    pub attester_slashings: VariableList<AttesterSlashing, U2>,
    pub attestations: VariableList<Attestation, U128>,
    pub deposits: VariableList<Deposit, U16>,
    pub voluntary_exits: VariableList<SignedVoluntaryExit, U16>,
    pub sync_aggregate: SyncAggregate,
    pub execution_payload_header: ExecutionPayloadHeaderDeneb,
    pub bls_to_execution_changes: VariableList<SignedBlsToExecutionChange, U16>,
    pub blob_kzg_commitments: KzgCommitments,
}

/// The blinded body of Electra and Fulu.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TreeHash, Serialize, Deserialize)]
pub struct BlindedBeaconBlockBodyElectra {
    pub randao_reveal: BlsSignature,
    pub eth1_data: Eth1Data,
    pub graffiti: Graffiti,
    pub proposer_slashings: VariableList<ProposerSlashing, U16>,
    pub attester_slashings: VariableList<AttesterSlashingElectra, U1>,
    pub attestations: VariableList<AttestationElectra, U8>,
    pub deposits: VariableList<Deposit, U16>,
    pub voluntary_exits: VariableList<SignedVoluntaryExit, U16>,
    pub sync_aggregate: SyncAggregate,
    pub execution_payload_header: ExecutionPayloadHeaderDeneb,
    pub bls_to_execution_changes: VariableList<SignedBlsToExecutionChange, U16>,
    pub blob_kzg_commitments: KzgCommitments,
    pub execution_requests: ExecutionRequests,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TreeHash, Serialize, Deserialize)]
pub struct BlindedBeaconBlockCapella {
    pub slot: Slot,
    pub proposer_index: ValidatorIndex,
    pub parent_root: Root,
    pub state_root: Root,
    pub body: BlindedBeaconBlockBodyCapella,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TreeHash, Serialize, Deserialize)]
pub struct BlindedBeaconBlockDeneb {
    pub slot: Slot,
    pub proposer_index: ValidatorIndex,
    pub parent_root: Root,
    pub state_root: Root,
    pub body: BlindedBeaconBlockBodyDeneb,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TreeHash, Serialize, Deserialize)]
pub struct BlindedBeaconBlockElectra {
    pub slot: Slot,
    pub proposer_index: ValidatorIndex,
    pub parent_root: Root,
    pub state_root: Root,
    pub body: BlindedBeaconBlockBodyElectra,
}

/// A blinded block of any fork; Electra and Fulu share one shape.
#[derive(Clone, Debug, PartialEq, Eq, Encode, TreeHash, Serialize)]
#[ssz(enum_behaviour = "transparent")]
#[tree_hash(enum_behaviour = "transparent")]
#[serde(untagged)]
pub enum BlindedBeaconBlock {
    Capella(BlindedBeaconBlockCapella),
    Deneb(BlindedBeaconBlockDeneb),
    Electra(BlindedBeaconBlockElectra),
}

impl BlindedBeaconBlock {
    pub fn slot(&self) -> Slot {
        match self {
            Self::Capella(block) => block.slot,
            Self::Deneb(block) => block.slot,
            Self::Electra(block) => block.slot,
        }
    }

    pub fn proposer_index(&self) -> ValidatorIndex {
        match self {
            Self::Capella(block) => block.proposer_index,
            Self::Deneb(block) => block.proposer_index,
            Self::Electra(block) => block.proposer_index,
        }
    }

    pub fn header(&self) -> ExecutionPayloadHeader<'_> {
        match self {
            Self::Capella(block) => ExecutionPayloadHeader::Capella(&block.body.execution_payload_header),
            Self::Deneb(block) => ExecutionPayloadHeader::Deneb(&block.body.execution_payload_header),
            Self::Electra(block) => ExecutionPayloadHeader::Deneb(&block.body.execution_payload_header),
        }
    }

    pub fn commitments(&self) -> &[FixedBytes<48>] {
        match self {
            Self::Capella(_) => &[],
            Self::Deneb(block) => &block.body.blob_kzg_commitments,
            Self::Electra(block) => &block.body.blob_kzg_commitments,
        }
    }

    /// The block's root, which equals that of the unblinded block.
    pub fn tree_hash_root(&self) -> Root {
        match self {
            Self::Capella(block) => block.tree_hash_root(),
            Self::Deneb(block) => block.tree_hash_root(),
            Self::Electra(block) => block.tree_hash_root(),
        }
    }
}

/// `SignedBlindedBeaconBlock`: what a proposer signed; from here on there is no way back to a local block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SignedBlindedBeaconBlock {
    pub message: BlindedBeaconBlock,
    pub signature: BlsSignature,
}

impl<T: ssz::Encode + ssz::Decode> Signed<T> {
    fn into_block(self, into: impl FnOnce(T) -> BlindedBeaconBlock) -> SignedBlindedBeaconBlock {
        SignedBlindedBeaconBlock { message: into(self.message), signature: self.signature }
    }
}

impl SignedBlindedBeaconBlock {
    /// The largest SSZ encoding that a block of `fork` can have, in bytes.
    pub const fn max_ssz_bytes(fork: ForkName) -> usize {
        match fork {
            ForkName::Capella => 161_276,
            ForkName::Deneb => 357_904,
            ForkName::Electra | ForkName::Fulu => 4_033_788,
        }
    }

    /// The slot of an SSZ-encoded block, which tells the fork to decode it with; `None` when the bytes are too few.
    pub fn slot_of_ssz(bytes: &[u8]) -> Option<Slot> {
        const SLOT_OFFSET: usize = 100;
        let slot = bytes.get(SLOT_OFFSET..SLOT_OFFSET + 8)?;
        Some(Slot(u64::from_le_bytes(slot.try_into().ok()?)))
    }

    /// The slot of a JSON-encoded block.
    pub fn slot_of_json(json: &[u8]) -> Result<Slot, DecodeError> {
        #[derive(Deserialize)]
        struct Outer {
            message: Inner,
        }
        #[derive(Deserialize)]
        struct Inner {
            slot: Slot,
        }
        from_json::<Outer>(WHAT, json).map(|outer| outer.message.slot)
    }

    pub fn from_ssz(fork: ForkName, bytes: &[u8]) -> Result<Self, DecodeError> {
        let limit = Self::max_ssz_bytes(fork);
        Ok(match fork {
            ForkName::Capella => {
                from_ssz::<Signed<_>>(WHAT, limit, bytes)?.into_block(BlindedBeaconBlock::Capella)
            }
            ForkName::Deneb => {
                from_ssz::<Signed<_>>(WHAT, limit, bytes)?.into_block(BlindedBeaconBlock::Deneb)
            }
            ForkName::Electra | ForkName::Fulu => {
                from_ssz::<Signed<_>>(WHAT, limit, bytes)?.into_block(BlindedBeaconBlock::Electra)
            }
        })
    }

    pub fn to_ssz(&self) -> Vec<u8> {
        to_ssz(&self.message, &self.signature)
    }

    /// Decodes the bare `{"message", "signature"}` object.
    pub fn from_json(fork: ForkName, json: &[u8]) -> Result<Self, DecodeError> {
        Ok(match fork {
            ForkName::Capella => from_json::<Signed<_>>(WHAT, json)?.into_block(BlindedBeaconBlock::Capella),
            ForkName::Deneb => from_json::<Signed<_>>(WHAT, json)?.into_block(BlindedBeaconBlock::Deneb),
            ForkName::Electra | ForkName::Fulu => {
                from_json::<Signed<_>>(WHAT, json)?.into_block(BlindedBeaconBlock::Electra)
            }
        })
    }

    pub fn to_json(&self) -> Vec<u8> {
        to_json(self)
    }

    pub fn slot(&self) -> Slot {
        self.message.slot()
    }

    /// The hash of the execution block whose header was signed.
    pub fn block_hash(&self) -> BlockHash {
        self.message.header().block_hash()
    }
}
