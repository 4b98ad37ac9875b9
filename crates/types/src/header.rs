use alloy_primitives::{FixedBytes, b256};
use serde::{Deserialize, Serialize};
use ssz_derive::{Decode, Encode};
use ssz_types::VariableList;
use ssz_types::typenum::U32;
use tree_hash::TreeHash as _;
use tree_hash_derive::TreeHash;

use crate::{BlockHash, ExecutionAddress, Root, Wei};

/// Hash tree root of an empty transaction list: a bid with it pays nobody and is worth nothing.
pub const EMPTY_TRANSACTIONS_ROOT: Root =
    b256!("0x7ffe241ea60187fdb0187bfa22de35d1f9bed7ab061d9401fd47e34a54fbede1");

/// Execution payload header of Capella: 568 to 600 bytes of SSZ.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, TreeHash, Serialize, Deserialize)]
pub struct ExecutionPayloadHeaderCapella {
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
    pub transactions_root: Root,
    pub withdrawals_root: Root,
}

/// Execution payload header of Deneb, Electra and Fulu: 584 to 616 bytes of SSZ.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, TreeHash, Serialize, Deserialize)]
pub struct ExecutionPayloadHeaderDeneb {
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
    pub transactions_root: Root,
    pub withdrawals_root: Root,
    #[serde(with = "serde_utils::quoted_u64")]
    pub blob_gas_used: u64,
    #[serde(with = "serde_utils::quoted_u64")]
    pub excess_blob_gas: u64,
}

/// A header of either shape, borrowed from the bid or block that carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExecutionPayloadHeader<'a> {
    Capella(&'a ExecutionPayloadHeaderCapella),
    Deneb(&'a ExecutionPayloadHeaderDeneb),
}

/// Reads one field that both shapes have.
macro_rules! field {
    ($header:expr, $name:ident) => {
        match $header {
            ExecutionPayloadHeader::Capella(header) => header.$name,
            ExecutionPayloadHeader::Deneb(header) => header.$name,
        }
    };
}

impl ExecutionPayloadHeader<'_> {
    pub fn parent_hash(self) -> BlockHash {
        field!(self, parent_hash)
    }

    pub fn block_hash(self) -> BlockHash {
        field!(self, block_hash)
    }

    pub fn fee_recipient(self) -> ExecutionAddress {
        field!(self, fee_recipient)
    }

    pub fn prev_randao(self) -> Root {
        field!(self, prev_randao)
    }

    pub fn block_number(self) -> u64 {
        field!(self, block_number)
    }

    pub fn gas_limit(self) -> u64 {
        field!(self, gas_limit)
    }

    /// Unix seconds.
    pub fn timestamp(self) -> u64 {
        field!(self, timestamp)
    }

    pub fn transactions_root(self) -> Root {
        field!(self, transactions_root)
    }

    pub fn withdrawals_root(self) -> Root {
        field!(self, withdrawals_root)
    }

    pub fn tree_hash_root(self) -> Root {
        match self {
            Self::Capella(header) => header.tree_hash_root(),
            Self::Deneb(header) => header.tree_hash_root(),
        }
    }
}
