//! The contract's bytes as the field's words, and back.

use headstart_auction::Hint;
use headstart_proto::v1;
use headstart_types::{
    B256, BlockHash, BlsPublicKey, BlsSignature, ExecutionAddress, SignedValidatorRegistration, Slot,
    ValidatorRegistration, Wei,
};
use tonic::Status;

use crate::status::invalid;
use crate::work::Registration;

/// Bytes of exactly the right length.
pub(crate) fn bytes<const N: usize>(field: &str, bytes: &[u8]) -> Result<[u8; N], Status> {
    bytes.try_into().map_err(|_| invalid(field, length::<N>(bytes)))
}

fn length<const N: usize>(bytes: &[u8]) -> String {
    format!("must be {N} bytes, not {}", bytes.len())
}

pub(crate) fn pubkey(field: &str, key: &[u8]) -> Result<BlsPublicKey, Status> {
    bytes(field, key).map(|key| BlsPublicKey(key.into()))
}

pub(crate) fn block_hash(field: &str, hash: &[u8]) -> Result<BlockHash, Status> {
    bytes(field, hash).map(|hash| BlockHash(B256::from(hash)))
}

/// A decimal string; empty is zero.
pub(crate) fn wei(field: &str, text: &str) -> Result<Wei, Status> {
    if text.is_empty() {
        return Ok(Wei::ZERO);
    }
    text.parse().map_err(|_| invalid(field, "must be an amount of wei as a decimal string"))
}

pub(crate) fn hint(told: &v1::DutyHint) -> Result<Hint, Status> {
    let parent_hash = told.parent_hash.as_deref().map(|hash| block_hash("hint.parent_hash", hash));
    let dependent_root = told.dependent_root.as_deref().map(|root| bytes("hint.dependent_root", root));
    Ok(Hint {
        slot: Slot(told.slot),
        proposer: pubkey("hint.validator_pubkey", &told.validator_pubkey)?,
        parent_hash: parent_hash.transpose()?,
        dependent_root: dependent_root.transpose()?.map(B256::from),
        expected_ask_ms: told.expected_get_header_offset_ms.map(i64::from),
    })
}

pub(crate) fn hint_to_proto(seq: u64, hint: &Hint) -> v1::DutyHint {
    v1::DutyHint {
        seq,
        slot: hint.slot.0,
        validator_pubkey: hint.proposer.0.to_vec(),
        parent_hash: hint.parent_hash.map(|hash| hash.0.to_vec()),
        dependent_root: hint.dependent_root.map(|root| root.to_vec()),
        expected_get_header_offset_ms: hint.expected_ask_ms.map(offset_ms),
    }
}

/// One bad registration spoils no other: what is wrong with it is its own verdict.
pub(crate) fn registration(told: v1::SignedValidatorRegistration) -> Registration {
    let whole = || -> Result<_, String> {
        Ok(SignedValidatorRegistration {
            message: ValidatorRegistration {
                fee_recipient: ExecutionAddress(part("fee_recipient", &told.fee_recipient)?.into()),
                gas_limit: told.gas_limit,
                timestamp: told.timestamp,
                pubkey: BlsPublicKey(part("pubkey", &told.pubkey)?.into()),
            },
            signature: BlsSignature(part("signature", &told.signature)?.into()),
        })
    };
    whole().map_err(|fault| (told.pubkey, fault))
}

fn part<const N: usize>(name: &str, bytes: &[u8]) -> Result<[u8; N], String> {
    bytes.try_into().map_err(|_| format!("read the registration: {name} {}", length::<N>(bytes)))
}

pub(crate) fn registration_to_proto(
    registration: &SignedValidatorRegistration,
) -> v1::SignedValidatorRegistration {
    let message = &registration.message;
    v1::SignedValidatorRegistration {
        fee_recipient: message.fee_recipient.0.to_vec(),
        gas_limit: message.gas_limit,
        timestamp: message.timestamp,
        pubkey: message.pubkey.0.to_vec(),
        signature: registration.signature.0.to_vec(),
    }
}

/// A number of ours as the contract's narrower one; a value beyond it is its largest.
pub(crate) fn offset_ms(ms: i64) -> i32 {
    i32::try_from(ms).unwrap_or(if ms < 0 { i32::MIN } else { i32::MAX })
}
