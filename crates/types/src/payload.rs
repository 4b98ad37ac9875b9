use alloy_primitives::FixedBytes;
use serde::{Deserialize, Serialize};
use ssz_derive::{Decode, Encode};
use ssz_types::VariableList;
use ssz_types::typenum::{U16, U32, U1048576, U1073741824};
use tree_hash_derive::TreeHash;

use crate::{BlockHash, ExecutionAddress, Root, ValidatorIndex, Wei};

pub type Transactions = VariableList<VariableList<u8, U1073741824>, U1048576>;
pub type Withdrawals = VariableList<Withdrawal, U16>;

/// One withdrawal that a payload must carry, announced by the beacon node in `payload_attributes`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TreeHash, Serialize, Deserialize)]
pub struct Withdrawal {
    #[serde(with = "serde_utils::quoted_u64")]
    pub index: u64,
    pub validator_index: ValidatorIndex,
    pub address: ExecutionAddress,
    /// Gwei.
    #[serde(with = "serde_utils::quoted_u64")]
    pub amount: u64,
}

/// Execution payload of Capella. Its hash tree root equals that of its header.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, TreeHash, Serialize, Deserialize)]
pub struct ExecutionPayloadCapella {
    pub parent_hash: BlockHash,
    pub fee_recipient: ExecutionAddress,
    pub state_root: Root,
    pub receipts_root: Root,
    pub logs_bloom: FixedBytes<256>,
    pub prev_randao: Root,
    #[serde(with = "serde_utils::quoted_u64")]
    pub block_number: u64,
    #[serde(with = "serde_utils::quoted_u64")]
    pub gas_limit: u64,
    #[serde(with = "serde_utils::quoted_u64")]
    pub gas_used: u64,
    /// Unix seconds.
    #[serde(with = "serde_utils::quoted_u64")]
    pub timestamp: u64,
    #[serde(with = "ssz_types::serde_utils::hex_var_list")]
    pub extra_data: VariableList<u8, U32>,
    pub base_fee_per_gas: Wei,
    pub block_hash: BlockHash,
    #[serde(with = "ssz_types::serde_utils::list_of_hex_var_list")]
    pub transactions: Transactions,
    pub withdrawals: Withdrawals,
}

/// Execution payload of Deneb, Electra and Fulu. Its hash tree root equals that of its header.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, TreeHash, Serialize, Deserialize)]
pub struct ExecutionPayloadDeneb {
    pub parent_hash: BlockHash,
    pub fee_recipient: ExecutionAddress,
    pub state_root: Root,
    pub receipts_root: Root,
    pub logs_bloom: FixedBytes<256>,
    pub prev_randao: Root,
    #[serde(with = "serde_utils::quoted_u64")]
    pub block_number: u64,
    #[serde(with = "serde_utils::quoted_u64")]
    pub gas_limit: u64,
    #[serde(with = "serde_utils::quoted_u64")]
    pub gas_used: u64,
    /// Unix seconds.
    #[serde(with = "serde_utils::quoted_u64")]
    pub timestamp: u64,
    #[serde(with = "ssz_types::serde_utils::hex_var_list")]
    pub extra_data: VariableList<u8, U32>,
    pub base_fee_per_gas: Wei,
    pub block_hash: BlockHash,
    #[serde(with = "ssz_types::serde_utils::list_of_hex_var_list")]
    pub transactions: Transactions,
    pub withdrawals: Withdrawals,
    #[serde(with = "serde_utils::quoted_u64")]
    pub blob_gas_used: u64,
    #[serde(with = "serde_utils::quoted_u64")]
    pub excess_blob_gas: u64,
}
