use serde::Deserialize;
use ssz::{Decode, Encode};
use ssz_derive::{Decode, Encode};

use crate::BlsSignature;

/// The two-field container around a signed message of one fork.
#[derive(Encode, Decode, Deserialize)]
pub(crate) struct Signed<T: Encode + Decode> {
    pub(crate) message: T,
    pub(crate) signature: BlsSignature,
}

/// SSZ of a signed message whose variant is known only at run time: offset, signature, message.
pub(crate) fn to_ssz(message: &impl Encode, signature: &BlsSignature) -> Vec<u8> {
    const FIXED_BYTES: u32 = 4 + 96;
    let mut bytes = Vec::with_capacity(FIXED_BYTES as usize + message.ssz_bytes_len());
    bytes.extend_from_slice(&FIXED_BYTES.to_le_bytes());
    bytes.extend_from_slice(signature.0.as_slice());
    message.ssz_append(&mut bytes);
    bytes
}
