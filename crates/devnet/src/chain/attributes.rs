use headstart_types::{BlockHash, ExecutionAddress, Root, Slot, ValidatorIndex, Withdrawal};

use super::{Chain, GENESIS_BLOCK_NUMBER};

const WITHDRAWALS: u64 = 16;

/// What the execution payload of a slot must look like, as a beacon node announces it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayloadAttributes {
    pub proposal_slot: Slot,
    pub proposer_index: ValidatorIndex,
    pub parent_block_root: Root,
    pub parent_block_hash: BlockHash,
    pub parent_block_number: u64,
    /// Unix seconds.
    pub timestamp: u64,
    pub prev_randao: Root,
    pub suggested_fee_recipient: ExecutionAddress,
    pub withdrawals: Vec<Withdrawal>,
}

impl Chain {
    /// What the payload of `slot` on top of `parent_hash` must look like.
    ///
    /// For a parent that the chain does not know the block number is made up, so that a test needs no chain.
    pub fn attributes(&self, slot: Slot, parent_hash: BlockHash) -> PayloadAttributes {
        let parent = self.block_with_hash(parent_hash);
        let proposer = self.duty(slot);
        let seed = self.0.seed.with_slot(slot).with_bytes(parent_hash.0.as_slice());
        PayloadAttributes {
            proposal_slot: slot,
            proposer_index: proposer.validator_index,
            parent_block_root: parent
                .map_or_else(|| seed.with_bytes(b"parent root").hash(), |parent| parent.root),
            parent_block_hash: parent_hash,
            parent_block_number: parent.map_or(GENESIS_BLOCK_NUMBER + slot.0, |parent| parent.block_number),
            timestamp: self.network().payload_timestamp(slot),
            prev_randao: seed.with_bytes(b"randao").hash(),
            suggested_fee_recipient: fee_recipient(proposer.pubkey.0.as_slice()),
            withdrawals: (0..WITHDRAWALS).map(|position| withdrawal(slot, position)).collect(),
        }
    }
}

fn withdrawal(slot: Slot, position: u64) -> Withdrawal {
    let index = slot.0 * WITHDRAWALS + position;
    let seed = crate::seed::Seed::new(index).with_bytes(b"withdrawal");
    Withdrawal {
        index,
        validator_index: ValidatorIndex(index % 1_000_000),
        address: ExecutionAddress(seed.bytes().into()),
        amount: seed.within(10_000_000..20_000_000),
    }
}

/// The address at which a validator wants to be paid, derived from its public key.
pub(crate) fn fee_recipient(pubkey: &[u8]) -> ExecutionAddress {
    ExecutionAddress(crate::seed::Seed::new(0).with_bytes(pubkey).with_bytes(b"fee recipient").bytes().into())
}
