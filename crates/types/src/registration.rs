use serde::{Deserialize, Serialize};
use ssz::{Decode as _, Encode as _};
use ssz_derive::{Decode, Encode};
use tree_hash::TreeHash as _;
use tree_hash_derive::TreeHash;

use crate::envelope::DecodeError;
use crate::{
    BlsError, BlsPublicKey, BlsSignature, ExecutionAddress, Network, PublicKey, Root, UnixMillis,
    signing_root,
};

/// SSZ bytes of one signed registration; a list is their concatenation.
pub const REGISTRATION_SSZ_BYTES: usize = 180;

const MAX_REGISTRATION_LOOKAHEAD_SECONDS: u64 = 10;

/// `ValidatorRegistrationV1`: where a validator wants to be paid and how large its blocks may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode, TreeHash, Serialize, Deserialize)]
pub struct ValidatorRegistration {
    pub fee_recipient: ExecutionAddress,
    #[serde(with = "serde_utils::quoted_u64")]
    pub gas_limit: u64,
    /// Unix seconds.
    #[serde(with = "serde_utils::quoted_u64")]
    pub timestamp: u64,
    pub pubkey: BlsPublicKey,
}

/// `SignedValidatorRegistrationV1`. Relays publish these, so one proves nothing about who uploads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode, TreeHash, Serialize, Deserialize)]
pub struct SignedValidatorRegistration {
    pub message: ValidatorRegistration,
    pub signature: BlsSignature,
}

/// Why a registration is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistrationRejected {
    #[error("register the validator: pubkey is no point of the BLS12-381 group")]
    PublicKey,
    #[error(
        "register the validator: signature does not fit message, pubkey and this network's builder domain"
    )]
    Signature,
    #[error("register the validator: timestamp lies more than 10 s ahead of this server's clock")]
    FromTheFuture,
    #[error("register the validator: timestamp is older than that of the registration on record")]
    OlderThanRecorded,
    #[error(
        "register the validator: content differs from the registration on record, but timestamp does not"
    )]
    ConflictsWithRecorded,
}

impl SignedValidatorRegistration {
    /// What the validator signs, in the builder domain of `network`.
    pub fn signing_root(&self, network: &Network) -> Root {
        signing_root(self.message.tree_hash_root(), network.builder_domain())
    }

    /// Checks everything that needs no record of the past (specs/bellatrix/builder.md, `process_registration`). An old
    /// timestamp is fine: Obol clusters resend the same registration for years.
    pub fn verify(&self, network: &Network, now: UnixMillis) -> Result<(), RegistrationRejected> {
        self.check_timestamp(now)?;
        let key = self.public_key()?;
        if key.verify(self.signing_root(network), &self.signature) {
            Ok(())
        } else {
            Err(RegistrationRejected::Signature)
        }
    }

    pub fn check_timestamp(&self, now: UnixMillis) -> Result<(), RegistrationRejected> {
        if self.message.timestamp > now.seconds() + MAX_REGISTRATION_LOOKAHEAD_SECONDS {
            return Err(RegistrationRejected::FromTheFuture);
        }
        Ok(())
    }

    pub fn public_key(&self) -> Result<PublicKey, RegistrationRejected> {
        PublicKey::decompress(&self.message.pubkey).map_err(|_: BlsError| RegistrationRejected::PublicKey)
    }

    /// Whether this one may replace `recorded`: newer, or the very same message again.
    pub fn may_replace(&self, recorded: &ValidatorRegistration) -> Result<(), RegistrationRejected> {
        match self.message.timestamp.cmp(&recorded.timestamp) {
            std::cmp::Ordering::Greater => Ok(()),
            std::cmp::Ordering::Equal if self.message == *recorded => Ok(()),
            std::cmp::Ordering::Equal => Err(RegistrationRejected::ConflictsWithRecorded),
            std::cmp::Ordering::Less => Err(RegistrationRejected::OlderThanRecorded),
        }
    }
}

/// Decodes a list of registrations: a concatenation of 180-byte items.
pub fn registrations_from_ssz(bytes: &[u8]) -> Result<Vec<SignedValidatorRegistration>, DecodeError> {
    const WHAT: &str = "the registrations";
    if !bytes.len().is_multiple_of(REGISTRATION_SSZ_BYTES) {
        let fault =
            format!("{} bytes are no multiple of the {REGISTRATION_SSZ_BYTES} of one item", bytes.len());
        return Err(DecodeError::Ssz { what: WHAT, fault });
    }
    let decode = |item| {
        SignedValidatorRegistration::from_ssz_bytes(item)
            .map_err(|error| DecodeError::Ssz { what: WHAT, fault: format!("{error:?}") })
    };
    bytes.chunks_exact(REGISTRATION_SSZ_BYTES).map(decode).collect()
}

pub fn registrations_to_ssz(registrations: &[SignedValidatorRegistration]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(registrations.len() * REGISTRATION_SSZ_BYTES);
    for registration in registrations {
        registration.ssz_append(&mut bytes);
    }
    bytes
}
