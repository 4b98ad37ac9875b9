use std::fmt;
use std::str::FromStr;

use alloy_primitives::{Address, B256, FixedBytes};
use serde::{Deserialize, Serialize, Serializer};
use ssz_derive::{Decode, Encode};
use tree_hash::{Hash256, PackedEncoding, TreeHash, TreeHashType};

use crate::numbers::tree_hash_as_inner;

/// A hash tree root: of a beacon block, a state, or any SSZ object.
pub type Root = B256;

/// The hash of an execution block. A parent hash is one too; the field says which.
#[derive(
    Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize,
)]
#[ssz(struct_behaviour = "transparent")]
#[serde(transparent)]
pub struct BlockHash(pub B256);

/// A compressed BLS public key, not yet known to be a point of the group: see [`PublicKey`](crate::PublicKey).
#[derive(
    Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize,
)]
#[ssz(struct_behaviour = "transparent")]
#[serde(transparent)]
pub struct BlsPublicKey(pub FixedBytes<48>);

/// A compressed BLS signature, not yet known to be a point of the group.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Encode, Decode, Serialize, Deserialize)]
#[ssz(struct_behaviour = "transparent")]
#[serde(transparent)]
pub struct BlsSignature(pub FixedBytes<96>);

/// An execution-layer address. JSON is read in any case and written with the EIP-55 checksum.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Deserialize)]
#[ssz(struct_behaviour = "transparent")]
#[serde(transparent)]
pub struct ExecutionAddress(pub Address);

impl Serialize for ExecutionAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.to_checksum_buffer(None).as_str())
    }
}

impl ExecutionAddress {
    pub fn is_zero(&self) -> bool {
        self.0.is_zero()
    }
}

impl BlockHash {
    pub fn is_zero(&self) -> bool {
        self.0.is_zero()
    }
}

tree_hash_as_inner!(
    BlockHash(B256),
    BlsPublicKey(FixedBytes<48>),
    BlsSignature(FixedBytes<96>),
    ExecutionAddress(Address)
);

impl fmt::Display for ExecutionAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.to_checksum_buffer(None).as_str())
    }
}

/// Hashes and keys print as 0x-hex, in logs as well as in `Debug`.
macro_rules! shown_as_hex {
    ($($name:ident),+) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
        impl FromStr for $name {
            type Err = ParseHexError;
            fn from_str(text: &str) -> Result<Self, ParseHexError> {
                let digits = text.strip_prefix("0x").ok_or(ParseHexError { bytes: size_of::<Self>() })?;
                digits.parse().map(Self).map_err(|_| ParseHexError { bytes: size_of::<Self>() })
            }
        }
    )+};
}

shown_as_hex!(BlockHash, BlsPublicKey, BlsSignature);

impl fmt::Debug for ExecutionAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not `0x` followed by two hexadecimal digits for each byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("parse hexadecimal: write 0x and {} digits", bytes * 2)]
pub struct ParseHexError {
    bytes: usize,
}
