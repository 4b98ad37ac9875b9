use headstart_types::{CELLS_PER_EXT_BLOB, ForkName, SignedBlindedBeaconBlock, UnblindedPayload};

/// Why a revealed payload is not the one that was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum PayloadRejected {
    #[error("believe the payload: its root is not that of the signed header")]
    PayloadRoot,
    #[error("believe the payload: its blobs are not those whose commitments were signed")]
    Commitments,
    #[error("believe the payload: it has another number of blobs than commitments")]
    BlobCount,
    #[error("believe the payload: it has another number of proofs than its blobs need")]
    ProofCount,
}

/// Whether `payload` is what the proposer signed: the header's root, the commitments and the counts of blobs and
/// proofs. Some beacon nodes do not check, so this is the only check there is.
pub fn check_payload(
    fork: ForkName,
    block: &SignedBlindedBeaconBlock,
    payload: &UnblindedPayload,
) -> Result<(), PayloadRejected> {
    if payload.payload_root() != block.message.header().tree_hash_root() {
        return Err(PayloadRejected::PayloadRoot);
    }
    let Some(bundle) = payload.blobs_bundle() else { return Ok(()) };
    let signed = block.message.commitments();
    if &bundle.commitments[..] != signed {
        return Err(PayloadRejected::Commitments);
    }
    if bundle.blobs.len() != signed.len() {
        return Err(PayloadRejected::BlobCount);
    }
    let proofs_per_blob = if fork >= ForkName::Fulu { CELLS_PER_EXT_BLOB } else { 1 };
    if bundle.proofs.len() != signed.len() * proofs_per_blob {
        return Err(PayloadRejected::ProofCount);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use headstart_types::{BlobsBundle, VariableList};

    use super::*;

    fn golden(path: &str) -> Vec<u8> {
        std::fs::read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/golden").join(path))
            .unwrap()
    }

    fn signed(fork: ForkName) -> (SignedBlindedBeaconBlock, UnblindedPayload) {
        let block = golden(&format!("{fork}/signed_blinded_beacon_block.ssz"));
        let payload = golden(&format!("{fork}/unblinded_payload.ssz"));
        (
            SignedBlindedBeaconBlock::from_ssz(fork, &block).unwrap(),
            UnblindedPayload::from_ssz(fork, &payload).unwrap(),
        )
    }

    #[test]
    fn the_payload_that_was_signed_is_believed_in_every_fork() {
        for fork in ForkName::ALL {
            let (block, payload) = signed(fork);
            assert_eq!(check_payload(fork, &block, &payload), Ok(()), "{fork}");
        }
    }

    #[test]
    fn any_other_payload_is_not() {
        for fork in [ForkName::Deneb, ForkName::Electra, ForkName::Fulu] {
            let (block, payload) = signed(fork);
            let UnblindedPayload::Deneb(payload) = payload else { panic!("{fork} has blobs") };
            let verdict = |change: &dyn Fn(&mut headstart_types::ExecutionPayloadAndBlobsBundle)| {
                let mut changed = payload.clone();
                change(&mut changed);
                check_payload(fork, &block, &UnblindedPayload::Deneb(changed))
            };
            let root = Err(PayloadRejected::PayloadRoot);
            assert_eq!(verdict(&|payload| payload.execution_payload.gas_used += 1), root);
            assert_eq!(
                verdict(&|payload| payload.execution_payload.transactions = VariableList::default()),
                root
            );
            let commitments = Err(PayloadRejected::Commitments);
            assert_eq!(verdict(&|payload| payload.blobs_bundle.commitments[0][0] ^= 1), commitments);
            assert_eq!(verdict(&|payload| payload.blobs_bundle = BlobsBundle::default()), commitments);
            assert_eq!(
                verdict(&|payload| payload.blobs_bundle.blobs = VariableList::default()),
                Err(PayloadRejected::BlobCount)
            );
            assert_eq!(
                verdict(&|payload| payload.blobs_bundle.proofs = VariableList::default()),
                Err(PayloadRejected::ProofCount)
            );
        }
    }

    #[test]
    fn fulu_needs_a_proof_for_every_cell() {
        let (block, payload) = signed(ForkName::Fulu);
        assert_eq!(check_payload(ForkName::Electra, &block, &payload), Err(PayloadRejected::ProofCount));
    }
}
