use headstart_types::{
    BlobsBundle, BlockHash, BlsPublicKey, BuilderBid, BuilderBidCapella, BuilderBidDeneb, BuilderBidElectra,
    CELLS_PER_EXT_BLOB, ExecutionAddress, ExecutionPayloadAndBlobsBundle, ExecutionPayloadCapella,
    ExecutionPayloadDeneb, ExecutionPayloadHeaderCapella, ExecutionPayloadHeaderDeneb, ExecutionRequests,
    FixedBytes, FixedVector, ForkName, TreeHash as _, UnblindedPayload, Wei, WithdrawalRequest,
};
use rand::RngCore as _;

use crate::chain::PayloadAttributes;
use crate::seed::Seed;

const GAS_LIMIT: u64 = 60_000_000;
const GAS_PER_BLOB: u64 = 1 << 17;

/// An execution block that a builder has made: everything in it follows from these few facts, so that a relay keeps
/// only them and makes the payload again when it is asked for.
#[derive(Clone, Debug)]
pub struct BuiltBlock {
    fork: ForkName,
    attributes: PayloadAttributes,
    builder: u64,
    seed: Seed,
}

impl BuiltBlock {
    /// The block number `step` of `builder` for one proposer. Blocks differ if any of the facts does.
    pub fn new(
        fork: ForkName,
        attributes: PayloadAttributes,
        proposer: BlsPublicKey,
        builder: u64,
        step: u64,
    ) -> Self {
        let seed = Seed::new(builder).with(step).with_slot(attributes.proposal_slot);
        let seed =
            seed.with_bytes(attributes.parent_block_hash.0.as_slice()).with_bytes(proposer.0.as_slice());
        Self { fork, attributes, builder, seed }
    }

    pub fn fork(&self) -> ForkName {
        self.fork
    }

    /// Unique, but no Keccak of anything.
    pub fn block_hash(&self) -> BlockHash {
        BlockHash(self.seed.with_bytes(b"block hash").hash())
    }

    /// The bid for this block: its header with a value, in the name of `relay`.
    pub fn bid(&self, value: Wei, relay: BlsPublicKey) -> BuilderBid {
        let header = header_of(&self.payload());
        let commitments = self.commitments();
        match self.fork {
            ForkName::Capella => BuilderBid::Capella(BuilderBidCapella {
                header: capella_header(header),
                value,
                pubkey: relay,
            }),
            ForkName::Deneb => BuilderBid::Deneb(BuilderBidDeneb {
                header,
                blob_kzg_commitments: list(commitments),
                value,
                pubkey: relay,
            }),
            ForkName::Electra | ForkName::Fulu => BuilderBid::Electra(BuilderBidElectra {
                header,
                blob_kzg_commitments: list(commitments),
                execution_requests: self.requests(),
                value,
                pubkey: relay,
            }),
        }
    }

    /// What a relay reveals once the header is signed: the payload and, from Deneb on, its blobs.
    pub fn unblinded(&self) -> UnblindedPayload {
        let payload = self.payload();
        match self.fork {
            ForkName::Capella => UnblindedPayload::Capella(capella_payload(payload)),
            ForkName::Deneb | ForkName::Electra | ForkName::Fulu => {
                let blobs_bundle = self.blobs_bundle();
                UnblindedPayload::Deneb(ExecutionPayloadAndBlobsBundle {
                    execution_payload: payload,
                    blobs_bundle,
                })
            }
        }
    }

    fn payload(&self) -> ExecutionPayloadDeneb {
        let attributes = &self.attributes;
        let root = |purpose: &str| self.seed.with_bytes(purpose.as_bytes()).hash();
        ExecutionPayloadDeneb {
            parent_hash: attributes.parent_block_hash,
            fee_recipient: ExecutionAddress(Seed::new(self.builder).with_bytes(b"builder").bytes().into()),
            state_root: root("state"),
            receipts_root: root("receipts"),
            logs_bloom: FixedBytes(self.seed.with_bytes(b"logs bloom").bytes()),
            prev_randao: attributes.prev_randao,
            block_number: attributes.parent_block_number + 1,
            gas_limit: GAS_LIMIT,
            gas_used: self.seed.with_bytes(b"gas used").within(GAS_LIMIT / 4..GAS_LIMIT),
            timestamp: attributes.timestamp,
            extra_data: list(format!("devnet builder {}", self.builder % 1000).into_bytes()),
            base_fee_per_gas: Wei::new(u128::from(
                self.seed.with_bytes(b"base fee").within(1 << 29..1 << 32),
            )),
            block_hash: self.block_hash(),
            transactions: list(self.transactions().into_iter().map(list).collect()),
            withdrawals: list(attributes.withdrawals.clone()),
            blob_gas_used: self.blobs() * GAS_PER_BLOB,
            excess_blob_gas: 0,
        }
    }

    /// A few hundred bytes each; enough to make a list, too few to be slow.
    fn transactions(&self) -> Vec<Vec<u8>> {
        let seed = self.seed.with_bytes(b"transactions");
        (0..seed.within(3..10)).map(|number| random_bytes(seed.with(number), 110..400)).collect()
    }

    /// Zero or one; none before Deneb.
    fn blobs(&self) -> u64 {
        if self.fork == ForkName::Capella { 0 } else { self.seed.with_bytes(b"blobs").within(0..2) }
    }

    fn commitments(&self) -> Vec<FixedBytes<48>> {
        let seed = self.seed.with_bytes(b"commitments");
        (0..self.blobs()).map(|blob| FixedBytes(seed.with(blob).bytes())).collect()
    }

    fn requests(&self) -> ExecutionRequests {
        let seed = self.seed.with_bytes(b"requests");
        let request = WithdrawalRequest {
            source_address: ExecutionAddress(seed.bytes().into()),
            validator_pubkey: BlsPublicKey(FixedBytes(seed.bytes())),
            amount: seed.within(0..1_000_000_000),
        };
        let withdrawals = if seed.happens(300) { vec![request] } else { Vec::new() };
        ExecutionRequests { withdrawals: list(withdrawals), ..ExecutionRequests::default() }
    }

    fn blobs_bundle(&self) -> BlobsBundle {
        let proofs_per_blob = if self.fork == ForkName::Fulu { CELLS_PER_EXT_BLOB as u64 } else { 1 };
        let seed = self.seed.with_bytes(b"proofs");
        let proofs = (0..self.blobs() * proofs_per_blob).map(|proof| FixedBytes(seed.with(proof).bytes()));
        BlobsBundle {
            commitments: list(self.commitments()),
            proofs: list(proofs.collect()),
            blobs: list((0..self.blobs()).map(|blob| random_blob(self.seed.with(blob))).collect()),
        }
    }
}

pub(crate) fn random_blob(seed: Seed) -> headstart_types::Blob {
    let mut blob = FixedVector::from_elem(0);
    seed.rng().fill_bytes(&mut blob);
    blob
}

fn random_bytes(seed: Seed, length: std::ops::Range<u64>) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(seed.within(length)).unwrap_or(0)];
    seed.rng().fill_bytes(&mut bytes);
    bytes
}

/// An SSZ list of a few items.
pub(crate) fn list<T, L: TryFrom<Vec<T>, Error: std::fmt::Debug>>(items: Vec<T>) -> L {
    L::try_from(items).expect("the devnet makes lists far below their limits")
}

fn header_of(payload: &ExecutionPayloadDeneb) -> ExecutionPayloadHeaderDeneb {
    ExecutionPayloadHeaderDeneb {
        parent_hash: payload.parent_hash,
        fee_recipient: payload.fee_recipient,
        state_root: payload.state_root,
        receipts_root: payload.receipts_root,
        logs_bloom: payload.logs_bloom,
        prev_randao: payload.prev_randao,
        block_number: payload.block_number,
        gas_limit: payload.gas_limit,
        gas_used: payload.gas_used,
        timestamp: payload.timestamp,
        extra_data: payload.extra_data.clone(),
        base_fee_per_gas: payload.base_fee_per_gas,
        block_hash: payload.block_hash,
        transactions_root: payload.transactions.tree_hash_root(),
        withdrawals_root: payload.withdrawals.tree_hash_root(),
        blob_gas_used: payload.blob_gas_used,
        excess_blob_gas: payload.excess_blob_gas,
    }
}

fn capella_header(header: ExecutionPayloadHeaderDeneb) -> ExecutionPayloadHeaderCapella {
    ExecutionPayloadHeaderCapella {
        parent_hash: header.parent_hash,
        fee_recipient: header.fee_recipient,
        state_root: header.state_root,
        receipts_root: header.receipts_root,
        logs_bloom: header.logs_bloom,
        prev_randao: header.prev_randao,
        block_number: header.block_number,
        gas_limit: header.gas_limit,
        gas_used: header.gas_used,
        timestamp: header.timestamp,
        extra_data: header.extra_data,
        base_fee_per_gas: header.base_fee_per_gas,
        block_hash: header.block_hash,
        transactions_root: header.transactions_root,
        withdrawals_root: header.withdrawals_root,
    }
}

fn capella_payload(payload: ExecutionPayloadDeneb) -> ExecutionPayloadCapella {
    ExecutionPayloadCapella {
        parent_hash: payload.parent_hash,
        fee_recipient: payload.fee_recipient,
        state_root: payload.state_root,
        receipts_root: payload.receipts_root,
        logs_bloom: payload.logs_bloom,
        prev_randao: payload.prev_randao,
        block_number: payload.block_number,
        gas_limit: payload.gas_limit,
        gas_used: payload.gas_used,
        timestamp: payload.timestamp,
        extra_data: payload.extra_data,
        base_fee_per_gas: payload.base_fee_per_gas,
        block_hash: payload.block_hash,
        transactions: payload.transactions,
        withdrawals: payload.withdrawals,
    }
}
