use std::sync::Arc;

use bytes::Bytes;
use headstart_fetcher::Verifier;
use headstart_relay::{Submission, SubmitVersion};
use headstart_types::{Encoding, ForkName, Network, SignedBlindedBeaconBlock, Slot};

use crate::reply::ApiError;
use crate::submissions::SubmissionId;

/// A signed block as it came: decoded, and in its original bytes for the relays.
pub(crate) struct SignedBlock {
    pub(crate) id: SubmissionId,
    pub(crate) fork: ForkName,
    pub(crate) block: Arc<SignedBlindedBeaconBlock>,
    pub(crate) submission: Submission,
}

/// To decode and hash more than this takes longer than a header should wait for.
const DECODED_AT_ONCE_MAX: usize = 64 << 10;

impl SignedBlock {
    /// Decodes a block; a large one beside the threads that answer headers.
    pub(crate) async fn read(
        verifier: &Verifier,
        network: &Arc<Network>,
        version: SubmitVersion,
        encoding: Encoding,
        body: Bytes,
    ) -> Result<Self, ApiError> {
        if body.len() <= DECODED_AT_ONCE_MAX {
            return Self::decode(network, version, encoding, body);
        }
        let network = Arc::clone(network);
        let decoded = verifier.at_once(move || Self::decode(&network, version, encoding, body)).await;
        decoded.unwrap_or_else(|| Err(ApiError::panicked()))
    }

    fn decode(
        network: &Network,
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
        let fork = fork_of(network, slot)?;
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

/// The fork follows from the slot alone; a header that names another one is not a reason to lose a block.
fn fork_of(network: &Network, slot: Slot) -> Result<ForkName, ApiError> {
    let unknown = || {
        let known = ForkName::ALL.map(ForkName::as_str).join(", ");
        ApiError::bad_request(format!(
            "message.slot {slot} lies in a fork that is not served here (served: {known})"
        ))
    };
    network.fork_at(slot).ok_or_else(unknown)
}

fn too_short(size: usize) -> ApiError {
    let message =
        format!("failed to decode the signed blinded beacon block from SSZ: {size} bytes are too few");
    ApiError::bad_request(message)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Barrier;

    use futures_util::FutureExt;

    use super::*;

    fn block_in_json() -> Vec<u8> {
        let golden = "../../tests/data/golden/fulu/signed_blinded_beacon_block.ssz";
        let ssz = std::fs::read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(golden)).unwrap();
        SignedBlindedBeaconBlock::from_ssz(ForkName::Fulu, &ssz).unwrap().to_json()
    }

    #[tokio::test]
    async fn no_header_waits_while_a_large_block_is_decoded() {
        let (verifier, network) = (Verifier::new(1).unwrap(), Arc::new(Network::mainnet()));
        let read = |body: Vec<u8>| {
            SignedBlock::read(&verifier, &network, SubmitVersion::V1, Encoding::Json, body.into())
        };
        let small = block_in_json();
        let mut large = small.clone();
        large.resize(DECODED_AT_ONCE_MAX + 1, b' ');
        assert!(small.len() <= DECODED_AT_ONCE_MAX);
        let at_once = read(small).now_or_never().and_then(Result::ok);
        let (is_busy, is_free) = (Arc::new(Barrier::new(2)), "the thread that asked is free");
        let mut before = Box::pin({
            let is_busy = Arc::clone(&is_busy);
            verifier.in_background(move || is_busy.wait())
        });
        assert!((&mut before).now_or_never().is_none(), "{is_free}");
        let mut reading = Box::pin(read(large));
        assert!((&mut reading).now_or_never().is_none(), "{is_free}");
        is_busy.wait();
        let elsewhere = reading.await.ok();
        assert_eq!(at_once.map(|signed| signed.id), elsewhere.map(|signed| signed.id));
    }
}
