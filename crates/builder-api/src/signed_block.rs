use std::sync::Arc;

use bytes::Bytes;
use headstart_relay::{Submission, SubmitVersion};
use headstart_types::{Encoding, ForkName, SignedBlindedBeaconBlock, Slot};

use crate::BuilderApi;
use crate::reply::ApiError;
use crate::submissions::SubmissionId;

/// A signed block as it came: decoded, and in its original bytes for the relays.
pub(crate) struct SignedBlock {
    pub(crate) id: SubmissionId,
    pub(crate) fork: ForkName,
    pub(crate) block: Arc<SignedBlindedBeaconBlock>,
    pub(crate) submission: Submission,
}

impl SignedBlock {
    pub(crate) fn decode(
        api: &BuilderApi,
        version: SubmitVersion,
        encoding: Encoding,
        body: Bytes,
    ) -> Result<Self, ApiError> {
        let refuse = |error| ApiError::bad_request(format!("failed to {error}"));
        let slot = match encoding {
            Encoding::Ssz => {
                SignedBlindedBeaconBlock::slot_of_ssz(&body).ok_or_else(|| too_short(body.len()))?
            }
            Encoding::Json => SignedBlindedBeaconBlock::slot_of_json(&body).map_err(refuse)?,
        };
        let fork = api.fork_of(slot)?;
        let (block, submission) = match encoding {
            Encoding::Ssz => (
                SignedBlindedBeaconBlock::from_ssz(fork, &body).map_err(refuse)?,
                Submission::from_ssz(version, fork, body),
            ),
            Encoding::Json => (
                SignedBlindedBeaconBlock::from_json(fork, &body).map_err(refuse)?,
                Submission::from_json(version, fork, body),
            ),
        };
        let id = SubmissionId {
            slot,
            block_root: block.message.tree_hash_root(),
            signature: block.signature,
            version,
        };
        Ok(Self { id, fork, block: Arc::new(block), submission })
    }
}

impl BuilderApi {
    /// The fork follows from the slot alone; a header that names another one is not a reason to lose a block.
    fn fork_of(&self, slot: Slot) -> Result<ForkName, ApiError> {
        let unknown = || {
            let known = ForkName::ALL.map(ForkName::as_str).join(", ");
            ApiError::bad_request(format!(
                "message.slot {slot} lies in a fork that is not served here (served: {known})"
            ))
        };
        self.config().network.fork_at(slot).ok_or_else(unknown)
    }
}

fn too_short(size: usize) -> ApiError {
    let message =
        format!("failed to decode the signed blinded beacon block from SSZ: {size} bytes are too few");
    ApiError::bad_request(message)
}
